//! `helm uninstall` and `windlass release` leave nothing that hangs without the operator (DESIGN.md, rule 14).

use std::fs;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job, JobQueue};

use crate::breaking::mended;
use crate::catalog::{BUSYBOX, REAL, definition, job};
use crate::operator::{alone, until_it_decides};
use crate::records::{has_ended, state};
use crate::release::helm;
use crate::scene::Scene;
use crate::wait::gone;

const BOUND: Duration = Duration::from_secs(75);

#[tokio::test]
async fn nothing_hangs_after_an_uninstall() {
    let _alone = alone().await;
    let scene = Scene::new("uninstall").await;
    until_it_decides(&scene.client).await;
    let values = helm(&["get", "values", "windlass", "--output=yaml"]).succeeded();
    let queue = scene.queue("main", REAL).await;
    let command = ["sh", "-c", "trap 'exit 1' TERM; while :; do sleep 0.1; done"];
    scene.create(definition("runs", BUSYBOX, &command)).await;
    scene.create(job("runs", &queue, "runs")).await;
    scene.job("runs", "runs", |job| state(job) == JobState::Running).await;

    mended(uninstall(&scene, &queue), async || install(&scene, &values).await).await;
    // All is as it was: a new scene's job runs.
    let scene = Scene::new("reinstalled").await;
    let queue = scene.queue("main", REAL).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(job("hello", &queue, "hello")).await;
    assert_eq!(state(&scene.job("hello", "ends", has_ended).await), JobState::Succeeded);
    scene.leave().await;
}

async fn uninstall(scene: &Scene, queue: &str) {
    let started = Instant::now();
    helm(&["uninstall", "windlass", "--wait", "--timeout=2m"]).succeeded();
    println!("helm uninstall took {:.1} s", started.elapsed().as_secs_f64());
    assert!(helm(&["status", "windlass"]).failed().contains("release: not found"));
    let pods = scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items;
    let [pod] = pods.as_slice() else { panic!("the job's pod is left alone: {pods:#?}") };
    assert_eq!(pod.metadata.finalizers, None);
    assert_eq!(pod.status.as_ref().and_then(|status| status.phase.as_deref()), Some("Running"));
    // Kinds and objects stay, and can be deleted.
    let job: Job = scene.api().get("runs").await.unwrap();
    assert_eq!(state(&job), JobState::Running);
    let queues = Api::<JobQueue>::all(scene.client.clone());
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let namespaces = Api::<Namespace>::all(scene.client.clone());
    queues.delete(queue, &DeleteParams::default()).await.unwrap();
    environments.delete(queue, &DeleteParams::default()).await.unwrap();
    namespaces.delete(&scene.namespace, &DeleteParams::default()).await.unwrap();
    gone(BOUND, &queues, queue).await;
    gone(BOUND, &environments, queue).await;
    gone(BOUND, &namespaces, &scene.namespace).await;
}

/// Installs the release again, with the values it had.
async fn install(scene: &Scene, values: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.yaml");
    fs::write(&file, values).unwrap();
    let file = file.display().to_string();
    helm(&["upgrade", "--install", "windlass", "charts/windlass", "--values", &file, "--wait"]).succeeded();
    until_it_decides(&scene.client).await;
}
