//! Finished jobs go once they were kept long enough (SPEC.md J8).

use super::Job;
use crate::action::{Action, Guard, Outcome};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::limits::PAUSE_BETWEEN_EXPIRIES;
use crate::mutant::{self, Mutant};
use crate::outbox::Purpose;

/// Deletes the Job when its time is over, all of it is written, and nobody has to read it any more. One that Git owns stays: it
/// would be made again, and run again.
pub(crate) fn tend(job: &mut Job, desk: &mut Desk) {
    let Some(finished_at) = job.milestones.finished.filter(|_| job.verdict.is_some()) else { return };
    let is_kept = job.kept && !mutant::is(Mutant::KeptJobExpires) || mutant::is(Mutant::NeverExpires);
    let is_written = job.report.is_written() || mutant::is(Mutant::ExpiryBeforeStatus);
    if is_kept || job.deleting || job.expiring || !is_written {
        return;
    }
    let due = finished_at + job.spec.time_to_live.unwrap_or(desk.settings.time_to_live);
    if due > desk.now {
        return desk.agenda.wake(due, Item::Job(job.uid));
    }
    if desk.dependents.are_waiting_for(job.uid) && !mutant::is(Mutant::ExpiryLosesOutcome) {
        return desk.agenda.wake(desk.now + PAUSE_BETWEEN_EXPIRIES, Item::Job(job.uid));
    }
    job.expiring = true;
    let guard = Guard { key: job.key.clone(), uid: job.uid, resource_version: job.resource_version };
    desk.outbox.send(Action::DeleteJob(guard), Purpose::DeleteJob(job.uid));
}

/// What became of the deletion; true when the job is gone.
pub(crate) fn outcome(job: &mut Job, outcome: &Outcome, desk: &mut Desk) -> bool {
    match outcome {
        Outcome::Done => desk.agenda.wake(desk.now + PAUSE_BETWEEN_EXPIRIES, Item::Job(job.uid)),
        Outcome::NotFound => return true,
        _ => {
            job.expiring = false;
            desk.agenda.wake(desk.now + PAUSE_BETWEEN_EXPIRIES, Item::Job(job.uid));
        }
    }
    false
}
