//! How a dependency names its job: by name, AWS name or ID, and a single child (SPEC.md, Dependencies).

use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;

use crate::acts::stop;
use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

fn after(name: &str, queue: &str, other: &str) -> Value {
    let mut after = job(name, queue, "hello");
    after["spec"]["dependsOn"] = json!([{"jobId": other}]);
    after
}

fn called(mut job: Value, aws_name: &str) -> Value {
    job["spec"]["jobName"] = json!(aws_name);
    job
}

#[tokio::test]
async fn a_job_is_found_by_its_id_and_its_aws_name_unless_that_is_ambiguous() {
    let scene = Scene::new("references").await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, FOUR, FOUR).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(called(job("one", &queue, "hello"), "Twin_Job")).await;
    let one = scene.job("one", "ends", has_ended).await;
    let id = one.metadata.uid.as_deref().unwrap();
    for (name, other) in [("byid", id), ("byname", "one"), ("byawsname", "Twin_Job")] {
        scene.create(after(name, &queue, other)).await;
        let job = scene.job(name, "ends", has_ended).await;
        assert_eq!(state(&job), JobState::Succeeded, "{name}: {:#?}", job.status);
        assert_eq!(status(&job).dependencies[0].uid.as_deref(), Some(id), "{name}");
    }
    scene.create(called(job("two", &queue, "hello"), "Twin_Job")).await;
    scene.job("two", "ends", has_ended).await;
    scene.create(after("which", &queue, "Twin_Job")).await;
    let job = scene.job("which", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "DependencyAmbiguous"));
    assert!(words(&job).starts_with("2 jobs are called Twin_Job: one and two"), "{}", words(&job));

    let nobody = "0e2b4d6c-0000-4000-8000-000000000000";
    scene.create(after("never", &queue, nobody)).await;
    let job = scene.job("never", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "DependencyNotFound"));
    assert!(words(&job).contains(nobody), "{}", words(&job));
    scene.create(after("nochild", &queue, "one:3")).await;
    let job = scene.job("nochild", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "InvalidDependency"));
    assert_eq!(words(&job), "job one is no array: it has no child 3");
    scene.leave().await;
}

#[tokio::test]
async fn a_single_child_is_waited_for_while_its_siblings_run() {
    let scene = Scene::new("child").await;
    let queue = scene.queue("main", REAL).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    let script =
        "[ $AWS_BATCH_JOB_ARRAY_INDEX = 3 ] && exit; trap 'exit 7' TERM; while :; do sleep 0.1; done";
    scene.create(definition("mostly", BUSYBOX, &["sh", "-c", script])).await;
    scene.create(array("array", &queue, "mostly", 4)).await;
    let id = scene.job("array", "is there", |_| true).await.metadata.uid.unwrap();
    scene.create(after("child", &queue, "array:3")).await;
    scene.create(after("childbyid", &queue, &format!("{id}:3"))).await;
    scene.create(after("sibling", &queue, "array:1")).await;
    for name in ["child", "childbyid"] {
        let job = scene.job(name, "ends", has_ended).await;
        assert_eq!(state(&job), JobState::Succeeded, "{name}: {:#?}", job.status);
    }
    assert_eq!(state(&scene.job("array", "is there", |_| true).await), JobState::Running);
    let sibling = scene.job("sibling", "is there", |_| true).await;
    assert_eq!((state(&sibling), reason(&sibling)), (JobState::Pending, "WaitingForDependencies"));
    stop(&scene, "array", "TERMINATE", "enough").await;
    let sibling = scene.job("sibling", "ends", has_ended).await;
    assert_eq!((state(&sibling), reason(&sibling)), (JobState::Failed, "DependencyFailed"));
    assert!(words(&sibling).contains("child 1 of job array failed"), "{}", words(&sibling));
    scene.leave().await;
}
