//! A job's status, from what is in memory.

use super::{Job, Stage};
use crate::ids::Name;
use crate::limits::WORDS_IN_STATUS;
use crate::objects::{ArrayStatus, Attempt, JobStatus};
use crate::state::State;
use crate::text::cut;

/// The whole status. What is not safe yet (an end without its record) is not in it.
pub(crate) fn render(job: &Job) -> JobStatus {
    let state = job.state();
    let (reason, words) = explain(job, state);
    JobStatus {
        observed_generation: job.generation,
        state,
        reason,
        words: cut(&words, WORDS_IN_STATUS),
        created_at: job.created_at,
        started_at: job.started_at,
        stopped_at: if job.is_array() && job.verdict.is_none() { None } else { job.stopped_at },
        pinned: job.pinned.clone(),
        environment: job.environment.clone(),
        launch: if job.is_array() { 0 } else { job.tasks.current(0).launch },
        attempts: if job.is_array() { Vec::new() } else { attempts(job) },
        array: job.is_array().then(|| ArrayStatus {
            size: job.size(),
            children: job.tasks.by_state(),
            failures: job.tasks.failures.clone(),
            has_begun: job.chunks.has_begun,
        }),
        milestones: job.milestones,
    }
}

/// The attempts of a single job: those that are over, and the one under way.
fn attempts(job: &Job) -> Vec<Attempt> {
    let mut attempts = job.tasks.attempts.clone();
    if let Some(live) = job.tasks.live.get(&0) {
        let is_running = matches!(live.stage, Stage::Running { .. });
        attempts.push(Attempt {
            number: live.slot.attempt,
            launch: live.slot.launch,
            pod_uid: live.pod_uid.filter(|_| is_running),
            host: Some(live.host.clone()).filter(|host| !host.is_empty()),
            started_at: match live.stage {
                Stage::Running { started_at } => Some(started_at),
                _ => None,
            },
            ..Attempt::default()
        });
    }
    attempts
}

/// Reason code and words for the state (SPEC.md J1: a status always says why).
fn explain(job: &Job, state: State) -> (Name, Name) {
    if let Some(verdict) = &job.verdict {
        return (verdict.reason.clone(), verdict.words.clone());
    }
    if let Some(waiting) = &job.waits_for
        && matches!(state, State::Submitted | State::Pending | State::Runnable)
    {
        return (Name::from(waiting.code()), Name::from(waiting.to_string()));
    }
    let (reason, words) = match state {
        State::Submitted => ("Submitted", "not evaluated yet".to_owned()),
        State::Pending => ("Pending", "waits for the jobs it depends on".to_owned()),
        State::Runnable => ("Runnable", "ready; not yet considered for a host".to_owned()),
        State::Starting | State::Running if job.is_array() => ("ChildrenUnderWay", progress(job)),
        State::Starting => ("Admitted", format!("given to {}", place(job))),
        State::Running => ("Running", format!("its container runs on {}", place(job))),
        State::Succeeded | State::Failed => ("Completed", String::new()),
    };
    (Name::from(reason), Name::from(words))
}

fn place(job: &Job) -> String {
    let live = job.tasks.live.get(&0);
    let host = live.map_or("an unknown host", |live| live.host.as_str());
    let environment = live.map_or("", |live| live.environment.as_str());
    format!("host {host} of environment {environment}")
}

fn progress(job: &Job) -> String {
    let [submitted, pending, runnable, starting, running, succeeded, failed] = job.tasks.counts();
    let waiting = submitted + pending + runnable;
    let mut words = format!(
        "{succeeded} of {} children succeeded, {} under way, {waiting} waiting",
        job.size(),
        starting + running
    );
    if failed > 0 {
        words.push_str(&format!(", {failed} failed"));
    }
    words
}
