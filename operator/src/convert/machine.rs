//! Machines of managed environments.

use super::job::{identity, text};
use super::wire::{Metadata, Wire, kinds};
use super::{Error, name, times};
use crate::names;
use serde::Deserialize;
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

fn machine(metadata: &Metadata, backend: Backend) -> Result<ObservedMachine, Error> {
    let environment =
        metadata.labels.get(names::ENVIRONMENT_UID).ok_or(Error::Missing(names::ENVIRONMENT_UID))?;
    Ok(ObservedMachine {
        name: name(&metadata.name),
        uid: metadata.uid()?,
        resource_version: metadata.version()?,
        backend,
        environment: identity(environment)?,
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
        deleting: metadata.deletion_timestamp.is_some(),
    })
}
