//! Deleting a namespace with jobs in it ends them and does not hang (SPEC.md J7; DESIGN.md, rule 14).

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::DeleteParams;
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::operator::{alone, until_it_decides};
use crate::records::{has_ended, state};
use crate::scene::Scene;
use crate::wait::gone;

/// Runs until it is told to end. Letters that Go's JSON escapes are in it: a revision with them must be released too.
const RUNS: [&str; 3] =
    ["sh", "-c", "trap 'exit 1' TERM && while :; do sleep 0.1 < /dev/null > /dev/null; done"];

/// Far below the 120 s that a finished pod guards its name where it must.
const BOUND: Duration = Duration::from_secs(75);

#[tokio::test]
async fn a_namespace_with_running_and_finished_jobs_goes() {
    let _alone = alone().await;
    let scene = Scene::new("ends").await;
    until_it_decides(&scene.client).await;
    let queue = scene.queue("main", REAL).await;
    scene.create(definition("runs", BUSYBOX, &RUNS)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(job("over", &queue, "hello")).await;
    // None of its children has a record yet: that is made when the first of them ends.
    scene.create(array("array", &queue, "runs", 3)).await;
    scene.create(job("single", &queue, "runs")).await;
    scene.create(job("lost", "nowhere", "runs")).await;
    scene.job("over", "ends", has_ended).await;
    let all_run = |job: &Job| {
        let array = job.status.as_ref().and_then(|status| status.array_properties.as_ref());
        array.is_some_and(|array| array.status_summary.running == 3)
    };
    scene.job("array", "has all its children running", all_run).await;
    scene.job("single", "runs", |job| state(job) == JobState::Running).await;

    let namespaces = Api::<Namespace>::all(scene.client.clone());
    let started = Instant::now();
    namespaces.delete(&scene.namespace, &DeleteParams::default()).await.unwrap();
    gone(BOUND, &namespaces, &scene.namespace).await;
    println!("a namespace with running jobs was gone after {:.1} s", started.elapsed().as_secs_f64());
    scene.leave().await;
}
