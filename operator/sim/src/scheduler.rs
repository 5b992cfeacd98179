//! kube-scheduler: binds each of our pods to the host it is pinned to, or to any that its selector chooses, if that has room.

use crate::cluster::Cluster;
use windlass_core::ids::{Name, ObjectKey};
use windlass_core::objects::{ObservedPod, PodPhase, TaskPod};
use windlass_core::units::ResourceList;

/// Tries one pod that has no host.
pub fn act(cluster: &mut Cluster) {
    let unbound = unbound(cluster);
    if let Some(key) = unbound.get(cluster.rng.usize(0..unbound.len().max(1))) {
        bind(cluster, key);
    }
}

/// Tries all pods that have no host. True when that changed something.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let mut busy = false;
    for key in unbound(cluster) {
        busy |= bind(cluster, &key);
    }
    busy
}

fn unbound(cluster: &Cluster) -> Vec<ObjectKey> {
    let is_gated = |pod: &ObservedPod| pod.task.as_ref().is_some_and(|task| task.gated);
    let waits = |pod: &&ObservedPod| {
        pod.host.is_none() && !pod.deleting && pod.phase == PodPhase::Active && !is_gated(pod)
    };
    cluster.store.pods.values().filter(waits).map(|pod| pod.key.clone()).collect()
}

fn bind(cluster: &mut Cluster, key: &ObjectKey) -> bool {
    let Some(pod) = cluster.store.pods.get(key).cloned() else { return false };
    let Some(task) = pod.task.clone() else { return false };
    let mut hosts = choices(cluster, &pod, &task);
    hosts.retain(|host| has_room(cluster, host, &pod));
    if !hosts.is_empty() {
        let at = if hosts.len() == 1 { 0 } else { cluster.rng.usize(0..hosts.len()) };
        let host = hosts.swap_remove(at);
        cluster.tell(|| format!("scheduler: {} is bound to {host}", key.name));
        let task = TaskPod { unschedulable: None, bound_at: Some(cluster.now.to_second()), ..task };
        cluster.store.put_pod(ObservedPod { host: Some(host), task: Some(task), ..pod });
        return true;
    }
    if task.unschedulable.is_some() {
        return false;
    }
    let words = Name::from(
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity.",
    );
    cluster.store.put_pod(ObservedPod { task: Some(TaskPod { unschedulable: Some(words), ..task }), ..pod });
    true
}

/// The host that a pod is pinned to, or all that its selector chooses.
fn choices(cluster: &Cluster, pod: &ObservedPod, task: &TaskPod) -> Vec<Name> {
    let Some(selector) = cluster.store.selectors.get(&pod.uid) else { return vec![task.admitted_to.clone()] };
    let hosts = cluster.store.hosts.values();
    let chosen = hosts.filter(|host| selector.iter().all(|(key, value)| host.labels.get(key) == Some(value)));
    chosen.map(|host| host.name.clone()).collect()
}

fn has_room(cluster: &Cluster, host: &Name, pod: &ObservedPod) -> bool {
    let Some(node) = cluster.store.hosts.get(host).filter(|node| node.ready && !node.unschedulable) else {
        return false;
    };
    let there = cluster.store.pods.values();
    let active = there.filter(|other| other.host.as_ref() == Some(host) && other.phase == PodPhase::Active);
    let used = active.fold(ResourceList::default(), |sum, other| sum.plus(&other.requests));
    let gpus = cluster.store.gpus_tolerated_by(pod);
    let is_tolerated = node.taints.iter().all(|taint| taint.is_tolerated(gpus.as_ref()));
    is_tolerated && node.allocatable.clone().minus(&used).covers(&pod.requests)
}
