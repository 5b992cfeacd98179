//! What the core wants done: plain data. Each action ends as an [`Outcome`].

use crate::ids::{Name, ObjectKey, ResourceVersion, Uid};
use crate::objects::{
    ArrayStatus, Backend, DefinitionStatus, Ending, EnvironmentStatus, JobStatus, MachineType,
    NodeClassContent, Nodes, ObservedDefinition, ObservedJob, ObservedMachine, ObservedMachineDeployment,
    ObservedNodeClass, ObservedPod, ObservedRevision, Payload, QueueStatus, Record,
};
use crate::time::Time;
use crate::units::Resources;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A pod to create: one launch of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodOrder {
    /// Namespace and name of the pod, derived from job, index, attempt and launch.
    pub pod: ObjectKey,
    /// The Job's name.
    pub job_name: Name,
    /// The Job's identity.
    pub job: Uid,
    /// The submission.
    pub submission: Payload,
    /// The definition's revision.
    pub revision: Payload,
    /// The child's index and the array's size; `None` for a single job.
    pub child: Option<(u32, u32)>,
    /// The attempt, from 1.
    pub attempt: u8,
    /// The launch serial.
    pub launch: u16,
    /// The queue's name, as its owner calls it.
    pub queue: Name,
    /// The environment's name, as its owner calls it.
    pub environment: Name,
    /// The definition's name and revision number.
    pub definition: (Name, u32),
    /// The host it is pinned to; empty where `selector` says which will do.
    pub host: Name,
    /// Labels of the hosts that will do, also of those that an autoscaler is to add for it; empty for a pod that is pinned.
    pub selector: BTreeMap<Name, Name>,
    /// That host is one environment's alone: the pod goes there without kube-scheduler.
    pub direct: bool,
    /// What it takes there.
    pub need: Resources,
    /// What its GPUs are called there.
    pub gpu_resource: Name,
    /// Not to be sent later than this.
    pub not_after: Time,
}

/// The nodes of a multi-node job in one launch of an attempt: a headless Service for the main node and one for all, and a
/// StatefulSet for each of [`Nodes::sets`], whose pods are kept off the hosts by a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSetsOrder {
    /// Namespace and name of the Job.
    pub job: ObjectKey,
    /// Its identity.
    pub job_uid: Uid,
    /// The submission.
    pub submission: Payload,
    /// The definition's revision.
    pub revision: Payload,
    /// The nodes.
    pub nodes: Arc<Nodes>,
    /// The attempt, from 1.
    pub attempt: u8,
    /// The launch serial.
    pub launch: u16,
    /// The queue's name, as its owner calls it.
    pub queue: Name,
    /// The environment's name, as its owner calls it.
    pub environment: Name,
    /// The definition's name and revision number.
    pub definition: (Name, u32),
    /// The hosts are one environment's alone, and keep other pods off.
    pub ours_alone: bool,
    /// What GPUs are called there.
    pub gpu_resource: Name,
    /// Not to be sent later than this.
    pub not_after: Time,
}

/// A node's pod that is let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetGoOrder {
    /// The pod, and its version.
    pub guard: Guard,
    /// The host it is pinned to from now on.
    pub host: Name,
    /// The main node's address; `None` for the main node itself.
    pub main_address: Option<Name>,
}

/// A machine to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineOrder {
    /// Its name, never used before.
    pub name: Name,
    /// Who makes it.
    pub backend: Backend,
    /// The environment's name.
    pub environment: Name,
    /// The environment's identity.
    pub environment_uid: Uid,
    /// What it is to be.
    pub machine_type: MachineType,
    /// What its GPUs are to be called.
    pub gpu_resource: Name,
    /// The node class that was made for it, and the digest of what that says; `None` where none was made.
    pub node_class: Option<(Name, Name)>,
    /// The environment's own wishes.
    pub payload: Payload,
    /// Not to be sent later than this.
    pub not_after: Time,
}

/// A node class to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeClassOrder {
    /// Its name.
    pub name: Name,
    /// The object and version to replace; `None` to make it.
    pub replaces: Option<(Uid, ResourceVersion)>,
    /// The environment's name.
    pub environment: Name,
    /// The environment's identity.
    pub environment_uid: Uid,
    /// The generation of the environment that asks for it.
    pub environment_generation: i64,
    /// What it is to say.
    pub content: NodeClassContent,
}

