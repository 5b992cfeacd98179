//! Attempts of a real container, and what decides about another one (SPEC.md J4, J9, A5).

use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use serde_json::json;
use windlass_crds::job::Attempt;
use windlass_crds::shared::attempt::{JobState, Proof};

use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::records::{children, has_ended, reason, state, status, words};
use crate::scene::Scene;

/// Prints which attempt it is, and fails with 41 and 42 before it succeeds.
const FLAKY: [&str; 3] = [
    "sh",
    "-c",
    "echo attempt $AWS_BATCH_JOB_ATTEMPT; [ $AWS_BATCH_JOB_ATTEMPT = 3 ] || exit 4$AWS_BATCH_JOB_ATTEMPT",
];

#[tokio::test]
async fn a_container_that_fails_twice_succeeds_and_each_attempt_is_recorded() {
    let scene = Scene::new("retries").await;
    let queue = scene.queue("main", REAL).await;
    let mut flaky = definition("flaky", BUSYBOX, &FLAKY);
    flaky["spec"]["retryStrategy"] = json!({"attempts": 3});
    scene.create(flaky).await;
    scene.create(job("flaky", &queue, "flaky")).await;
    let job = scene.job("flaky", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Succeeded, "Completed"), "{:#?}", job.status);
    let attempts = &status(&job).attempts;
    let codes: Vec<_> = attempts.iter().map(|attempt| attempt.exit_code).collect();
    assert_eq!(codes, [Some(41), Some(42), Some(0)]);
    for (number, attempt) in (1..).zip(attempts) {
        let pod_name = format!("flaky-{}-{number}", &job.metadata.uid.as_ref().unwrap()[..8]);
        assert_eq!((attempt.attempt, attempt.pod_name.as_ref()), (number, Some(&pod_name)));
        assert_eq!(attempt.log_stream_name, Some(format!("flaky/default/{pod_name}")));
        assert_eq!(attempt.proof, Some(Proof::ContainerTerminated));
        assert!(matches!(attempt.node_name.as_deref(), Some("node-1" | "node-2")), "{attempt:?}");
        assert!(attempt.started_at.is_some() && attempt.started_at <= attempt.stopped_at, "{attempt:?}");
        let pods = scene.api::<Pod>();
        assert_eq!(pods.get(&pod_name).await.unwrap().metadata.uid, attempt.pod_uid);
        let log = pods.logs(&pod_name, &LogParams::default()).await.unwrap();
        assert_eq!(log, format!("attempt {number}\n"));
    }
    assert!(one_after_the_other(attempts), "{attempts:#?}");
    scene.leave().await;
}

/// Whether no attempt began before the one before it had ended.
fn one_after_the_other(attempts: &[Attempt]) -> bool {
    attempts.windows(2).all(|pair| pair[0].stopped_at <= pair[1].started_at)
}

#[tokio::test]
async fn the_submissions_attempts_win_and_the_last_failure_is_the_jobs() {
    let scene = Scene::new("hopeless").await;
    let queue = scene.queue("main", REAL).await;
    let mut fails = definition("fails", BUSYBOX, &["sh", "-c", "exit 5"]);
    fails["spec"]["retryStrategy"] = json!({"attempts": 10});
    scene.create(fails).await;
    let mut twice = job("twice", &queue, "fails");
    twice["spec"]["retryStrategy"] = json!({"attempts": 2});
    scene.create(twice).await;
    let job = scene.job("twice", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "NonZeroExitCode"));
    assert_eq!(words(&job), "Essential container in task exited (exit code 5)");
    assert_eq!(status(&job).attempts.len(), 2);
    scene.leave().await;
}

#[tokio::test]
async fn the_first_rule_that_matches_decides_by_code_reason_or_words() {
    let scene = Scene::new("rules").await;
    let queue = scene.queue("main", REAL).await;
    // The first attempt exits with 42, the second is killed for its memory, the third exits with 1.
    let script = "case $AWS_BATCH_JOB_ATTEMPT in 1) exit 42;; 2) exec tail /dev/zero;; *) exit 1;; esac";
    let mut rules = definition("rules", BUSYBOX, &["sh", "-c", script]);
    rules["spec"]["retryStrategy"] = json!({
        "attempts": 9,
        "evaluateOnExit": [
            {"onExitCode": "4*", "action": "RETRY"},
            {"onReason": "OutOfMemoryError*", "action": "RETRY"},
            {"onStatusReason": "Host EC2*", "action": "RETRY"},
            {"onStatusReason": "Essential container*", "onExitCode": "1", "action": "EXIT"},
        ],
    });
    scene.create(rules).await;
    scene.create(job("rules", &queue, "rules")).await;
    let job = scene.job("rules", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "NonZeroExitCode"), "{:#?}", job.status);
    let codes: Vec<_> = status(&job).attempts.iter().map(|attempt| attempt.exit_code).collect();
    assert_eq!(codes, [Some(42), Some(137), Some(1)]);
    scene.leave().await;
}

#[tokio::test]
async fn each_child_is_tried_again_on_its_own() {
    let scene = Scene::new("children").await;
    let queue = scene.queue("main", REAL).await;
    let script = "[ $AWS_BATCH_JOB_ARRAY_INDEX != 1 ] || [ $AWS_BATCH_JOB_ATTEMPT = 2 ] || exit 3";
    let mut one = definition("one", BUSYBOX, &["sh", "-c", script]);
    one["spec"]["retryStrategy"] = json!({"attempts": 2});
    scene.create(one).await;
    scene.create(array("three", &queue, "one", 3)).await;
    let job = scene.job("three", "ends", has_ended).await;
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    let children = children(&scene.api(), &job).await;
    let codes = |index: i32| -> Vec<Option<i32>> {
        children[&index].attempts.iter().map(|attempt| attempt.exit_code).collect()
    };
    assert_eq!([codes(0), codes(1), codes(2)], [vec![Some(0)], vec![Some(3), Some(0)], vec![Some(0)]]);
    scene.leave().await;
}
