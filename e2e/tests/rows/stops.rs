//! Ending a job: cancel what waits, terminate anything (SPEC.md J7).

use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::{JobState, Proof};

use crate::acts::{change, stop};
use crate::catalog::{BUSYBOX, REAL, definition, job};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;

/// Runs until it is told to end, and then exits with 7.
const RUNS: [&str; 3] = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"];

/// A queue of real hosts, a definition `runs`, and a job that waits because nothing is large enough for it.
async fn stage(topic: &str) -> (Scene, String) {
    let scene = Scene::new(topic).await;
    let queue = scene.queue("main", REAL).await;
    let mut runs = definition("runs", BUSYBOX, &RUNS);
    runs["spec"]["retryStrategy"] = json!({"attempts": 3});
    scene.create(runs).await;
    (scene, queue)
}

fn is_running(job: &Job) -> bool {
    state(job) == JobState::Running
}

#[tokio::test]
async fn a_job_that_waits_is_cancelled_with_its_reason() {
    let (scene, queue) = stage("cancel").await;
    let mut huge = job("huge", &queue, "runs");
    huge["spec"]["containerOverrides"] = json!({"vcpus": 99});
    scene.create(huge).await;
    scene.create(job("early", "nowhere", "runs")).await;
    scene.job("huge", "waits", |job| reason(job) == "NoHostLargeEnough").await;
    scene.job("early", "waits", |job| reason(job) == "QueueNotFound").await;
    for name in ["huge", "early"] {
        stop(&scene, name, "CANCEL", "changed my mind").await;
        let job = scene.job(name, "ends", has_ended).await;
        assert_eq!((state(&job), reason(&job)), (JobState::Failed, "Cancelled"), "{name}");
        assert_eq!((words(&job), status(&job).is_cancelled), ("changed my mind", Some(true)), "{name}");
        assert_eq!((status(&job).is_terminated, status(&job).attempts.len()), (None, 0), "{name}");
    }
    scene.leave().await;
}

#[tokio::test]
async fn a_cancel_that_is_too_late_says_so_and_a_terminate_stops_the_container_with_its_reason() {
    let (scene, queue) = stage("terminate").await;
    scene.create(job("runs", &queue, "runs")).await;
    scene.job("runs", "runs", is_running).await;
    stop(&scene, "runs", "CANCEL", "wrong input").await;
    let late = "a CANCEL changes nothing once a job is STARTING: set stop.type to TERMINATE";
    let job = scene.job("runs", "says that it is too late", |job| words(job).contains(late)).await;
    assert!(is_running(&job), "{:#?}", job.status);

    change(&scene, "runs", json!({"stop": {"type": "TERMINATE"}})).await.unwrap();
    let job = scene.job("runs", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "Terminated"), "{:#?}", job.status);
    assert_eq!((words(&job), status(&job).is_terminated), ("wrong input", Some(true)));
    let [attempt] = status(&job).attempts.as_slice() else { panic!("tried again: {:#?}", job.status) };
    assert_eq!((attempt.exit_code, attempt.proof), (Some(7), Some(Proof::ContainerTerminated)));
    scene.leave().await;
}

#[tokio::test]
async fn a_stop_is_not_taken_back() {
    let (scene, _) = stage("final").await;
    scene.create(job("early", "nowhere", "runs")).await;
    stop(&scene, "early", "CANCEL", "no").await;
    scene.job("early", "ends", has_ended).await;
    let refused = change(&scene, "early", json!({"stop": null})).await.unwrap_err();
    assert!(refused.to_string().contains("a stop is never taken back"), "{refused}");
    let refused = change(&scene, "early", json!({"jobQueue": "another"})).await.unwrap_err();
    assert!(refused.to_string().contains("jobQueue"), "{refused}");
    scene.leave().await;
}
