//! Machines that a managed environment has made: what is asked for, and what the backend has of it.

use super::{NodeClassContent, Payload};
use crate::ids::{Name, ResourceVersion, Uid};
use crate::time::Time;
use crate::units::Resources;
use std::time::Duration;

/// Who makes the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Backend {
    /// Karpenter: a NodeClaim for each. It keeps a node until pods that must not be disrupted have ended.
    Karpenter,
    /// Nodes without machines (KWOK). Nobody but us looks after what runs there.
    Simulated,
    /// Cluster API: MachineDeployments that we scale. It makes and takes away what their replicas say, whatever runs there.
    ClusterApi,
}

impl Backend {
    /// True when a machine that is to go away goes only once the jobs there have ended.
    pub const fn waits_for_jobs(self) -> bool {
        matches!(self, Backend::Karpenter)
    }

    /// True when its nodes are one environment's alone: they keep the pods of all others off.
    pub const fn keeps_others_off(self) -> bool {
        !matches!(self, Backend::ClusterApi)
    }
}

/// How a machine's type is chosen among those that fit (`allocationStrategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// The smallest, and none while that is not to be had.
    #[default]
    BestFit,
    /// The smallest that is to be had.
    Progressive,
    /// The first of the environment's list that is to be had.
    ProgressiveOrdered,
}

/// What a MANAGED environment may have made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// Who makes it.
    pub backend: Backend,
    /// Its machines are SPOT capacity, which the cloud may take away at any time.
    pub spot: bool,
    /// vCPUs kept also when idle.
    pub min_vcpus: u32,
    /// vCPUs to begin with.
    pub desired_vcpus: u32,
    /// vCPUs never exceeded.
    pub max_vcpus: u32,
    /// Instance types, families, `optimal`; empty for all there are. Of Cluster API: its MachineDeployments, as
    /// `namespace/name`.
    pub instance_types: Vec<Name>,
    /// Which of them is taken.
    pub strategy: Strategy,
    /// How long a machine stays idle before it goes; `None` for the installation's own.
    pub idle_limit: Option<Duration>,
    /// The node class that is made for its machines; `None` where there is none, or one that exists is named.
    pub node_class: Option<NodeClassContent>,
    /// What is wrong with its wishes as the shell read them: no machine can be asked for.
    pub fault: Option<Name>,
    /// What the shell needs to ask the backend for a machine.
    pub payload: Payload,
}

/// What an autoscaler that somebody else runs may add to a MANAGED environment, because pods wait for it (`external`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaled {
    /// vCPUs beyond which no node is asked for.
    pub max_vcpus: u32,
    /// Instance types, families, `optimal`; empty when nobody says what is added.
    pub instance_types: Vec<Name>,
    /// How long a pod waits for its node.
    pub patience: Duration,
}

/// A kind of machine that can be had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineType {
    /// As in `c5.xlarge`.
    pub name: Name,
    /// Its processors: what minvCpus and maxvCpus count.
    pub vcpus: u32,
    /// As in the label `kubernetes.io/arch`.
    pub architecture: Name,
    /// What a node on it offers to pods, as far as can be told before there is one (SPEC.md, Stuck jobs).
    pub allocatable: Resources,
}

/// A machine that is about to be asked for: decided and written down before, so that its name is never used again, and so that
/// whoever decides next counts it (DESIGN.md, rule 3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Launch {
    /// Its serial number in the environment, from 1.
    pub serial: u64,
    /// Its instance type.
    pub machine_type: Name,
    /// When that was decided.
    pub decided_at: Time,
    /// Of Cluster API: how many machines its MachineDeployment is to have with this one.
    pub replicas: Option<u32>,
}

/// A machine as its backend has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedMachine {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// Who makes it.
    pub backend: Backend,
    /// The environment it was made for. The core says which one a machine of Cluster API is for: nothing on it does.
    pub environment: Uid,
    /// Its instance type.
    pub machine_type: Name,
    /// What the node class said that it was asked for with, if that was one of ours: its digest.
    pub node_class: Option<Name>,
    /// When it was asked for.
    pub created_at: Time,
    /// The node on it, once there is one.
    pub node: Option<Name>,
    /// Why it cannot be had, in the backend's words.
    pub fault: Option<Name>,
    /// It takes no more jobs, because it is to go.
    pub leaving: bool,
    /// When its MachineDeployment is to have fewer machines, it goes before those that are not marked (Cluster API).
    pub marked: bool,
    /// Its deletion was asked for.
    pub deleting: bool,
}
