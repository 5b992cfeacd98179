//! Pods that the API server does not take: by policy for good, by quota for a while (SPEC.md, Attempts).

use k8s_openapi::api::core::v1::{Namespace, Pod, ResourceQuota};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{BUSYBOX, array, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;

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

#[tokio::test]
async fn a_pod_that_the_namespaces_security_level_forbids_fails_its_job_with_the_servers_words() {
    let (scene, queue) = stage("restricted").await;
    let labels = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces = Api::<Namespace>::all(scene.client.clone());
    namespaces.patch(&scene.namespace, &PatchParams::default(), &Patch::Merge(labels)).await.unwrap();
    scene.create(job("single", &queue, "hello")).await;
    scene.create(array("many", &queue, "hello", 20)).await;
    for name in ["single", "many"] {
        let job = scene.job(name, "ends", has_ended).await;
        assert_eq!((state(&job), reason(&job)), (JobState::Failed, "PodRefused"), "{:#?}", job.status);
        assert!(words(&job).contains("violates PodSecurity \"restricted:latest\""), "{}", words(&job));
        assert!(status(&job).attempts.is_empty());
    }
    assert!(scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items.is_empty());
    scene.leave().await;
}

#[tokio::test]
async fn a_pod_beyond_the_namespaces_limits_fails_its_job_with_the_servers_words() {
    let (scene, queue) = stage("limitrange").await;
    scene
        .create(json!({
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "small"},
            "spec": {"limits": [{"type": "Container", "max": {"memory": "32Mi"}}]},
        }))
        .await;
    scene.create(job("large", &queue, "hello")).await;
    let job = scene.job("large", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "PodRefused"), "{:#?}", job.status);
    let expected = "maximum memory usage per Container is 32Mi, but limit is 64Mi";
    assert!(words(&job).contains(expected), "{}", words(&job));
    scene.leave().await;
}

#[tokio::test]
async fn a_job_beyond_the_quota_waits_and_says_so_and_runs_once_there_is_some() {
    let (scene, queue) = stage("quota").await;
    scene
        .create(json!({
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "none"},
            "spec": {"hard": {"pods": "0"}},
        }))
        .await;
    // The quota counts once the controller has looked at the namespace.
    let quotas: Api<ResourceQuota> = scene.api();
    let counts = |quota: &ResourceQuota| quota.status.as_ref().is_some_and(|status| status.hard.is_some());
    crate::wait::until(&quotas, "none", "counts", counts).await;
    scene.create(job("waits", &queue, "hello")).await;
    let waits = scene.job("waits", "is told", |job| reason(job) == "QuotaUsedUp").await;
    assert_eq!(state(&waits), JobState::Runnable);
    assert!(words(&waits).contains("exceeded quota: none, requested: pods=1"), "{}", words(&waits));
    quotas.delete("none", &DeleteParams::default()).await.unwrap();
    let job = scene.job("waits", "ends", has_ended).await;
    assert_eq!((state(&job), status(&job).attempts.len()), (JobState::Succeeded, 1));
    scene.leave().await;
}
