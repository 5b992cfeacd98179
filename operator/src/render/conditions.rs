//! Conditions, from a closed list of types.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time as ApiTime};
use windlass_core::time::Time;

/// Every condition that the operator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The object was accepted; for a queue or environment: it is VALID.
    Ready,
    /// The Job succeeded, as of batch/v1.
    Complete,
    /// The Job failed.
    Failed,
    /// Whether the Job succeeded: Unknown until it has ended.
    Succeeded,
    /// No host that is there, or that could be added, is large enough.
    Stalled,
    /// No node could be had for an environment lately.
    LaunchFailed,
    /// All admission is switched off.
    AdmissionPaused,
    /// Deleted, and kept until nothing uses it.
    InUse,
    /// An older object has its AWS name.
    NameTaken,
    /// Fields are set that mean nothing on Kubernetes.
    Ignored,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Kind::Ready => "Ready",
            Kind::Complete => "Complete",
            Kind::Failed => "Failed",
            Kind::Succeeded => "Succeeded",
            Kind::Stalled => "Stalled",
            Kind::LaunchFailed => "LaunchFailed",
            Kind::AdmissionPaused => "AdmissionPaused",
            Kind::InUse => "InUse",
            Kind::NameTaken => "NameTaken",
            Kind::Ignored => "Ignored",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    True,
    False,
    Unknown,
}

/// A condition that is as it is since `since`.
pub(super) fn condition(
    kind: Kind,
    holds: Holds,
    since: Time,
    reason: &str,
    message: &str,
    generation: i64,
) -> Condition {
    let status = match holds {
        Holds::True => "True",
        Holds::False => "False",
        Holds::Unknown => "Unknown",
    };
    let since = jiff::Timestamp::from_second(since.as_millis().div_euclid(1000))
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Condition {
        type_: kind.as_str().to_owned(),
        status: status.to_owned(),
        last_transition_time: ApiTime(since),
        reason: if reason.is_empty() { "Unknown".to_owned() } else { reason.to_owned() },
        message: message.to_owned(),
        observed_generation: Some(generation),
    }
}