/// A MachineDeployment to make for an environment, with a machine template of its own: both like those of another one, its
/// pattern, but for what the environment says of its machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentOrder {
    /// Namespace and name of both.
    pub key: ObjectKey,
    /// The pattern.
    pub pattern: ObjectKey,
    /// What the pattern is to say: a digest of that.
    pub pattern_digest: Name,
    /// The environment's name.
    pub environment: Name,
    /// The environment's identity.
    pub environment_uid: Uid,
    /// The generation of the environment that asks for it.
    pub environment_generation: i64,
    /// What the environment says of its machines.
    pub content: NodeClassContent,
}

/// How many machines a MachineDeployment is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleOrder {
    /// The MachineDeployment, and its version.
    pub guard: Guard,
    /// How many.
    pub replicas: u32,
    /// Not to be sent later than this; `None` for fewer than there are.
    pub not_after: Option<Time>,
}

/// Which object a finalizer of ours is set on or taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// A JobQueue.
    Queue,
    /// A ComputeEnvironment.
    Environment,
    /// A ControllerRevision.
    Revision,
}

/// One request, or a few that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read a definition from the API server itself → [`Outcome::Definition`] or [`Outcome::NotFound`].
    ReadDefinition(ObjectKey),
    /// Make a definition's revision → [`Outcome::Revision`], also when it exists already (with what it then says).
    CreateRevision {
        /// The definition.
        definition: ObjectKey,
        /// Its identity.
        definition_uid: Uid,
        /// The number.
        number: u32,
        /// The content.
        content: Payload,
    },
    /// Read a definition's revision from the API server itself → [`Outcome::Revision`] or [`Outcome::NotFound`].
    ReadRevision(ObjectKey),
    /// Write a definition's status → [`Outcome::Written`].
    WriteDefinition(Guard, Box<DefinitionStatus>),
    /// Write a queue's status → [`Outcome::Written`].
    WriteQueue(Guard, Box<QueueStatus>),
    /// Write an environment's status → [`Outcome::Written`].
    WriteEnvironment(Guard, Box<EnvironmentStatus>),
    /// Set (true) or take (false) our finalizer → [`Outcome::Written`].
    Hold(Held, Guard, bool),
    /// Read a Job from the API server itself → [`Outcome::Job`] or [`Outcome::NotFound`].
    ReadJob(ObjectKey),
    /// Write a Job's status → [`Outcome::Written`].
    WriteJob(Guard, Box<JobStatus>),
    /// Read one of a Job's records → [`Outcome::Record`] or [`Outcome::NotFound`].
    ReadRecord {
        /// The Job.
        job: ObjectKey,
        /// Its identity.
        job_uid: Uid,
        /// The first index of the record.
        first_index: u32,
    },
    /// Make (no version) or replace a record → [`Outcome::Written`].
    WriteRecord(Box<RecordOrder>),
    /// Create a pod → [`Outcome::Pod`], also when one of that name exists already (the one that is there).
    CreatePod(Box<PodOrder>),
    /// Make the StatefulSets and Services of a multi-node job's launch, as far as they are not there → [`Outcome::Done`].
    MakeNodeSets(Box<NodeSetsOrder>),
    /// Delete the StatefulSets and Services that a multi-node job has for one launch → [`Outcome::Done`].
    DeleteNodeSets {
        /// The Job.
        job: ObjectKey,
        /// Its identity.
        job_uid: Uid,
        /// The attempt, from 1.
        attempt: u8,
        /// The launch serial.
        launch: u16,
    },
    /// Ask what the cluster says of a StatefulSet that makes no pods → [`Outcome::Refused`] with what its controller was refused,
    /// [`Outcome::Words`] without words when nothing is told.
    ReadSetEvents(ObjectKey),
    /// Let a node's pod go to its host, only in exactly this version → [`Outcome::Done`].
    LetGo(Box<LetGoOrder>),
    /// Read a pod from the API server itself → [`Outcome::Pod`] or [`Outcome::NotFound`].
    ReadPod(ObjectKey),
    /// Ask the API server itself whether a node is there → [`Outcome::Done`] or [`Outcome::NotFound`].
    LookForHost(Name),
    /// Delete a pod, with the grace its spec gives; only in exactly this version when one is given → [`Outcome::Done`].
    DeletePod(ObjectKey, Uid, Option<ResourceVersion>),
    /// Write on a bound pod why it is stopped, and delete it, only in exactly this version → [`Outcome::Done`].
    StopPod {
        /// Namespace and name.
        pod: ObjectKey,
        /// Its identity.
        uid: Uid,
        /// Its version.
        resource_version: ResourceVersion,
        /// Why.
        ending: Ending,
    },
    /// Ask what the cluster says of a pod that does not start → [`Outcome::Words`].
    ReadEvents(ObjectKey, Uid),
    /// Delete a Job that has expired, only in exactly this version → [`Outcome::Done`].
    DeleteJob(Guard),
    /// Ask a backend for a machine → [`Outcome::Machine`], also when one of that name exists already (the one that is there).
    LaunchMachine(Box<MachineOrder>),
    /// Read a machine from the API server itself → [`Outcome::Machine`] or [`Outcome::NotFound`].
    ReadMachine(Backend, Name),
    /// Ask what the cluster says of a machine that was taken back → [`Outcome::Words`].
    ReadMachineEvents(Name, Uid),
    /// Make an environment's node class, or have it say something else → [`Outcome::NodeClass`], also when one of that name
    /// exists already (the one that is there).
    WriteNodeClass(Box<NodeClassOrder>),
    /// Have a machine take no more jobs → [`Outcome::Done`].
    RetireMachine(Backend, Name, Uid),
    /// Delete a machine; mark one of Cluster API as the next to go → [`Outcome::Done`].
    RemoveMachine(Backend, Name, Uid),
    /// Read a MachineDeployment from the API server itself, and then its machines → [`Outcome::MachineDeployment`] or
    /// [`Outcome::NotFound`].
    ReadMachineDeployment(ObjectKey),
    /// Make a MachineDeployment like another one, with a machine template → [`Outcome::MachineDeployment`] without machines, also
    /// when it exists already (as it is then).
    MakeMachineDeployment(Box<DeploymentOrder>),
    /// Delete a MachineDeployment that was made, only in exactly this version, and its machine template → [`Outcome::Done`].
    DeleteMachineDeployment(Guard),
    /// Say how many machines a MachineDeployment is to have, only in exactly this version → [`Outcome::Written`].
    Scale(Box<ScaleOrder>),
    /// Take our finalizer from a pod that is over, and delete it (true) unless that was asked for before → [`Outcome::Done`].
    ReleasePod(ObjectKey, Uid, bool),
}

