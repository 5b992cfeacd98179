//! What must hold when a container starts or ends: it was allowed to.

use crate::cluster::Cluster;
use std::time::Duration;
use windlass_core::ids::Uid;
use windlass_core::objects::{Cause, Dependency, DependencyStatus, ObservedJob, TaskPod};
use windlass_core::state::State;
use windlass_core::time::Time;

/// Clocks in a run differ by up to 20 s from each other, and drift by 2 % of some minutes.
const CLOCKS: Duration = Duration::from_secs(30);

/// By then no pod of what was stopped can turn up any more.
const LATE_PODS: Duration = Duration::from_secs(120);

/// No container starts before what it depends on has succeeded, or without the share that its queue wants.
pub fn may_start(cluster: &Cluster, task: &TaskPod) -> Option<String> {
    let job = cluster.store.job(task.job)?;
    let wrong = super::fair::wrong_share(cluster, job).or_else(|| super::nodes::may_start(cluster, task));
    if wrong.is_some() {
        return wrong;
    }
    let is_long_ago = cluster.calm_since.is_some_and(|since| cluster.now.since(since) > LATE_PODS);
    if is_ordered(job, task.index) && is_long_ago {
        return Some(format!("{}:{} starts, and was stopped long before", job.key, task.index));
    }
    job.spec.depends_on.iter().enumerate().find_map(|(at, on)| {
        let status = job.status.dependencies.get(at);
        let fine = match on {
            Dependency::Sequential => {
                task.index == 0 || state(cluster, job.uid, task.index - 1) == Some(State::Succeeded)
            }
            Dependency::Whole(_) => status.is_some_and(|status| outcome(status) == Some(State::Succeeded)),
            Dependency::NToN(_) => status.is_some_and(|status| {
                let child = status.pinned.as_ref().map(|(_, uid)| state(cluster, *uid, task.index));
                child.is_some_and(|state| state.is_none_or(|state| state == State::Succeeded))
            }),
        };
        (!fine).then(|| format!("{}:{} starts before {on:?} has succeeded: {status:?}", job.key, task.index))
    })
}

fn outcome(status: &DependencyStatus) -> Option<State> {
    status.outcome.as_ref().map(|(state, _)| *state)
}

/// A child's state, by its record or its job's status; `None` when the job is gone.
pub(super) fn state(cluster: &Cluster, job: Uid, index: u32) -> Option<State> {
    let job = cluster.store.job(job)?;
    let listed = job.status.array.as_ref().and_then(|array| {
        array.children.iter().find(|(_, indexes)| indexes.contains(index)).map(|(state, _)| *state)
    });
    // Of a node the record may be of an attempt before this one.
    let recorded = cluster.store.child(job.uid, index).map(|child| child.state);
    let recorded = recorded.filter(|state| state.is_final() && !cluster.store.is_multi_node(job));
    recorded.or(listed).or(Some(State::Submitted))
}

/// No container is stopped for its timeout before that is over.
pub fn may_stop(cluster: &Cluster, task: &TaskPod, started_at: Time) -> Option<String> {
    // The attempt began with the first run of a container that was started again.
    let ending = task.ending.as_ref().filter(|ending| ending.cause == Cause::Timeout && !task.restarted)?;
    let timeout = cluster.store.job(task.job)?.spec.timeout?;
    let ran = cluster.now.since(started_at);
    let apart =
        if cluster.faults.clock_skew_seconds > 0 || cluster.step.is_none() { CLOCKS } else { Duration::ZERO };
    (ran + apart < timeout)
        .then(|| format!("{}:{} is stopped after {ran:?} for {ending:?}", task.job_name, task.index))
}

/// True when a person ends a task, by a stop or by deleting the job.
pub fn is_ordered(job: &ObservedJob, index: u32) -> bool {
    let one = job.spec.stop_children.iter().any(|entry| entry.indexes.contains(index));
    job.deleting || job.spec.stop.is_some() || one
}

/// The API server refused a pod of the job for good: then all tasks end that are not under way.
pub fn was_refused(job: &ObservedJob) -> bool {
    let failures = job.status.array.iter().flat_map(|array| &array.failures);
    let reasons = failures.map(|failure| &failure.reason);
    reasons.chain([&job.status.reason]).any(|reason| reason.as_str() == "PodRefused")
}
