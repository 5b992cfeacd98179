//! Nodes.

use super::wire::{Wire, kinds};
use super::{Error, name, quantity, times};
use crate::names;
use serde::Deserialize;
use std::collections::BTreeMap;
use windlass_core::ids::Uid;
use windlass_core::objects::{self, ObservedHost};

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
    value: String,
    effect: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    allocatable: BTreeMap<String, String>,
    conditions: Vec<Condition>,
    #[serde(rename = "nodeInfo")]
    node_info: NodeInfo,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeInfo {
    #[serde(rename = "kubeletVersion")]
    kubelet_version: String,
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
    // Their own jobs tolerate the taint of nodes that are made for one environment.
    let made_for = |taint: &Taint| (taint.key == names::ENVIRONMENT_UID).then(|| Uid::parse(&taint.value))?;
    let keeps_pods_off = |taint: &&Taint| {
        (taint.effect == "NoSchedule" || taint.effect == "NoExecute") && made_for(taint).is_none()
    };
    let taint = |taint: &Taint| objects::Taint {
        key: name(&taint.key),
        value: name(&taint.value),
        evicts: taint.effect == "NoExecute",
    };
    let ready = status.conditions.iter().find(|condition| condition.kind == "Ready");
    Ok(ObservedHost {
        name: name(&wire.metadata.name),
        uid: wire.metadata.uid()?,
        resource_version: wire.metadata.version()?,
        labels: wire.metadata.labels.iter().map(|(key, value)| (name(key), name(value))).collect(),
        allocatable: quantity::resource_list(&status.allocatable),
        ready: ready.is_some_and(|condition| condition.status == "True"),
        ready_changed_at: ready.and_then(|condition| times::time(&condition.changed_at)),
        unschedulable: spec.unschedulable,
        taints: spec.taints.iter().filter(keeps_pods_off).map(taint).collect(),
        made_for: spec.taints.iter().find_map(made_for),
        out_of_service: spec.taints.iter().any(|taint| taint.key == OUT_OF_SERVICE),
        old_kubelet: minor_version(&status.node_info.kubelet_version).is_some_and(|minor| minor < RUNS_ONCE),
    })
}

/// The first minor version of Kubernetes 1 whose kubelet heeds a container's own restart policy (feature ContainerRestartRules).
const RUNS_ONCE: u32 = 35;

/// N of `v1.N.P`; `None` for what is no kubelet's version, as nodes without a kubelet tell one.
fn minor_version(version: &str) -> Option<u32> {
    version.strip_prefix("v1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use windlass_core::units::GPUS;

    fn read(spec: &serde_json::Value, allocatable: &serde_json::Value) -> ObservedHost {
        let node = json!({
            "metadata": { "name": "n1", "uid": "00000000-0000-0000-0000-000000000001", "resourceVersion": "7" },
            "spec": spec,
            "status": { "allocatable": allocatable, "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        host(&serde_json::from_str(&node.to_string()).unwrap()).unwrap()
    }

    #[test]
    fn devices_count_as_the_node_reports_them_each_under_its_name() {
        let allocatable = json!({
            "cpu": "3920m", "memory": "7Gi", "pods": "110", "ephemeral-storage": "10Gi", "hugepages-2Mi": "0",
            "nvidia.com/gpu": "4", "amd.com/gpu": "0", "example.com/nic": "2",
        });
        let found = read(&json!({}), &allocatable).allocatable;
        assert_eq!((found.amounts.cpu_millis, found.amounts.pods, found.amounts.gpus), (3920, 110, 0));
        let extended: Vec<(&str, u64)> =
            found.extended.iter().map(|(name, number)| (name.as_str(), *number)).collect();
        assert_eq!(extended, [("example.com/nic", 2), (GPUS, 4)]);
    }

    #[test]
    fn kubelets_that_start_containers_again_are_told_by_their_version() {
        let is_old = |version: &str| minor_version(version).is_some_and(|minor| minor < RUNS_ONCE);
        assert!(is_old("v1.34.9") && is_old("v1.33.1-eks-a1b2c3"));
        assert!(!is_old("v1.35.0") && !is_old("v1.36.3+k3s1") && !is_old("kwok-v0.7.0") && !is_old(""));
    }

    #[test]
    fn taints_that_keep_pods_off_are_told_and_that_of_an_environment_says_whose_it_is() {
        let owner = "00000000-0000-0000-0000-000000000002";
        let taint =
            |key: &str, value: &str, effect: &str| json!({ "key": key, "value": value, "effect": effect });
        let taints = json!([
            taint("dedicated", "ml", "NoSchedule"),
            taint("flaky", "", "NoExecute"),
            taint("busy", "", "PreferNoSchedule"),
            taint(names::ENVIRONMENT_UID, owner, "NoSchedule"),
        ]);
        let found = read(&json!({ "taints": taints }), &json!({}));
        let told: Vec<String> = found.taints.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["dedicated=ml:NoSchedule", "flaky:NoExecute"]);
        assert_eq!((found.made_for, found.unschedulable), (Uid::parse(owner), false));
    }
}
