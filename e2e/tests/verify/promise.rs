//! What a large job is told about its start is kept, among streams of small ones (SPEC.md, Order). The host is played by KWOK.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use kube::Api;
use kube::runtime::watcher::{Config, Event, watcher};
use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{Job, JobQueue};

use crate::admission;
use crate::catalog::{BUSYBOX, array, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, state, status, words};
use crate::scene::Scene;
use crate::wait::within;

const WHOLE: Size = Size { cpu: "32", memory: "64Gi" };

/// Longer than anything that is promised here.
const LONG: Duration = Duration::from_secs(170);

fn sized(mut job: Value, vcpus: u32, timeout: u32) -> Value {
    job["spec"]["containerOverrides"] = json!({"vcpus": vcpus, "memory": 64});
    job["spec"]["timeout"] = json!({"attemptDurationSeconds": timeout});
    job
}

/// A queue of one host with 32 CPUs.
async fn stage(topic: &str) -> (Scene, String) {
    let scene = Scene::new(topic).await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, WHOLE, WHOLE).await;
    let queue = scene.queue("queue", (LABEL, &pool)).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    (scene, queue)
}

/// How many children of an array have begun.
fn begun(job: &Job) -> i32 {
    let array = job.status.as_ref().and_then(|status| status.array_properties.as_ref());
    array.map_or(0, |array| {
        let summary = &array.status_summary;
        summary.running + summary.succeeded + summary.failed
    })
}

/// Every time that the queue tells the job `large` to start by, from now on.
async fn told(scene: &Scene, queue: &str) -> Arc<Mutex<Vec<String>>> {
    let one = Config::default().fields(&format!("metadata.name={queue}"));
    let mut stream = watcher(Api::<JobQueue>::all(scene.client.clone()), one).boxed();
    while !matches!(stream.next().await, Some(Ok(Event::InitDone))) {}
    let times: Arc<Mutex<Vec<String>>> = Arc::default();
    let all = times.clone();
    tokio::spawn(async move {
        while let Some(event) = stream.next().await {
            let Ok(Event::Apply(queue) | Event::InitApply(queue)) = event else { continue };
            let front = queue.status.map(|status| status.front_of_queue).unwrap_or_default();
            let large = front.into_iter().find(|waiting| waiting.name == "large");
            all.lock().unwrap().extend(large.and_then(|large| large.expected_start));
        }
    });
    times
}

/// Waits until the large job runs; checks that it does no later than it was told first, and that it was never told a later time.
async fn starts_in_time(scene: &Scene, told: &Mutex<Vec<String>>) {
    let has_started = |job: &Job| status(job).started_at.is_some();
    let large = within(LONG, &scene.api::<Job>(), "large", "has started", has_started).await;
    let started_at = status(&large).started_at.clone().unwrap();
    let told = told.lock().unwrap().clone();
    // All are in UTC, and as long: they sort as texts.
    let first = told.first().expect("nobody told the large job when it starts");
    assert!(started_at <= *first, "it started at {started_at}, and was told {told:?}");
    assert!(told.is_sorted_by(|earlier, later| earlier >= later), "it was told later and later: {told:?}");
    println!("it was told {first} at first, {} at last, and started at {started_at}", told.last().unwrap());
}

fn is_promised(job: &Job) -> bool {
    words(job).contains("is kept free for it, it starts there by ")
}

#[tokio::test]
async fn a_large_job_among_small_ones_starts_no_later_than_it_was_told() {
    let (scene, queue) = stage("promised").await;
    // All run until their timeouts.
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "600000").await;
    scene.create(sized(array("before", &queue, "work", 32), 1, 60)).await;
    scene.job("before", "fills the host", |job| begun(job) == 32).await;
    let told = told(&scene, &queue).await;
    scene.create(sized(job("large", &queue, "work"), 32, 60)).await;
    scene.create(sized(array("after", &queue, "work", 64), 1, 60)).await;
    scene.job("large", "says by when it starts", is_promised).await;
    starts_in_time(&scene, &told).await;
    assert_eq!(begun(&scene.api::<Job>().get("after").await.unwrap()), 0, "small ones went ahead");
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn only_what_is_sure_to_have_ended_goes_ahead_of_a_large_job() {
    let (scene, queue) = stage("ahead").await;
    let run = "object.metadata.name.startsWith(\"first-\") ? \"90000\" : \"2000\"";
    let annotations = format!("{{\"windlass.dev/kwok-run-ms\": {run}}}");
    let object = format!("Object{{metadata: Object.metadata{{annotations: {annotations}}}}}");
    admission::add(&scene, &object, "windlass.dev/kwok-run-ms").await;
    scene.create(sized(array("first", &queue, "work", 31), 1, 600)).await;
    scene.job("first", "fills the host but for 1 CPU", |job| begun(job) == 31).await;
    let told = told(&scene, &queue).await;
    scene.create(sized(job("large", &queue, "work"), 32, 60)).await;
    scene.job("large", "says by when it starts", is_promised).await;
    // Those that came first may run for too long, the others may not. Jobs of one size keep their order: the short ones come
    // first.
    scene.create(sized(array("short", &queue, "work", 4), 1, 60)).await;
    scene.create(sized(array("long", &queue, "work", 4), 1, 3600)).await;
    let short = scene.job("short", "ends", has_ended).await;
    assert_eq!(state(&short), JobState::Succeeded);
    let now = scene.api::<Job>();
    assert_eq!(status(&now.get("large").await.unwrap()).started_at, None, "the test came too late");
    assert_eq!(begun(&now.get("long").await.unwrap()), 0, "what may run for an hour went ahead");
    let is_told =
        |job: &Job| words(job).contains("is kept free for job large, which is larger and was first");
    scene.job("long", "says why it waits", is_told).await;
    starts_in_time(&scene, &told).await;
    let long = within(LONG, &now, "long", "ends", has_ended).await;
    assert_eq!(state(&long), JobState::Succeeded);
    admission::remove(&scene);
    scene.leave().await;
}
