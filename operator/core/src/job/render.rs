//! A job's status, from what is in memory.

use super::{Job, Live, Stage};
use crate::ids::Name;
use crate::limits::WORDS_IN_STATUS;
use crate::mutant::{self, Mutant};
use crate::objects::{ArrayStatus, Attempt, JobStatus, StopKind};
use crate::state::State;
use crate::text::cut;
use crate::time::Time;

/// The whole status. What is not safe yet (an end without its record) is not in it.
pub(crate) fn render(job: &Job, now: Time) -> JobStatus {
    let state = job.state();
    let (reason, words) = explain(job, state, now);
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
        launch: if job.is_array() || mutant::is(Mutant::LaunchSerialForgotten) {
            0
        } else {
            job.tasks.current(job.main()).launch
        },
        attempts: if job.is_array() { Vec::new() } else { attempts(job) },
        dependencies: job.dependencies.clone(),
        array: job.has_records().then(|| ArrayStatus {
            size: job.size(),
            children: job.tasks.by_state(),
            failures: job.tasks.failures.clone(),
            has_begun: job.chunks.has_begun,
        }),
        main_node: job.nodes.as_ref().map(|nodes| nodes.main),
        milestones: job.milestones,
    }
}

/// The attempts of a single job, or of a main node: those that are over, and the one under way. A main node's is there from the
/// moment in which its launch stands: whoever reads the status goes by that.
fn attempts(job: &Job) -> Vec<Attempt> {
    let mut attempts = job.tasks.attempts.clone();
    let stands = |live: &&Live| match live.stage {
        Stage::Decided | Stage::Fenced { .. } | Stage::Sent { .. } | Stage::Named(_)
            if job.nodes.is_some() =>
        {
            false
        }
        Stage::Ended(..) | Stage::Withdrawn => false,
        _ => !live.floats(),
    };
    if let Some(live) = job.tasks.live.get(&job.main()).filter(stands) {
        let is_running = job.nodes.is_some() || matches!(live.stage, Stage::Running { .. });
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
fn explain(job: &Job, state: State, now: Time) -> (Name, Name) {
    if let Some(verdict) = &job.verdict {
        return (verdict.reason.clone(), verdict.words.clone());
    }
    if !job.tasks.ending.is_empty() && job.tasks.live.is_empty() {
        let words = "it is to end, and does once no pod of an earlier launch can turn up any more";
        return (Name::from("Ending"), Name::from(words));
    }
    if let Some(waiting) = &job.waits_for
        && matches!(state, State::Submitted | State::Pending | State::Runnable)
    {
        return (Name::from(waiting.code()), Name::from(waiting.to_string()));
    }
    let (reason, mut words) = match state {
        State::Submitted => ("Submitted", "not evaluated yet".to_owned()),
        State::Pending => ("Pending", "waits for the jobs it depends on".to_owned()),
        State::Runnable => waits_for_node(job)
            .unwrap_or_else(|| ("Runnable", "ready; not yet considered for a host".to_owned())),
        State::Starting | State::Running if job.is_array() => ("ChildrenUnderWay", progress(job, now)),
        State::Starting | State::Running if job.nodes.is_some() => nodes_under_way(job, state, now),
        State::Starting | State::Running => single_under_way(job, state, now),
        State::Succeeded | State::Failed => ("Completed", String::new()),
    };
    if cancelled_too_late(job, state) {
        words.push_str("; a CANCEL changes nothing once a job is STARTING: set stop.type to TERMINATE");
    }
    (Name::from(reason), Name::from(words))
}

/// What is told while pods wait for nodes that an autoscaler is to add.
fn waits_for_node(job: &Job) -> Option<(&'static str, String)> {
    let live = job.tasks.live.values().find(|live| live.floats())?;
    let mut words = format!("waits for a node that the autoscaler of {} is to add", live.environment);
    if let Some(told) = &live.hindrance {
        words.push_str(&format!(": {told}"));
    }
    Some(("WaitingForMachines", words))
}

fn cancelled_too_late(job: &Job, state: State) -> bool {
    let cancelled = job.spec.stop.as_ref().is_some_and(|stop| stop.kind == StopKind::Cancel);
    cancelled && matches!(state, State::Starting | State::Running)
}

fn single_under_way(job: &Job, state: State, now: Time) -> (&'static str, String) {
    let Some(live) = job.tasks.live.get(&0) else { return ("Running", "its container runs".to_owned()) };
    if let Some(since) = live.unreachable_since {
        return ("HostUnreachable", unreachable(live.host.as_str(), since, now));
    }
    let place = format!("host {} of environment {}", live.host, live.environment);
    match (&live.hindrance, state) {
        (Some(hindrance), State::Starting) => ("StartDelayed", format!("given to {place}; {hindrance}")),
        (None, State::Starting) => ("Admitted", format!("given to {place}")),
        _ => ("Running", format!("its container runs on {place}")),
    }
}

fn nodes_under_way(job: &Job, state: State, now: Time) -> (&'static str, String) {
    let of = |state| job.tasks.live.values().filter(|live| live.state() == state).count();
    let running = of(State::Running);
    let ended = of(State::Succeeded) + of(State::Failed);
    let mut words = format!("{running} of {} nodes run", job.size());
    if ended > 0 {
        words.push_str(&format!(", {ended} ended"));
    }
    let main = job.main();
    if let Some(live) = job.tasks.live.get(&main) {
        words.push_str(&match live.stage {
            Stage::Created => format!("; main node {main} starts on host {}", live.host),
            Stage::Running { .. } => format!("; main node {main} runs on host {}", live.host),
            Stage::Over(..) | Stage::Ended(..) => {
                format!("; main node {main} has ended, the others are stopped")
            }
            _ => format!("; all have hosts in {}", live.environment),
        });
    }
    let mut cut_off =
        job.tasks.live.iter().filter_map(|(index, live)| Some((index, live, live.unreachable_since?)));
    if let Some((index, live, since)) = cut_off.next() {
        words.push_str(&format!("; node {index}: {}", unreachable(live.host.as_str(), since, now)));
        return ("HostUnreachable", words);
    }
    let hindered = job.tasks.live.iter().find_map(|(index, live)| Some((index, live.hindrance.as_ref()?)));
    if let Some((index, hindrance)) = hindered {
        words.push_str(&format!("; node {index}: {hindrance}"));
    }
    let reason = match state {
        State::Starting if hindered.is_some() => "StartDelayed",
        State::Starting => "Admitted",
        _ => "Running",
    };
    (reason, words)
}

/// Only a person can say that a host which does not answer is off (DESIGN.md, rule 4).
fn unreachable(host: &str, since: Time, now: Time) -> String {
    let minutes = now.since(since).as_secs() / 60;
    format!(
        "host {host} unreachable for {minutes} min: delete the Node or taint it out-of-service \
         (node.kubernetes.io/out-of-service), if it is off"
    )
}

fn progress(job: &Job, now: Time) -> String {
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
    let live = job.tasks.live.iter();
    let cut_off = live.filter_map(|(index, live)| Some((index, &live.host, live.unreachable_since?)));
    if let Some((index, host, since)) = cut_off.min_by_key(|(_, _, since)| *since) {
        words.push_str(&format!("; child {index}: {}", unreachable(host.as_str(), since, now)));
    }
    let mut live = job.tasks.live.iter();
    if let Some((index, hindrance)) = live.find_map(|(index, live)| Some((index, live.hindrance.as_ref()?))) {
        words.push_str(&format!("; child {index}: {hindrance}"));
    }
    words
}
