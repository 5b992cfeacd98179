//! A job can be deleted at any moment, and leaves nothing (SPEC.md J7).

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tokio::time::{Instant, interval};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{Job, JobRecord};

use crate::acts::delete;
use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::records::{has_ended, reason, state};
use crate::scene::Scene;
use crate::wait::{gone, until};

/// Longer than a finished pod guards its name.
const BOUND: Duration = Duration::from_secs(200);

const NAMES: [&str; 7] = ["submitted", "runnable", "starting", "running", "ended", "many", "pending"];

/// One job in each state, and an array of which some children have ended, some run and some wait.
async fn one_of_each(scene: &Scene) {
    let queue = scene.queue("main", REAL).await;
    let script =
        "[ $AWS_BATCH_JOB_ARRAY_INDEX = 0 ] && exit; trap 'exit 7' TERM; while :; do sleep 0.1; done";
    scene.create(definition("runs", BUSYBOX, &["sh", "-c", script])).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(definition("nothing", "windlass.dev/no-such-image:1", &["true"])).await;
    scene.create(job("submitted", "nowhere", "hello")).await;
    let mut huge = job("runnable", &queue, "hello");
    huge["spec"]["containerOverrides"] = json!({"vcpus": 99});
    scene.create(huge).await;
    let mut pending = job("pending", &queue, "hello");
    pending["spec"]["dependsOn"] = json!([{"jobId": "runnable"}]);
    scene.create(pending).await;
    scene.create(job("starting", &queue, "nothing")).await;
    scene.create(job("running", &queue, "runs")).await;
    scene.create(job("ended", &queue, "hello")).await;
    let mut many = array("many", &queue, "runs", 10);
    many["spec"]["containerOverrides"] = json!({"vcpus": 3});
    scene.create(many).await;
    scene.job("submitted", "waits", |job| reason(job) == "QueueNotFound").await;
    scene.job("runnable", "waits", |job| reason(job) == "NoHostLargeEnough").await;
    scene.job("pending", "waits", |job| reason(job) == "WaitingForDependencies").await;
    scene.job("running", "runs", |job| state(job) == JobState::Running).await;
    scene.job("starting", "starts", |job| state(job) == JobState::Starting).await;
    scene.job("ended", "ends", has_ended).await;
    let is_mixed = |job: &Job| {
        let array = job.status.as_ref().and_then(|status| status.array_properties.as_ref());
        array.is_some_and(|array| array.status_summary.succeeded == 1 && array.status_summary.running > 0)
    };
    scene.job("many", "has children that ended and that run", is_mixed).await;
}

#[tokio::test]
async fn a_job_deleted_in_any_state_leaves_no_pod_and_no_record() {
    let scene = Scene::new("deletion").await;
    one_of_each(&scene).await;
    let pods = scene.api::<Pod>();
    let before = pods.list(&Default::default()).await.unwrap().items;
    assert!(before.len() >= 4, "{} pods", before.len());
    for deleted in join_all(NAMES.map(|name| delete(&scene, name))).await {
        deleted.unwrap();
    }
    let jobs = scene.api::<Job>();
    join_all(NAMES.map(|name| gone(Duration::from_secs(30), &jobs, name))).await;
    // What ran is told to end at once, and its containers are over long before their pods go.
    for pod in &before {
        let name = pod.metadata.name.as_deref().unwrap();
        if phase(pod) == Some("Running") {
            until(&pods, name, "is over", |pod| matches!(phase(pod), Some("Failed" | "Succeeded"))).await;
        }
    }
    let started = Instant::now();
    let mut again = interval(Duration::from_secs(1));
    loop {
        again.tick().await;
        let pods = pods.list(&Default::default()).await.unwrap().items;
        let records = scene.api::<JobRecord>().list(&Default::default()).await.unwrap().items;
        if pods.is_empty() && records.is_empty() {
            break;
        }
        assert!(started.elapsed() < BOUND, "left: {pods:#?} {records:#?}");
    }
    scene.leave().await;
}

fn phase(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.phase.as_deref()
}
