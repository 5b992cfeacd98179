//! The end of an attempt: recorded first, then counted (DESIGN.md, rule 5).

use super::live::History;
use super::order::Order;
use super::verdict::{Next, Verdict, next};
use super::{Job, Stage, Urgency, nodes};
use crate::array::Intervals;
use crate::desk::Desk;
use crate::ids::Name;
use crate::limits::{FAILURES_LISTED, WORDS_IN_FAILURE, WORDS_IN_RECORD, WORDS_IN_STATUS};
use crate::mutant::{self, Mutant};
use crate::objects::{Attempt, Cause, ChildRecord, Failure};
use crate::state::State;
use crate::text::cut;
use crate::time::Time;

/// Takes in that a task's attempt is over, stopped by the operator for `cause` if for any. A single job's goes with its next
/// status; a child's into its record first.
pub(crate) fn over(job: &mut Job, index: u32, mut attempt: Attempt, cause: Option<Cause>, desk: &mut Desk) {
    attempt.started_at = attempt.started_at.map(Time::to_second);
    attempt.stopped_at = attempt.stopped_at.map(Time::to_second);
    attempt.reason = cut(&attempt.reason, WORDS_IN_STATUS);
    attempt.words = cut(&attempt.words, WORDS_IN_STATUS);
    desk.launching.remove(&(job.uid, index));
    let Some(live) = job.tasks.live.get_mut(&index) else { return };
    if matches!(live.stage, Stage::Over(..) | Stage::Ended(..)) && !mutant::is(Mutant::CountedTwice) {
        return;
    }
    live.stage = Stage::Over(attempt.clone(), cause);
    if let Some(started_at) = attempt.started_at.filter(|_| job.is_main(index)) {
        job.started_at.get_or_insert(started_at);
    }
    if job.nodes.is_some() {
        let state = nodes::state_after(job, index, &attempt, cause);
        job.chunks.note_end(index, state, attempt);
    } else if job.is_array() {
        let history = job.tasks.histories.get(&index).copied().unwrap_or_default();
        let state = match next(&attempt, cause, history.over.saturating_add(1), &job.terms.retry) {
            Next::Final(verdict) => verdict.state,
            Next::Retry => State::Runnable,
        };
        job.chunks.note_end(index, state, attempt);
        if mutant::is(Mutant::StatusBeforeRecord) {
            count(job, index, desk);
        }
    } else {
        count(job, index, desk);
    }
}

/// Counts an attempt whose record is safe: the task succeeded, failed, or is tried again.
pub(crate) fn count(job: &mut Job, index: u32, desk: &mut Desk) {
    let Some((slot, attempt, cause)) = job.tasks.take_over(index) else { return };
    let history = job.tasks.histories.entry(index).or_default();
    *history = History { over: history.over.saturating_add(1), ..History::default() };
    let next = next(&attempt, cause, history.over, &job.terms.retry);
    job.tombs.get_or_insert_default().bury(slot, !attempt.succeeded());
    match next {
        Next::Retry => {
            job.tasks.runnable.insert(index);
            desk.stand_in_line(job);
        }
        Next::Final(verdict) => {
            if verdict.state == State::Failed && job.is_array() {
                job.failed_for_sure.insert(index);
            }
            end_task(job, index, &attempt, verdict);
        }
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
        list_failure(job, (index, index), attempt.exit_code, &verdict);
    }
    job.last_verdict = Some(Box::new(verdict));
}

/// Notes a failure of one child, or of neighbours that failed for one reason.
fn list_failure(job: &mut Job, (index, last): (u32, u32), exit_code: Option<i32>, verdict: &Verdict) {
    let is_listed = |failure: &Failure| failure.index <= index && last <= failure.last;
    if job.tasks.failures.len() < FAILURES_LISTED && !job.tasks.failures.iter().any(is_listed) {
        let (reason, words) = (verdict.reason.clone(), cut(&verdict.words, WORDS_IN_FAILURE));
        job.tasks.failures.push(Failure { index, last, exit_code, reason, words });
    }
}

/// The final state that a record gives a task, and why; `None` while it has none.
pub(crate) fn verdict_recorded(job: &Job, index: u32, child: &ChildRecord) -> Option<Verdict> {
    let last = child.attempts.last().filter(|_| child.state.is_final())?;
    let ordered = Order::for_one(job, index)
        .filter(|order| child.state == State::Failed && cut(&order.words, WORDS_IN_RECORD) == last.words);
    Some(match ordered {
        Some(order) => Verdict::failed(order.code, order.words),
        None => Verdict::recorded(child.state, last),
    })
}

/// Takes over what a record says of a task that the status does not know to be final yet.
pub(crate) fn take_record(job: &mut Job, index: u32, child: &ChildRecord) {
    let over = u8::try_from(child.attempts.len()).unwrap_or(u8::MAX);
    let Some(last) = child.attempts.last().filter(|_| child.state.is_final()) else {
        let history = History { over, launch: child.launch, unsafe_until: None };
        job.tasks.histories.insert(index, history);
        return;
    };
    let Some(verdict) = verdict_recorded(job, index, child) else { return };
    if verdict.state == State::Failed {
        job.failed_for_sure.insert(index);
    }
    end_task(job, index, last, verdict);
}

/// Ends tasks that have no pod, and of which none can turn up, as failed.
pub(crate) fn fail_waiting(job: &mut Job, indexes: &Intervals, code: &str, words: &Name, desk: &mut Desk) {
    if indexes.is_empty() {
        return;
    }
    job.tasks.take_waiting(indexes);
    job.tasks.failed.extend(indexes);
    let begun: Vec<u32> =
        job.tasks.histories.keys().copied().filter(|index| indexes.contains(*index)).collect();
    for index in begun {
        job.tasks.histories.remove(&index);
        job.chunks.note_final(index);
    }
    let verdict = Verdict::failed(code, words.clone());
    if job.is_array() {
        for run in indexes.runs() {
            list_failure(job, run, None, &verdict);
        }
    }
    job.last_verdict = Some(Box::new(verdict));
    job.report.ask(Urgency::Soon);
    desk.stand_in_line(job);
    finish_if_all_final(job, desk);
}

/// Ends the job once all its tasks have: SUCCEEDED when all did, FAILED when any failed (SPEC.md A2).
pub(crate) fn finish_if_all_final(job: &mut Job, desk: &mut Desk) {
    if job.verdict.is_some() || !job.tasks.all_final() {
        return;
    }
    let last = job.last_verdict.take();
    let verdict = if job.is_array() {
        verdict_of_array(job)
    } else {
        last.map_or_else(|| verdict_of_array(job), |last| *last)
    };
    job.finish(verdict, desk);
}

/// An array that somebody ended as a whole says so; else it names its first failure.
fn verdict_of_array(job: &Job) -> Verdict {
    let (size, failed) = (job.size(), job.tasks.failed.count());
    if failed == 0 {
        let words = Name::from(format!("all {size} children succeeded"));
        return Verdict { state: State::Succeeded, reason: Name::from("Completed"), words };
    }
    let was_carried_out =
        |order: &Order| job.tasks.failures.iter().any(|failure| failure.reason.as_str() == order.code);
    if let Some(order) = Order::for_all(job).filter(was_carried_out) {
        return Verdict::failed(order.code, order.words);
    }
    let example = job.tasks.failures.first().map_or(String::new(), |first| {
        let children = if first.index == first.last {
            format!("child {}", first.index)
        } else {
            format!("children {} to {}", first.index, first.last)
        };
        format!("; {children}: {}", first.words)
    });
    Verdict::failed("ChildrenFailed", format!("{failed} of {size} children failed{example}"))
}
