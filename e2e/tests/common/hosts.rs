//! Hosts that exist only in the API, of one test alone: KWOK runs their pods.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::wait::within;

/// The label by which an environment chooses them.
pub(crate) const LABEL: &str = "windlass.dev/e2e-hosts";

/// What a host has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// CPUs, as a quantity.
    pub(crate) cpu: &'static str,
    /// Memory, as a quantity.
    pub(crate) memory: &'static str,
}

impl Size {
    fn as_value(self) -> Value {
        json!({"cpu": self.cpu, "memory": self.memory, "pods": "1000"})
    }
}

/// Adds a host to those labelled `pool`, and waits until it takes pods. It is as large as `capacity`, of which pods
/// can have `allocatable`.
pub(crate) async fn add(scene: &Scene, name: &str, pool: &str, capacity: Size, allocatable: Size) {
    add_of("amd64", scene, name, pool, capacity, allocatable).await;
}

/// The same, of an architecture.
pub(crate) async fn add_of(
    architecture: &str,
    scene: &Scene,
    name: &str,
    pool: &str,
    capacity: Size,
    allocatable: Size,
) {
    let name = scene.unique(name);
    let mut host = node(&name, architecture, &capacity.as_value(), &allocatable.as_value());
    host["metadata"]["labels"][LABEL] = json!(pool);
    scene.create(host).await;
    let nodes = Api::<Node>::all(scene.client.clone());
    within(Duration::from_secs(60), &nodes, &name, "is Ready", is_ready).await;
}

/// A node that KWOK plays, with the labels that every kubelet sets.
pub(crate) fn node(name: &str, architecture: &str, capacity: &Value, allocatable: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": architecture,
            },
        },
        "status": {"capacity": capacity, "allocatable": allocatable},
    })
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let is_ready =
        conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Ready" && one.status == "True"));
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    is_ready && taints.is_none_or(Vec::is_empty)
}
