//! What managed environments do, whoever makes their machines (SPEC.md C2, C4, C6, Q3).

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job};

use crate::admission;
use crate::catalog::{self, BUSYBOX, array, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::managed::{Maker, environment};
use crate::records::{has_ended, reason, state, status};
use crate::scene::Scene;
use crate::wait::{until, within};

/// Longer than machines take to be idle, to take no more jobs, and to go.
pub(crate) const GONE: Duration = Duration::from_secs(300);

const LONG: Duration = Duration::from_secs(300);

/// A queue of environments, in this order.
pub(crate) async fn queue(scene: &Scene, environments: &[&str]) -> String {
    let name = scene.unique("queue");
    let mut queue = catalog::queue(&name, environments[0]);
    let order = |(at, environment): (usize, &&str)| json!({"order": at, "computeEnvironment": environment});
    queue["spec"]["computeEnvironmentOrder"] = environments.iter().enumerate().map(order).collect();
    scene.create(queue).await;
    name
}

/// The job, with so much for each container.
pub(crate) fn sized(mut job: Value, vcpus: u32, memory: u32) -> Value {
    job["spec"]["containerOverrides"] = json!({"vcpus": vcpus, "memory": memory});
    job
}

/// Changes a part of an environment's spec.
pub(crate) async fn update(scene: &Scene, environment: &str, spec: Value) {
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let patch = Patch::Merge(json!({"spec": spec}));
    environments.patch(environment, &PatchParams::default(), &patch).await.unwrap();
}

/// Machines come for jobs, never more than allowed, and go; some are kept when that is asked for.
pub(crate) async fn machines_come_and_go(scene: Scene, maker: &Maker, jobs: u32, maximum: u32) {
    let resources = json!({"type": "EC2", "minvCpus": 0, "maxvCpus": maximum, "instanceTypes": ["optimal"]});
    let (name, machines) = environment(&scene, "test", maker, resources).await;
    let queue = queue(&scene, &[&name]).await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "3000").await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(sized(array("many", &queue, "work", jobs), 2, 64)).await;
    let many: Job = within(LONG, &scene.api(), "many", "ends", has_ended).await;
    assert_eq!(state(&many), JobState::Succeeded);
    let most = machines.most_vcpus();
    assert!(most <= maximum, "{most} vCPUs, {maximum} are allowed: {:?}", machines.ever());
    assert!(most * 2 > maximum, "only {most} vCPUs of {maximum} were ever there");
    println!("{jobs} jobs of 2 vCPUs ran on {} machines, {most} vCPUs at most", machines.ever().len());
    machines.until_vcpus("none", GONE, |vcpus| vcpus == 0).await;

    update(&scene, &name, json!({"computeResources": {"minvCpus": 8}})).await;
    machines.until_vcpus("8 vCPUs", LONG, |vcpus| vcpus == 8).await;
    scene.create(sized(array("again", &queue, "work", 12), 2, 64)).await;
    let again: Job = within(LONG, &scene.api(), "again", "ends", has_ended).await;
    assert_eq!(state(&again), JobState::Succeeded);
    machines.until_vcpus("8 vCPUs again", GONE, |vcpus| vcpus == 8).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    until(&environments, &name, "says that it has 8 vCPUs", |found| {
        found.status.as_ref().is_some_and(|told| told.desired_vcpus == Some(8))
    })
    .await;
    until(&environments, &name, "says what it may have, and that nothing is on its way", |found| {
        let vcpus = found.status.as_ref().and_then(|told| told.vcpus.as_ref());
        let (most, nothing) = (maximum.to_string(), "0".to_owned());
        vcpus
            .is_some_and(|told| (told.max.as_ref(), told.launching.as_ref()) == (Some(&most), Some(&nothing)))
    })
    .await;
    update(&scene, &name, json!({"computeResources": {"minvCpus": 0}})).await;
    admission::remove(&scene);
    scene.leave().await;
}

