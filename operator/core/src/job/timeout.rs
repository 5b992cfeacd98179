//! Attempts that run too long, and attempts that do not start (SPEC.md J5, Attempts).

use super::verdict::{FAILED_TO_START, TIMED_OUT};
use super::{Job, Live, Stage, Urgency, nodes, order};
use crate::action::{Action, Outcome};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::Name;
use crate::limits::{
    CLOCKS_APART, KILL_GRACE, LAUNCH_WINDOW, NODE_PODS_PATIENCE, PAUSE_BETWEEN_QUESTIONS, UNBOUND,
};
use crate::mutant::{self, Mutant};
use crate::objects::{Attempt, Cause, Ending, ObservedPod, TaskPod};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::Slot;
use std::time::Duration;

/// Has the pod stopped once its container ran as long as the timeout allows.
///
/// Whatever was decided on an old view of the pod does no harm: the stop is for one version of the pod only, and a container
/// that turns out to have ended in time has ended by itself ([`cause_of_end`]).
pub(crate) fn watch_running(job: &mut Job, slot: Slot, started_at: Time, desk: &mut Desk) {
    let Some(timeout) = job.terms.timeout else { return };
    let seen_at = job.tasks.live.get(&slot.index).and_then(|live| live.seen_running_at);
    if seen_at.is_none() && mutant::is(Mutant::TimeoutForgotten) {
        return;
    }
    let mut deadline = deadline(started_at, seen_at, timeout);
    if seen_at.is_none() && mutant::is(Mutant::TimeoutShortenedByRestart) {
        deadline = deadline.before(timeout / 2);
    }
    if let Some(pod) = desk.pods.get(job.uid, slot).filter(|_| mutant::is(Mutant::TimeoutFromCreation)) {
        deadline = pod.created_at + timeout;
    }
    if deadline > desk.now {
        return desk.agenda.wake(deadline, Item::Task(job.uid, slot.index));
    }
    order::stop(job, slot, Ending { cause: Cause::Timeout, words: Name::from(TIMED_OUT) }, desk);
}

/// The kubelet tells whole seconds, by its own clock. Ours may be ahead of it: what we saw ourselves counts, within bounds.
fn deadline(started_at: Time, seen_at: Option<Time>, timeout: Duration) -> Time {
    let told = started_at + Duration::from_secs(1);
    let seen = seen_at.map_or(told, |seen_at| seen_at.min(started_at + CLOCKS_APART));
    told.max(seen) + timeout
}

/// By when a task that has a host has ended there at the latest. `None` when nobody can say: it has no timeout, its host does not
/// answer, or it takes longer than it may.
pub(crate) fn ends_by(job: &Job, index: u32, desk: &Desk) -> Option<Time> {
    let live = job.tasks.live.get(&index).filter(|live| live.unreachable_since.is_none())?;
    let timeout = job.terms.timeout?;
    if let Some(of) = job.nodes.as_ref().filter(|nodes| nodes.main != index) {
        // It is stopped once the main node has ended.
        return match live.stage {
            Stage::Over(..) | Stage::Ended(..) => Some(desk.now),
            _ => match nodes::stopped_by(job) {
                Some(by) => Some(by).filter(|by| *by >= desk.now),
                None => Some(ends_by(job, of.main, desk)? + KILL_GRACE),
            },
        };
    }
    let ends_by = match live.stage {
        Stage::Over(..) | Stage::Ended(..) => desk.now,
        Stage::Missing { .. } => return None,
        Stage::Running { started_at } => deadline(started_at, live.seen_running_at, timeout) + KILL_GRACE,
        _ => ended_by(starts_by(job, live, desk)?, timeout),
    };
    (ends_by >= desk.now).then_some(ends_by)
}

/// By when a task that is given to a host now has ended there at the latest.
pub(crate) fn would_end_by(job: &Job, desk: &Desk) -> Option<Time> {
    let starts_by = desk.now + until_bound(job) + desk.settings.start_limit;
    let others = if job.nodes.is_some() { KILL_GRACE } else { Duration::ZERO };
    Some(ended_by(starts_by, job.terms.timeout?) + others)
}

/// By when an attempt has ended that starts by then: whose clock tells the start is not known yet.
fn ended_by(starts_by: Time, timeout: Duration) -> Time {
    starts_by + CLOCKS_APART + timeout + KILL_GRACE
}

/// How long a launch may take until its pod is bound: all nodes' pods are made and recorded before the first is let go.
fn until_bound(job: &Job) -> Duration {
    let of_nodes = if job.nodes.is_some() { NODE_PODS_PATIENCE + LAUNCH_WINDOW } else { Duration::ZERO };
    LAUNCH_WINDOW + of_nodes + UNBOUND
}

