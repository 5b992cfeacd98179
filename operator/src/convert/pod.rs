//! Pods: as users of a host, and those of our jobs in detail.

use super::wire::{Wire, kinds};
use super::{Error, name, quantity, times};
use crate::names;
use serde::Deserialize;
use std::collections::BTreeMap;
use windlass_core::ids::Uid;
use windlass_core::objects::{Cause, Container, Ending, ObservedPod, PodPhase, TaskPod};
use windlass_core::time::Time;
use windlass_core::units::{ResourceList, Resources};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: String,
    containers: Vec<SpecContainer>,
    init_containers: Vec<SpecContainer>,
    overhead: BTreeMap<String, String>,
    scheduling_gates: Vec<Gate>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Gate {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SpecContainer {
    resources: Requirements,
    restart_policy: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Requirements {
    requests: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: String,
    reason: String,
    message: String,
    #[serde(rename = "podIP")]
    pod_ip: String,
    conditions: Vec<Condition>,
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
    #[serde(rename = "lastTransitionTime")]
    changed_at: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerStatus {
    name: String,
    #[serde(rename = "restartCount")]
    restart_count: u32,
    state: State,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
    running: Option<Running>,
    terminated: Option<Terminated>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Waiting {
    reason: String,
    message: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Running {
    started_at: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Terminated {
    exit_code: i32,
    reason: String,
    message: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

/// Reads a pod.
///
/// # Errors
/// When a part of it cannot be read.
pub fn pod(wire: &Wire<kinds::Pod>) -> Result<ObservedPod, Error> {
    let spec: Spec = wire.spec()?;
    let status: Status = wire.status()?;
    let created_at =
        times::time(&wire.metadata.creation_timestamp).ok_or(Error::Missing("creationTimestamp"))?;
    Ok(ObservedPod {
        key: wire.metadata.key(),
        uid: wire.metadata.uid()?,
        resource_version: wire.metadata.version()?,
        created_at,
        host: Some(&spec.node_name).filter(|host| !host.is_empty()).map(|host| name(host)),
        requests: requests(&spec),
        phase: match status.phase.as_str() {
            "Succeeded" => PodPhase::Succeeded,
            "Failed" => PodPhase::Failed,
            _ => PodPhase::Active,
        },
        deleting: wire.metadata.deletion_timestamp.is_some(),
        task: task(wire, &spec, &status, created_at),
    })
}

/// What the pod takes on its host, as kube-scheduler counts it: all containers and sidecars together, or what the largest init
/// container needs beside the sidecars started before it.
fn requests(spec: &Spec) -> ResourceList {
    let requested = |container: &SpecContainer| quantity::resource_list(&container.resources.requests);
    let mut sidecars = ResourceList::default();
    let mut most_at_start = ResourceList::default();
    for container in &spec.init_containers {
        let together = sidecars.clone().plus(&requested(container));
        most_at_start = most_at_start.max_each(&together);
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = together;
        }
    }
    let together = spec.containers.iter().fold(sidecars, |sum, container| sum.plus(&requested(container)));
    let needed = together.max_each(&most_at_start).plus(&quantity::resource_list(&spec.overhead));
    ResourceList { amounts: Resources { pods: 1, ..needed.amounts }, ..needed }
}

/// What makes a pod one of ours; `None` for all others, and for those whose labels make no sense.
fn task(wire: &Wire<kinds::Pod>, spec: &Spec, status: &Status, created_at: Time) -> Option<TaskPod> {
    let label = |key: &str| wire.metadata.labels.get(key).map(String::as_str);
    let annotation = |key: &str| wire.metadata.annotations.get(key).map_or("", String::as_str);
    let is_node = label(names::NODE_SET).is_some();
    // A StatefulSet ends the name of each of its pods in the node's index. Its label says so, too, but labels can be changed.
    let of_node = || wire.metadata.name.rsplit('-').next();
    let index = if is_node { of_node() } else { label(names::ARRAY_INDEX) };
    let condition = |kind: &str| status.conditions.iter().find(|condition| condition.kind == kind);
    let refused =
        condition("PodScheduled").filter(|found| found.status == "False" && found.reason == "Unschedulable");
    Some(TaskPod {
        job: Uid::parse(label(names::JOB_UID)?)?,
        job_name: name(label(names::JOB_NAME)?),
        index: index.map_or(Some(0), |index| index.parse().ok())?,
        attempt: label(names::ATTEMPT)?.parse().ok()?,
        launch: annotation(names::LAUNCH).parse().unwrap_or(0),
        admitted_to: name(annotation(names::HOST)),
        alone: annotation(names::SINGLE_TENANT) == "true",
        environment: name(annotation(names::ENVIRONMENT)),
        held: wire.metadata.is_held(),
        gated: spec.scheduling_gates.iter().any(|gate| gate.name == names::GATE),
        address: Some(&status.pod_ip).filter(|address| !address.is_empty()).map(|address| name(address)),
        container: container(status, created_at),
        restarted: container_status(status).is_some_and(|found| found.restart_count > 0),
        reason: name(&status.reason),
        message: name(&status.message),
        disruption: condition("DisruptionTarget")
            .filter(|found| found.status == "True")
            .map(|found| name(&found.reason)),
        unschedulable: refused.map(|found| name(&found.message)),
        bound_at: condition("PodScheduled")
            .filter(|found| found.status == "True")
            .and_then(|found| times::time(&found.changed_at)),
        ending: Cause::parse(annotation(names::ENDING))
            .map(|cause| Ending { cause, words: name(annotation(names::ENDING_REASON)) }),
    })
}

fn container_status(status: &Status) -> Option<&ContainerStatus> {
    status.container_statuses.iter().find(|found| found.name == names::CONTAINER)
}

fn container(status: &Status, created_at: Time) -> Container {
    let Some(found) = container_status(status) else { return Container::Unknown };
    // A kubelet that never saw the container start writes the year 1.
    let read =
        |text: &Option<String>| text.as_deref().and_then(times::time).filter(|time| *time > Time::ZERO);
    if let Some(terminated) = &found.state.terminated {
        return Container::Terminated {
            exit_code: terminated.exit_code,
            reason: name(&terminated.reason),
            message: name(&terminated.message),
            started_at: read(&terminated.started_at),
            stopped_at: read(&terminated.finished_at),
        };
    }
    if let Some(running) = &found.state.running {
        return Container::Running { started_at: read(&running.started_at).unwrap_or(created_at) };
    }
    match &found.state.waiting {
        Some(waiting) => {
            Container::Waiting { reason: name(&waiting.reason), message: name(&waiting.message) }
        }
        None => Container::Unknown,
    }
}