/// Which object in which version a write is for: it fails with [`Outcome::Conflict`] on any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Identity.
    pub uid: Uid,
    /// Version.
    pub resource_version: ResourceVersion,
}

/// A record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordOrder {
    /// The Job.
    pub job: ObjectKey,
    /// Its identity.
    pub job_uid: Uid,
    /// The definition's name, for log streams.
    pub definition: Name,
    /// The nodes of a multi-node job, whose pods' names tell the set they are of.
    pub nodes: Option<Arc<Nodes>>,
    /// The first index of the record.
    pub first_index: u32,
    /// The version to replace; `None` to make it.
    pub resource_version: Option<ResourceVersion>,
    /// The content.
    pub record: Record,
}

/// How a request was refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The object itself is wrong: validation, Pod Security, an admission policy. The same request fails again.
    Invalid,
    /// A ResourceQuota is used up: may pass later.
    Quota,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// Anything else, such as a right the operator lacks: somebody has to act, may pass later.
    Other,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, or found to be done already.
    Done,
    /// Written; the object's version now.
    Written(ResourceVersion),
    /// The definition read.
    Definition(Box<ObservedDefinition>),
    /// The revision made or found.
    Revision(Box<ObservedRevision>),
    /// The Job read.
    Job(Box<ObservedJob>),
    /// The record read, in this version.
    Record(Box<Record>, ResourceVersion),
    /// The machine asked for, found or read.
    Machine(Box<ObservedMachine>),
    /// The node class written or found.
    NodeClass(Box<ObservedNodeClass>),
    /// The MachineDeployment read, and its machines, which were listed after it.
    MachineDeployment(Box<ObservedMachineDeployment>, Vec<ObservedMachine>),
    /// The pod created, found or read.
    Pod(Box<ObservedPod>),
    /// The latest trouble the cluster tells of; `None` when it tells of none.
    Words(Option<Name>),
    /// There is no such object (with this identity).
    NotFound,
    /// The object has another version, or is another.
    Conflict,
    /// The API server refused it, in these words.
    Refused(Refusal, Name),
    /// Nobody knows whether it was carried out: timeout, broken connection, server error.
    Unknown(Name),
    /// Not sent: it was too old.
    Expired,
}

impl ArrayStatus {
    /// How many children are in `state`.
    pub fn count(&self, state: crate::state::State) -> u32 {
        self.children.get(&state).map_or(0, crate::array::Intervals::count)
    }
}
