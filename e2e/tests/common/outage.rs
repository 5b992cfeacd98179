//! Nothing is decided blindly while the API server cannot be reached, and work goes on after (DESIGN.md, rule 16).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::breaking::{cluster, mended};
use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::operator::until_it_decides;
use crate::records::{children, has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::wait::{gone, within};

const SERVER: &str = "kube-apiserver";
const CHILDREN: u32 = 40;

/// Kills the API server and starts it again; then it hangs for so long.
async fn break_it(silence: Duration) {
    cluster(&["restart-component", SERVER, "--kill"]);
    cluster(&["pause", SERVER]);
    tokio::time::sleep(silence).await;
    cluster(&["resume", SERVER]);
}

fn is_running(job: &Job) -> bool {
    state(job) == JobState::Running
}

/// Jobs that run, that fail and are tried again, that would run out of time and that expire, all while the server is away.
async fn begin(scene: &Scene, seconds: u64) {
    let queue = scene.queue("main", REAL).await;
    scene.create(definition("brief", BUSYBOX, &["sleep", "3"])).await;
    let long = seconds.to_string();
    let mut slow = definition("slow", BUSYBOX, &["sleep", &long]);
    slow["spec"]["timeout"] = json!({"attemptDurationSeconds": (seconds + 15).max(60)});
    scene.create(slow).await;
    let script = "sleep 8; [ $AWS_BATCH_JOB_ATTEMPT = 2 ]";
    let mut flaky = definition("flaky", BUSYBOX, &["sh", "-c", script]);
    flaky["spec"]["retryStrategy"] = json!({"attempts": 3});
    scene.create(flaky).await;
    let mut kept = job("kept", &queue, "brief");
    kept["spec"]["ttlSecondsAfterFinished"] = json!(seconds);
    scene.create(kept).await;
    scene.job("kept", "ends", has_ended).await;
    for name in ["slow", "flaky"] {
        scene.create(job(name, &queue, name)).await;
    }
    for name in ["slow", "flaky"] {
        scene.job(name, "runs", is_running).await;
    }
    scene.create(array("many", &queue, "brief", CHILDREN)).await;
    scene.job("many", "runs", is_running).await;
}

/// Has the API server restarted, and then hang for a while, in the midst of all that, and looks what becomes of each.
pub(crate) async fn outlast(topic: &str, silence: Duration) {
    // What runs so long ends once all is over, and a little before its time is.
    let seconds = silence.as_secs() + 30;
    let scene = Scene::new(topic).await;
    until_it_decides(&scene.client).await;
    begin(&scene, seconds).await;
    let kept = scene.job("kept", "is there", |_| true).await;
    mended(break_it(silence), async || cluster(&["start-component", SERVER])).await;

    let bound = Duration::from_secs(120) + silence;
    let slow: Job = within(bound, &scene.api(), "slow", "ends", has_ended).await;
    assert_eq!((state(&slow), status(&slow).attempts.len()), (JobState::Succeeded, 1), "{:#?}", slow.status);
    assert_eq!((reason(&slow), words(&slow)), ("Completed", "Essential container in task exited"));
    let flaky: Job = within(bound, &scene.api(), "flaky", "ends", has_ended).await;
    let codes: Vec<_> = status(&flaky).attempts.iter().map(|attempt| attempt.exit_code).collect();
    assert_eq!((state(&flaky), codes), (JobState::Succeeded, vec![Some(1), Some(0)]), "{:#?}", flaky.status);
    let many: Job = within(bound, &scene.api(), "many", "ends", has_ended).await;
    assert_eq!(state(&many), JobState::Succeeded, "{:#?}", many.status);
    let records = children(&scene.api(), &many).await;
    assert_eq!(records.len(), CHILDREN as usize);
    let again: Vec<_> = records.values().filter(|child| child.attempts.len() != 1).collect();
    assert!(again.is_empty(), "children that were tried again: {again:#?}");

    gone(bound, &scene.api::<Job>(), "kept").await;
    let stopped_at: Timestamp = status(&kept).stopped_at.as_ref().unwrap().parse().unwrap();
    let lasted = Timestamp::now().duration_since(stopped_at).as_secs();
    assert!(lasted >= i64::try_from(seconds).unwrap(), "it expired after {lasted} s");
    scene.create(job("after", &scene.unique("main"), "brief")).await;
    assert_eq!(state(&scene.job("after", "ends", has_ended).await), JobState::Succeeded);
    scene.leave().await;
}
