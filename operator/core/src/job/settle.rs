//! The end of an attempt: recorded first, then counted (DESIGN.md, rule 5).

use super::verdict::{Next, Verdict, next};
use super::{Job, Live, Stage, Urgency};
use crate::desk::Desk;
use crate::ids::Name;
use crate::limits::{FAILURES_LISTED, WORDS_IN_FAILURE, WORDS_IN_STATUS};
use crate::objects::{Attempt, ChildRecord, Failure};
use crate::state::State;
use crate::text::cut;
use crate::time::Time;

/// Takes in that a task's attempt is over. A single job's goes with its next status; a child's into its record first.
pub(crate) fn over(job: &mut Job, index: u32, mut attempt: Attempt, desk: &mut Desk) {
    attempt.started_at = attempt.started_at.map(Time::to_second);
    attempt.stopped_at = attempt.stopped_at.map(Time::to_second);
    attempt.reason = cut(&attempt.reason, WORDS_IN_STATUS);
    attempt.words = cut(&attempt.words, WORDS_IN_STATUS);
    desk.launching.remove(&(job.uid, index));
    let Some(live) = job.tasks.live.get_mut(&index) else { return };
    if matches!(live.stage, Stage::Over(_)) {
        return;
    }
    if let Some(started_at) = attempt.started_at {
        job.started_at.get_or_insert(started_at);
    }
    live.stage = Stage::Over(attempt.clone());
    if job.is_array() {
        let history = job.tasks.histories.get(&index).copied().unwrap_or_default();
        let state = match next(&attempt, history.over.saturating_add(1), job.attempts_allowed) {
            Next::Final(verdict) => verdict.state,
            Next::Retry => State::Runnable,
        };
        job.chunks.note_end(index, state, attempt);
    } else {
        count(job, index, desk);
    }
}

/// Counts an attempt whose record is safe: the task succeeded, failed, or is tried again.
pub(crate) fn count(job: &mut Job, index: u32, desk: &mut Desk) {
    let Some((slot, attempt)) = job.tasks.take_over(index) else { return };
    let history = job.tasks.histories.entry(index).or_default();
    history.over = history.over.saturating_add(1);
    history.launch = 0;
    let next = next(&attempt, history.over, job.attempts_allowed);
    job.tombs.bury(slot, !attempt.succeeded());
    match next {
        Next::Retry => {
            job.tasks.runnable.insert(index);
            desk.stand_in_line(job);
        }
        Next::Final(verdict) => end_task(job, index, &attempt, verdict),
    }
    job.stopped_at = attempt.stopped_at;
    if !job.is_array() {
        job.started_at = attempt.started_at;
        job.tasks.attempts.push(attempt);
    }
    job.report.ask(Urgency::Soon);
    finish_if_all_final(job, desk);
}

fn end_task(job: &mut Job, index: u32, attempt: &Attempt, verdict: Verdict) {
    job.tasks.histories.remove(&index);
    if verdict.state == State::Succeeded {
        job.tasks.succeeded.insert(index);
    } else {
        job.tasks.failed.insert(index);
    }
    if verdict.state == State::Failed && job.is_array() {
        list_failure(job, index, attempt.exit_code, &verdict);
    }
    job.last_verdict = Some(verdict);
}

fn list_failure(job: &mut Job, index: u32, exit_code: Option<i32>, verdict: &Verdict) {
    if job.tasks.failures.len() < FAILURES_LISTED
        && job.tasks.failures.iter().all(|failure| failure.index != index)
    {
        let (reason, words) = (verdict.reason.clone(), cut(&verdict.words, WORDS_IN_FAILURE));
        job.tasks.failures.push(Failure { index, exit_code, reason, words });
    }
}

/// Takes over what a record says of a task that the status does not know to be final yet.
pub(crate) fn take_record(job: &mut Job, index: u32, child: &ChildRecord) {
    let over = u8::try_from(child.attempts.len()).unwrap_or(u8::MAX);
    let Some(last) = child.attempts.last().filter(|_| child.state.is_final()) else {
        job.tasks.histories.insert(index, super::live::History { over, launch: child.launch });
        return;
    };
    if let Next::Final(verdict) = next(last, over, job.attempts_allowed) {
        end_task(job, index, last, verdict);
    }
}

/// The API server refuses the job's pods: the task, and all that have not begun, fail in its words.
pub(crate) fn refused(job: &mut Job, index: u32, words: Name, desk: &mut Desk) {
    let verdict = Verdict { state: State::Failed, reason: Name::from("PodRefused"), words };
    // Creates that are under way get answers of their own: one may have passed before pods were refused.
    let begins = |other: u32, live: &Live| {
        live.is_launching() && (other == index || !matches!(live.stage, Stage::Sent { .. }))
    };
    let launching: Vec<u32> = job
        .tasks
        .live
        .iter()
        .filter(|(other, live)| begins(**other, live))
        .map(|(index, _)| *index)
        .collect();
    for index in launching {
        if let Some(live) = job.tasks.live.remove(&index) {
            desk.launching.remove(&(job.uid, index));
            desk.take_claim_back(&job.pod_key(live.slot));
            job.tasks.failed.insert(index);
        }
    }
    let rest = std::mem::take(&mut job.tasks.runnable);
    job.tasks.failed.extend(&rest);
    let live = &job.tasks.live;
    job.tasks.histories.retain(|index, _| live.contains_key(index));
    desk.lines.remove(job.queue, job.need, job.order);
    if job.is_array() {
        list_failure(job, index, None, &verdict);
    }
    job.last_verdict = Some(verdict);
    job.report.ask(Urgency::Soon);
    finish_if_all_final(job, desk);
}

/// Ends the job once all its tasks have: SUCCEEDED when all did, FAILED when any failed (SPEC.md A2).
pub(crate) fn finish_if_all_final(job: &mut Job, desk: &mut Desk) {
    if job.verdict.is_some() || !job.tasks.all_final() {
        return;
    }
    let last = job.last_verdict.take();
    let verdict =
        if job.is_array() { verdict_of_array(job) } else { last.unwrap_or_else(|| verdict_of_array(job)) };
    job.finish(verdict, desk);
}

fn verdict_of_array(job: &Job) -> Verdict {
    let (size, failed) = (job.size(), job.tasks.failed.count());
    if failed == 0 {
        let words = Name::from(format!("all {size} children succeeded"));
        return Verdict { state: State::Succeeded, reason: Name::from("Completed"), words };
    }
    let example = job
        .tasks
        .failures
        .first()
        .map_or(String::new(), |first| format!("; child {}: {}", first.index, first.words));
    let words = Name::from(format!("{failed} of {size} children failed{example}"));
    Verdict { state: State::Failed, reason: Name::from("ChildrenFailed"), words }
}
