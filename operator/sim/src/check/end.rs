//! What must hold once the faults have stopped and nothing happens any more.

use super::attempts::{TIMED_OUT, follow};
use super::life::{is_ordered, was_refused};
use super::{awaited, classes, node_records, pool, together};
use crate::cluster::Cluster;
use crate::truth::Container;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{
    Attempt, ObservedEnvironment, ObservedJob, ObservedPod, PodPhase, Proof, Taint,
};
use windlass_core::state::State;
use windlass_core::units::ResourceList;

/// The first rule that is broken, in words.
pub fn at_rest(cluster: &Cluster) -> Option<String> {
    let jobs = cluster.store.jobs.values();
    jobs.filter_map(|job| job_is_done(job).or_else(|| records_are_complete(cluster, job)))
        .next()
        .or_else(|| every_container_is_recorded(cluster))
        .or_else(|| nothing_runs_on(cluster))
        .or_else(|| nothing_is_left(cluster))
        .or_else(|| every_status_is_written(cluster))
        .or_else(|| numbers_are_true(cluster))
        .or_else(|| pool::at_rest(cluster))
        .or_else(|| classes::at_rest(cluster))
        .or_else(|| awaited::at_rest(cluster))
        .or_else(|| together::at_rest(cluster))
}

/// Once all that can expire has: only jobs that Git owns are left, and what is theirs.
pub fn after_expiry(cluster: &Cluster) -> Option<String> {
    let store = &cluster.store;
    if let Some(job) = store.jobs.values().find(|job| !job.kept && !job.deleting) {
        return Some(format!("job {} never expires: {:?}", job.key, job.status));
    }
    if let Some((job, first)) = store.records.keys().find(|record| store.record_has_lost_its_owner(**record))
    {
        return Some(format!("record {first} is left of job {job}, which is gone"));
    }
    nothing_is_left(cluster)
        .or_else(|| numbers_are_true(cluster))
        .or_else(|| pool::at_rest(cluster))
        .or_else(|| classes::at_rest(cluster))
}

/// Every job has ended: the faults are over and there is room for each.
fn job_is_done(job: &ObservedJob) -> Option<String> {
    let status = &job.status;
    (!status.state.is_final())
        .then(|| format!("job {} never ends: {} {}: {}", job.key, status.state, status.reason, status.words))
}

/// Each task's final state is that of its last attempt, and no attempt follows a success.
fn records_are_complete(cluster: &Cluster, job: &ObservedJob) -> Option<String> {
    if cluster.store.is_multi_node(job) {
        return node_records::are_complete(cluster, job);
    }
    let allowed = job.spec.retry.as_ref().map_or(1, |retry| usize::from(retry.allowed()));
    for index in 0..job.spec.size.unwrap_or(1) {
        let attempts = cluster.store.attempts(job, index);
        let state = match &job.status.array {
            Some(array) => {
                array.children.iter().find(|(_, indexes)| indexes.contains(index)).map(|(state, _)| *state)
            }
            None => Some(job.status.state),
        };
        let task = format!("task {}:{index}", job.key);
        if attempts.len() > allowed {
            return Some(format!("{task} has {} attempts of {allowed}", attempts.len()));
        }
        if attempts
            .iter()
            .enumerate()
            .any(|(at, attempt)| usize::from(attempt.number) != at + 1 || !attempt.is_over())
        {
            return Some(format!("{task}: attempts are not numbered 1, 2, 3 or not over: {attempts:?}"));
        }
        if attempts.iter().rev().skip(1).any(Attempt::succeeded) {
            return Some(format!("{task} was tried again after it succeeded"));
        }
        let succeeded = attempts.last().is_some_and(Attempt::succeeded);
        // A container that is stopped in time for all but its timeout may still exit with 0.
        let is_late = attempts.last().is_some_and(|last| last.words.as_str() == TIMED_OUT);
        let stopped = succeeded && (is_late || is_ordered(job, index));
        if (state == Some(State::Succeeded)) != succeeded && !stopped {
            return Some(format!(
                "{task} is {state:?}, its last attempt says otherwise: {:?}",
                attempts.last()
            ));
        }
        let broken = follow(cluster, job, index, attempts, state.unwrap_or_default());
        if broken.is_some() {
            return broken;
        }
    }
    None
}

/// Every container that ran for a job that is still there is in its record, with its true exit code.
fn every_container_is_recorded(cluster: &Cluster) -> Option<String> {
    cluster.truth.all().find_map(|(pod, container)| {
        let job = cluster.store.job(container.job)?;
        let attempts = cluster.store.attempts(job, container.index);
        let attempt = attempts.iter().find(|attempt| attempt.number == container.attempt);
        let given_up = cluster.truth.was_given_up(container);
        let Some(attempt) = attempt else {
            // Its pod was taken away by force before any operator that lived on had seen it, and no other attempt followed.
            let was_never_seen = given_up && is_ordered(job, container.index);
            // One create was refused for good, another leader's of the same pod had passed before the policy was changed. Its
            // pod is removed; nothing was promised of what ran in it.
            let was_never_seen = was_never_seen || was_refused(job);
            return (!was_never_seen).then(|| format!("{} is not recorded", name(pod, container)));
        };
        if container.alone && !given_up && attempt.proof == Some(Proof::NeverBound) {
            return Some(format!("{} ran, and its record says that nothing did", name(pod, container)));
        }
        let taken_away = given_up || attempt.proof != Some(Proof::ContainerTerminated);
        if taken_away { None } else { wrong(pod, container, attempt) }
    })
}

