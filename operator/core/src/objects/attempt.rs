//! The record of one attempt (SPEC.md J9).

use crate::ids::{Name, Uid};
use crate::time::Time;

/// What shows that an attempt's container is over and no other can follow in it (DESIGN.md, rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// The kubelet reported the container's exit.
    ContainerTerminated,
    /// The pod was removed, or refused by the kubelet, before any container existed.
    NeverBound,
    /// The Node object is gone: the host was taken out of the cluster.
    NodeDeleted,
    /// An administrator tainted the node `node.kubernetes.io/out-of-service`.
    OutOfServiceTaint,
    /// Somebody stripped our finalizer and the pod object is gone: that person's word, no report of the kubelet's.
    PodRemoved,
}

impl Proof {
    /// Every kind of proof.
    pub const ALL: [Proof; 5] = [
        Proof::ContainerTerminated,
        Proof::NeverBound,
        Proof::NodeDeleted,
        Proof::OutOfServiceTaint,
        Proof::PodRemoved,
    ];

    /// The word in `status.attempts[].proof`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Proof::ContainerTerminated => "ContainerTerminated",
            Proof::NeverBound => "NeverBound",
            Proof::NodeDeleted => "NodeDeleted",
            Proof::OutOfServiceTaint => "OutOfServiceTaint",
            Proof::PodRemoved => "PodRemoved",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Proof> {
        Proof::ALL.into_iter().find(|proof| proof.as_str() == text)
    }
}

/// One attempt of a job or of one child: over when `proof` is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// From 1.
    pub number: u8,
    /// The launch serial in the pod's name; 0 unless earlier pods of this attempt were withdrawn.
    pub launch: u16,
    /// The pod, once it was seen.
    pub pod_uid: Option<Uid>,
    /// The host the attempt was given to.
    pub host: Option<Name>,
    /// The container's exit code, when it reported one.
    pub exit_code: Option<i32>,
    /// Why the container ended, in the runtime's word and message (`OutOfMemoryError: …`); empty when it just exited.
    pub reason: Name,
    /// Why the attempt ended, in words.
    pub words: Name,
    /// When the container started.
    pub started_at: Option<Time>,
    /// When it stopped.
    pub stopped_at: Option<Time>,
    /// What shows that it is over.
    pub proof: Option<Proof>,
}

impl Attempt {
    /// True when the attempt is over.
    pub const fn is_over(&self) -> bool {
        self.proof.is_some()
    }

    /// True when the container ran and exited with 0.
    pub fn succeeded(&self) -> bool {
        self.proof == Some(Proof::ContainerTerminated) && self.exit_code == Some(0)
    }
}
