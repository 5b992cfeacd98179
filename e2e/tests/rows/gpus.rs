//! GPUs and taints: jobs go where they can run, and say what is missing (SPEC.md D5, C1, Q5).

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job};

use crate::catalog::{self, BUSYBOX, definition, job};
use crate::elastic::queue;
use crate::hosts::{self, LABEL, Size};
use crate::managed::{environment, simulated};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::wait::until;

const NVIDIA: &str = "nvidia.com/gpu";
const AMD: &str = "amd.com/gpu";

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

/// A host of 4 vCPUs with devices, by the names of their resources, that keeps pods off by taints of these keys and values.
async fn host(scene: &Scene, name: &str, pool: &str, devices: &[(&str, u32)], taints: &[(&str, &str)]) {
    hosts::add(scene, name, pool, FOUR, FOUR).await;
    let devices: Value =
        devices.iter().map(|(name, number)| ((*name).to_owned(), json!(number.to_string()))).collect();
    let nodes = Api::<Node>::all(scene.client.clone());
    let status = Patch::Merge(json!({"status": {"capacity": devices, "allocatable": devices}}));
    nodes.patch_status(&scene.unique(name), &PatchParams::default(), &status).await.unwrap();
    let taint = |(key, value): &(&str, &str)| json!({"key": key, "value": value, "effect": "NoSchedule"});
    let taints: Vec<Value> = taints.iter().map(taint).collect();
    let spec = Patch::Merge(json!({"spec": {"taints": taints}}));
    nodes.patch(&scene.unique(name), &PatchParams::default(), &spec).await.unwrap();
}

fn with_gpus(mut job: Value, number: u32) -> Value {
    let gpus = json!({"type": "GPU", "value": number.to_string()});
    job["spec"]["containerOverrides"] = json!({"resourceRequirements": [gpus]});
    job
}

/// The host a job ran on, and how many devices of a resource its pod was given.
async fn placed(scene: &Scene, name: &str, resource: &str) -> (String, Option<String>) {
    let ended = scene.job(name, "ends", has_ended).await;
    assert_eq!(state(&ended), JobState::Succeeded, "{}", words(&ended));
    let attempt = &status(&ended).attempts[0];
    let pod: Pod = scene.api().get(attempt.pod_name.as_deref().unwrap()).await.unwrap();
    let resources = pod.spec.unwrap().containers[0].resources.clone().unwrap();
    let (requests, limits) = (resources.requests.unwrap(), resources.limits.unwrap());
    assert_eq!(requests.get(resource), limits.get(resource), "{name}");
    (attempt.node_name.clone().unwrap(), limits.get(resource).map(|amount| amount.0.clone()))
}

/// Submits a job that needs so many GPUs, and waits until it says that no host is large enough.
async fn never_fits(scene: &Scene, name: &str, queue: &str, gpus: u32, told: &str) {
    scene.create(with_gpus(job(name, queue, "work"), gpus)).await;
    let job = scene.job(name, "says that it never fits", |job| reason(job) == "NoHostLargeEnough").await;
    assert_eq!(words(&job), told);
}

/// Waits until an environment tells of so many GPUs: all, used, free.
async fn tells_of_gpus(scene: &Scene, environment: &str, wanted: (i64, i64, i64)) {
    let tells = |found: &ComputeEnvironment| {
        let gpus = found.status.as_ref().and_then(|told| told.gpus.as_ref());
        gpus.is_some_and(|gpus| (gpus.total, gpus.used, gpus.free) == wanted)
    };
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    until(&environments, environment, "tells of its GPUs", tells).await;
}

/// Waits until an environment tells of so many hosts that take jobs.
async fn tells_of_hosts(scene: &Scene, environment: &str, wanted: i32) {
    let tells =
        |found: &ComputeEnvironment| found.status.as_ref().is_some_and(|told| told.hosts == Some(wanted));
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    until(&environments, environment, "tells of its hosts", tells).await;
}

#[tokio::test]
async fn jobs_with_gpus_go_where_there_are_enough_and_others_elsewhere() {
    let scene = Scene::new("gpus").await;
    let pool = scene.unique("pool");
    host(&scene, "devices", &pool, &[(NVIDIA, 1)], &[]).await;
    hosts::add(&scene, "plain", &pool, FOUR, FOUR).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    tells_of_gpus(&scene, &pool, (1, 0, 1)).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    never_fits(&scene, "two", &queue, 2, &format!("needs 2 GPUs; largest host in {pool} has 1 GPU")).await;
    scene.create(with_gpus(job("one", &queue, "work"), 1)).await;
    scene.create(job("none", &queue, "work")).await;
    assert_eq!(placed(&scene, "one", NVIDIA).await, (scene.unique("devices"), Some("1".to_owned())));
    assert_eq!(placed(&scene, "none", NVIDIA).await, (scene.unique("plain"), None));
    // It clears itself once there is such a host.
    host(&scene, "more", &pool, &[(NVIDIA, 2)], &[]).await;
    assert_eq!(placed(&scene, "two", NVIDIA).await, (scene.unique("more"), Some("2".to_owned())));
    tells_of_gpus(&scene, &pool, (3, 0, 3)).await;
    scene.leave().await;
}

