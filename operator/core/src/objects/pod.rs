//! Pods: those of our jobs in detail, all others only as users of a host.

use super::Ending;
use crate::ids::{Name, ObjectKey, ResourceVersion, Uid};
use crate::time::Time;
use crate::units::ResourceList;

/// `status.phase`, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PodPhase {
    /// Pending, Running or unknown: it uses its host.
    #[default]
    Active,
    /// Ended, and all its containers exited with 0.
    Succeeded,
    /// Ended otherwise.
    Failed,
}

/// The job container's state as the kubelet reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Container {
    /// No report yet.
    #[default]
    Unknown,
    /// Not started: the kubelet's reason and message (`ImagePullBackOff`, …).
    Waiting {
        /// The reason, a word.
        reason: Name,
        /// The message.
        message: Name,
    },
    /// It runs.
    Running {
        /// Since when.
        started_at: Time,
    },
    /// It ended.
    Terminated {
        /// Its exit code.
        exit_code: i32,
        /// The kubelet's word: `Completed`, `Error`, `OOMKilled`, `ContainerStatusUnknown`.
        reason: Name,
        /// The kubelet's message.
        message: Name,
        /// When it started, if the kubelet knows.
        started_at: Option<Time>,
        /// When it ended, if the kubelet knows.
        stopped_at: Option<Time>,
    },
}

/// What makes a pod one of ours: which launch of which task it is, and what the kubelet says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TaskPod {
    /// The job's ID.
    pub job: Uid,
    /// The job's name.
    pub job_name: Name,
    /// The child's index; 0 for a single job.
    pub index: u32,
    /// The attempt, from 1.
    pub attempt: u8,
    /// The launch serial.
    pub launch: u16,
    /// The host it was admitted to; empty when any host of its environment will do, also one that is still to be added.
    pub admitted_to: Name,
    /// No other task comes to its host: it is a node of a multi-node job.
    pub alone: bool,
    /// The compute environment it was placed in.
    pub environment: Name,
    /// True while our finalizer holds it.
    pub held: bool,
    /// A scheduling gate keeps it off the hosts: it is a node of a multi-node job that was not let go.
    pub gated: bool,
    /// Its IP address, once it has one.
    pub address: Option<Name>,
    /// The job's container.
    pub container: Container,
    /// Its kubelet has started that container again: a node's, whose sandbox was lost.
    pub restarted: bool,
    /// `status.reason`: `Evicted`, `OutOfcpu`, `NodeShutdown`, …
    pub reason: Name,
    /// `status.message`.
    pub message: Name,
    /// The reason of a true `DisruptionTarget` condition.
    pub disruption: Option<Name>,
    /// kube-scheduler's message when it found no room.
    pub unschedulable: Option<Name>,
    /// When it was bound to its host, if that is told.
    pub bound_at: Option<Time>,
    /// Why the operator has it stopped.
    pub ending: Option<Ending>,
}

/// A pod as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedPod {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// When it was created.
    pub created_at: Time,
    /// The host it is bound to.
    pub host: Option<Name>,
    /// What its containers request.
    pub requests: ResourceList,
    /// Its phase.
    pub phase: PodPhase,
    /// True once deletion was asked for.
    pub deleting: bool,
    /// Set for the pods of our jobs.
    pub task: Option<TaskPod>,
}

impl ObservedPod {
    /// The host it is bound to, else the one it was admitted to.
    pub fn place(&self) -> Option<&Name> {
        let admitted_to = self.task.as_ref().map(|task| &task.admitted_to);
        self.host.as_ref().or(admitted_to).filter(|host| !host.is_empty())
    }

    /// The environment in which it waits for a node that an autoscaler is to add; `None` once it has a host.
    pub fn floats_in(&self) -> Option<&Name> {
        let task = self.task.as_ref().filter(|task| !task.gated);
        task.filter(|_| self.place().is_none()).map(|task| &task.environment)
    }
}
