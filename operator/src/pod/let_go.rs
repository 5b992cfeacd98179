//! A node's pod is let go to its host (DESIGN.md, Multi-node jobs).

use super::build::pinned_to;
use crate::names;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use windlass_core::action::LetGoOrder;

/// A strategic merge patch: it takes our gate and no other, pins the pod to its host, and tells where the main node is. All in
/// one, so that a pod without our gate always has its host. Of a pod that has a gate Kubernetes lets the node affinity change.
pub fn let_go(order: &LetGoOrder) -> Value {
    let address = order.main_address.as_ref().map(|address| (names::MAIN_NODE_ADDRESS, address.as_str()));
    let annotations: BTreeMap<&str, &str> =
        [(names::HOST, order.host.as_str())].into_iter().chain(address).collect();
    json!({
        "metadata": {
            "uid": order.guard.uid.to_string(),
            "resourceVersion": order.guard.resource_version.0.to_string(),
            "annotations": annotations,
        },
        "spec": {
            "schedulingGates": [{ "$patch": "delete", "name": names::GATE }],
            "affinity": pinned_to(order.host.as_str()),
        },
    })
}
