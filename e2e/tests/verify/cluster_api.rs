//! Managed environments with MachineDeployments of Cluster API (SPEC.md C2, C4): its real kinds, its controllers played.

use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job};

use crate::catalog::{self, BUSYBOX, array, definition, job};
use crate::elastic::{GONE, queue, update};
use crate::hosts::{self, LABEL, Size};
use crate::machine_maker::{MachineMaker, machine_deployment, objects};
use crate::managed;
use crate::records::{has_ended, reason, state, words};
use crate::scene::Scene;
use crate::wait::{until, within};
use crate::{acts, admission};

pub(crate) type Failure = Arc<Mutex<Option<String>>>;

/// An environment of MachineDeployments of the scene.
pub(crate) async fn environment(scene: &Scene, name: &str, resources: Value, deployments: &[&str]) -> String {
    let name = scene.unique(name);
    let named = |deployment: &&str| json!({"namespace": scene.namespace, "name": deployment});
    let deployments: Vec<Value> = deployments.iter().map(named).collect();
    let backend = json!({"clusterApi": {"machineDeployments": deployments}});
    scene.create(managed::object(&name, &backend, &resources)).await;
    name
}

pub(crate) async fn until_status(
    scene: &Scene,
    environment: &str,
    what: &str,
    wanted: impl Fn(&str, &str) -> bool,
) {
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let is_so = |found: &ComputeEnvironment| {
        let told = found.status.as_ref();
        let is = told.and_then(|told| told.status.as_ref()).map(|status| json!(status).to_string());
        let why = told.and_then(|told| told.status_reason.clone());
        is.zip(why).is_some_and(|(is, why)| wanted(is.trim_matches('"'), &why))
    };
    within(GONE, &environments, environment, what, is_so).await;
}

async fn pods_of(scene: &Scene, job: &str) -> Vec<Pod> {
    let those = ListParams::default().labels(&format!("batch.windlass.dev/job-name={job}"));
    scene.api::<Pod>().list(&those).await.unwrap().items
}

#[tokio::test]
async fn machines_come_for_jobs_by_scaling_and_go_when_idle_and_some_are_kept() {
    let scene = Scene::new("capi-machines").await;
    let maker = MachineMaker::start(&scene, Failure::default());
    scene.create(machine_deployment("small", 2, true)).await;
    scene.create(machine_deployment("large", 4, true)).await;
    let resources = json!({"type": "EC2", "maxvCpus": 16});
    let name = environment(&scene, "test", resources, &["small", "large"]).await;
    let queue = queue(&scene, &[&name]).await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "3000").await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(array("many", &queue, "work", 40)).await;
    let many: Job = within(GONE, &scene.api(), "many", "ends", has_ended).await;
    assert_eq!(state(&many), JobState::Succeeded);
    let seen = maker.seen();
    assert!(seen.most_cpus <= 16, "16 vCPUs are allowed: {seen:?}");
    assert!(seen.most_cpus > 8, "{seen:?}");
    // Other pods may be on these nodes: kube-scheduler places the jobs.
    let pods = pods_of(&scene, "many").await;
    let spec = pods[0].spec.as_ref().unwrap();
    assert!(
        spec.affinity.is_some()
            && spec
                .tolerations
                .iter()
                .flatten()
                .all(|taint| taint.key != Some("batch.windlass.dev/compute-environment-uid".into()))
    );
    maker.until_cpus("none", GONE, |cpus| cpus == 0).await;
    let unmarked: Vec<_> = maker.seen().taken.into_iter().filter(|(_, marked)| !marked).collect();
    assert!(unmarked.is_empty(), "taken away without a mark: {unmarked:?}");

    // A job that is too large for the small ones.
    let mut wide = job("wide", &queue, "work");
    wide["spec"]["containerOverrides"] = json!({"vcpus": 3, "memory": 64});
    scene.create(wide).await;
    assert_eq!(state(&scene.job("wide", "ends", has_ended).await), JobState::Succeeded);
    assert_eq!(maker.seen().made.last(), Some(&4));

    update(&scene, &name, json!({"computeResources": {"minvCpus": 4}})).await;
    maker.until_cpus("4 that are kept", GONE, |cpus| cpus == 4).await;
    update(&scene, &name, json!({"computeResources": {"minvCpus": 0}})).await;
    maker.until_cpus("none", GONE, |cpus| cpus == 0).await;
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn the_machine_that_is_idle_goes_and_not_the_one_with_a_job() {
    let scene = Scene::new("capi-idle").await;
    let maker = MachineMaker::start(&scene, Failure::default());
    scene.create(machine_deployment("hosts", 2, true)).await;
    let name = environment(&scene, "idle", json!({"type": "EC2", "maxvCpus": 8}), &["hosts"]).await;
    let queue = queue(&scene, &[&name]).await;
    work(&scene).await;
    scene.create(job("long", &queue, "work")).await;
    let long = host_of(&scene, "long").await;
    scene.create(job("short", &queue, "work")).await;
    let short = host_of(&scene, "short").await;
    assert_ne!(short, long, "each fills a machine's memory");
    maker.until_cpus("2 of the one that is busy", GONE, |cpus| cpus == 2).await;
    let seen = maker.seen();
    assert_eq!(seen.taken, [(short, true)]);
    assert!(seen.there.contains(&long), "{seen:?}");
    let still = scene.api::<Job>().get("long").await.unwrap();
    assert_eq!(state(&still), JobState::Running);
    acts::stop(&scene, "long", "TERMINATE", "the test is over").await;
    maker.until_cpus("none", GONE, |cpus| cpus == 0).await;
    admission::remove(&scene);
    scene.leave().await;
}

