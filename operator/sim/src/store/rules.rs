//! What the API server refuses: the rules of the CRDs, as far as the operator could break them, and admission's order.

use super::Store;
use windlass_core::action::{Guard, Outcome, Refusal};
use windlass_core::ids::{Name, ResourceVersion, Uid};
use windlass_core::objects::{Attempt, JobStatus};

/// The most attempts a status can hold (`maxItems` in the CRD).
const ATTEMPTS: usize = 10;

/// A write is for one version of one object: on any other it fails.
pub(super) fn conflict(guard: &Guard, uid: Uid, version: ResourceVersion) -> Option<Outcome> {
    (guard.uid != uid || guard.resource_version != version).then_some(Outcome::Conflict)
}

/// An object, as far as our finalizer is concerned.
pub(super) struct Holding {
    pub(super) held: bool,
    pub(super) deleting: bool,
    pub(super) version: ResourceVersion,
}

/// The answer to setting or taking our finalizer, when that changes nothing, or is refused: one cannot be set on what is being
/// deleted already.
pub(super) fn without_change(now: &Holding, hold: bool) -> Option<Outcome> {
    if now.held == hold {
        return Some(Outcome::Written(now.version));
    }
    (hold && now.deleting).then(|| {
        let words = "no new finalizers can be added if the object is being deleted";
        Outcome::Refused(Refusal::Invalid, Name::from(words))
    })
}

/// The CRD's rules for a Job's status.
pub(super) fn refused_status(before: &JobStatus, after: &JobStatus) -> Option<Outcome> {
    let words = if before.state.is_final() && after.state != before.state {
        "status: SUCCEEDED and FAILED are final"
    } else if before.attempts.iter().filter(|attempt| has_begun(attempt)).count() > after.attempts.len() {
        "status: attempts are never forgotten"
    } else if before.pinned.is_some() && pin(before) != pin(after) {
        "status: a job keeps the revision of its definition that it began with"
    } else if after.attempts.len() > ATTEMPTS {
        "status.attempts: must have at most 10 items"
    } else {
        return None;
    };
    Some(Outcome::Refused(Refusal::Invalid, Name::from(words)))
}

/// The policy `windlass-operator-jail-others` of the chart.
pub(super) fn not_ended() -> Outcome {
    Outcome::Refused(Refusal::Invalid, Name::from("the operator deletes only Jobs that have ended"))
}

/// A launch that the API server refused is no attempt: it is taken back.
const fn has_begun(attempt: &Attempt) -> bool {
    attempt.started_at.is_some() || attempt.stopped_at.is_some()
}

fn pin(status: &JobStatus) -> Option<(&Name, Uid)> {
    status.pinned.as_ref().map(|pinned| (&pinned.name, pinned.uid))
}

impl Store {
    /// Admission of a new object: it comes before the name is looked at, so that a namespace that ends refuses also what is there
    /// already. `missing` is the answer when there is no such namespace.
    pub(super) fn refused_in(&self, namespace: &Name, missing: Outcome) -> Option<Outcome> {
        match self.namespaces.get(namespace) {
            Some(false) => None,
            Some(true) => Some(Outcome::Refused(
                Refusal::NamespaceTerminating,
                Name::from("unable to create new content in a namespace because it is being terminated"),
            )),
            None => Some(missing),
        }
    }
}
