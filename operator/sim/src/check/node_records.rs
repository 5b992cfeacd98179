//! What is recorded of a multi-node job that has ended: its end is that of the main node's last attempt, and each attempt is
//! one of all nodes (SPEC.md M4, M5).

use super::attempts::{TIMED_OUT, follow};
use super::life::is_ordered;
use crate::cluster::Cluster;
use crate::truth::Container;
use windlass_core::action::RecordOrder;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{Attempt, JobStatus, ObservedJob};
use windlass_core::state::State;

/// The first rule that the records of a job's nodes break, in words.
pub(super) fn are_complete(cluster: &Cluster, job: &ObservedJob) -> Option<String> {
    let nodes = cluster.store.nodes_of(job);
    let main = job.status.main_node.or(nodes.map(|nodes| nodes.main))?;
    main_is_the_job(cluster, job, main)
        .or_else(|| follow(cluster, job, main, &job.status.attempts, job.status.state))
        .or_else(|| {
            (0..cluster.store.tasks_of(job)?).find_map(|index| node_is_complete(cluster, job, main, index))
        })
}

/// The job succeeds when the main node does, and is tried again only when that fails.
fn main_is_the_job(cluster: &Cluster, job: &ObservedJob, main: u32) -> Option<String> {
    let (state, attempts) = (job.status.state, &job.status.attempts);
    let allowed = job.spec.retry.as_ref().map_or(1, |retry| usize::from(retry.allowed()));
    if attempts.len() > allowed {
        return Some(format!("{} has {} attempts of {allowed}", job.key, attempts.len()));
    }
    if let Some(words) = out_of_order(attempts) {
        return Some(format!("{}: {words}", job.key));
    }
    if attempts.iter().rev().skip(1).any(Attempt::succeeded) {
        return Some(format!("{} was tried again after its main node succeeded", job.key));
    }
    let succeeded = attempts.last().is_some_and(Attempt::succeeded);
    let is_late = attempts.last().is_some_and(|last| last.words.as_str() == TIMED_OUT);
    let was_stopped = succeeded && (is_late || is_ordered(job, main));
    if (state == State::Succeeded) != succeeded && !was_stopped {
        return Some(format!("{} is {state}, its main node says otherwise: {:?}", job.key, attempts.last()));
    }
    let recorded = cluster.store.child(job.uid, main).map_or(&[][..], |child| &child.attempts);
    // A record holds the first words only.
    let in_short =
        |attempt: &Attempt| Attempt { words: Name::default(), reason: Name::default(), ..attempt.clone() };
    (!recorded.iter().map(in_short).eq(attempts.iter().map(in_short)))
        .then(|| format!("{}: its status says {attempts:?}, its main node's record {recorded:?}", job.key))
}

/// Every attempt of the job is one of each node, and each node has ended.
fn node_is_complete(cluster: &Cluster, job: &ObservedJob, main: u32, index: u32) -> Option<String> {
    let node = format!("node {}:{index}", job.key);
    let attempts = cluster.store.child(job.uid, index).map_or(&[][..], |child| &child.attempts);
    let of_main = job.status.attempts.len();
    if attempts.len() != of_main {
        return Some(format!("{node} has {} attempts recorded, its job has {of_main}", attempts.len()));
    }
    if let Some(words) = out_of_order(attempts) {
        return Some(format!("{node}: {words}"));
    }
    let array = job.status.array.as_ref()?;
    let state = array.children.iter().find(|(_, indexes)| indexes.contains(index)).map(|(state, _)| *state);
    let fits = state.is_some_and(State::is_final) && (index != main || state == Some(job.status.state));
    (!fits).then(|| format!("{node} is {state:?}, its job has ended and is {}", job.status.state))
}

/// A job that ends, or an attempt of it, while something of it still runs (DESIGN.md, rule 4).
pub(super) fn before_write(cluster: &Cluster, job: &ObservedJob, status: &JobStatus) -> Option<String> {
    let main = cluster.truth.nodes.get(&job.uid)?.main;
    let runs = |(_, container): &(Uid, &Container)| container.job == job.uid && is_running(container);
    if let Some((_, container)) = cluster.truth.all().find(runs).filter(|_| status.state.is_final()) {
        let Container { index, attempt, host, .. } = container;
        return Some(format!("{} ends, and node {index} of attempt {attempt} runs on {host}", job.key));
    }
    recorded_too_early(cluster, job.uid, main, &status.attempts)
}

/// An attempt of a node that is recorded as over while its container runs.
pub(super) fn before_record(cluster: &Cluster, order: &RecordOrder) -> Option<String> {
    order.nodes.as_ref()?;
    let mut children = order.record.children.iter();
    children.find_map(|(index, child)| recorded_too_early(cluster, order.job_uid, *index, &child.attempts))
}

fn recorded_too_early(cluster: &Cluster, job: Uid, index: u32, attempts: &[Attempt]) -> Option<String> {
    let is_over = |number: u8| attempts.iter().any(|attempt| attempt.number == number && attempt.is_over());
    let runs = |(_, container): &(Uid, &Container)| {
        (container.job, container.index) == (job, index)
            && is_running(container)
            && is_over(container.attempt)
    };
    let (_, container) = cluster.truth.all().find(runs)?;
    let (attempt, host) = (container.attempt, &container.host);
    Some(format!("attempt {attempt} of node {index} is recorded as over, and runs on {host}: {attempts:?}"))
}

const fn is_running(container: &Container) -> bool {
    container.ended.is_none() && !container.given_up
}

fn out_of_order(attempts: &[Attempt]) -> Option<String> {
    let is_wrong =
        |(at, attempt): (usize, &Attempt)| usize::from(attempt.number) != at + 1 || !attempt.is_over();
    let is_any = attempts.iter().enumerate().any(is_wrong);
    is_any.then(|| format!("attempts are not numbered 1, 2, 3 or not over: {attempts:?}"))
}