#[tokio::test]
async fn gpus_go_by_the_name_that_the_environment_gives() {
    let scene = Scene::new("gpu-names").await;
    let pool = scene.unique("pool");
    host(&scene, "both", &pool, &[(NVIDIA, 4), (AMD, 1)], &[]).await;
    let mut environment = catalog::environment(&pool, (LABEL, &pool));
    environment["spec"]["gpuResourceName"] = json!(AMD);
    scene.create(environment).await;
    scene.create(catalog::queue(&pool, &pool)).await;
    tells_of_gpus(&scene, &pool, (1, 0, 1)).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    never_fits(&scene, "two", &pool, 2, &format!("needs 2 GPUs; largest host in {pool} has 1 GPU")).await;
    scene.create(with_gpus(job("one", &pool, "work"), 1)).await;
    assert_eq!(placed(&scene, "one", AMD).await, (scene.unique("both"), Some("1".to_owned())));
    assert_eq!(placed(&scene, "one", NVIDIA).await.1, None);
    scene.leave().await;
}

#[tokio::test]
async fn hosts_with_taints_are_told_of_and_left_alone() {
    let scene = Scene::new("taints").await;
    let pool = scene.unique("pool");
    host(&scene, "mine", &pool, &[], &[("dedicated", "ml")]).await;
    host(&scene, "devices", &pool, &[(NVIDIA, 1)], &[(NVIDIA, "present")]).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    tells_of_hosts(&scene, &pool, 1).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(job("waits", &queue, "work")).await;
    let waits = scene.job("waits", "says why", |job| reason(job) == "NoHosts").await;
    let told = format!(
        "needs 1 vCPU, 64 MiB; {pool} has no host that takes it: host {} has the taint dedicated=ml:NoSchedule, host {} has \
         the taint nvidia.com/gpu=present:NoSchedule",
        scene.unique("mine"),
        scene.unique("devices")
    );
    assert_eq!(words(&waits), told);
    // A job with GPUs tolerates the taint of their name: kube-scheduler agrees.
    scene.create(with_gpus(job("one", &queue, "work"), 1)).await;
    assert_eq!(placed(&scene, "one", NVIDIA).await, (scene.unique("devices"), Some("1".to_owned())));
    // Without its taint the other host takes the first; a taint that comes later keeps new jobs off.
    let nodes = Api::<Node>::all(scene.client.clone());
    let set = async |taints: Value| {
        let patch = Patch::Merge(json!({"spec": {"taints": taints}}));
        nodes.patch(&scene.unique("mine"), &PatchParams::default(), &patch).await.unwrap();
    };
    set(json!([])).await;
    assert_eq!(placed(&scene, "waits", NVIDIA).await, (scene.unique("mine"), None));
    tells_of_hosts(&scene, &pool, 2).await;
    set(json!([{"key": "maintenance", "effect": "NoSchedule"}])).await;
    tells_of_hosts(&scene, &pool, 1).await;
    scene.create(job("later", &queue, "work")).await;
    let later = scene.job("later", "says why", |job: &Job| reason(job) == "NoHosts").await;
    let named = format!("host {} has the taint maintenance:NoSchedule", scene.unique("mine"));
    assert!(words(&later).contains(&named), "{}", words(&later));
    scene.leave().await;
}

#[tokio::test]
async fn the_smallest_machine_with_gpus_is_made_for_a_job_that_needs_one() {
    let scene = Scene::new("gpu-machines").await;
    let resources = json!({"type": "EC2", "maxvCpus": 16, "instanceTypes": ["g4dn", "c5"]});
    let (name, machines) = environment(&scene, "types", &simulated(), resources).await;
    let queue = queue(&scene, &[&name]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(job("plain", &queue, "work")).await;
    let plain = scene.job("plain", "ends", has_ended).await;
    assert_eq!((state(&plain), machines.ever()), (JobState::Succeeded, vec!["c5.large".to_owned()]));
    scene.create(with_gpus(job("one", &queue, "work"), 1)).await;
    assert_eq!(placed(&scene, "one", NVIDIA).await.1.as_deref(), Some("1"));
    assert_eq!(machines.ever(), ["c5.large", "g4dn.xlarge"]);
    never_fits(&scene, "many", &queue, 16, &format!("needs 16 GPUs; largest host in {name} has 8 GPUs"))
        .await;
    scene.leave().await;
}
