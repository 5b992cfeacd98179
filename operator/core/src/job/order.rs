//! Ending tasks on somebody's order: a person's stop, the deletion of the Job, a refusal of its pods (SPEC.md J7, A3).

use super::{Job, Stage, Urgency, launch, settle};
use crate::action::Action;
use crate::agenda::Item;
use crate::array::Intervals;
use crate::desk::Desk;
use crate::ids::Name;
use crate::mutant::{self, Mutant};
use crate::objects::{Cause, Ending, ObservedPod, PodPhase, Stop, StopKind};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::Slot;

/// Why tasks are to end, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) code: &'static str,
    pub(crate) words: Name,
    /// Also those that have a pod already.
    running_too: bool,
}

impl Order {
    /// An order that no person gave.
    pub(crate) const fn new(code: &'static str, words: Name, running_too: bool) -> Order {
        Order { code, words, running_too }
    }

    /// True when it also ends what runs.
    pub(crate) const fn ends_running(&self) -> bool {
        self.running_too
    }

    fn by_person(stop: &Stop) -> Order {
        let (code, nothing_said, running_too) = match stop.kind {
            StopKind::Cancel => {
                ("Cancelled", "cancelled; no reason was given", mutant::is(Mutant::CancelStopsRunning))
            }
            StopKind::Terminate => (Cause::Terminated.as_str(), "terminated; no reason was given", true),
        };
        let words = if stop.reason.is_empty() { Name::from(nothing_said) } else { stop.reason.clone() };
        Order { code, words, running_too }
    }

    /// The order for the whole job, if there is one.
    pub(crate) fn for_all(job: &Job) -> Option<Order> {
        if let Some(order) = &job.ordered {
            return Some(Order::clone(order));
        }
        if job.deleting && !mutant::is(Mutant::DeletionIgnored) {
            let words = Name::from("the Job is being deleted");
            return Some(Order { code: Cause::Terminated.as_str(), words, running_too: true });
        }
        job.spec.stop.as_ref().map(Order::by_person)
    }

    /// The order that ends this task, if there is one.
    pub(crate) fn for_one(job: &Job, index: u32) -> Option<Order> {
        let children = job.spec.stop_children.iter().find(|entry| entry.indexes.contains(index));
        Order::for_all(job).or_else(|| children.map(|entry| Order::by_person(&entry.stop)))
    }
}

/// Carries out the orders there are. What has no pod ends at once, or once none can turn up any more; what has one is stopped.
pub(crate) fn carry_out(job: &mut Job, desk: &mut Desk) {
    if mutant::is(Mutant::FinalStateOverwritten) && job.loading.is_none() && job.verdict.is_some() {
        if let Some(order) = Order::for_all(job) {
            job.verdict = Some(Box::new(super::Verdict::failed(order.code, order.words)));
            job.report.ask(Urgency::Soon);
        }
        return;
    }
    if job.verdict.is_some() || job.loading.is_some() {
        return;
    }
    if let Some(order) = Order::for_all(job) {
        end(job, &Intervals::below(job.size()), &order, desk);
    }
    if job.is_array() {
        for entry in &job.spec.clone().stop_children {
            end(job, &entry.indexes, &Order::by_person(&entry.stop), desk);
        }
    }
    settle::finish_if_all_final(job, desk);
}

fn end(job: &mut Job, indexes: &Intervals, order: &Order, desk: &mut Desk) {
    let live: Vec<u32> = job.tasks.live.keys().copied().filter(|index| indexes.contains(*index)).collect();
    for index in live {
        recall(job, index, order, desk);
    }
    let mut doomed = job.tasks.waiting().intersection(indexes);
    if doomed.is_empty() {
        return;
    }
    let (unsafe_yet, until) = still_unsafe(job, &doomed, desk.now);
    if let Some(until) = until {
        desk.agenda.wake(until, Item::Job(job.uid));
        doomed.subtract(&unsafe_yet);
        if job.tasks.ending.intersection(&unsafe_yet) != unsafe_yet {
            job.report.ask(Urgency::Soon);
        }
        job.tasks.take_waiting(&unsafe_yet);
        job.tasks.ending.extend(&unsafe_yet);
        desk.stand_in_line(job);
    }
    settle::fail_waiting(job, &doomed, order.code, &order.words, desk);
}

