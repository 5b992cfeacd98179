//! Finished jobs go once their time is over, with what they own; those that Git owns stay (SPEC.md J8).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{BUSYBOX, array, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, state, status};
use crate::scene::Scene;
use crate::wait::gone;

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

fn kept_for(mut job: Value, seconds: u32) -> Value {
    job["spec"]["ttlSecondsAfterFinished"] = json!(seconds);
    job
}

#[tokio::test]
async fn finished_jobs_expire_and_those_that_git_owns_stay() {
    let scene = Scene::new("expiry").await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, FOUR, FOUR).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    let marks = [
        (
            "argo",
            json!({"annotations": {"argocd.argoproj.io/tracking-id": "a:batch.windlass.dev/Job:n/argo"}}),
        ),
        ("helm", json!({"annotations": {"meta.helm.sh/release-name": "night"}})),
        ("flux", json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}})),
    ];
    for (name, marks) in &marks {
        let mut git = kept_for(job(name, &queue, "hello"), 0);
        for (key, value) in marks.as_object().unwrap() {
            git["metadata"][key] = value.clone();
        }
        scene.create(git).await;
        assert_eq!(state(&scene.job(name, "ends", has_ended).await), JobState::Succeeded);
    }
    scene.create(kept_for(job("usual", &queue, "hello"), 3600)).await;
    scene.job("usual", "ends", has_ended).await;
    scene.create(kept_for(job("later", &queue, "hello"), 5)).await;
    let ended = scene.job("later", "ends", has_ended).await;
    scene.create(kept_for(job("atonce", &queue, "hello"), 0)).await;
    scene.create(kept_for(array("many", &queue, "hello", 10), 0)).await;

    let (jobs, bound) = (scene.api::<Job>(), Duration::from_secs(60));
    gone(bound, &jobs, "atonce").await;
    gone(bound, &jobs, "many").await;
    gone(bound, &jobs, "later").await;
    let stopped_at: Timestamp = status(&ended).stopped_at.as_ref().unwrap().parse().unwrap();
    let kept = Timestamp::now().duration_since(stopped_at);
    assert!(kept >= SignedDuration::from_secs(5), "gone after {kept:?}");
    // All of these ended before: what stays is not just on its way.
    for name in ["argo", "helm", "flux", "usual"] {
        let job = jobs.get(name).await.unwrap();
        assert_eq!((state(&job), job.metadata.deletion_timestamp), (JobState::Succeeded, None), "{name}");
    }
    scene.leave().await;
}
