//! Fair share: whose job gets a host (SPEC.md Q4).

use std::time::Duration;

use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use windlass_crds::job_queue::ShareUse;
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{Job, JobQueue};

use crate::acts::stop;
use crate::admission;
use crate::catalog::{self, BUSYBOX, array, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, reason, state, words};
use crate::scene::Scene;
use crate::wait::{until, within};

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

/// What is told of shares is at most a minute old.
const TOLD: Duration = Duration::from_secs(100);

fn policy(name: &str) -> Value {
    json!({
        "apiVersion": "batch.windlass.dev/v1beta1",
        "kind": "SchedulingPolicy",
        "metadata": {"name": name},
        "spec": {"fairsharePolicy": {"shareDistribution": [{"shareIdentifier": "re*", "weightFactor": 0.25}]}},
    })
}

fn of_share(mut job: Value, share: &str) -> Value {
    job["spec"]["shareIdentifier"] = json!(share);
    job
}

/// A fair-share queue of one host with 4 CPUs, on which pods run on; its policy is called as it is.
async fn stage(topic: &str) -> (Scene, String) {
    let scene = Scene::new(topic).await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, FOUR, FOUR).await;
    scene.create(catalog::environment(&pool, (LABEL, &pool))).await;
    let name = scene.unique("fair");
    let mut queue = catalog::queue(&name, &pool);
    queue["spec"]["schedulingPolicyArn"] = json!(name);
    scene.create(queue).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    (scene, name)
}

/// How many children of an array have a host.
fn under_way(job: &Job) -> i32 {
    let array = job.status.as_ref().and_then(|status| status.array_properties.as_ref());
    array.map_or(0, |array| array.status_summary.starting + array.status_summary.running)
}

fn share(queue: &JobQueue, name: &str) -> Option<ShareUse> {
    let told = queue.status.as_ref()?.fair_share.as_ref()?;
    told.shares.iter().find(|share| share.share_identifier == name).cloned()
}

async fn patch(scene: &Scene, queue: &str, spec: Value) -> kube::Result<JobQueue> {
    let queues = Api::<JobQueue>::all(scene.client.clone());
    queues.patch(queue, &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await
}

#[tokio::test]
async fn the_share_that_has_used_the_least_for_its_weight_is_served_first() {
    let (scene, name) = stage("shares").await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "600000").await;
    let queues = Api::<JobQueue>::all(scene.client.clone());
    // Nothing starts before the policy is there: all wait when it comes.
    let told = until(&queues, &name, "is INVALID", |queue| {
        let reason = queue.status.as_ref().and_then(|status| status.status_reason.as_deref());
        reason.is_some_and(|reason| reason.contains("policy"))
    });
    let expected = format!("scheduling policy {name} does not exist");
    assert_eq!(told.await.status.unwrap().status_reason, Some(expected));
    scene.create(of_share(array("blue", &name, "hello", 8), "blue")).await;
    scene.create(of_share(array("red", &name, "hello", 8), "red")).await;
    for job in ["blue", "red"] {
        scene.job(job, "waits for the policy", |job| reason(job) == "SchedulingPolicyNotFound").await;
    }
    scene.create(policy(&name)).await;
    // Blue came first and gets a host, red is four times as cheap and gets the rest.
    scene.job("blue", "has a host", |job| under_way(job) == 1).await;
    scene.job("red", "has three", |job| under_way(job) == 3).await;
    let mut late = of_share(job("late", &name, "hello"), "blue");
    late["spec"]["schedulingPriorityOverride"] = json!(1);
    scene.create(late).await;
    let behind = "; share blue has used more for its weight than share red, which is served first";
    scene.job("late", "says who is served first", |job| words(job).ends_with(behind)).await;
    let queue = within(TOLD, &queues, &name, "tells what shares use", |queue| {
        share(queue, "red").is_some_and(|red| red.vcpus == "3")
    });
    let queue = queue.await;
    let (red, blue) = (share(&queue, "red").unwrap(), share(&queue, "blue").unwrap());
    assert_eq!((red.weight_factor, red.runnable), (0.25, 5), "{red:?}");
    assert_eq!((blue.weight_factor, blue.vcpus.as_str()), (1.0, "1"), "{blue:?}");

    // What red leaves is blue's, and of blue's jobs the one of the highest priority comes first.
    stop(&scene, "red", "TERMINATE", "enough").await;
    scene.job("late", "runs", |job| state(job) == JobState::Running).await;
    let blue = scene.job("blue", "has the rest", |job| under_way(job) == 3).await;
    assert_eq!(state(&blue), JobState::Running);
    within(TOLD, &queues, &name, "remembers what red used", |queue| {
        share(queue, "red").is_some_and(|red| red.vcpus == "0" && red.recent_vcpus != "0")
    })
    .await;
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn a_fair_share_queue_takes_only_jobs_with_a_share_and_keeps_its_kind() {
    let (scene, name) = stage("shareless").await;
    scene.create(policy(&name)).await;
    let plain = scene.unique("plain");
    scene.create(catalog::queue(&plain, &scene.unique("pool"))).await;
    scene.create(job("shareless", &name, "hello")).await;
    let told = scene.job("shareless", "ends", has_ended).await;
    assert_eq!((state(&told), reason(&told)), (JobState::Failed, "ShareIdentifierMissing"));
    let expected =
        format!("job queue {name} is a fair-share queue: submit the job again with a shareIdentifier");
    assert_eq!(words(&told), expected);
    scene.create(of_share(job("shared", &plain, "hello"), "red")).await;
    let told = scene.job("shared", "ends", has_ended).await;
    assert_eq!((state(&told), reason(&told)), (JobState::Failed, "ShareIdentifierRefused"));
    scene.create(of_share(job("right", &name, "hello"), "red")).await;
    assert_eq!(state(&scene.job("right", "ends", has_ended).await), JobState::Succeeded);

    // A policy is replaced by another; a queue never gets one later, nor loses it.
    let keeps = "a queue keeps its kind";
    for (queue, policy) in [(&name, Value::Null), (&plain, json!(name))] {
        let error = patch(&scene, queue, json!({"schedulingPolicyArn": policy})).await.unwrap_err();
        assert!(error.to_string().contains(keeps), "{error}");
    }
    let other = scene.unique("other");
    scene.create(policy(&other)).await;
    patch(&scene, &name, json!({"schedulingPolicyArn": other})).await.unwrap();
    scene.create(of_share(job("again", &name, "hello"), "red")).await;
    assert_eq!(state(&scene.job("again", "ends", has_ended).await), JobState::Succeeded);
    scene.leave().await;
}
