//! Multi-node jobs once they are placed: the pods of all nodes are recorded before any is let go, the main node is let go
//! first, and nothing of an attempt runs beside another (SPEC.md M3–M5).

use super::life::is_ordered;
use super::request::{at_ease, groundless_deletion, is_recorded};
use super::together;
use crate::cluster::Cluster;
use crate::kubelet::address;
use crate::truth::Container;
use windlass_core::action::{LetGoOrder, NodeSetsOrder};
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{ChildRecord, JobStatus, ObservedJob, ObservedPod, TaskPod};

/// StatefulSets of an attempt that is over, or of a job that was stopped, made by one who knows all.
pub(super) fn before_sets(cluster: &Cluster, order: &NodeSetsOrder) -> Option<String> {
    let job = cluster.store.job(order.job_uid).filter(|_| at_ease(cluster))?;
    let (attempt, launch) = (order.attempt, order.launch);
    let task = TaskPod { index: order.nodes.main, attempt, launch, ..TaskPod::default() };
    let is_over = is_recorded(cluster, job, &task);
    (is_over || is_ordered(job, order.nodes.main)).then(|| {
        let JobStatus { state, attempts, .. } = &job.status;
        format!(
            "{}: StatefulSets of attempt {attempt}, launch {launch} are made: {state} {attempts:?}",
            job.key
        )
    })
}

/// A node's pod that must not be let go; `is_late` for a request that was sent long before.
pub(super) fn before_let_go(cluster: &Cluster, order: &LetGoOrder, is_late: bool) -> Option<String> {
    let pod = cluster.store.pods.get(&order.guard.key)?;
    if (pod.uid, pod.resource_version) != (order.guard.uid, order.guard.resource_version) {
        return None;
    }
    let task = pod.task.as_ref()?;
    // Of a job that is gone everything is stopped.
    let job = cluster.store.job(task.job)?;
    let unsafe_words = unrecorded(cluster, order, pod, task, job)
        .or_else(|| too_late(cluster, task, job))
        .or_else(|| before_main(cluster, order, task))
        .or_else(|| to_old_kubelet(cluster, order));
    let broken = unsafe_words
        .or_else(|| (knows(cluster) && !is_late).then(|| together::before_let_go(cluster, order, pod))?);
    broken.map(|words| format!("pod {} is let go: {words}", order.guard.key.name))
}

/// True when whoever lets pods go knows, or may know, where all others are.
fn knows(cluster: &Cluster) -> bool {
    // Somebody else's pod of the name that a node's will have takes its room.
    let is_alone = cluster.operators.len() == 1 && cluster.faults.squatters == 0;
    at_ease(cluster) || is_alone && cluster.calm_since.is_none()
}

/// Its container might be run again there.
fn to_old_kubelet(cluster: &Cluster, order: &LetGoOrder) -> Option<String> {
    let host = cluster.store.hosts.get(&order.host).filter(|host| host.old_kubelet)?;
    Some(format!("the kubelet of {} is too old", host.name))
}

/// Before any pod of a launch is let go those of all nodes are recorded, each on a host of its own, and the attempt has begun.
fn unrecorded(
    cluster: &Cluster,
    order: &LetGoOrder,
    pod: &ObservedPod,
    task: &TaskPod,
    job: &ObservedJob,
) -> Option<String> {
    let nodes = cluster.truth.nodes.get(&task.job)?;
    let attempt = usize::from(task.attempt);
    let is_over = |child: &ChildRecord| child.attempts.len() >= attempt;
    let mut hosts: Vec<&Name> = Vec::new();
    for index in 0..nodes.count {
        let child = cluster.store.child(task.job, index);
        let launched = child.and_then(|child| child.launched.as_ref()).filter(|_| {
            child.is_some_and(|child| child.launch == task.launch && child.attempts.len() + 1 == attempt)
        });
        match launched {
            Some(launched) => hosts.push(&launched.host),
            None if child.is_some_and(is_over) => {}
            None => return Some(format!("the pod of node {index} is not recorded: {child:?}")),
        }
        if let Some(launched) = launched.filter(|_| index == task.index)
            && (launched.pod, &launched.host) != (pod.uid, &order.host)
        {
            return Some(format!("recorded is {launched:?}, not {} on {}", pod.uid, order.host));
        }
    }
    if !job.status.attempts.iter().any(|begun| begun.number == task.attempt) {
        return Some(format!("attempt {attempt} of its job has not begun: {:?}", job.status.attempts));
    }
    together::unlike(cluster, &hosts)
}

