//! Kubernetes' own collectors: pods whose owner is gone are deleted, pods on nodes that are gone are given up, namespaces end.

use crate::cluster::Cluster;
use windlass_core::ids::ObjectKey;
use windlass_core::objects::{ObservedPod, PodPhase, TaskPod};

/// Collects one thing.
pub fn act(cluster: &mut Cluster) {
    let due = due(cluster);
    if let Some(key) = due.get(cluster.rng.usize(0..due.len().max(1))) {
        collect(cluster, key);
    }
}

/// Collects all there is. True when that changed something.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let due = due(cluster);
    for key in &due {
        collect(cluster, key);
    }
    !due.is_empty()
}

fn due(cluster: &Cluster) -> Vec<ObjectKey> {
    let store = &cluster.store;
    let owner_is_gone =
        |pod: &ObservedPod| pod.task.as_ref().is_some_and(|task| store.gone_jobs.contains(&task.job));
    let host_is_gone =
        |pod: &ObservedPod| pod.host.as_ref().is_some_and(|host| !store.hosts.contains_key(host));
    let is_due = |pod: &&ObservedPod| {
        (owner_is_gone(pod) && !pod.deleting)
            || (host_is_gone(pod) && (!pod.deleting || pod.phase == PodPhase::Active))
    };
    store.pods.values().filter(is_due).map(|pod| pod.key.clone()).collect()
}

/// The pod garbage collector marks a pod on a missing node failed, then removes it with no grace.
fn collect(cluster: &mut Cluster, key: &ObjectKey) {
    let Some(pod) = cluster.store.pods.get(key).cloned() else { return };
    let host_is_gone = pod.host.as_ref().is_some_and(|host| !cluster.store.hosts.contains_key(host));
    if !host_is_gone {
        cluster.tell(|| format!("garbage collector: deletes {}", key.name));
        return cluster.store.delete_pod(key);
    }
    cluster.tell(|| format!("pod garbage collector: gives up {}", key.name));
    cluster.truth.give_up(pod.uid);
    let task = pod.task.clone().map(|task| TaskPod { disruption: Some("DeletionByPodGC".into()), ..task });
    let phase = if pod.phase == PodPhase::Active { PodPhase::Failed } else { pod.phase };
    cluster.store.put_pod(ObservedPod { phase, deleting: true, task, ..pod.clone() });
    if pod.task.is_none_or(|task| !task.held) {
        cluster.store.remove_pod(key);
    }
}
