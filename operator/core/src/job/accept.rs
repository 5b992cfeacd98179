//! Taking a submission in: its queue, its definition, the revision it runs with (SPEC.md J2, D1, Q1).

use super::{Job, Urgency, adopt};
use crate::array::Intervals;
use crate::desk::Desk;
use crate::ids::Name;
use crate::objects::PinnedRevision;
use crate::schedule::Waiting;
use std::fmt::Write as _;

/// Accepts the job if all it refers to is there; else says what it waits for, or why it fails.
pub(crate) fn accept(job: &mut Job, desk: &mut Desk) {
    if let Some(fault) = job.spec.fault.clone() {
        return job.fail("InvalidSubmission", fault, desk);
    }
    let Some(queue) = desk.queues.find(&Name::default(), &job.spec.queue) else {
        return job.wait_for(Waiting::QueueNotFound(job.spec.queue.name.clone()), desk);
    };
    let name = queue.display_name().clone();
    let (uid, enabled, deleting) = (queue.observed.uid, queue.observed.enabled, queue.observed.deleting);
    if !enabled || deleting {
        let state = if deleting { "being deleted" } else { "DISABLED" };
        let words = format!(
            "job queue {name} is {state} and takes no new jobs: submit to another queue, or enable it first"
        );
        return job.fail("QueueDisabled", words, desk);
    }
    job.queue = Some(uid);
    if let Some(pinned) = choose_revision(job, desk) {
        job.pinned = Some(pinned);
        job.tasks.submitted = Intervals::default();
        job.tasks.runnable = Intervals::below(job.size());
        job.milestones.accepted.get_or_insert(desk.now.to_second());
        job.waits_for = None;
        job.report.ask(Urgency::Patient);
        if learn_need(job, desk) {
            enter_queue(job, desk);
            adopt::meet_pods(job, desk);
        }
    }
}

/// The revision the job is to run with: read from the API server after the job was first seen, so that a change of the
/// definition that came before the job counts.
fn choose_revision(job: &mut Job, desk: &mut Desk) -> Option<PinnedRevision> {
    let reference = job.spec.definition.clone();
    let Some(definition) = desk.definitions.find(&job.key.namespace, &reference) else {
        job.wait_for(Waiting::DefinitionNotFound(reference.name), desk);
        return None;
    };
    let uid = definition.observed.uid;
    if !desk.take_fresh_definition(job.uid, uid) {
        desk.read_definition_for(job.uid, uid);
        return None;
    }
    let definition = desk.definitions.get(uid)?;
    let name = definition.display_name().clone();
    if !definition.observed.active {
        let words = format!(
            "job definition {name} is INACTIVE (deregistered) and takes no new jobs: set its state to ACTIVE"
        );
        return refuse(job, "DefinitionInactive", words, desk);
    }
    let Some(number) = reference.revision.or_else(|| definition.latest_active(&desk.revisions)) else {
        let words = format!("job definition {name} has no ACTIVE revision: all are in its inactiveRevisions");
        return refuse(job, "DefinitionInactive", words, desk);
    };
    if definition.observed.inactive_revisions.contains(&number) {
        let words = format!(
            "revision {number} of job definition {name} is INACTIVE (deregistered): use another revision"
        );
        return refuse(job, "DefinitionInactive", words, desk);
    }
    let Some(revision) = definition.revision(number, &desk.revisions) else {
        let latest = definition.latest(&desk.revisions).map_or(0, |latest| latest.number);
        let words = format!("job definition {name} has no revision {number}; its latest is {latest}");
        return refuse(job, "RevisionNotFound", words, desk);
    };
    let pinned = PinnedRevision {
        definition: name,
        number,
        name: revision.observed.key.name.clone(),
        uid: revision.observed.uid,
    };
    Some(pinned)
}

fn refuse(job: &mut Job, reason: &str, words: String, desk: &mut Desk) -> Option<PinnedRevision> {
    job.fail(reason, words, desk);
    None
}

/// Works out what the job needs with its revision; false when it fails instead.
pub(crate) fn learn_need(job: &mut Job, desk: &mut Desk) -> bool {
    let Some(pinned) = job.pinned.clone() else { return false };
    let Some(revision) = desk.revisions.get(pinned.uid) else {
        let words = format!(
            "revision {} of job definition {} is gone: somebody removed it by force",
            pinned.number, pinned.definition
        );
        job.fail("RevisionLost", words, desk);
        return false;
    };
    let content = &revision.observed.content;
    if let Some(fault) = content.fault.clone() {
        job.fail("InvalidDefinition", fault, desk);
        return false;
    }
    let request = job.spec.overrides.or(content.resources);
    let Some(need) = request.resources() else {
        let mut words = format!(
            "revision {} of job definition {} and the job give no ",
            pinned.number, pinned.definition
        );
        let missing = if request.cpu_millis.is_none() { "vcpus" } else { "memory" };
        let _ = write!(words, "{missing}: set containerProperties.{missing} or containerOverrides.{missing}");
        job.fail("InvalidDefinition", words, desk);
        return false;
    };
    job.attempts_allowed = job.spec.attempts.or(content.attempts).unwrap_or(1);
    job.need = need;
    true
}

/// Puts the job in the line of its queue, once that exists (again).
pub(crate) fn enter_queue(job: &mut Job, desk: &mut Desk) {
    job.queue = desk.queues.find(&Name::default(), &job.spec.queue).map(|queue| queue.observed.uid);
    if job.queue.is_none() {
        job.wait_for(Waiting::QueueNotFound(job.spec.queue.name.clone()), desk);
    }
    desk.stand_in_line(job);
}
