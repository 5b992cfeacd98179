//! The main node's end is the job's (SPEC.md M4, M5).

use super::super::live::History;
use super::super::verdict::{Next, next};
use super::super::{Job, Stage, Urgency, launch, order, settle};
use super::launch::launch_anew;
use super::{main_of, sets};
use crate::action::Refusal;
use crate::desk::Desk;
use crate::ids::Name;
use crate::limits::KILL_GRACE;
use crate::mutant::{self, Mutant};
use crate::objects::{Attempt, Cause, Ending, Proof};
use crate::state::State;

/// A node's pod was taken away before it had a host. Of the main node that ends the launch, and costs no attempt; of another
/// nothing follows before it is known whether the main node has run.
pub(super) fn withdrawn(job: &mut Job, index: u32, words: Name, desk: &mut Desk) {
    if let Some(live) = job.tasks.live.get_mut(&index) {
        live.hindrance = Some(words);
        live.stage = Stage::Withdrawn;
        desk.launching.remove(&(job.uid, index));
        job.report.ask(Urgency::Soon);
    }
}

/// Takes the attempt as far as it can go now.
pub(super) fn carry_on(job: &mut Job, desk: &mut Desk) {
    let Some(main) = main_of(job) else { return };
    match main.stage {
        Stage::Running { .. } | Stage::Over(..) => end_withdrawn(job, desk),
        Stage::Ended(..) => {
            stop_others(job, desk);
            end_withdrawn(job, desk);
        }
        // Another's attempt was given up as over, because nobody knew of the main node: then its own is, too.
        Stage::Withdrawn if job.tasks.live.values().any(|live| is_over(&live.stage)) => {
            end_withdrawn(job, desk);
        }
        Stage::Withdrawn => {
            let serial = main.slot.launch.saturating_add(1);
            let why = main.hindrance.clone().unwrap_or_default();
            stop_others(job, desk);
            if job.tasks.live.values().all(|live| live.stage == Stage::Withdrawn) {
                launch_anew(job, serial, desk);
                // What was in the way may still be: else it would be made again and again.
                launch::hold_back(job, Refusal::Other, why, desk);
            }
        }
        _ => {}
    }
    let early =
        mutant::is(Mutant::NextAttemptAtOnce) && main_of(job).is_some_and(|main| is_ended(&main.stage));
    if early || job.tasks.live.values().all(|live| is_ended(&live.stage)) {
        settle_attempt(job, desk);
    }
}

const fn is_over(stage: &Stage) -> bool {
    matches!(stage, Stage::Over(..) | Stage::Ended(..))
}

const fn is_ended(stage: &Stage) -> bool {
    matches!(stage, Stage::Ended(..))
}

/// The others are stopped, with the main node's end as the reason.
fn stop_others(job: &mut Job, desk: &mut Desk) {
    if mutant::is(Mutant::OtherNodesRunOn) {
        return;
    }
    let stopped_by = desk.now + KILL_GRACE;
    sets::of(job).stopped_by.get_or_insert(stopped_by);
    let under_way =
        job.tasks.live.values().filter(|live| matches!(live.stage, Stage::Created | Stage::Running { .. }));
    for slot in under_way.map(|live| live.slot).collect::<Vec<_>>() {
        let ending = Ending { cause: Cause::Terminated, words: Name::from(MAIN_ENDED) };
        order::stop(job, slot, ending, desk);
    }
}

const MAIN_ENDED: &str = "the main node ended";

/// Nodes whose pods were taken away before they had a host, in an attempt in which the main node ran: theirs is over.
fn end_withdrawn(job: &mut Job, desk: &mut Desk) {
    let withdrawn: Vec<u32> = job
        .tasks
        .live
        .iter()
        .filter(|(_, live)| live.stage == Stage::Withdrawn)
        .map(|(index, _)| *index)
        .collect();
    for index in withdrawn {
        let Some(live) = job.tasks.live.get(&index) else { continue };
        let why = live.hindrance.as_ref().map_or("", Name::as_str);
        let attempt = Attempt {
            number: live.slot.attempt,
            launch: live.slot.launch,
            pod_uid: live.pod_uid,
            words: Name::from(format!("never started: {why}")),
            stopped_at: Some(desk.now.to_second()),
            proof: Some(Proof::NeverBound),
            ..Attempt::default()
        };
        settle::over(job, index, attempt, None, desk);
    }
}

/// What the record of a node says of its attempt: of the main node's, whether another follows.
pub(in crate::job) fn state_after(job: &Job, index: u32, attempt: &Attempt, cause: Option<Cause>) -> State {
    match next(attempt, cause, attempt.number, &job.terms.retry) {
        Next::Final(verdict) if job.is_main(index) => verdict.state,
        Next::Retry if job.is_main(index) => State::Runnable,
        _ if attempt.succeeded() => State::Succeeded,
        _ => State::Failed,
    }
}

/// A node's record is written: its pod and host, or its end.
pub(in crate::job) fn recorded(job: &mut Job, index: u32) {
    let is_main = job.is_main(index);
    let Some(live) = job.tasks.live.get_mut(&index) else { return };
    match std::mem::replace(&mut live.stage, Stage::Withdrawn) {
        Stage::Named(_) => live.stage = Stage::Named(true),
        Stage::Over(attempt, cause) => {
            let verdict = match next(&attempt, cause, live.slot.attempt, &job.terms.retry) {
                Next::Final(verdict) if is_main => Some(verdict),
                _ => None,
            };
            live.stage = Stage::Ended(attempt.clone(), verdict);
            if is_main {
                note_attempt(job, attempt);
            }
        }
        other => live.stage = other,
    }
    job.report.ask(Urgency::Soon);
}

/// The main node's attempts are the job's.
pub(super) fn note_attempt(job: &mut Job, attempt: Attempt) {
    job.started_at = attempt.started_at;
    job.stopped_at = attempt.stopped_at;
    if job.tasks.attempts.last().is_none_or(|last| last.number < attempt.number) {
        job.tasks.attempts.push(attempt);
    }
}

/// All nodes have ended, and each end is recorded: the job does by the main node's, or all nodes start anew.
fn settle_attempt(job: &mut Job, desk: &mut Desk) {
    let verdict = main_of(job).and_then(|main| match &main.stage {
        Stage::Ended(_, verdict) => verdict.clone(),
        _ => None,
    });
    for (index, live) in std::mem::take(&mut job.tasks.live) {
        let succeeded = live.state() == State::Succeeded;
        desk.take_claim_back(&job.pod_key(live.slot));
        job.tombs.get_or_insert_default().bury(live.slot, !succeeded);
        super::are_over(job, live.slot);
        if verdict.is_none() {
            let history = History { over: live.slot.attempt, ..History::default() };
            job.tasks.histories.insert(index, history);
            job.tasks.runnable.insert(index);
        } else {
            job.tasks.histories.remove(&index);
            let set = if succeeded { &mut job.tasks.succeeded } else { &mut job.tasks.failed };
            set.insert(index);
        }
    }
    job.report.ask(Urgency::Soon);
    job.last_verdict = verdict.map(Box::new);
    desk.stand_in_line(job);
    settle::finish_if_all_final(job, desk);
}
