//! Machines that a managed environment has made: what is asked for, and what the backend has of it.

use super::Payload;
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
}

impl Backend {
    /// True when a machine that is to go away goes only once the jobs there have ended.
    pub const fn waits_for_jobs(self) -> bool {
        matches!(self, Backend::Karpenter)
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
    /// vCPUs kept also when idle.
    pub min_vcpus: u32,
    /// vCPUs to begin with.
    pub desired_vcpus: u32,
    /// vCPUs never exceeded.
    pub max_vcpus: u32,
    /// Instance types, families, `optimal`; empty for all there are.
    pub instance_types: Vec<Name>,
    /// Which of them is taken.
    pub strategy: Strategy,
    /// How long a machine stays idle before it goes; `None` for the installation's own.
    pub idle_limit: Option<Duration>,
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
    /// The environment it was made for.
    pub environment: Uid,
    /// Its instance type.
    pub machine_type: Name,
    /// When it was asked for.
    pub created_at: Time,
    /// The node on it, once there is one.
    pub node: Option<Name>,
    /// Why it cannot be had, in the backend's words.
    pub fault: Option<Name>,
    /// It takes no more jobs, because it is to go.
    pub leaving: bool,
    /// Its deletion was asked for.
    pub deleting: bool,
}