/// A definition "work" whose jobs fill a machine's memory, and are short but for the job "long".
pub(crate) async fn work(scene: &Scene) {
    let run = "object.metadata.?labels[?\"batch.windlass.dev/job-name\"].orValue(\"\") == \"long\" ? \"600000\" : \"1000\"";
    let annotated = format!(
        "Object{{metadata: Object.metadata{{annotations: {{\"windlass.dev/kwok-run-ms\": {run}}}}}}}"
    );
    admission::add(scene, &annotated, "windlass.dev/kwok-run-ms").await;
    let mut work = definition("work", BUSYBOX, &["true"]);
    work["spec"]["containerProperties"]["memory"] = json!(2500);
    scene.create(work).await;
}

/// The host of a job's pod.
pub(crate) async fn host_of(scene: &Scene, name: &str) -> String {
    let has_begun = |job: &Job| state(job) == JobState::Running || has_ended(job);
    scene.job(name, "has begun", has_begun).await;
    pods_of(scene, name).await[0].spec.as_ref().unwrap().node_name.clone().unwrap()
}

#[tokio::test]
async fn a_machine_deployment_that_does_not_say_what_its_machines_are_is_told() {
    let scene = Scene::new("capi-sizeless").await;
    let maker = MachineMaker::start(&scene, Failure::default());
    scene.create(machine_deployment("hosts", 4, false)).await;
    let name = environment(&scene, "odd", json!({"type": "EC2", "maxvCpus": 8}), &["hosts"]).await;
    let queue = queue(&scene, &[&name]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(job("waits", &queue, "work")).await;
    let of = format!("MachineDeployment {}/hosts", scene.namespace);
    until_status(&scene, &name, "says which annotations it lacks", |status, why| {
        status == "INVALID"
            && why.starts_with(&of)
            && why.contains("capacity.cluster-autoscaler.kubernetes.io/cpu")
    })
    .await;
    let deployments = objects(&scene.client, &scene.namespace, "MachineDeployment");
    let annotate = |annotations: Value| {
        let patch = json!({"metadata": {"annotations": annotations}});
        let deployments = deployments.clone();
        async move {
            let patch = Patch::Merge(&patch);
            deployments.patch("hosts", &PatchParams::default(), &patch).await.unwrap();
        }
    };
    annotate(json!({
        "capacity.cluster-autoscaler.kubernetes.io/cpu": "4",
        "capacity.cluster-autoscaler.kubernetes.io/memory": "8Gi",
        "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size": "5",
    }))
    .await;
    until_status(&scene, &name, "says who else scales it", |status, why| {
        status == "INVALID" && why.contains("Cluster Autoscaler's too")
    })
    .await;
    assert!(maker.seen().made.is_empty());
    annotate(json!({"cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size": null})).await;
    assert_eq!(state(&scene.job("waits", "ends", has_ended).await), JobState::Succeeded);
    maker.until_cpus("none", GONE, |cpus| cpus == 0).await;
    scene.leave().await;
}

#[tokio::test]
async fn jobs_spill_when_machines_fail_and_come_back_once_they_do_not() {
    let scene = Scene::new("capi-fails").await;
    let failure = Failure::default();
    *failure.lock().unwrap() = Some("InsufficientInstanceCapacity: none of that type".into());
    let maker = MachineMaker::start(&scene, failure.clone());
    scene.create(machine_deployment("hosts", 2, true)).await;
    let name = environment(&scene, "fails", json!({"type": "EC2", "maxvCpus": 4}), &["hosts"]).await;
    let second = scene.unique("second");
    let four = Size { cpu: "4", memory: "8Gi" };
    hosts::add(&scene, "host", &second, four, four).await;
    scene.create(catalog::environment(&second, (LABEL, &second))).await;
    let both = queue(&scene, &[&name, &second]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(job("spills", &both, "work")).await;
    until_status(&scene, &name, "tells why it has no machines", |status, why| {
        status == "INVALID" && why == "CreateError: InsufficientInstanceCapacity: none of that type"
    })
    .await;
    assert_eq!(state(&scene.job("spills", "ends", has_ended).await), JobState::Succeeded);
    let placed = pods_of(&scene, "spills").await;
    assert_eq!(placed[0].spec.as_ref().unwrap().node_name, Some(scene.unique("host")));

    let alone = scene.unique("alone");
    scene.create(catalog::queue(&alone, &name)).await;
    scene.create(job("waits", &alone, "work")).await;
    let is_told = |job: &Job| reason(job) == "ComputeEnvironmentInvalid";
    let waits = until(&scene.api(), "waits", "says that its environment is INVALID", is_told).await;
    assert!(words(&waits).contains("InsufficientInstanceCapacity"), "{}", words(&waits));
    *failure.lock().unwrap() = None;
    let waits = within(GONE * 2, &scene.api(), "waits", "ends", has_ended).await;
    assert_eq!(state(&waits), JobState::Succeeded);
    maker.until_cpus("none", GONE, |cpus| cpus == 0).await;
    scene.leave().await;
}