fn wrong(pod: Uid, container: &Container, attempt: &Attempt) -> Option<String> {
    if attempt.pod_uid != Some(pod) {
        return Some(format!("{} is recorded with another pod: {attempt:?}", name(pod, container)));
    }
    let ((_, exit_code), told) = (container.ended?, attempt.exit_code?);
    if container.restarted {
        return Some(format!("{} ran twice, recorded is that it exited with {told}", name(pod, container)));
    }
    (told != exit_code)
        .then(|| format!("{} exited with {exit_code}, recorded is {told}", name(pod, container)))
}

/// What belongs to a job that has ended is over, also the nodes that only the main node's end stops.
fn nothing_runs_on(cluster: &Cluster) -> Option<String> {
    let runs = |container: &Container| container.ended.is_none() && !container.given_up;
    let (pod, container) = cluster.truth.all().find(|(_, container)| runs(container))?;
    Some(format!("{} runs on for ever", name(pod, container)))
}

fn name(pod: Uid, container: &Container) -> String {
    format!(
        "attempt {} of task {}:{} in pod {}",
        container.attempt,
        container.job.prefix(),
        container.index,
        pod.prefix()
    )
}

/// Nothing is left of jobs that are gone, and no deleted object hangs on a finalizer of ours.
fn nothing_is_left(cluster: &Cluster) -> Option<String> {
    let store = &cluster.store;
    let orphan = store
        .pods
        .values()
        .find(|pod| pod.task.as_ref().is_some_and(|task| store.gone_jobs.contains(&task.job)));
    if let Some(pod) = orphan {
        return Some(format!("pod {} is left of a job that is gone: {pod:?}", pod.key));
    }
    // Every job has ended by now.
    if let Some(sets) = store.node_sets.keys().next() {
        return Some(format!("StatefulSets {sets} are left of an attempt that is over"));
    }
    let is_gated = |pod: &&ObservedPod| pod.task.as_ref().is_some_and(|task| task.gated);
    if let Some(pod) = store.pods.values().find(is_gated) {
        return Some(format!("pod {} waits behind its gate for ever", pod.key));
    }
    if let Some(pod) = store.pods.values().find(|pod| pod.deleting) {
        return Some(format!("pod {} was deleted and is still there", pod.key));
    }
    if let Some(revision) = store.revisions.values().find(|revision| revision.deleting) {
        return Some(format!("revision {} was deleted and is still there", revision.key));
    }
    if let Some((namespace, _)) = store.namespaces.iter().find(|(_, ends)| **ends) {
        return Some(format!("namespace {namespace} was deleted and is still there"));
    }
    let queue = store.queues.values().find(|queue| queue.deleting)?;
    Some(format!("queue {} was deleted and is still there", queue.name))
}

/// Definitions, queues and environments say what became of what they are now.
fn every_status_is_written(cluster: &Cluster) -> Option<String> {
    let store = &cluster.store;
    let definitions = store.definitions.values().map(|definition| {
        ("definition", &definition.key.name, definition.generation, definition.status.observed_generation)
    });
    let queues = store
        .queues
        .values()
        .map(|queue| ("queue", &queue.name, queue.generation, queue.status.observed_generation));
    let environments = store.environments.values().map(|environment| {
        let told = environment.status.observed_generation;
        ("environment", &environment.name, environment.generation, told)
    });
    let (kind, name, generation, told) =
        definitions.chain(queues).chain(environments).find(|(_, _, generation, told)| generation != told)?;
    Some(format!("{kind} {name} is of generation {generation}, its status of {told}"))
}

/// Environments tell what their hosts' pods really use.
fn numbers_are_true(cluster: &Cluster) -> Option<String> {
    cluster.store.environments.values().find_map(|environment| untrue_number(cluster, environment))
}

fn untrue_number(cluster: &Cluster, environment: &ObservedEnvironment) -> Option<String> {
    let store = &cluster.store;
    let is_in = |host: &Name| {
        store.hosts.get(host).is_some_and(|host| {
            let is_tolerated = |taint: &Taint| taint.is_tolerated(Some(&environment.gpu_resource));
            host.ready
                && !host.unschedulable
                && host.taints.iter().all(is_tolerated)
                && store.has_host(environment, host)
        })
    };
    let uses = |pod: &&ObservedPod| pod.phase == PodPhase::Active && pod.place().is_some_and(is_in);
    let used =
        store.pods.values().filter(uses).fold(ResourceList::default(), |sum, pod| sum.plus(&pod.requests));
    let told = environment.status.used;
    (told.cpu_millis != used.amounts.cpu_millis)
        .then(|| format!("environment {} uses {used:?}, its status says {told:?}", environment.name))
}
