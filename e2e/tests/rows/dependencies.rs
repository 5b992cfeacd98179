//! Jobs that wait for others: that fail, disappear, are not there yet, go round in a circle (SPEC.md J6).

use serde_json::{Value, json};
use windlass_crds::job::DependencyOutcome;
use windlass_crds::shared::attempt::JobState;

use crate::acts::{delete, stop};
use crate::catalog::{BUSYBOX, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::wait::gone;

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

/// A queue of one host that exists only in the API.
async fn stage(topic: &str) -> (Scene, String) {
    let scene = Scene::new(topic).await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, FOUR, FOUR).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    (scene, queue)
}

/// A job that waits for others.
fn after(name: &str, queue: &str, others: &[&str]) -> Value {
    let mut after = job(name, queue, "hello");
    after["spec"]["dependsOn"] = others.iter().map(|other| json!({"jobId": other})).collect();
    after
}

/// A job that is too large to start.
fn huge(name: &str, queue: &str) -> Value {
    let mut huge = job(name, queue, "hello");
    huge["spec"]["containerOverrides"] = json!({"vcpus": 99});
    huge
}

#[tokio::test]
async fn a_job_fails_with_one_it_waits_for_and_so_on_down_the_line() {
    let (scene, queue) = stage("fails").await;
    scene.create(job("fine", &queue, "hello")).await;
    scene.create(huge("bad", &queue)).await;
    scene.create(after("first", &queue, &["fine", "bad"])).await;
    scene.create(after("second", &queue, &["first"])).await;
    scene.job("fine", "ends", has_ended).await;
    let waits = scene.job("first", "waits", |job| words(job) == "waits for bad (RUNNABLE)").await;
    assert_eq!((state(&waits), reason(&waits)), (JobState::Pending, "WaitingForDependencies"));
    stop(&scene, "bad", "CANCEL", "wrong input").await;
    let first = scene.job("first", "ends", has_ended).await;
    assert_eq!((state(&first), reason(&first)), (JobState::Failed, "DependencyFailed"));
    assert_eq!(words(&first), "job bad, which it waits for, failed: wrong input");
    let outcomes: Vec<_> = status(&first).dependencies.iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [Some(DependencyOutcome::Succeeded), Some(DependencyOutcome::Failed)]);
    let second = scene.job("second", "ends", has_ended).await;
    assert_eq!((state(&second), reason(&second)), (JobState::Failed, "DependencyFailed"));
    assert!(
        words(&second).ends_with("job bad, which it waits for, failed: wrong input"),
        "{}",
        words(&second)
    );
    assert!(status(&second).attempts.is_empty());
    scene.leave().await;
}

#[tokio::test]
async fn one_that_disappears_unfinished_fails_the_dependent_and_one_that_expired_does_not() {
    let (scene, queue) = stage("disappears").await;
    scene.create(huge("gone", &queue)).await;
    scene.create(after("orphan", &queue, &["gone"])).await;
    scene.job("orphan", "waits", |job| reason(job) == "WaitingForDependencies").await;
    let mut brief = job("brief", &queue, "hello");
    brief["spec"]["ttlSecondsAfterFinished"] = json!(5);
    scene.create(brief).await;
    scene.create(huge("blocker", &queue)).await;
    scene.create(after("both", &queue, &["brief", "blocker"])).await;

    delete(&scene, "gone").await.unwrap();
    let orphan = scene.job("orphan", "ends", has_ended).await;
    assert_eq!((state(&orphan), reason(&orphan)), (JobState::Failed, "DependencyFailed"));
    let expected = "job gone, which it waits for, failed: job gone disappeared before it had ended";
    assert_eq!(words(&orphan), expected);

    gone(std::time::Duration::from_secs(60), &scene.api::<windlass_crds::Job>(), "brief").await;
    let both = scene.job("both", "is there", |_| true).await;
    let outcomes: Vec<_> = status(&both).dependencies.iter().map(|one| one.outcome).collect();
    assert_eq!(outcomes, [Some(DependencyOutcome::Succeeded), None], "{:#?}", both.status);
    assert_eq!(words(&both), "waits for blocker (RUNNABLE)");
    scene.leave().await;
}

#[tokio::test]
async fn one_that_is_not_there_yet_is_waited_for() {
    let (scene, queue) = stage("missing").await;
    scene.create(after("early", &queue, &["late"])).await;
    let early = scene.job("early", "waits", |job| reason(job) == "DependencyNotFound").await;
    assert_eq!(
        (state(&early), words(&early)),
        (JobState::Pending, "waits for late (there is no such job yet)")
    );
    scene.create(job("late", &queue, "hello")).await;
    let early = scene.job("early", "ends", has_ended).await;
    assert_eq!(state(&early), JobState::Succeeded, "{:#?}", early.status);
    let late = scene.job("late", "ends", has_ended).await;
    assert_eq!(status(&early).dependencies[0].uid, late.metadata.uid);
    let (first, second) = (&status(&late).attempts[0], &status(&early).attempts[0]);
    assert!(first.stopped_at <= second.started_at, "{first:?} {second:?}");
    scene.leave().await;
}

#[tokio::test]
async fn every_member_of_a_circle_fails_and_names_it() {
    let (scene, queue) = stage("circle").await;
    scene.create(after("x", &queue, &["y"])).await;
    scene.create(after("y", &queue, &["z"])).await;
    scene.job("y", "waits", |job| reason(job) == "DependencyNotFound").await;
    scene.create(after("z", &queue, &["x"])).await;
    for name in ["x", "y", "z"] {
        let job = scene.job(name, "ends", has_ended).await;
        assert_eq!(state(&job), JobState::Failed);
        assert!(words(&job).contains("it depends on itself: "), "{name}: {}", words(&job));
        assert!(["x", "y", "z"].iter().all(|one| words(&job).contains(one)), "{name}: {}", words(&job));
    }
    scene.create(after("self", &queue, &["self"])).await;
    let job = scene.job("self", "ends", has_ended).await;
    assert_eq!((reason(&job), words(&job)), ("DependencyCycle", "it depends on itself: self → self"));
    scene.leave().await;
}
