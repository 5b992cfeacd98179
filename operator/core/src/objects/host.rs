//! Hosts: the cluster's nodes.

use crate::ids::{Name, ResourceVersion, Uid};
use crate::time::Time;
use crate::units::Resources;
use std::collections::BTreeMap;

/// A node as the API server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedHost {
    /// The node's name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// Its labels.
    pub labels: BTreeMap<Name, Name>,
    /// What it offers to pods, as it reports it (SPEC.md C6).
    pub allocatable: Resources,
    /// Its condition `Ready` is True.
    pub ready: bool,
    /// Since when that condition is as it is.
    pub ready_changed_at: Option<Time>,
    /// It is cordoned, or has a taint that keeps our pods off.
    pub unschedulable: bool,
    /// An administrator has declared it dead (`node.kubernetes.io/out-of-service`).
    pub out_of_service: bool,
}
