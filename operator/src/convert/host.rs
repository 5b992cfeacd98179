//! Nodes.

use super::wire::{Wire, kinds};
use super::{Error, name, quantity, times};
use crate::names;
use serde::Deserialize;
use std::collections::BTreeMap;
use windlass_core::objects::ObservedHost;
use windlass_core::units::Resources;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    unschedulable: bool,
    taints: Vec<Taint>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Taint {
    key: String,
    effect: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    allocatable: BTreeMap<String, String>,
    conditions: Vec<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(rename = "lastTransitionTime")]
    changed_at: String,
}

const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Reads a node.
///
/// # Errors
/// When a part of it cannot be read.
pub fn host(wire: &Wire<kinds::Node>) -> Result<ObservedHost, Error> {
    let spec: Spec = wire.spec()?;
    let status: Status = wire.status()?;
    let allocatable = |key: &str| status.allocatable.get(key).map_or("0", String::as_str);
    // That a node is for one environment alone does not keep that environment's jobs off it.
    let keeps_pods_off = |taint: &Taint| {
        (taint.effect == "NoSchedule" || taint.effect == "NoExecute") && taint.key != names::ENVIRONMENT_UID
    };
    let ready = status.conditions.iter().find(|condition| condition.kind == "Ready");
    Ok(ObservedHost {
        name: name(&wire.metadata.name),
        uid: wire.metadata.uid()?,
        resource_version: wire.metadata.version()?,
        labels: wire.metadata.labels.iter().map(|(key, value)| (name(key), name(value))).collect(),
        allocatable: Resources {
            cpu_millis: quantity::millis(allocatable("cpu")).unwrap_or(0),
            memory_bytes: quantity::units(allocatable("memory")).unwrap_or(0),
            gpus: 0,
            pods: quantity::units(allocatable("pods")).unwrap_or(0),
        },
        ready: ready.is_some_and(|condition| condition.status == "True"),
        ready_changed_at: ready.and_then(|condition| times::time(&condition.changed_at)),
        unschedulable: spec.unschedulable || spec.taints.iter().any(keeps_pods_off),
        out_of_service: spec.taints.iter().any(|taint| taint.key == OUT_OF_SERVICE),
    })
}
