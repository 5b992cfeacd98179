//! Multi-node jobs: all nodes are placed at once or none, each on a host of its own, all hosts of one instance type (SPEC.md
//! M2, M6).

use super::order::has_gpus;
use super::request::at_ease;
use crate::cluster::Cluster;
use crate::pools::UNMANAGED;
use crate::wishes::HOPELESS;
use windlass_core::action::{LetGoOrder, PodOrder};
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{JobStatus, Launched, ObservedJob, ObservedPod, PodPhase, TaskPod};
use windlass_core::state::State;
use windlass_core::units::ResourceList;

/// A status that says of some nodes that they were given hosts, and of others that they wait.
pub(super) fn before_write(cluster: &Cluster, job: &ObservedJob, status: &JobStatus) -> Option<String> {
    let number = |is: fn(State) -> bool| {
        let states = status.array.iter().flat_map(|array| &array.children);
        states.filter(|(state, _)| is(**state)).map(|(_, indexes)| indexes.count()).sum::<u32>()
    };
    let placed = number(|state| matches!(state, State::Starting | State::Running));
    let waiting = number(|state| state <= State::Runnable);
    if job.status.main_node.is_some() && (status.main_node != job.status.main_node || status.array.is_none())
    {
        return Some(format!("the status of {} tells of its nodes no more", job.key));
    }
    (cluster.store.is_multi_node(job) && placed > 0 && waiting > 0)
        .then(|| format!("{placed} nodes of {} are placed, and {waiting} are not", job.key))
}

/// A pod that comes to a host which a node of another job has for itself, or which one is about to be let go to.
pub(super) fn before_create(cluster: &Cluster, order: &PodOrder) -> Option<String> {
    let (pod, host) = (&order.pod.name, &order.host);
    let other = on_host(cluster, host).find(|(_, task)| task.alone && task.job != order.job);
    if let Some((other, _)) = other {
        return Some(format!("pod {pod} comes to {host}, where {} is alone", other.key));
    }
    // One that was deleted before it was let go never is.
    let may_go = |pod: Uid| cluster.store.pods.values().any(|found| found.uid == pod && !found.deleting);
    let (owner, _) =
        launched(cluster).find(|(_, launched)| launched.host == *host && may_go(launched.pod))?;
    Some(format!("pod {pod} comes to {host}, which is for a node of job {}", owner.prefix()))
}

/// A node that comes to a host where it is not alone, or has no room.
pub(super) fn before_let_go(cluster: &Cluster, order: &LetGoOrder, pod: &ObservedPod) -> Option<String> {
    let (name, host) = (&order.guard.key.name, &order.host);
    if let Some((other, _)) = on_host(cluster, host).find(|(other, _)| other.uid != pod.uid) {
        return Some(format!("pod {name} comes to {host}, where {} is", other.key));
    }
    // Somebody else's pod may have come meanwhile.
    let found = cluster.store.hosts.get(host).filter(|_| at_ease(cluster))?;
    let is_there = |other: &&ObservedPod| other.phase == PodPhase::Active && other.place() == Some(host);
    let others = cluster.store.pods.values().filter(is_there);
    let used = others.fold(ResourceList::default(), |sum, other| sum.plus(&other.requests));
    (!found.allocatable.clone().minus(&used).covers(&pod.requests))
        .then(|| format!("pod {name} comes to {host}, which has no room for it: {used:?} is used"))
}

/// Hosts of one job's nodes that are the same, or of different instance types.
pub(super) fn unlike(cluster: &Cluster, hosts: &[&Name]) -> Option<String> {
    let kind = |host: &Name| {
        let found = cluster.store.hosts.get(host)?;
        Some(found.labels.get(&Name::from("node.kubernetes.io/instance-type")).cloned())
    };
    let mut pairs = hosts
        .iter()
        .enumerate()
        .flat_map(|(at, one)| hosts.iter().skip(at + 1).map(move |other| (one, other)));
    let is_unlike = |one: &Name, other: &Name| {
        one == other || kind(one).zip(kind(other)).is_some_and(|(one, other)| one != other)
    };
    let (one, other) = pairs.find(|(one, other)| is_unlike(one, other))?;
    Some(format!("nodes are on {one} and {other}: not two hosts of one instance type"))
}

/// Pods of jobs that use a host, or will.
fn on_host<'a>(cluster: &'a Cluster, host: &'a Name) -> impl Iterator<Item = (&'a ObservedPod, &'a TaskPod)> {
    let was_never_bound = |pod: &ObservedPod| pod.deleting && pod.host.is_none();
    let pods = cluster.store.pods.values();
    let is_there = move |pod: &&ObservedPod| {
        pod.phase == PodPhase::Active && pod.place() == Some(host) && !was_never_bound(pod)
    };
    pods.filter(is_there).filter_map(|pod| Some((pod, pod.task.as_ref()?)))
}

/// Pods of nodes under way, as recorded, and their jobs.
fn launched(cluster: &Cluster) -> impl Iterator<Item = (Uid, &Launched)> {
    let is_under_way = |job: Uid| {
        let job = cluster.store.job(job).filter(|job| !job.deleting);
        job.is_some_and(|job| matches!(job.status.state, State::Starting | State::Running))
    };
    let records = cluster.store.records.iter().filter(move |((job, _), _)| is_under_way(*job));
    records.flat_map(|((job, _), stored)| {
        let children = stored.record.children.values();
        children.filter_map(move |child| Some((*job, child.launched.as_ref()?)))
    })
}

/// There is a host for each node of any job where all have the hosts that are there.
pub(super) fn at_rest(cluster: &Cluster) -> Option<String> {
    let queues = cluster.store.queues.values();
    let on_hosts = |job: &ObservedJob| {
        let mut queues = queues.clone().filter(|queue| queue.name == job.spec.queue.name);
        queues.any(|queue| queue.environments.iter().any(|reference| reference.name.as_str() == UNMANAGED))
    };
    let is_hopeless = |job: &&ObservedJob| {
        // Hosts with GPUs are few.
        !has_gpus(cluster, job) && HOPELESS.contains(&job.status.reason.as_str()) && on_hosts(job)
    };
    let job = cluster.store.jobs.values().find(is_hopeless)?;
    Some(format!("{} is told that it never finds its hosts: {}", job.key, job.status.words))
}
