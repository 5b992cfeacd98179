//! Machines of managed environments.

use super::job::{identity, text};
use super::wire::{Metadata, Wire, kinds};
use super::{Error, name, times};
use crate::names;
use serde::Deserialize;
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{Backend, ObservedMachine};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NodeClaimStatus {
    node_name: String,
    conditions: Vec<Condition>,
}

/// A condition of Karpenter's.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) observed_generation: i64,
    severity: String,
}

/// Reads a NodeClaim that we made.
///
/// # Errors
/// When it is none of ours, or a part of it cannot be read.
pub fn node_claim(wire: &Wire<kinds::NodeClaim>) -> Result<ObservedMachine, Error> {
    let status: NodeClaimStatus = wire.status()?;
    let launched = status.conditions.iter().find(|condition| condition.kind == "Launched");
    // While Karpenter has yet to look, the condition is Unknown with the reason AwaitingReconciliation.
    let failed = launched.filter(|found| found.status != "True" && !found.message.is_empty());
    let failed = failed.filter(|found| found.reason != "AwaitingReconciliation");
    let words = |found: &Condition| text(Some(&format!("{}: {}", found.reason, found.message)));
    let node = Some(name(&status.node_name)).filter(|node| !node.is_empty());
    Ok(ObservedMachine { node, fault: failed.map(words), ..machine(&wire.metadata, Backend::Karpenter)? })
}