/// Takes a launch back of which no pod can come; has a pod stopped that is there.
fn recall(job: &mut Job, index: u32, order: &Order, desk: &mut Desk) {
    let Some(live) = job.tasks.live.get(&index) else { return };
    // It may have been given a host a moment ago.
    let floats = live.floats() && desk.pods.get(job.uid, live.slot).is_none_or(|pod| pod.host.is_none());
    match live.stage {
        Stage::Decided | Stage::Fenced { .. } => launch::put_back(job, index, desk),
        // The write that makes the launch stand may have been carried out: first it is known what became of that.
        Stage::Recorded if job.report.tells_of(live.slot) => {}
        Stage::Sent { .. } | Stage::Named(_) | Stage::Recorded
            if job.nodes.is_some() && order.running_too =>
        {
            launch::put_back(job, index, desk);
        }
        Stage::Created if floats && mutant::is(Mutant::CancelSparesWaiting) => {}
        Stage::Created | Stage::Running { .. } if order.running_too || floats => {
            let slot = live.slot;
            stop(job, slot, Ending { cause: Cause::Terminated, words: order.words.clone() }, desk);
        }
        _ => {}
    }
}

/// Those of `indexes` whose pod may still turn up, because a create of it was sent and never answered; and until when.
fn still_unsafe(job: &Job, indexes: &Intervals, now: Time) -> (Intervals, Option<Time>) {
    // A pod of a node that turns up is kept off the hosts by its gate.
    if job.nodes.is_some() || mutant::is(Mutant::StopIgnoresOpenCreates) {
        return (Intervals::default(), None);
    }
    let begun = |index: u32| !job.tasks.submitted.contains(index) && !job.tasks.pending.contains(index);
    if let Some(until) = job.unsafe_until.filter(|until| *until > now) {
        let all: Intervals = indexes.iter().filter(|index| begun(*index)).collect();
        return if all.is_empty() { (all, None) } else { (all, Some(until)) };
    }
    let histories = job.tasks.histories.iter().filter(|(index, _)| indexes.contains(**index));
    let unsafe_yet: Vec<(u32, Time)> = histories
        .filter_map(|(index, history)| Some((*index, history.unsafe_until.filter(|until| *until > now)?)))
        .collect();
    let until = unsafe_yet.iter().map(|(_, until)| *until).min();
    (unsafe_yet.into_iter().map(|(index, _)| index).collect(), until)
}

/// Has a task's pod stopped. Why is written on the pod first, so that whoever sees it end knows; a pod without a host has no
/// container, and goes without a word.
pub(crate) fn stop(job: &mut Job, slot: Slot, ending: Ending, desk: &mut Desk) {
    let Some(pod) = desk.pods.get(job.uid, slot) else { return };
    if pod.deleting || pod.phase != PodPhase::Active || !desk.deleting.insert(pod.uid) {
        return;
    }
    let action = if pod.host.is_none() {
        Action::DeletePod(pod.key.clone(), pod.uid, Some(pod.resource_version))
    } else {
        let (pod, uid, resource_version) = (pod.key.clone(), pod.uid, pod.resource_version);
        Action::StopPod { pod, uid, resource_version, ending }
    };
    let purpose = Purpose::DeletePod(job.uid, slot, pod.uid);
    desk.outbox.send(action, purpose);
    job.report.ask(Urgency::Soon);
}

/// Has a pod stopped whose container was started again. It tells why by itself.
pub(super) fn stop_second_run(job: &mut Job, slot: Slot, pod: &ObservedPod, desk: &mut Desk) {
    if !pod.deleting && desk.deleting.insert(pod.uid) {
        let action = Action::DeletePod(pod.key.clone(), pod.uid, Some(pod.resource_version));
        desk.outbox.send(action, Purpose::DeletePod(job.uid, slot, pod.uid));
    }
}