/// Its attempt is over for it, or its launch came to nothing.
fn too_late(cluster: &Cluster, task: &TaskPod, job: &ObservedJob) -> Option<String> {
    let child = cluster.store.child(job.uid, task.index)?;
    let is_over = child.attempts.len() >= usize::from(task.attempt) || job.status.state.is_final();
    let is_withdrawn =
        job.status.launch > task.launch && job.status.attempts.len() <= usize::from(task.attempt);
    (is_over || is_withdrawn).then(|| format!("its attempt is over, or withdrawn: {child:?}"))
}

/// The main node first, and its address with the others.
fn before_main(cluster: &Cluster, order: &LetGoOrder, task: &TaskPod) -> Option<String> {
    let main = cluster.truth.nodes.get(&task.job)?.main;
    if task.index == main {
        return order.main_address.as_ref().map(|told| format!("the main node is told {told}"));
    }
    let mut ran = of_attempt(cluster, task).filter(|(_, container)| container.index == main);
    let addresses: Vec<Name> = ran.by_ref().map(|(pod, _)| address(pod)).collect();
    if addresses.is_empty() {
        return Some("the main node has not run yet".to_owned());
    }
    (!order.main_address.as_ref().is_some_and(|told| addresses.contains(told)))
        .then(|| format!("the main node is at {addresses:?}, it is told {:?}", order.main_address))
}

/// A node's container that must not start: before the main node's, beside those of another attempt, or after a success.
pub(super) fn may_start(cluster: &Cluster, task: &TaskPod) -> Option<String> {
    let main = cluster.truth.nodes.get(&task.job).filter(|_| task.alone)?.main;
    let node = format!("node {} of {} starts attempt {}", task.index, task.job_name, task.attempt);
    let ours = || cluster.truth.all().filter(|(_, container)| container.job == task.job);
    if task.index != main && !of_attempt(cluster, task).any(|(_, container)| container.index == main) {
        return Some(format!("{node}, and the main node has not run in it"));
    }
    let runs = |container: &Container| container.ended.is_none() && !container.given_up;
    let is_other = |container: &Container| container.attempt != task.attempt;
    if let Some((_, other)) = ours().find(|(_, container)| is_other(container) && runs(container)) {
        let Container { index, attempt, host, .. } = other;
        return Some(format!("{node}, and node {index} of attempt {attempt} still runs on {host}"));
    }
    let is_last_word = |container: &Container| {
        let succeeded = matches!(container.ended, Some((_, 0))) && !container.restarted;
        let succeeded = succeeded && !cluster.truth.was_given_up(container);
        container.attempt > task.attempt || succeeded && container.index == main && is_other(container)
    };
    let (_, other) = ours().find(|(_, container)| is_last_word(container))?;
    Some(format!("{node} after attempt {}, which ended with {:?}", other.attempt, other.ended))
}

/// Containers of the same attempt of the same job.
fn of_attempt<'a>(cluster: &'a Cluster, task: &'a TaskPod) -> impl Iterator<Item = (Uid, &'a Container)> {
    let all = cluster.truth.all();
    all.filter(|(_, container)| container.job == task.job && container.attempt == task.attempt)
}

/// The end of the main node's attempt is recorded: the others are stopped.
pub(super) fn main_has_ended(cluster: &Cluster, task: &TaskPod) -> bool {
    let main = cluster.truth.nodes.get(&task.job).map(|nodes| nodes.main);
    let record = main.and_then(|main| cluster.store.child(task.job, main));
    record.is_some_and(|record| record.attempts.len() >= usize::from(task.attempt))
}

/// StatefulSets go with their pods: none may run whose attempt is not known to be over.
pub(super) fn before_deletion(cluster: &Cluster, job: Uid, launch: (u8, u16)) -> Option<String> {
    let sets = cluster.store.node_sets_of(job, launch);
    let sets = sets.iter().filter_map(|key| cluster.store.node_sets.get(key));
    let pods = sets.flat_map(|sets| (0..sets.order.nodes.count).map(|index| sets.pod(index)));
    let mut pods = pods.filter_map(|key| cluster.store.pods.get(&key)).filter(|pod| !pod.deleting);
    pods.find_map(|pod| groundless_deletion(cluster, pod))
}