/// Reads a node that we made without a machine.
///
/// # Errors
/// When it is none of ours, or a part of it cannot be read.
pub fn simulated_node(wire: &Wire<kinds::Node>) -> Result<ObservedMachine, Error> {
    let leaving = wire.metadata.annotations.contains_key(names::LEAVING);
    let node = Some(name(&wire.metadata.name));
    Ok(ObservedMachine { node, leaving, ..machine(&wire.metadata, Backend::Simulated)? })
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct MachineStatus {
    node_ref: NodeReference,
    phase: String,
    conditions: Vec<Condition>,
    deprecated: Deprecated,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NodeReference {
    name: String,
}

/// What providers of the older contract still tell of failures for good.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Deprecated {
    v1beta1: Failure,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Failure {
    failure_reason: String,
    failure_message: String,
    conditions: Vec<Condition>,
}

/// Reads a Machine of Cluster API that belongs to a MachineDeployment. Whose environment it is for is not told on it.
///
/// # Errors
/// When it belongs to none, or a part of it cannot be read.
pub fn cluster_api_machine(wire: &Wire<kinds::Machine>) -> Result<ObservedMachine, Error> {
    let metadata = &wire.metadata;
    let status: MachineStatus = wire.status()?;
    let deployment =
        metadata.labels.get(names::MACHINE_DEPLOYMENT).ok_or(Error::Missing(names::MACHINE_DEPLOYMENT))?;
    let deployment = ObjectKey::new(metadata.namespace.as_str(), deployment.as_str());
    let node = Some(name(&status.node_ref.name)).filter(|node| !node.is_empty());
    let marked = metadata.annotations.contains_key(names::DELETE_MACHINE);
    Ok(ObservedMachine {
        name: Name::from(metadata.key().to_string()),
        machine_type: Name::from(deployment.to_string()),
        // One that has its node is told by that node.
        fault: node.is_none().then(|| failure(&status)).flatten(),
        node,
        leaving: marked || metadata.annotations.contains_key(names::LEAVING),
        marked,
        ..identified(metadata, Backend::ClusterApi, Uid::default())?
    })
}

/// Why a Machine never has a node, in Cluster API's words. A condition of the older contract says by its severity that it is no
/// mere stage on the way.
fn failure(status: &MachineStatus) -> Option<Name> {
    let Failure { failure_reason, failure_message, conditions } = &status.deprecated.v1beta1;
    let said = |reason: &str, message: &str| text(Some(&format!("{reason}: {message}")));
    if !failure_message.is_empty() || !failure_reason.is_empty() {
        return Some(said(failure_reason, failure_message));
    }
    let is_error = |found: &&Condition| found.status == "False" && found.severity == "Error";
    if let Some(found) = conditions.iter().find(is_error) {
        return Some(said(&found.reason, &found.message));
    }
    let not_ready =
        status.conditions.iter().find(|found| found.kind == "InfrastructureReady" && found.status == "False");
    (status.phase == "Failed").then(|| {
        not_ready.map_or_else(
            || Name::from("the Machine's phase is Failed"),
            |found| said(&found.reason, &found.message),
        )
    })
}

fn machine(metadata: &Metadata, backend: Backend) -> Result<ObservedMachine, Error> {
    let environment =
        metadata.labels.get(names::ENVIRONMENT_UID).ok_or(Error::Missing(names::ENVIRONMENT_UID))?;
    identified(metadata, backend, identity(environment)?)
}

fn identified(metadata: &Metadata, backend: Backend, environment: Uid) -> Result<ObservedMachine, Error> {
    Ok(ObservedMachine {
        name: name(&metadata.name),
        uid: metadata.uid()?,
        resource_version: metadata.version()?,
        backend,
        environment,
        machine_type: metadata
            .annotations
            .get(names::MACHINE_TYPE)
            .map(|found| name(found))
            .unwrap_or_default(),
        node_class: metadata.annotations.get(names::NODE_CLASS).map(|found| name(found)),
        created_at: times::time(&metadata.creation_timestamp).ok_or(Error::Missing("creationTimestamp"))?,
        node: None,
        fault: None,
        leaving: false,
        marked: false,
        deleting: metadata.deletion_timestamp.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(annotations: &Value, status: &Value) -> ObservedMachine {
        let wire = json!({
            "metadata": {
                "namespace": "pools", "name": "large-x7", "uid": "00000000-0000-0000-0000-000000000001",
                "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": { names::MACHINE_DEPLOYMENT: "large" }, "annotations": annotations,
            },
            "spec": {},
            "status": status,
        });
        let wire: Wire<kinds::Machine> = serde_json::from_str(&wire.to_string()).unwrap();
        cluster_api_machine(&wire).unwrap()
    }

    #[test]
    fn a_machine_of_cluster_api_tells_its_node_its_failure_and_that_it_goes() {
        let none = json!({});
        let fault = |status: &Value| read(&none, status).fault.map(|fault| fault.to_string());
        let runs = read(&none, &json!({ "phase": "Running", "nodeRef": { "name": "node-7" } }));
        assert_eq!((runs.name.as_str(), runs.machine_type.as_str()), ("pools/large-x7", "pools/large"));
        assert_eq!(
            (runs.node, runs.fault, runs.leaving, runs.marked),
            (Some("node-7".into()), None, false, false)
        );
        let failed = json!({ "failureReason": "CreateError", "failureMessage": "no capacity" });
        let told = fault(&json!({ "phase": "Failed", "deprecated": { "v1beta1": failed } }));
        assert_eq!(told.as_deref(), Some("CreateError: no capacity"));
        let condition = |severity: &str| {
            let told = json!({ "type": "InfrastructureReady", "status": "False", "severity": severity,
                "reason": "InstanceProvisionFailed", "message": "no subnet" });
            json!({ "deprecated": { "v1beta1": { "conditions": [told] } } })
        };
        assert_eq!(fault(&condition("Error")).as_deref(), Some("InstanceProvisionFailed: no subnet"));
        assert_eq!(fault(&condition("Info")), None);
        assert_eq!(fault(&json!({ "phase": "Failed" })).as_deref(), Some("the Machine's phase is Failed"));
        let leaves = read(&json!({ names::LEAVING: "true" }), &none);
        assert_eq!((leaves.leaving, leaves.marked), (true, false));
        let marked = read(&json!({ names::DELETE_MACHINE: "" }), &none);
        assert_eq!((marked.leaving, marked.marked), (true, true));
    }
}
