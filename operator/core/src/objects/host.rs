//! Hosts: the cluster's nodes.

use crate::ids::{Name, ResourceVersion, Uid};
use crate::time::Time;
use crate::units::ResourceList;
use std::collections::BTreeMap;
use std::fmt;

/// A taint that keeps pods off a node which do not tolerate it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Taint {
    /// Its key.
    pub key: Name,
    /// Its value; may be empty.
    pub value: Name,
    /// It also evicts pods that are there (`NoExecute`), else not (`NoSchedule`).
    pub evicts: bool,
}

impl Taint {
    /// True when a pod comes there all the same. One that asks for GPUs tolerates a taint of their name, as Kubernetes's
    /// admission plugin ExtendedResourceToleration has it.
    pub fn is_tolerated(&self, gpus: Option<&Name>) -> bool {
        !self.evicts && gpus == Some(&self.key)
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = if self.evicts { "NoExecute" } else { "NoSchedule" };
        let value = if self.value.is_empty() { String::new() } else { format!("={}", self.value) };
        write!(formatter, "{}{value}:{effect}", self.key)
    }
}

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
    pub allocatable: ResourceList,
    /// Its condition `Ready` is True.
    pub ready: bool,
    /// Since when that condition is as it is.
    pub ready_changed_at: Option<Time>,
    /// It is cordoned.
    pub unschedulable: bool,
    /// What keeps pods off, but for the taint of nodes that are made for one environment.
    pub taints: Vec<Taint>,
    /// The environment it was made for: its taint keeps the jobs of all others off.
    pub made_for: Option<Uid>,
    /// An administrator has declared it dead (`node.kubernetes.io/out-of-service`).
    pub out_of_service: bool,
    /// Its kubelet starts a container again although that is to run once: no node of a multi-node job comes there.
    pub old_kubelet: bool,
}
