//! The StatefulSets of a multi-node job: ordered for a launch, and deleted once that is over.

use super::super::Job;
use super::main_of;
use crate::action::{Action, Outcome};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::ActionId;
use crate::limits::RETRY_PAUSE;
use crate::mutant::{self, Mutant};
use crate::outbox::Purpose;
use crate::time::Time;

/// What is known of a job's StatefulSets. What is there of them, their pods tell.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    /// The latest order for a launch.
    pub(super) make: Option<ActionId>,
    /// By when its pods are to be there.
    pub(super) pods_due: Option<Time>,
    /// Sets of a launch that is over may be there.
    owed: bool,
    /// Their deletion is under way.
    sweep: Option<ActionId>,
    /// No further deletion is sent before.
    again_at: Option<Time>,
}

/// What is known of the job's sets.
pub(super) fn of(job: &mut Job) -> &mut Sets {
    job.sets.get_or_insert_default()
}

/// Sets of a launch that is over may be there: they are to be deleted.
pub(in crate::job) fn owe_sweep(job: &mut Job) {
    of(job).owed = !mutant::is(Mutant::SetsLeftBehind);
}

/// Deletes the sets of all launches but the one that is on: else they would make a pod anew for each that is released.
pub(super) fn sweep(job: &mut Job, desk: &mut Desk) {
    let but = main_of(job).map(|live| (live.slot.attempt, live.slot.launch));
    let Some(sets) = job.sets.as_mut().filter(|sets| sets.owed && sets.sweep.is_none()) else { return };
    if let Some(at) = sets.again_at.filter(|at| *at > desk.now) {
        return desk.agenda.wake(at, Item::Job(job.uid));
    }
    sets.owed = false;
    sets.again_at = Some(desk.now + RETRY_PAUSE.1);
    let action = Action::DeleteNodeSets { job: job.key.clone(), job_uid: job.uid, but };
    sets.sweep = Some(desk.outbox.send(action, Purpose::SweepSets(job.uid)));
}

/// What became of that.
pub(crate) fn swept(job: &mut Job, id: ActionId, outcome: &Outcome, desk: &mut Desk) {
    let Some(sets) = job.sets.as_mut().filter(|sets| sets.sweep == Some(id)) else { return };
    sets.sweep = None;
    sets.owed |= !matches!(outcome, Outcome::Done | Outcome::NotFound);
    if let Outcome::Refused(_, words) = outcome {
        desk.findings.push(crate::finding::Finding::Trouble(job.key.clone(), words.clone()));
    }
}
