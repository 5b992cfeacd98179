//! The API objects as the core sees them: plain data, exchanged with the shell and the simulator.

mod attempt;
mod catalog;
mod deployment;
mod host;
mod job;
mod machine;
mod node_class;
mod nodes;
mod pod;
mod policy;
mod share;

pub use attempt::{Attempt, Proof};
pub use catalog::{
    DefinitionStatus, EnvironmentStatus, HeadOfLine, ObservedDefinition, ObservedEnvironment, ObservedQueue,
    ObservedRevision, PoolStatus, QueueStatus, RevisionContent, RevisionEntry, Validity, WaitingJob,
};
pub use deployment::{Made, ObservedMachineDeployment};
pub use host::{ObservedHost, Taint};
pub use job::{
    ArrayStatus, ChildRecord, DependencyStatus, Failure, JobSpec, JobStatus, Milestones, ObservedJob,
    PinnedRevision, Record, ResourceRequest,
};
pub use machine::{Autoscaled, Backend, Launch, MachineType, Managed, ObservedMachine, Strategy};
pub use node_class::{NodeClassContent, ObservedNodeClass, Readiness};
pub use nodes::{Launched, NodeGroup, NodeOverrides, NodeProperties, NodeRange, NodeSet, Nodes};
pub use pod::{Container, ObservedPod, PodPhase, TaskPod};
pub use policy::{
    Cause, Dependency, Ending, ExitRule, JobReference, Pattern, RetryStrategy, Stop, StopChildren, StopKind,
    StuckReason, TimeLimit,
};

pub use share::{FairShareUse, ObservedPolicy, ShareUse, WEIGHT_ONE};

use std::sync::Arc;

/// Bytes the core keeps and hands back without looking inside: what the shell needs to build a job's pods.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payload(pub Arc<[u8]>);

impl Default for Payload {
    fn default() -> Payload {
        Payload(Arc::from([]))
    }
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Payload({} bytes)", self.0.len())
    }
}
