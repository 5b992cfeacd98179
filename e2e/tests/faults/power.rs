//! A real host loses its power in the midst of a job (SPEC.md J4, Attempts).

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::{JobState, Proof};

use crate::breaking::{cluster, mended};
use crate::catalog::{BUSYBOX, REAL, definition, job};
use crate::operator::{alone, pods, until_it_decides};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::wait::within;

/// Longer than a host is given to be silent.
const SILENCE: Duration = Duration::from_secs(120);

/// The first attempt runs until something ends it; any other succeeds.
const FIRST_STAYS: [&str; 3] =
    ["sh", "-c", "[ $AWS_BATCH_JOB_ATTEMPT = 1 ] || exit 0; while :; do sleep 1; done"];

async fn allow(scene: &Scene, host: &str, pods: bool) {
    let nodes = Api::<Node>::all(scene.client.clone());
    let patch = Patch::Merge(json!({"spec": {"unschedulable": !pods}}));
    nodes.patch(host, &PatchParams::default(), &patch).await.unwrap();
}

/// The host that the operator is not on, and the one it is on.
async fn hosts(scene: &Scene) -> (&'static str, &'static str) {
    let operator = pods(&scene.client).await.into_iter().find_map(|pod| pod.spec?.node_name).unwrap();
    if operator == "node-1" { ("node-2", "node-1") } else { ("node-1", "node-2") }
}

#[tokio::test]
async fn a_job_on_a_lost_host_keeps_its_attempt_until_the_node_is_deleted_and_then_runs_elsewhere() {
    let _alone = alone().await;
    let scene = Scene::new("power").await;
    until_it_decides(&scene.client).await;
    let (victim, other) = hosts(&scene).await;
    let queue = scene.queue("main", REAL).await;
    let mut moves = definition("moves", BUSYBOX, &FIRST_STAYS);
    moves["spec"]["retryStrategy"] = json!({
        "attempts": 5,
        "evaluateOnExit": [
            {"onStatusReason": "Host EC2*", "action": "RETRY"},
            {"onReason": "*", "action": "EXIT"},
        ],
    });
    scene.create(moves).await;
    let test = async {
        allow(&scene, other, false).await;
        scene.create(job("moves", &queue, "moves")).await;
        let running = scene.job("moves", "runs", |job| state(job) == JobState::Running).await;
        assert_eq!(status(&running).attempts[0].node_name.as_deref(), Some(victim));
        allow(&scene, other, true).await;
        cluster(&["kill-node", victim]);
        let silent = the_attempt_is_kept(&scene, victim).await;
        let nodes = Api::<Node>::all(scene.client.clone());
        nodes.delete(victim, &DeleteParams::default()).await.unwrap();
        the_next_runs_elsewhere(&scene, &silent, (victim, other)).await;
    };
    let mend = async || {
        allow(&scene, other, true).await;
        cluster(&["start-node", victim]);
    };
    mended(test, mend).await;
    scene.leave().await;
}

async fn the_attempt_is_kept(scene: &Scene, victim: &str) -> Job {
    let told = format!(
        "host {victim} unreachable for 0 min: delete the Node or taint it out-of-service \
         (node.kubernetes.io/out-of-service), if it is off"
    );
    let says = |job: &Job| words(job) == told;
    let silent: Job = within(SILENCE, &scene.api(), "moves", &format!("says: {told}"), says).await;
    assert_eq!((state(&silent), reason(&silent)), (JobState::Running, "HostUnreachable"));
    let [attempt] = status(&silent).attempts.as_slice() else { panic!("{:#?}", silent.status) };
    assert_eq!((attempt.proof, attempt.stopped_at.as_ref()), (None, None), "{attempt:#?}");
    silent
}

async fn the_next_runs_elsewhere(scene: &Scene, silent: &Job, (victim, other): (&str, &str)) {
    let job: Job = within(Duration::from_secs(120), &scene.api(), "moves", "ends", has_ended).await;
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    let [first, second] = status(&job).attempts.as_slice() else { panic!("{:#?}", job.status) };
    assert_eq!((first.exit_code, first.proof), (None, Some(Proof::NodeDeleted)), "{first:#?}");
    assert_eq!(first.pod_uid, status(silent).attempts[0].pod_uid);
    let expected = format!("Host EC2 ({victim}) terminated.");
    assert_eq!(first.status_reason.as_deref(), Some(expected.as_str()));
    assert_eq!((second.node_name.as_deref(), second.exit_code), (Some(other), Some(0)), "{second:#?}");
    assert_eq!(second.proof, Some(Proof::ContainerTerminated));
    // Never two at one time: the first was over before the second began.
    assert!(first.stopped_at.is_some() && first.stopped_at <= second.started_at, "{first:#?} {second:#?}");
}
