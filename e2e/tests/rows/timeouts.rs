//! Attempts that run too long (SPEC.md J5).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use windlass_crds::shared::attempt::{JobState, Proof};

use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::records::{children, has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::wait::within;

/// It ignores SIGTERM, so that only SIGKILL ends it.
const DEAF: [&str; 3] = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"];

/// How long a container ran, in seconds.
fn ran(started_at: Option<&String>, stopped_at: Option<&String>) -> i64 {
    let time = |text: Option<&String>| text.unwrap().parse::<Timestamp>().unwrap().as_second();
    time(stopped_at) - time(started_at)
}

#[tokio::test]
async fn a_container_that_ignores_sigterm_is_gone_95_s_after_its_start_and_not_tried_again() {
    let scene = Scene::new("timeout").await;
    let queue = scene.queue("main", REAL).await;
    let mut deaf = definition("deaf", BUSYBOX, &DEAF);
    deaf["spec"]["retryStrategy"] = json!({"attempts": 3});
    deaf["spec"]["timeout"] = json!({"attemptDurationSeconds": 60});
    scene.create(deaf).await;
    // The submission's timeout wins, and children inherit it.
    let mut deaf = definition("patient", BUSYBOX, &DEAF);
    deaf["spec"]["timeout"] = json!({"attemptDurationSeconds": 3600});
    scene.create(deaf).await;
    let mut many = array("many", &queue, "patient", 2);
    many["spec"]["timeout"] = json!({"attemptDurationSeconds": 60});
    scene.create(job("single", &queue, "deaf")).await;
    scene.create(many).await;

    let bound = Duration::from_secs(130);
    let single = within(bound, &scene.api(), "single", "ends", has_ended).await;
    assert_eq!((state(&single), reason(&single)), (JobState::Failed, "TimedOut"), "{:#?}", single.status);
    assert_eq!(words(&single), "Job attempt duration exceeded timeout (exit code 137)");
    let [attempt] = status(&single).attempts.as_slice() else { panic!("{:#?}", single.status) };
    assert_eq!(attempt.proof, Some(Proof::ContainerTerminated));
    let took = ran(attempt.started_at.as_ref(), attempt.stopped_at.as_ref());
    assert!((90..=95).contains(&took), "it ran {took} s");

    let many = within(bound, &scene.api(), "many", "ends", has_ended).await;
    assert_eq!((state(&many), reason(&many)), (JobState::Failed, "ChildrenFailed"));
    for (index, child) in children(&scene.api(), &many).await {
        let [attempt] = child.attempts.as_slice() else { panic!("child {index}: {child:#?}") };
        let told = attempt.status_reason.as_deref();
        assert_eq!(told, Some("Job attempt duration exceeded timeout"), "child {index}");
        let took = ran(attempt.started_at.as_ref(), attempt.stopped_at.as_ref());
        assert!((90..=95).contains(&took), "child {index} ran {took} s");
    }
    scene.leave().await;
}

#[tokio::test]
async fn an_attempt_that_ends_in_time_is_left_alone() {
    let scene = Scene::new("intime").await;
    let queue = scene.queue("main", REAL).await;
    scene.create(definition("brief", BUSYBOX, &["sleep", "2"])).await;
    let mut brief = job("brief", &queue, "brief");
    brief["spec"]["timeout"] = json!({"attemptDurationSeconds": 60});
    scene.create(brief).await;
    let job = scene.job("brief", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Succeeded, "Completed"));
    scene.leave().await;
}
