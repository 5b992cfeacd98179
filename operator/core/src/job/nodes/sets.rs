//! The StatefulSets of a multi-node job: ordered for a launch, and deleted once that is over.

use super::super::{Job, Urgency};
use crate::action::{Action, Outcome};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{ActionId, Name};
use crate::limits::{RETRY_PAUSE, SILENCE};
use crate::mutant::{self, Mutant};
use crate::objects::ObservedPod;
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// An attempt and the serial of a launch in it. None is ever used again: what is deleted late can be no other's.
pub(crate) type Launch = (u8, u16);

/// What is known of a job's StatefulSets. What is there of them, their pods tell.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    /// The latest order for a launch.
    pub(super) make: Option<ActionId>,
    /// By when its pods are to be there.
    pub(super) pods_due: Option<Time>,
    /// When the cluster is asked next why some are not, and what it said last.
    pub(super) ask_at: Option<Time>,
    pub(super) trouble: Option<Name>,
    /// Launches that are over, and whose sets may be there: the next status write makes that known to others, who may have made
    /// such a launch stand before.
    over: BTreeSet<Launch>,
    /// Those of which everybody knows.
    to_delete: BTreeSet<Launch>,
    /// Those whose sets were deleted, and by when their pods are to have been deleted with them.
    deleted: BTreeMap<Launch, Time>,
    /// By when the nodes have ended that are stopped because the main node has.
    pub(super) stopped_by: Option<Time>,
    /// No deletion is sent before.
    again_at: Option<Time>,
}

/// What is known of the job's sets.
pub(super) fn of(job: &mut Job) -> &mut Sets {
    job.sets.get_or_insert_default()
}

/// A launch is over, and its sets may be there.
pub(in crate::job) fn are_over(job: &mut Job, slot: Slot) {
    is_over(job, (slot.attempt, slot.launch));
}

/// The same.
pub(super) fn is_over(job: &mut Job, launch: Launch) {
    if !mutant::is(Mutant::SetsLeftBehind) {
        of(job).over.insert(launch);
        job.report.ask(Urgency::Soon);
    }
}

/// The launches of which a status written now tells that they are over.
pub(in crate::job) fn take_over_launches(job: &mut Job) -> BTreeSet<Launch> {
    job.sets.as_mut().map(|sets| std::mem::take(&mut sets.over)).unwrap_or_default()
}

/// That status was not written.
pub(in crate::job) fn put_back(job: &mut Job, launches: BTreeSet<Launch>) {
    if !launches.is_empty() {
        of(job).over.extend(launches);
    }
}

/// That status was written.
pub(in crate::job) fn may_go(job: &mut Job, launches: BTreeSet<Launch>, desk: &mut Desk) {
    if !launches.is_empty() {
        of(job).to_delete.extend(launches);
        desk.agenda.mark(Item::Job(job.uid));
    }
}

/// Deletes the sets of launches that are over: else they would make a pod anew for each that is released.
pub(super) fn sweep(job: &mut Job, desk: &mut Desk) {
    delete_orphans(job, desk);
    let Some(sets) = job.sets.as_mut().filter(|sets| !sets.to_delete.is_empty()) else { return };
    if let Some(at) = sets.again_at.filter(|at| *at > desk.now) {
        return desk.agenda.wake(at, Item::Job(job.uid));
    }
    for (attempt, launch) in std::mem::take(&mut sets.to_delete) {
        let action = Action::DeleteNodeSets { job: job.key.clone(), job_uid: job.uid, attempt, launch };
        desk.outbox.send(action, Purpose::SweepSets(job.uid, (attempt, launch)));
    }
}

/// Pods that nobody has deleted with their sets: somebody deleted those before, and left the pods.
fn delete_orphans(job: &mut Job, desk: &mut Desk) {
    let Some(sets) = job.sets.as_mut().filter(|sets| !sets.deleted.is_empty()) else { return };
    let now = desk.now;
    let due: BTreeSet<Launch> =
        sets.deleted.iter().filter(|(_, gone_by)| **gone_by <= now).map(|(launch, _)| *launch).collect();
    sets.deleted.retain(|launch, _| !due.contains(launch));
    let is_left = |(slot, pod): &(Slot, &ObservedPod)| {
        let is_gated = pod.task.as_ref().is_some_and(|task| task.gated);
        due.contains(&(slot.attempt, slot.launch)) && is_gated && !pod.deleting
    };
    let left = desk.pods.of(job.uid).filter(is_left).map(|(slot, pod)| (slot, pod.key.clone(), pod.uid));
    for (slot, key, uid) in left.collect::<Vec<_>>() {
        if desk.deleting.insert(uid) {
            desk.outbox.send(Action::DeletePod(key, uid, None), Purpose::DeletePod(job.uid, slot, uid));
        }
    }
}

/// What became of that.
pub(crate) fn swept(job: &mut Job, launch: Launch, outcome: &Outcome, desk: &mut Desk) {
    let sets = of(job);
    if matches!(outcome, Outcome::Done | Outcome::NotFound) {
        let gone_by = desk.now + SILENCE;
        sets.deleted.insert(launch, gone_by);
        return desk.agenda.wake(gone_by, Item::Job(job.uid));
    }
    sets.to_delete.insert(launch);
    sets.again_at = Some(desk.now + RETRY_PAUSE.1);
    if let Outcome::Refused(_, words) = outcome {
        desk.findings.push(Finding::Trouble(job.key.clone(), words.clone()));
    }
}

/// By when the nodes have ended that are stopped because the main node has; `None` while it has not.
pub(in crate::job) fn stopped_by(job: &Job) -> Option<Time> {
    job.sets.as_ref()?.stopped_by
}
