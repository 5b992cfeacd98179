//! The states of a job, and how it is known that an attempt is over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most attempts a job can have.
pub const MAXIMUM_ATTEMPTS: u32 = 10;

/// Why it is certain that nothing of an attempt runs any more. The next attempt is made only then.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The kubelet reported the container's exit.
    ContainerTerminated,
    /// The pod was never bound to a host.
    NeverBound,
    /// The host's Node object is gone.
    NodeDeleted,
    /// An administrator declared the host to be off (taint `node.kubernetes.io/out-of-service`).
    OutOfServiceTaint,
    /// Somebody removed the pod by force, finalizer and all: that person's word, no report of the kubelet's.
    PodRemoved,
}

/// Where a job, a child or a node of a job stands, in AWS's words.
#[derive(
    Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum JobState {
    /// It was accepted and not looked at yet.
    #[default]
    Submitted,
    /// It waits for other jobs.
    Pending,
    /// It waits for capacity.
    Runnable,
    /// It is bound to a host; its image and container are on their way.
    Starting,
    /// Its container runs.
    Running,
    /// Its container ended with exit code 0. Final.
    Succeeded,
    /// It failed, was cancelled or terminated. Final.
    Failed,
}
