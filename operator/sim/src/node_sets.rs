//! The StatefulSet controller, some time after what it reacts to: it makes the pods of nodes that are missing, behind their
//! gates, deletes those that have ended, and makes new ones in their place once they are gone.

use crate::cluster::Cluster;
use crate::coverage::About;
use windlass_core::ids::ObjectKey;
use windlass_core::objects::PodPhase;

/// Something the controller has to do.
#[derive(Clone, Debug)]
enum Due {
    /// A node has no pod.
    Missing { sets: ObjectKey, index: u32 },
    /// A pod has ended, and is in the way of the next one.
    Over(ObjectKey),
    /// A pod has the right name and no owner.
    Ownerless { sets: ObjectKey, pod: ObjectKey },
}

/// Does one thing.
pub fn act(cluster: &mut Cluster) {
    let due = due(cluster);
    if let Some(one) = due.get(cluster.rng.usize(0..due.len().max(1))) {
        carry_out(cluster, one);
    }
}

/// Does all there is. True when that changed something.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let due = due(cluster);
    for one in &due {
        carry_out(cluster, one);
    }
    !due.is_empty()
}

fn due(cluster: &Cluster) -> Vec<Due> {
    let store = &cluster.store;
    let mut due = Vec::new();
    for (key, sets) in &store.node_sets {
        let takes_pods = store.namespaces.get(&key.namespace) == Some(&false) && cluster.refusal.is_none();
        for index in 0..sets.order.nodes.count {
            let pod = sets.pod(index);
            match store.pods.get(&pod) {
                None if takes_pods => due.push(Due::Missing { sets: key.clone(), index }),
                Some(found) if store.is_ownerless(found) => {
                    due.push(Due::Ownerless { sets: key.clone(), pod });
                }
                Some(found)
                    if store.has_sets(found.uid) && found.phase != PodPhase::Active && !found.deleting =>
                {
                    due.push(Due::Over(pod));
                }
                _ => {}
            }
        }
    }
    due
}

fn carry_out(cluster: &mut Cluster, due: &Due) {
    cluster.tell(|| format!("statefulset controller: {due:?}"));
    match due {
        Due::Missing { sets, index } => {
            cluster.note(About::Work, "pods that StatefulSets made");
            cluster.store.make_node_pod(sets, *index, cluster.now);
        }
        Due::Over(pod) => cluster.store.delete_pod(pod),
        Due::Ownerless { sets, pod } => cluster.store.adopt(sets, pod),
    }
}