/// Of the types allowed the smallest that fits is made: memory is what a node offers, not what its machine has.
pub(crate) async fn the_smallest_that_fits_is_made(scene: Scene, maker: &Maker) {
    let types = json!(["m4.large", "m4.xlarge"]);
    let resources = json!({"type": "EC2", "maxvCpus": 16, "instanceTypes": types});
    let (name, machines) = environment(&scene, "types", maker, resources).await;
    let queue = queue(&scene, &[&name]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(sized(job("fat", &queue, "work"), 1, 8192)).await;
    let fat = scene.job("fat", "ends", has_ended).await;
    assert_eq!(state(&fat), JobState::Succeeded);
    assert_eq!(machines.ever(), ["m4.xlarge"]);
    let pods = scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items;
    let placed = pods[0].spec.as_ref().unwrap();
    assert!(placed.affinity.is_none() && placed.node_name.is_some(), "kube-scheduler placed it: {placed:?}");

    scene.create(sized(job("huge", &queue, "work"), 8, 64)).await;
    let has_reason = |job: &Job| reason(job) == "NoHostLargeEnough";
    let huge = scene.job("huge", "says that it never fits", has_reason).await;
    let told = status(&huge).status_reason.clone().unwrap();
    assert!(told.starts_with(&format!("needs 8 vCPUs; largest host in {name} has ")), "{told}");
    scene.leave().await;
}

/// What the first environment has no room for goes to the second.
pub(crate) async fn jobs_spill_to_the_next(scene: Scene, maker: &Maker) {
    let first = scene.unique("first");
    let four = Size { cpu: "4", memory: "8Gi" };
    hosts::add(&scene, "host", &first, four, four).await;
    scene.create(catalog::environment(&first, (LABEL, &first))).await;
    let resources = json!({"type": "EC2", "maxvCpus": 32, "instanceTypes": ["c5"]});
    let (second, machines) = environment(&scene, "second", maker, resources).await;
    let queue = queue(&scene, &[&first, &second]).await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "20000").await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(array("twelve", &queue, "work", 12)).await;
    let twelve = scene.job("twelve", "ends", has_ended).await;
    assert_eq!(state(&twelve), JobState::Succeeded);
    let pods = scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items;
    let of = |environment: &str| {
        let told = |pod: &&Pod| {
            let annotations = pod.metadata.annotations.as_ref().unwrap();
            annotations
                .get("batch.windlass.dev/compute-environment")
                .is_some_and(|found| found == environment)
        };
        pods.iter().filter(told).count()
    };
    assert_eq!((of(&first), of(&second)), (4, 8), "of {} pods", pods.len());
    assert!(machines.most_vcpus() >= 8);
    admission::remove(&scene);
    scene.leave().await;
}

/// A DISABLED environment takes no new jobs; those that run end.
pub(crate) async fn a_disabled_one_drains(scene: Scene, maker: &Maker) {
    let resources = json!({"type": "EC2", "maxvCpus": 8, "instanceTypes": ["c5"]});
    let (name, machines) = environment(&scene, "drains", maker, resources).await;
    let queue = queue(&scene, &[&name]).await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "10000").await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(job("runs", &queue, "work")).await;
    scene.job("runs", "runs", |job| state(job) == JobState::Running).await;
    update(&scene, &name, json!({"state": "DISABLED"})).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    until(&environments, &name, "is known to be DISABLED", |found| {
        found.status.as_ref().and_then(|told| told.observed_generation) == found.metadata.generation
    })
    .await;
    scene.create(job("waits", &queue, "work")).await;
    let has_reason = |job: &Job| reason(job) == "ComputeEnvironmentDisabled";
    scene.job("waits", "says that its environment is DISABLED", has_reason).await;
    assert_eq!(state(&scene.job("runs", "ends", has_ended).await), JobState::Succeeded);
    machines.until_vcpus("none", GONE, |vcpus| vcpus == 0).await;
    assert!(!has_ended(&scene.api::<Job>().get("waits").await.unwrap()));
    update(&scene, &name, json!({"state": "ENABLED"})).await;
    assert_eq!(state(&scene.job("waits", "ends", has_ended).await), JobState::Succeeded);
    admission::remove(&scene);
    scene.leave().await;
}
