//! Jobs and the records of their children.

use super::policy::{Dependency, RetryStrategy, Stop, StopChildren};
use super::{Attempt, Launched, NodeOverrides, Payload};
use crate::array::Intervals;
use crate::ids::{Name, ObjectKey, ResourceVersion, Uid};
use crate::reference::Reference;
use crate::state::State;
use crate::time::Time;
use crate::units::Resources;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Amounts that a definition gives and a submission may replace one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceRequest {
    /// Thousandths of a vCPU.
    pub cpu_millis: Option<u64>,
    /// MiB.
    pub memory_mib: Option<u64>,
    /// Whole GPUs.
    pub gpus: Option<u64>,
}

impl ResourceRequest {
    /// These amounts, and where one is not given, those of `fallback`.
    #[must_use]
    pub fn or(self, fallback: ResourceRequest) -> ResourceRequest {
        ResourceRequest {
            cpu_millis: self.cpu_millis.or(fallback.cpu_millis),
            memory_mib: self.memory_mib.or(fallback.memory_mib),
            gpus: self.gpus.or(fallback.gpus),
        }
    }

    /// The amounts a pod of it takes on a host; `None` when vCPUs or memory are not known.
    pub fn resources(self) -> Option<Resources> {
        Some(Resources::of_job(self.cpu_millis?, self.memory_mib?, self.gpus.unwrap_or(0)))
    }
}

/// What a submission asks for, as far as decisions depend on it: many jobs ask for the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobSpec {
    /// `jobQueue`.
    pub queue: Reference,
    /// `jobDefinition`: with a revision, or the latest.
    pub definition: Reference,
    /// `arrayProperties.size`: 2 to 10,000 children; `None` for a single job.
    pub size: Option<u32>,
    /// `jobName`.
    pub aws_name: Option<Name>,
    /// `retryStrategy`; the definition's when not given.
    pub retry: Option<RetryStrategy>,
    /// `timeout.attemptDurationSeconds`; the definition's when not given.
    pub timeout: Option<Duration>,
    /// `dependsOn`, in its order.
    pub depends_on: Vec<Dependency>,
    /// `stop`.
    pub stop: Option<Stop>,
    /// `stopChildren`.
    pub stop_children: Vec<StopChildren>,
    /// `ttlSecondsAfterFinished`; the operator's setting when not given.
    pub time_to_live: Option<Duration>,
    /// `shareIdentifier`.
    pub share: Option<Name>,
    /// `schedulingPriorityOverride`; the definition's when not given.
    pub priority: Option<u32>,
    /// The submission's own vCPUs, memory and GPUs.
    pub overrides: ResourceRequest,
    /// It has `containerOverrides`, which are for jobs of one container.
    pub changes_container: bool,
    /// `nodeOverrides`, which are for multi-node jobs.
    pub node_overrides: Option<Box<NodeOverrides>>,
    /// What is wrong with the submission as the shell read it; such a job fails at once, in these words.
    pub fault: Option<Name>,
}

/// A Job as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedJob {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The job ID.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// `metadata.generation`.
    pub generation: i64,
    /// When it was submitted.
    pub created_at: Time,
    /// True once deletion was asked for; somebody's finalizer keeps it.
    pub deleting: bool,
    /// Git or Helm owns it: it would be made, and run, again if it expired (DESIGN.md, API).
    pub kept: bool,
    /// What it asks for.
    pub spec: Arc<JobSpec>,
    /// What the pod builder needs of the submission.
    pub payload: Payload,
    /// What was last written about it.
    pub status: JobStatus,
}

/// The revision of a definition that a job runs with, for good.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PinnedRevision {
    /// The definition's name, as log streams and the status show it.
    pub definition: Name,
    /// The revision's number.
    pub number: u32,
    /// The ControllerRevision's name.
    pub name: Name,
    /// The ControllerRevision's identity.
    pub uid: Uid,
}

/// When conditions of a job became true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Milestones {
    /// First processed: condition `Ready`.
    pub accepted: Option<Time>,
    /// Found that no host there is, or could be, fits: condition `Stalled`.
    pub stalled: Option<Time>,
    /// Reached its final state.
    pub finished: Option<Time>,
}

/// A failed child, or neighbours that failed for one reason without having run, as the parent's status lists them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The child; of several, the first.
    pub index: u32,
    /// The last of several; the same as `index` for one.
    pub last: u32,
    /// Its last attempt's exit code.
    pub exit_code: Option<i32>,
    /// The reason code.
    pub reason: Name,
    /// The reason in words.
    pub words: Name,
}

/// What a parent's status says of its children.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ArrayStatus {
    /// Number of children.
    pub size: u32,
    /// The children in each state; states without children are left out.
    pub children: BTreeMap<State, Intervals>,
    /// The first failures, at most [`crate::limits::FAILURES_LISTED`].
    pub failures: Vec<Failure>,
    /// Some child was given to a host once, so that JobRecords may exist.
    pub has_begun: bool,
}

/// A Job's status: all that is kept of a job from one run of the operator to the next (with the records, for arrays).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JobStatus {
    /// The generation of the spec this status answers.
    pub observed_generation: i64,
    /// The state.
    pub state: State,
    /// Why, as a CamelCase code.
    pub reason: Name,
    /// Why, in words.
    pub words: Name,
    /// When it was submitted.
    pub created_at: Time,
    /// When its last attempt's container started.
    pub started_at: Option<Time>,
    /// When it stopped.
    pub stopped_at: Option<Time>,
    /// The revision it runs with.
    pub pinned: Option<Arc<PinnedRevision>>,
    /// The compute environment it was last placed in.
    pub environment: Option<Name>,
    /// The launch serial of the next pod (single jobs), or of all nodes' next pods.
    pub launch: u16,
    /// The attempts (single jobs, and the main node of multi-node jobs); the last may still be under way.
    pub attempts: Vec<Attempt>,
    /// The jobs it depends on, as `dependsOn` names them.
    pub dependencies: Vec<DependencyStatus>,
    /// The children (array jobs), or the nodes (multi-node jobs).
    pub array: Option<ArrayStatus>,
    /// The main node (multi-node jobs).
    pub main_node: Option<u32>,
    /// When its conditions became true.
    pub milestones: Milestones,
}

/// What is known of one entry of `dependsOn`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DependencyStatus {
    /// The entry.
    pub on: Dependency,
    /// The Job it means, by name and identity, from the moment it was first seen.
    pub pinned: Option<(Name, Uid)>,
    /// How that ended: SUCCEEDED or FAILED, and why, in words.
    pub outcome: Option<(State, Name)>,
}

/// What is kept of one child.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChildRecord {
    /// Its state when the record was written.
    pub state: State,
    /// The launch serial of its next pod.
    pub launch: u16,
    /// Its attempts that are over.
    pub attempts: Vec<Attempt>,
    /// Of a node: the pod of its attempt under way, in the launch that `launch` says.
    pub launched: Option<Launched>,
}

/// A JobRecord: the full record of up to [`crate::limits::CHILDREN_PER_RECORD`] neighbouring children.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// The children that have begun at least one attempt.
    pub children: BTreeMap<u32, ChildRecord>,
}
