//! A NodeClaim of Karpenter, without a NodePool: it makes exactly this machine, and keeps it until it is deleted (DESIGN.md,
//! Compute environments).

use super::node_class::KIND;
use super::{ARCHITECTURE, Error, SYSTEM, TYPE, annotations, labels, owner, taint};
use serde_json::{Value, json};
use windlass_core::action::MachineOrder;
use windlass_crds::ComputeEnvironmentSpec;
use windlass_crds::compute_environment::ResourceKind;

/// The NodeClaim that is ordered.
///
/// # Errors
/// When the environment cannot be read, or names no node class.
pub fn node_claim(order: &MachineOrder) -> Result<Value, Error> {
    let spec: ComputeEnvironmentSpec = serde_json::from_slice(&order.payload.0)?;
    let class = match &order.node_class {
        Some((name, _)) => json!({ "group": "karpenter.k8s.aws", "kind": KIND, "name": name.as_str() }),
        None => {
            let named = spec.backend.and_then(|backend| backend.karpenter?.node_class_ref);
            let class = named.ok_or(Error::NoNodeClass)?;
            json!({ "group": class.group, "kind": class.kind, "name": class.name })
        }
    };
    let is_spot = spec.compute_resources.is_some_and(|found| found.kind == Some(ResourceKind::Spot));
    let requirement = |key: &str, value: &str| json!({ "key": key, "operator": "In", "values": [value] });
    let room = &order.machine_type.allocatable;
    Ok(json!({
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodeClaim",
        "metadata": {
            "name": order.name.as_str(),
            "labels": labels(order.environment_uid),
            "annotations": annotations(order),
            "ownerReferences": [owner(&order.environment, order.environment_uid)],
        },
        "spec": {
            "nodeClassRef": class,
            "requirements": [
                requirement(TYPE, order.machine_type.name.as_str()),
                requirement(ARCHITECTURE, order.machine_type.architecture.as_str()),
                requirement(SYSTEM, "linux"),
                requirement("karpenter.sh/capacity-type", if is_spot { "spot" } else { "on-demand" }),
            ],
            // The type is given; a request as large as our estimate of what it offers could rule it out.
            "resources": { "requests": { "cpu": format!("{}m", room.cpu_millis / 2) } },
            "taints": [taint(order)],
            // We say when it goes; a job is never ended because its machine is old.
            "expireAfter": "Never",
        },
    }))
}
