//! Kubernetes' own collectors, each some time after what it reacts to: what has lost its owner is deleted, pods on nodes that are
//! gone are given up, namespaces are emptied and end.

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::store::{Cascade, Store};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{ObservedPod, PodPhase, TaskPod};

/// Something a collector has to do.
#[derive(Clone, Debug)]
enum Due {
    /// A pod whose owner is gone, or whose namespace ends.
    Pod(ObjectKey),
    /// A pod on a node that is gone.
    Stranded(ObjectKey),
    /// A record whose owner is gone.
    Record((Uid, u32)),
    /// A revision whose definition is gone, or whose namespace ends.
    Revision(ObjectKey),
    /// A definition whose namespace ends.
    Definition(ObjectKey),
    /// A job whose namespace ends.
    Job(ObjectKey),
    /// A job whose deletion waits for the collector.
    EndOfJob(ObjectKey),
    /// A namespace that is empty.
    Namespace(Name),
}

/// Collects one thing.
pub fn act(cluster: &mut Cluster) {
    let due = due(&cluster.store);
    if let Some(one) = due.get(cluster.rng.usize(0..due.len().max(1))) {
        collect(cluster, one);
    }
}

/// Collects all there is. True when that changed something.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let due = due(&cluster.store);
    for one in &due {
        collect(cluster, one);
    }
    !due.is_empty()
}

fn due(store: &Store) -> Vec<Due> {
    let ends = |key: &ObjectKey| store.namespaces.get(&key.namespace) == Some(&true);
    let owner_is_gone =
        |pod: &ObservedPod| pod.task.as_ref().is_some_and(|task| store.is_collected(task.job));
    let host_is_gone =
        |pod: &ObservedPod| pod.host.as_ref().is_some_and(|host| !store.hosts.contains_key(host));
    let mut due = Vec::new();
    for (key, pod) in &store.pods {
        if host_is_gone(pod)
            && (!pod.deleting || pod.phase == PodPhase::Active || store.is_stopping(pod.uid))
        {
            due.push(Due::Stranded(key.clone()));
        } else if (owner_is_gone(pod) || ends(key)) && !pod.deleting {
            due.push(Due::Pod(key.clone()));
        }
    }
    due.extend(store.records.keys().filter(|(job, _)| store.is_collected(*job)).copied().map(Due::Record));
    for (key, revision) in store.revisions.iter().filter(|(_, revision)| !revision.deleting) {
        if store.gone_definitions.contains(&revision.definition) || ends(key) {
            due.push(Due::Revision(key.clone()));
        }
    }
    due.extend(store.definitions.keys().filter(|key| ends(key)).cloned().map(Due::Definition));
    due.extend(store.jobs.keys().filter(|key| ends(key)).cloned().map(Due::Job));
    due.extend(store.ending_jobs.keys().cloned().map(Due::EndOfJob));
    let ending = store.namespaces.iter().filter(|(_, ends)| **ends).map(|(name, _)| name);
    due.extend(ending.filter(|name| is_empty(store, name)).cloned().map(Due::Namespace));
    due
}

fn is_empty(store: &Store, namespace: &Name) -> bool {
    let mut keys = store.pods.keys().chain(store.jobs.keys());
    let mut catalog = store.definitions.keys().chain(store.revisions.keys());
    !keys.any(|key| key.namespace == *namespace) && !catalog.any(|key| key.namespace == *namespace)
}

fn collect(cluster: &mut Cluster, due: &Due) {
    cluster.tell(|| format!("collector: {due:?}"));
    match due {
        Due::Pod(key) => {
            cluster.note(About::Faults, "pods collected after their owner or namespace");
            cluster.store.delete_pod(key);
        }
        Due::Stranded(key) => give_up(cluster, key),
        Due::Record(place) => {
            cluster.note(About::Faults, "records collected after their job");
            cluster.store.records.remove(place);
        }
        Due::Revision(key) => {
            cluster.note(About::Faults, "revisions collected after their definition or namespace");
            cluster.store.delete_revision(key);
        }
        Due::Definition(key) => cluster.store.delete_definition(key),
        Due::Job(key) => cluster.store.delete_job(key, Cascade::Background),
        Due::EndOfJob(key) => cluster.store.end_job(key),
        Due::Namespace(name) => {
            cluster.note(About::Faults, "namespaces that ended");
            cluster.store.remove_namespace(name);
        }
    }
}

/// The pod garbage collector marks a pod on a missing node failed, then removes it with no grace.
fn give_up(cluster: &mut Cluster, key: &ObjectKey) {
    let Some(pod) = cluster.store.pods.get(key).cloned() else { return };
    cluster.note(About::Faults, "pods given up with their node");
    cluster.truth.give_up(pod.uid);
    let task = pod.task.clone().map(|task| TaskPod { disruption: Some("DeletionByPodGC".into()), ..task });
    let phase = if pod.phase == PodPhase::Active { PodPhase::Failed } else { pod.phase };
    cluster.store.put_pod(ObservedPod { phase, task, ..pod });
    cluster.store.delete_pod(key);
    cluster.store.stopped(key);
}
