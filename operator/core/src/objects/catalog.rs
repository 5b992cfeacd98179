//! What jobs refer to: definitions and their revisions, queues, compute environments.

use super::{
    Autoscaled, FairShareUse, Launch, Managed, NodeProperties, Payload, ResourceRequest, RetryStrategy,
    TimeLimit,
};
use crate::ids::{Name, ObjectKey, ResourceVersion, Uid};
use crate::reference::Reference;
use crate::state::State;
use crate::time::Time;
use crate::units::Resources;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a revision says: immutable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevisionContent {
    /// vCPUs, memory and GPUs.
    pub resources: ResourceRequest,
    /// `nodeProperties`: its jobs are multi-node jobs.
    pub nodes: Option<NodeProperties>,
    /// `retryStrategy`.
    pub retry: Option<RetryStrategy>,
    /// `timeout.attemptDurationSeconds`.
    pub timeout: Option<Duration>,
    /// `schedulingPriority`: of jobs within their share.
    pub priority: Option<u32>,
    /// What is wrong with it as the shell read it; jobs that would run with it fail, in these words.
    pub fault: Option<Name>,
    /// What the pod builder needs, and what a ControllerRevision stores: the canonical JSON of the definition's content.
    pub payload: Payload,
}

/// A JobDefinition as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedDefinition {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// `metadata.generation`.
    pub generation: i64,
    /// When it was applied first.
    pub created_at: Time,
    /// `jobDefinitionName`.
    pub aws_name: Option<Name>,
    /// `state` is not INACTIVE.
    pub active: bool,
    /// `inactiveRevisions`.
    pub inactive_revisions: BTreeSet<u32>,
    /// Its content now.
    pub content: RevisionContent,
    /// What was last written about it.
    pub status: DefinitionStatus,
}

/// One line of a definition's `status.revisions`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RevisionEntry {
    /// The number.
    pub number: u32,
    /// The ControllerRevision's name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// Usable for new submissions.
    pub active: bool,
    /// When it was made.
    pub created_at: Time,
}

/// A JobDefinition's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct DefinitionStatus {
    /// The generation of the spec this status answers.
    pub observed_generation: i64,
    /// Its revisions, oldest first.
    pub revisions: Vec<RevisionEntry>,
    /// Whether its content can be used.
    pub validity: Validity,
    /// An older definition has its AWS name: which, in words.
    pub name_taken: Option<Name>,
}

/// A ControllerRevision of a JobDefinition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedRevision {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// When it was made.
    pub created_at: Time,
    /// The definition it belongs to.
    pub definition: Uid,
    /// The number, from 1.
    pub number: u32,
    /// What it says.
    pub content: RevisionContent,
    /// True once deletion was asked for: our finalizer keeps it while jobs use it.
    pub deleting: bool,
    /// True while our finalizer holds it.
    pub held: bool,
}

/// Whether a queue, environment or definition can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Validity {
    /// Why it is INVALID: code and words; `None` when it is VALID.
    pub fault: Option<(Name, Name)>,
    /// Since when it is as it is.
    pub since: Time,
}

/// A JobQueue as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedQueue {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// `metadata.generation`.
    pub generation: i64,
    /// When it was applied first.
    pub created_at: Time,
    /// `jobQueueName`.
    pub aws_name: Option<Name>,
    /// `state` is not DISABLED.
    pub enabled: bool,
    /// Higher is served first.
    pub priority: i64,
    /// `schedulingPolicyArn`: it is a fair-share queue.
    pub policy: Option<Reference>,
    /// Its environments, in the order they are tried.
    pub environments: Vec<Reference>,
    /// `jobStateTimeLimitActions`.
    pub time_limits: Vec<TimeLimit>,
    /// True once deletion was asked for.
    pub deleting: bool,
    /// True while our finalizer holds it.
    pub held: bool,
    /// What was last written about it.
    pub status: QueueStatus,
}

/// A job that waits for capacity, as its queue's status lists it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WaitingJob {
    /// Its namespace and name.
    pub job: ObjectKey,
    /// Since when it is there.
    pub submitted_at: Time,
    /// Why it waits, as a code.
    pub reason: Name,
    /// By when it starts at the latest, if that is known.
    pub expected_start: Option<Time>,
}

