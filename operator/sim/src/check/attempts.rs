//! What must hold of a task's attempts once it has ended: each follows from the one before it.

use super::life::{is_ordered, was_refused};
use crate::cluster::Cluster;
use windlass_core::objects::{Attempt, Cause, ObservedJob, Proof};
use windlass_core::state::State;

/// AWS Batch's words for an attempt that ran too long.
pub(super) const TIMED_OUT: &str = "Job attempt duration exceeded timeout";

/// The first rule that the attempts of a task break, in words.
pub fn follow(
    cluster: &Cluster,
    job: &ObservedJob,
    index: u32,
    attempts: &[Attempt],
    state: State,
) -> Option<String> {
    let retry = job.spec.retry.clone().unwrap_or_default();
    let task = format!("task {}:{index}", job.key);
    let is_last_word = |attempt: &Attempt| {
        attempt.words.as_str() == TIMED_OUT || !attempt.succeeded() && !retry.lets_retry(attempt)
    };
    if let Some((_, earlier)) = attempts.split_last()
        && let Some(attempt) = earlier.iter().find(|attempt| is_last_word(attempt))
    {
        return Some(format!("{task} was tried again after {attempt:?}"));
    }
    if let Some(attempt) = attempts.iter().find(|attempt| attempt.reason.as_str().starts_with("OutOfcpu")) {
        return Some(format!("{task} spent an attempt in which nothing ran: {attempt:?}"));
    }
    let was_removed = |attempt: &&Attempt| cluster.truth.removed.contains(&(job.uid, index, attempt.number));
    let mut removed = attempts.iter().filter(|attempt| attempt.proof == Some(Proof::PodRemoved));
    if let Some(attempt) = removed.find(|attempt| !was_removed(attempt)) {
        return Some(format!("{task}: nobody removed the pod of {attempt:?}"));
    }
    if was_refused(job) && !cluster.truth.refused.contains(&job.uid) {
        return Some(format!("{task}: nobody refused its pod for good"));
    }
    let may_end = is_ordered(job, index) || was_refused(job) || attempts.last().is_some_and(is_last_word);
    if state == State::Failed
        && !attempts.is_empty()
        && attempts.len() < usize::from(retry.allowed())
        && !may_end
    {
        return Some(format!("{task} failed after {} of {} attempts", attempts.len(), retry.allowed()));
    }
    attempts
        .iter()
        .find_map(|attempt| misunderstood(cluster, job, attempt))
        .map(|words| format!("{task}: {words}"))
}

/// What the operator stopped a container for is what its record says, unless the container was faster.
fn misunderstood(cluster: &Cluster, job: &ObservedJob, attempt: &Attempt) -> Option<String> {
    let pod = attempt.pod_uid?;
    let ending = cluster.truth.stops.get(&pod)?;
    let container = cluster.truth.of(pod).filter(|container| !container.given_up)?;
    let ran = container.ended?.0.since(container.started_at);
    let timeout = job.spec.timeout?;
    let is_late = ending.cause == Cause::Timeout && ran > timeout + std::time::Duration::from_secs(2);
    (is_late && attempt.words.as_str() != TIMED_OUT)
        .then(|| format!("attempt {} ran too long, recorded is {:?}", attempt.number, attempt.words))
}
