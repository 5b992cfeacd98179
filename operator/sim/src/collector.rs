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
    /// A pod that was deleted before it had a host, and is held.
    NeverBound(ObjectKey),
    /// StatefulSets whose job is gone, or whose namespace ends.
    NodeSets(ObjectKey),
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

/// Collects what has lost its owner or its namespace, and leaves the pod garbage collector alone. True when there was anything.
pub fn collect_garbage(cluster: &mut Cluster) -> bool {
    let due = garbage(&cluster.store);
    for one in &due {
        collect(cluster, one);
    }
    !due.is_empty()
}

/// The pod garbage collector looks at one pod.
pub fn look_at_pod(cluster: &mut Cluster, key: &ObjectKey) -> bool {
    let due = cluster.store.pods.get(key).and_then(|pod| lost_pod(&cluster.store, pod));
    if let Some(due) = &due {
        collect(cluster, due);
    }
    due.is_some()
}

fn due(store: &Store) -> Vec<Due> {
    let lost = store.pods.values().filter_map(|pod| lost_pod(store, pod));
    lost.chain(garbage(store)).collect()
}

/// What the pod garbage collector does about a pod.
fn lost_pod(store: &Store, pod: &ObservedPod) -> Option<Due> {
    let is_active = pod.phase == PodPhase::Active;
    match &pod.host {
        None => (pod.deleting && is_active).then(|| Due::NeverBound(pod.key.clone())),
        Some(host) => {
            let is_gone = !store.hosts.contains_key(host);
            let is_done = pod.deleting && !is_active && !store.is_stopping(pod.uid);
            (is_gone && !is_done).then(|| Due::Stranded(pod.key.clone()))
        }
    }
}

fn garbage(store: &Store) -> Vec<Due> {
    let ends = |key: &ObjectKey| store.namespaces.get(&key.namespace) == Some(&true);
    let is_due = |pod: &&ObservedPod| !pod.deleting && (store.has_lost_its_owner(pod) || ends(&pod.key));
    let mut due: Vec<Due> = store.pods.values().filter(is_due).map(|pod| Due::Pod(pod.key.clone())).collect();
    let lost = store.node_sets.iter();
    let lost = lost.filter(|(key, sets)| store.sets_have_lost_their_owner(sets) || ends(key));
    due.extend(lost.map(|(key, _)| Due::NodeSets(key.clone())));
    let records = store.records.keys().filter(|record| store.record_has_lost_its_owner(**record));
    due.extend(records.copied().map(Due::Record));
    for (key, revision) in store.revisions.iter().filter(|(_, revision)| !revision.deleting) {
        if store.gone_definitions.contains(&revision.definition) || ends(key) {
            due.push(Due::Revision(key.clone()));
        }
    }
    let ending = store.ending_jobs.iter().filter(|(key, cascade)| **cascade != Cascade::Held || ends(key));
    due.extend(ending.map(|(key, _)| Due::EndOfJob(key.clone())));
    let ending: Vec<&Name> =
        store.namespaces.iter().filter(|(_, ends)| **ends).map(|(name, _)| name).collect();
    // Mostly none ends, and jobs may be many.
    if !ending.is_empty() {
        due.extend(store.definitions.keys().filter(|key| ends(key)).cloned().map(Due::Definition));
        due.extend(store.jobs.keys().filter(|key| ends(key)).cloned().map(Due::Job));
    }
    let ending = ending.into_iter();
    due.extend(ending.filter(|name| is_empty(store, name)).cloned().map(Due::Namespace));
    due
}

fn is_empty(store: &Store, namespace: &Name) -> bool {
    let mut keys = store.pods.keys().chain(store.jobs.keys()).chain(store.node_sets.keys());
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
        Due::Stranded(key) => {
            cluster.note(About::Faults, "pods given up with their node");
            give_up(cluster, key, Some("DeletionByPodGC".into()));
        }
        Due::NeverBound(key) => {
            cluster.note(About::Faults, "pods given up that were deleted before they had a host");
            give_up(cluster, key, None);
        }
        Due::NodeSets(key) => {
            cluster.note(About::Faults, "StatefulSets collected after their owner or namespace");
            cluster.store.remove_node_sets(key, false);
        }
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

/// The pod garbage collector marks a pod failed, then removes it with no grace.
fn give_up(cluster: &mut Cluster, key: &ObjectKey, disruption: Option<Name>) {
    let Some(pod) = cluster.store.pods.get(key).cloned() else { return };
    cluster.truth.give_up(pod.uid);
    let task = pod.task.clone().map(|task| TaskPod { disruption: disruption.or(task.disruption), ..task });
    let phase = if pod.phase == PodPhase::Active { PodPhase::Failed } else { pod.phase };
    cluster.store.put_pod(ObservedPod { phase, task, ..pod });
    cluster.store.delete_pod(key);
    cluster.store.stopped(key);
}