/// The job that waits first in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeadOfLine {
    /// Its namespace and name.
    pub job: ObjectKey,
    /// Why it waits, as a code.
    pub reason: Name,
    /// Why it waits, in words.
    pub words: Name,
    /// Since when it waits first, for this reason.
    pub since: Time,
}

/// A JobQueue's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QueueStatus {
    /// The generation of the spec this status answers.
    pub observed_generation: i64,
    /// VALID or INVALID.
    pub validity: Validity,
    /// Jobs and children in each state that is not final.
    pub depth: BTreeMap<State, u64>,
    /// When the job was submitted that has waited longest for capacity.
    pub oldest_wait: Option<Time>,
    /// The job that waits first, and why.
    pub head: Option<HeadOfLine>,
    /// What its jobs that have a host take there.
    pub used: Resources,
    /// The first jobs that wait for capacity, at most [`crate::limits::WAITING_LISTED`], in about the order they start.
    pub front: Vec<WaitingJob>,
    /// What its shares use, of a fair-share queue.
    pub fair_share: Option<FairShareUse>,
    /// All admission is switched off.
    pub paused: bool,
    /// An older queue has its AWS name: which, in words.
    pub name_taken: Option<Name>,
    /// Deleted, and kept until what uses it is gone: who, in words.
    pub in_use: Option<Name>,
}

/// A ComputeEnvironment as the API server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedEnvironment {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// `metadata.generation`.
    pub generation: i64,
    /// When it was applied first.
    pub created_at: Time,
    /// `computeEnvironmentName`.
    pub aws_name: Option<Name>,
    /// `state` is not DISABLED.
    pub enabled: bool,
    /// The labels its hosts have: its own or its backend's `nodeSelector`, or the label that its machines get.
    pub selector: BTreeMap<Name, Name>,
    /// What its nodes call GPUs: the extended resource ([`crate::units::GPUS`]).
    pub gpu_resource: Name,
    /// What a MANAGED one may have made.
    pub managed: Option<Managed>,
    /// What somebody else's autoscaler may add to a MANAGED one.
    pub autoscaled: Option<Autoscaled>,
    /// Fields that are set and mean nothing on Kubernetes, in words.
    pub ignored: Option<Name>,
    /// True once deletion was asked for.
    pub deleting: bool,
    /// True while our finalizer holds it.
    pub held: bool,
    /// What was last written about it.
    pub status: EnvironmentStatus,
}

impl ObservedEnvironment {
    /// `maxvCpus` of a MANAGED one.
    pub fn max_vcpus(&self) -> Option<u32> {
        let managed = self.managed.as_ref().map(|managed| managed.max_vcpus);
        managed.or_else(|| self.autoscaled.as_ref().map(|autoscaled| autoscaled.max_vcpus))
    }
}

/// What a MANAGED environment has had made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PoolStatus {
    /// vCPUs of all its machines, or of its nodes, those included that are still to come; `None` before the first were decided.
    pub desired_vcpus: Option<u32>,
    /// vCPUs of those that have no node yet that takes jobs.
    pub launching_vcpus: u32,
    /// Memory that nodes on them will offer, in bytes, as far as can be told.
    pub launching_memory: u64,
    /// GPUs that nodes on them will offer, or that are yet to be registered.
    pub launching_gpus: u64,
    /// The serial number of the machine decided last.
    pub last_serial: u64,
    /// Machines decided that may not have been asked for yet, or may still be made late.
    pub launches: Vec<Launch>,
}

/// A ComputeEnvironment's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EnvironmentStatus {
    /// The generation of the spec this status answers.
    pub observed_generation: i64,
    /// VALID or INVALID.
    pub validity: Validity,
    /// Its hosts that take jobs.
    pub hosts: u32,
    /// What these hosts offer.
    pub total: Resources,
    /// What pods use of it, whoever owns them.
    pub used: Resources,
    /// The vCPUs that a MANAGED one may have at most.
    pub max_vcpus: Option<u32>,
    /// Machines asked for, or about to be; none of an UNMANAGED one.
    pub pool: PoolStatus,
    /// Why no node could be had lately, where that does not make it INVALID; in words.
    pub launch_failure: Option<Name>,
    /// An older environment has its AWS name: which, in words.
    pub name_taken: Option<Name>,
    /// Deleted, and kept until what uses it is gone: who, in words.
    pub in_use: Option<Name>,
    /// Fields that are set and mean nothing here, in words.
    pub ignored: Option<Name>,
}
