//! A node without a machine, which KWOK keeps ready: for development.

use super::{ARCHITECTURE, SYSTEM, TYPE, annotations, labels, owner, taint};
use crate::names;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use windlass_core::action::MachineOrder;

/// The node that is ordered.
pub fn node(order: &MachineOrder) -> Value {
    let room = &order.machine_type.allocatable;
    let mut labels = labels(order.environment_uid);
    labels.extend(
        [
            (names::SIMULATED, "true"),
            (TYPE, order.machine_type.name.as_str()),
            (ARCHITECTURE, order.machine_type.architecture.as_str()),
            (SYSTEM, "linux"),
            ("kubernetes.io/hostname", order.name.as_str()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    let mut annotations = annotations(order);
    annotations.insert("kwok.x-k8s.io/node".to_owned(), "fake".to_owned());
    let mut amounts = BTreeMap::from([
        ("cpu", format!("{}m", room.cpu_millis)),
        ("memory", format!("{}Mi", room.memory_mib())),
        ("pods", room.pods.to_string()),
    ]);
    if room.gpus > 0 {
        amounts.insert(order.gpu_resource.as_str(), room.gpus.to_string());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": order.name.as_str(),
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner(&order.environment, order.environment_uid)],
        },
        "spec": { "taints": [taint(order)] },
        "status": { "capacity": amounts, "allocatable": amounts },
    })
}