/// By when the container of a launch runs: later it is stopped, unless its image is still being pulled.
fn starts_by(job: &Job, live: &Live, desk: &Desk) -> Option<Time> {
    let bound_by = match desk.pods.get(job.uid, live.slot) {
        Some(pod) => {
            let bound_at = pod.task.as_ref().and_then(|task| task.bound_at);
            if job.nodes.is_some() {
                return Some(
                    bound_at.or_else(|| Some(live.given_at? + until_bound(job)))? + desk.settings.start_limit,
                );
            }
            // One that is pinned to no host may have been bound to this one at any time.
            let is_pinned = pod.task.as_ref().is_some_and(|task| !task.admitted_to.is_empty());
            bound_at.or_else(|| is_pinned.then(|| pod.created_at + UNBOUND))?
        }
        None => live.given_at? + until_bound(job),
    };
    Some(bound_by + desk.settings.start_limit)
}

/// Has the pod stopped once its container could not be started for too long.
pub(crate) fn watch_start(
    job: &mut Job,
    slot: Slot,
    pod: &ObservedPod,
    hindrance: Option<Name>,
    desk: &mut Desk,
) {
    let Some(live) = job.tasks.live.get_mut(&slot.index) else { return };
    if live.hindrance != hindrance && hindrance.is_some() {
        live.hindrance.clone_from(&hindrance);
        job.report.ask(Urgency::Soon);
    }
    let bound_at = pod.task.as_ref().and_then(|task| task.bound_at).unwrap_or(pod.created_at);
    let limit = bound_at + desk.settings.start_limit;
    if limit > desk.now {
        return desk.agenda.wake(limit, Item::Task(job.uid, slot.index));
    }
    if mutant::is(Mutant::StartWaitedForForEver) {
        return;
    }
    if let Some(words) = hindrance {
        return order::stop(job, slot, Ending { cause: Cause::CannotStart, words }, desk);
    }
    // A mount that fails, or a sandbox that cannot be made, is told in Events only; a pull that goes on is no failure.
    let asked_at = job.tasks.live.get(&slot.index).and_then(|live| live.asked_at);
    let again = asked_at.map_or(desk.now, |asked_at| asked_at + PAUSE_BETWEEN_QUESTIONS);
    if again > desk.now {
        return desk.agenda.wake(again, Item::Task(job.uid, slot.index));
    }
    if let Some(live) = job.tasks.live.get_mut(&slot.index) {
        live.asked_at = Some(desk.now);
    }
    desk.outbox.send(Action::ReadEvents(pod.key.clone(), pod.uid), Purpose::ReadEvents(job.uid, slot));
    desk.agenda.wake(desk.now + PAUSE_BETWEEN_QUESTIONS, Item::Task(job.uid, slot.index));
}

/// What the cluster says of a container that does not start: it fails if there is trouble, else it is given more time.
pub(crate) fn events_read(job: &mut Job, slot: Slot, outcome: Outcome, desk: &mut Desk) {
    let Outcome::Words(Some(words)) = outcome else { return };
    let Some(live) = job.tasks.live.get_mut(&slot.index).filter(|live| live.slot == slot) else { return };
    live.hindrance = Some(words.clone());
    order::stop(job, slot, Ending { cause: Cause::CannotStart, words }, desk);
}

/// Gives an attempt that is over the words of what the operator stopped it for; that cause, unless it had ended before.
pub(crate) fn cause_of_end(job: &Job, task: &TaskPod, attempt: &mut Attempt) -> Option<Cause> {
    let ending = task.ending.as_ref().filter(|_| !mutant::is(Mutant::EndingForgotten))?;
    match ending.cause {
        Cause::Timeout => {
            let ended_in_time = attempt
                .started_at
                .zip(attempt.stopped_at)
                .zip(job.terms.timeout)
                .is_some_and(|((started_at, stopped_at), timeout)| stopped_at < started_at + timeout);
            if ended_in_time {
                return None;
            }
            attempt.words = Name::from(TIMED_OUT);
        }
        Cause::Terminated => attempt.words = ending.words.clone(),
        Cause::CannotStart if attempt.started_at.is_some() => return None,
        Cause::CannotStart => {
            attempt.words = Name::from(FAILED_TO_START);
            attempt.reason = ending.words.clone();
            attempt.exit_code = None;
        }
    }
    Some(ending.cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_starts_has_ended_by_the_time_that_is_told_before_whatever_the_clocks_say() {
        let (starts_by, timeout) = (Time::from_seconds(100), Duration::from_secs(60));
        let promised = ended_by(starts_by, timeout);
        for clock in [40, 100, 159] {
            let end = deadline(Time::from_seconds(clock), Some(starts_by), timeout) + KILL_GRACE;
            assert!(end <= promised, "{clock}");
        }
    }

    #[test]
    fn a_timeout_is_counted_from_the_start_and_never_lengthened_by_more_than_clocks_are_apart() {
        let (started_at, timeout) = (Time::from_seconds(100), Duration::from_secs(60));
        assert_eq!(deadline(started_at, None, timeout), Time::from_seconds(161));
        assert_eq!(deadline(started_at, Some(Time::from_millis(100_300)), timeout), Time::from_seconds(161));
        assert_eq!(deadline(started_at, Some(Time::from_seconds(109)), timeout), Time::from_seconds(169));
        assert_eq!(deadline(started_at, Some(Time::from_seconds(900)), timeout), Time::from_seconds(220));
        assert_eq!(deadline(started_at, Some(Time::from_seconds(50)), timeout), Time::from_seconds(161));
    }
}
