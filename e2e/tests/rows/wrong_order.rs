//! Objects applied in the wrong order work in the end (SPEC.md, "Refused at apply, or failed with a reason").

use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{BUSYBOX, definition, environment, job, queue};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, state};
use crate::scene::Scene;

fn waits_for<'a>(reason: &'a str, words: &'a str) -> impl Fn(&Job) -> bool + use<'a> {
    move |job| {
        let Some(status) = &job.status else { return false };
        status.reason.as_deref() == Some(reason)
            && status.status_reason.as_deref().is_some_and(|told| told.contains(words))
    }
}

/// Waits until the job says that it waits for this.
async fn waits(scene: &Scene, reason: &str, words: &str) {
    let what = format!("says {reason}: {words}");
    let job = scene.job("first", &what, waits_for(reason, words)).await;
    let conditions = &job.status.unwrap().conditions;
    assert!(conditions.iter().all(|one| one.type_ != "Failed"), "{conditions:?}");
}

#[tokio::test]
async fn the_job_comes_first_and_says_what_it_waits_for() {
    let scene = Scene::new("order").await;
    let (name, size) = (scene.unique("late"), Size { cpu: "4", memory: "4Gi" });
    scene.create(job("first", &name, "hello")).await;
    waits(&scene, "QueueNotFound", &format!("job queue {name} does not exist (yet)")).await;
    scene.create(queue(&name, &name)).await;
    waits(&scene, "DefinitionNotFound", "job definition hello does not exist (yet) in this namespace").await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    let missing = format!("needs 1 vCPU, 64 MiB; compute environment {name} does not exist");
    waits(&scene, "ComputeEnvironmentNotFound", &missing).await;
    scene.create(environment(&name, (LABEL, &name))).await;
    let no_hosts = format!("needs 1 vCPU, 64 MiB; {name} has no host that takes jobs");
    waits(&scene, "NoHosts", &no_hosts).await;
    hosts::add(&scene, "host", &name, size, size).await;
    let job = scene.job("first", "ends", has_ended).await;
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    scene.leave().await;
}

#[tokio::test]
async fn the_queue_comes_last() {
    let scene = Scene::new("last").await;
    let (name, size) = (scene.unique("late"), Size { cpu: "4", memory: "4Gi" });
    scene.create(job("first", &name, "hello")).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(environment(&name, (LABEL, &name))).await;
    hosts::add(&scene, "host", &name, size, size).await;
    waits(&scene, "QueueNotFound", &format!("job queue {name} does not exist (yet)")).await;
    scene.create(queue(&name, &name)).await;
    let job = scene.job("first", "ends", has_ended).await;
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    scene.leave().await;
}
