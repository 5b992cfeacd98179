//! The source's workflow, small and in real containers: A; B after A; C N_TO_N on B; D after C and SEQUENTIAL; E after D
//! (SPEC.md A4).

use std::time::Duration;

use serde_json::{Value, json};
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::cluster::kubectl;
use crate::records::{children, has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::wait::within;

const SIZE: u32 = 8;
const BOUND: Duration = Duration::from_secs(120);

fn with(mut job: Value, dependencies: Value) -> Value {
    job["spec"]["dependsOn"] = dependencies;
    job
}

/// Applies all five jobs, the last first, so that each waits for one that is not there yet. B's children run `script`.
async fn begin(scene: &Scene, script: &str) {
    let queue = scene.queue("main", REAL).await;
    scene.create(definition("step", BUSYBOX, &["true"])).await;
    scene.create(definition("second", BUSYBOX, &["sh", "-c", script])).await;
    scene.create(with(job("e", &queue, "step"), json!([{"jobId": "d"}]))).await;
    let after_c = json!([{"jobId": "c"}, {"type": "SEQUENTIAL"}]);
    scene.create(with(array("d", &queue, "step", SIZE), after_c)).await;
    let n_to_n = json!([{"jobId": "b", "type": "N_TO_N"}]);
    scene.create(with(array("c", &queue, "step", SIZE), n_to_n)).await;
    scene.create(with(array("b", &queue, "second", SIZE), json!([{"jobId": "a"}]))).await;
    scene.create(job("a", &queue, "step")).await;
}

async fn ended(scene: &Scene, name: &str) -> Job {
    within(BOUND, &scene.api(), name, "ends", has_ended).await
}

/// When each child's container ran: RFC 3339 in UTC, so that text sorts as time does.
async fn times(scene: &Scene, job: &Job) -> Vec<(String, String)> {
    let children = children(&scene.api(), job).await;
    let time = |text: &Option<String>| text.clone().unwrap();
    let attempts = children.values().map(|child| child.attempts.last().unwrap());
    attempts.map(|attempt| (time(&attempt.started_at), time(&attempt.stopped_at))).collect()
}

#[tokio::test]
async fn each_part_runs_after_those_it_waits_for() {
    let scene = Scene::new("workflow").await;
    begin(&scene, "true").await;
    let e = ended(&scene, "e").await;
    assert_eq!(state(&e), JobState::Succeeded, "{:#?}", e.status);
    let jobs = [
        ended(&scene, "a").await,
        ended(&scene, "b").await,
        ended(&scene, "c").await,
        ended(&scene, "d").await,
    ];
    assert!(jobs.iter().all(|job| state(job) == JobState::Succeeded), "{jobs:#?}");
    let [a, b, c, d] = jobs;
    let (b, c, d) = (times(&scene, &b).await, times(&scene, &c).await, times(&scene, &d).await);
    let size = SIZE as usize;
    assert_eq!((b.len(), c.len(), d.len()), (size, size, size));
    let a_stopped = status(&a).stopped_at.as_ref().unwrap();
    assert!(b.iter().all(|(started, _)| a_stopped <= started), "{a_stopped} {b:?}");
    assert!(b.iter().zip(&c).all(|(b, c)| b.1 <= c.0), "{b:?} {c:?}");
    assert!(c.iter().all(|(_, stopped)| *stopped <= d[0].0), "{c:?} {d:?}");
    assert!(d.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{d:?}");
    assert!(d[size - 1].1 <= *status(&e).started_at.as_ref().unwrap(), "{d:?} {e:#?}");
    scene.leave().await;
}

#[tokio::test]
async fn a_failed_child_stops_what_waits_for_it_and_each_reason_names_its_cause() {
    let scene = Scene::new("broken").await;
    begin(&scene, "[ $AWS_BATCH_JOB_ARRAY_INDEX != 3 ] || exit 1").await;
    let e = ended(&scene, "e").await;
    assert_eq!(state(&ended(&scene, "a").await), JobState::Succeeded);

    let b = ended(&scene, "b").await;
    assert_eq!((state(&b), reason(&b)), (JobState::Failed, "ChildrenFailed"));
    let failed = "Essential container in task exited (exit code 1)";
    assert_eq!(words(&b), format!("1 of 8 children failed; child 3: {failed}"));

    let c = ended(&scene, "c").await;
    assert_eq!((state(&c), reason(&c)), (JobState::Failed, "ChildrenFailed"), "{:#?}", c.status);
    let cause = "the same child of job b, which it waits for, failed";
    assert_eq!(words(&c), format!("1 of 8 children failed; child 3: {cause}"));
    let ran: Vec<i32> = children(&scene.api(), &c)
        .await
        .values()
        .filter(|child| !child.attempts.is_empty())
        .map(|child| child.index)
        .collect();
    assert_eq!(ran, [0, 1, 2, 4, 5, 6, 7], "child 3 has no attempt, the others ran");

    let d = ended(&scene, "d").await;
    assert_eq!((state(&d), reason(&d)), (JobState::Failed, "DependencyFailed"), "{:#?}", d.status);
    assert_eq!(words(&d), format!("job c, which it waits for, failed: {}", words(&c)));
    assert!(children(&scene.api(), &d).await.is_empty(), "none of them ran");
    assert_eq!((state(&e), reason(&e)), (JobState::Failed, "DependencyFailed"));
    assert_eq!(words(&e), format!("job d, which it waits for, failed: {}", words(&d)));
    assert!(status(&e).attempts.is_empty());
    scene.leave().await;
}

#[tokio::test]
async fn after_a_child_that_failed_none_of_a_sequence_runs() {
    let scene = Scene::new("sequence").await;
    let queue = scene.queue("main", REAL).await;
    let script = "[ $AWS_BATCH_JOB_ARRAY_INDEX != 2 ] || exit 3";
    scene.create(definition("line", BUSYBOX, &["sh", "-c", script])).await;
    scene.create(with(array("line", &queue, "line", 6), json!([{"type": "SEQUENTIAL"}]))).await;
    let line = ended(&scene, "line").await;
    assert_eq!((state(&line), reason(&line)), (JobState::Failed, "ChildrenFailed"), "{:#?}", line.status);
    let array = status(&line).array_properties.as_ref().unwrap();
    assert_eq!((array.status_summary.succeeded, array.status_summary.failed), (2, 4));
    let [failed, rest] = array.failures.as_slice() else { panic!("{array:#?}") };
    assert_eq!((failed.index, failed.exit_code), (2, Some(3)));
    assert_eq!((rest.index, rest.last_index), (3, Some(5)));
    assert_eq!(rest.status_reason.as_deref(), Some("child 2, after which it was to run, failed"));
    scene.leave().await;
}

#[tokio::test]
async fn kubectl_waits_for_each_kind_of_end() {
    let scene = Scene::new("waitfor").await;
    let queue = scene.queue("main", REAL).await;
    let script = "[ $AWS_BATCH_JOB_ARRAY_INDEX != 1 ] || exit 1";
    scene.create(definition("fine", BUSYBOX, &["true"])).await;
    scene.create(definition("mixed", BUSYBOX, &["sh", "-c", script])).await;
    scene.create(definition("fails", BUSYBOX, &["false"])).await;
    scene.create(job("fine", &queue, "fine")).await;
    scene.create(array("allfine", &queue, "fine", 2)).await;
    scene.create(job("fails", &queue, "fails")).await;
    scene.create(array("mixed", &queue, "mixed", 2)).await;
    scene.create(with(job("after", &queue, "fine"), json!([{"jobId": "fails"}]))).await;
    let namespace = format!("--namespace={}", scene.namespace);
    let wait = |condition: &str, names: &[&str]| {
        let condition = format!("--for=condition={condition}");
        let fixed = ["wait", &namespace, "--timeout=60s", &condition];
        let names: Vec<String> = names.iter().map(|name| format!("batchjob/{name}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        kubectl(&[&fixed, names.as_slice()].concat()).succeeded()
    };
    let (well, badly) = (["fine", "allfine"], ["fails", "mixed", "after"]);
    for (condition, names) in
        [("Complete", &well[..]), ("Succeeded", &well), ("Failed", &badly), ("Succeeded=false", &badly)]
    {
        assert_eq!(wait(condition, names).lines().count(), names.len(), "{condition}");
    }
    scene.leave().await;
}
