//! Multi-node jobs: all nodes are placed at once or none, each on a host of its own, all hosts of one instance type (SPEC.md
//! M2, M6).

use super::request::at_ease;
use crate::cluster::Cluster;
use crate::pools::UNMANAGED;
use crate::wishes::HOPELESS;
use windlass_core::action::PodOrder;
use windlass_core::ids::Name;
use windlass_core::objects::{JobStatus, ObservedJob, ObservedPod, PodPhase, TaskPod};
use windlass_core::state::State;

/// A status that says of some nodes that they were given hosts, and of others that they wait, where all waited before.
pub(super) fn before_write(cluster: &Cluster, job: &ObservedJob, status: &JobStatus) -> Option<String> {
    let number = |status: &JobStatus, is: fn(State) -> bool| {
        let states = status.array.iter().flat_map(|array| &array.children);
        states.filter(|(state, _)| is(**state)).map(|(_, indexes)| indexes.count()).sum::<u32>()
    };
    let is_placed = |state: State| matches!(state, State::Starting | State::Running);
    let placed = number(status, is_placed);
    let waiting = number(status, |state| state == State::Runnable);
    let had_begun = number(&job.status, |state| state > State::Runnable) > 0;
    let is_parted = job.spec.multi_node && !had_begun && placed > 0 && waiting > 0;
    (is_parted && at_ease(cluster))
        .then(|| format!("{placed} nodes of {} are placed, and {waiting} are not", job.key))
}

/// A pod that comes to a host which another one has for itself, or that does not get it for itself; or a node on a host of
/// another instance type than those before it.
pub(super) fn before_create(cluster: &Cluster, order: &PodOrder) -> Option<String> {
    let was_never_bound = |pod: &ObservedPod| pod.deleting && pod.host.is_none();
    let is_there =
        |pod: &&ObservedPod| pod.phase == PodPhase::Active && pod.key != order.pod && !was_never_bound(pod);
    let tasks = cluster.store.pods.values().filter(is_there);
    let tasks = || tasks.clone().filter_map(|pod| Some((pod, pod.task.as_ref()?)));
    let is_here = |pod: &ObservedPod| pod.place() == Some(&order.host);
    if let Some((other, _)) = tasks().find(|(pod, task)| is_here(pod) && (task.alone || order.alone)) {
        let (pod, host) = (&order.pod.name, &order.host);
        return Some(format!(
            "pod {pod} comes to {host}, where {} is: one of them is there alone",
            other.key
        ));
    }
    let is_sibling = |task: &TaskPod| order.alone && task.job == order.job;
    let kind = |host: &Name| {
        let found = cluster.store.hosts.get(host)?;
        Some(found.labels.get(&Name::from("node.kubernetes.io/instance-type")).cloned())
    };
    let mut siblings = tasks().filter(|(_, task)| is_sibling(task));
    let (other, _) =
        siblings.find(|(pod, _)| pod.place().is_some_and(|place| kind(place) != kind(&order.host)))?;
    Some(format!("{} and {} are on hosts of different instance types", order.pod, other.key))
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
        job.spec.overrides.gpus.is_none() && HOPELESS.contains(&job.status.reason.as_str()) && on_hosts(job)
    };
    let job = cluster.store.jobs.values().find(is_hopeless)?;
    Some(format!("{} is told that it never finds its hosts: {}", job.key, job.status.words))
}
