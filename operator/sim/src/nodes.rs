//! Multi-node jobs that users ask for: their definitions, what submissions change of these, and what people do to them.

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::store;
use crate::users;
use std::sync::Arc;
use windlass_core::ids::{Name, ObjectKey};
use windlass_core::objects::{
    Dependency, JobSpec, NodeGroup, NodeOverrides, NodeRange, Payload, ResourceRequest,
};
use windlass_core::reference::Reference;

/// Definitions of multi-node jobs, in runs with any.
pub const DEFINITIONS: [&str; 2] = ["pair", "trio"];

/// The most nodes that a multi-node job has: as many hosts as there are at least, once the faults have stopped.
pub const NODES: u32 = 3;

/// Makes those of these definitions that are missing.
pub fn define(cluster: &mut Cluster, namespace: &str) {
    for name in DEFINITIONS {
        if cluster.faults.multi_node > 0
            && !cluster.store.definitions.contains_key(&ObjectKey::new(namespace, name))
        {
            put_definition(cluster, namespace, name);
        }
    }
}

/// Makes a definition, or changes it: all nodes alike, or the first one or the others larger.
pub fn put_definition(cluster: &mut Cluster, namespace: &str, name: &str) {
    let count = if name == "pair" { 2 } else { NODES };
    let main = cluster.rng.u32(0..count);
    let groups = match cluster.rng.u64(0..4) {
        0 => "group=0:0/2/128 group=1:/1/64".to_owned(),
        // Its numNodes cannot be changed.
        1 => format!("group=0:{}/1/64 group=1:1/2/64", count - 1),
        _ => String::new(),
    };
    put(cluster, namespace, name, &format!("1000 64 nodes={count} main={main} {groups}"));
}

/// A definition all of whose nodes are alike.
pub fn put_plain(cluster: &mut Cluster, namespace: &str, name: &str, needs: &str, count: u32) {
    put(cluster, namespace, name, &format!("{needs} nodes={count}"));
}

fn put(cluster: &mut Cluster, namespace: &str, name: &str, text: &str) {
    let content = store::content(Payload(Arc::from(text.trim_end().as_bytes())));
    let definition = users::definition(cluster, namespace, name, content);
    cluster.store.put_definition(definition);
}

/// The same submission as one of a multi-node job. A few make no sense, and are refused.
pub fn of_nodes(spec: JobSpec, cluster: &mut Cluster) -> JobSpec {
    cluster.note(About::Work, "multi-node jobs");
    let depends_on = spec.depends_on.into_iter().filter(|entry| matches!(entry, Dependency::Whole(_)));
    let name = Name::from(DEFINITIONS[cluster.rng.usize(0..DEFINITIONS.len())]);
    let node_overrides = overrides(cluster).map(Box::new);
    let spec = JobSpec {
        definition: Reference { name, ..spec.definition },
        size: None,
        depends_on: depends_on.collect(),
        overrides: ResourceRequest::default(),
        changes_container: false,
        node_overrides,
        ..spec
    };
    let nonsense = cluster.rng.u64(0..32);
    if nonsense < 3 {
        cluster.note(About::Work, "multi-node jobs that make no sense");
    }
    match nonsense {
        0 => JobSpec { size: Some(2), ..spec },
        1 => {
            let overrides = ResourceRequest { cpu_millis: Some(1000), ..spec.overrides };
            JobSpec { overrides, changes_container: true, ..spec }
        }
        2 => JobSpec { definition: Reference::plain("small"), ..spec },
        _ => spec,
    }
}

fn overrides(cluster: &mut Cluster) -> Option<NodeOverrides> {
    let rng = &mut cluster.rng;
    let count = (rng.u64(0..4) == 0).then(|| rng.u32(2..=NODES));
    let cpu_millis = (rng.u64(0..6) == 0).then_some(2000);
    let gpus = (cluster.faults.gpus && rng.u64(0..8) == 0).then_some(1);
    let first = rng.u32(0..2);
    let resources = ResourceRequest { cpu_millis, memory_mib: None, gpus };
    let targets = NodeRange { first, last: None };
    let change = NodeGroup { targets, resources, instance_type: None };
    let groups = if cpu_millis.or(gpus).is_some() { vec![change] } else { Vec::new() };
    (count.is_some() || !groups.is_empty()).then_some(NodeOverrides { count, groups })
}

/// Somebody deletes the StatefulSets of a launch, with their pods or without. True when there were any.
pub fn delete_sets(cluster: &mut Cluster) -> bool {
    let keys: Vec<ObjectKey> = cluster.store.node_sets.keys().cloned().collect();
    let Some(key) = keys.get(cluster.rng.usize(0..keys.len().max(1))) else { return false };
    let leaves_pods = cluster.rng.bool();
    cluster.note(About::Faults, "StatefulSets deleted by somebody");
    cluster.tell(|| format!("user: deletes StatefulSets {key}, leaves their pods: {leaves_pods}"));
    cluster.store.remove_node_sets(key, leaves_pods);
    true
}
