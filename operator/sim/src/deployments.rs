//! The controllers of Cluster API: a MachineDeployment gets as many machines as its replicas say, and loses those that are too
//! many. Those that are being deleted count until they are gone; those that are marked go first, then any
//! (`machineset_controller.go` and `machineset_deletion_order.go` of Cluster API 1.14).

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::store::Store;
use windlass_core::ids::{Name, ResourceVersion, Uid};
use windlass_core::objects::{Backend, ObservedMachine};

/// The controllers look at one MachineDeployment. True when they had something to do.
pub fn reconcile_one(cluster: &mut Cluster) -> bool {
    let names: Vec<Name> = cluster.store.deployments.keys().cloned().collect();
    let name = names.get(cluster.rng.usize(0..names.len().max(1)));
    name.is_some_and(|name| reconcile(cluster, name))
}

/// The controllers do all there is to do for them. True when there was anything.
pub fn reconcile_all(cluster: &mut Cluster) -> bool {
    let names: Vec<Name> = cluster.store.deployments.keys().cloned().collect();
    let mut busy = false;
    for name in names {
        while reconcile(cluster, &name) {
            busy = true;
        }
    }
    busy
}

/// One machine is made, or deleted. True when one had to be.
fn reconcile(cluster: &mut Cluster, name: &Name) -> bool {
    let Some(deployment) = cluster.store.deployments.get(name) else { return false };
    let replicas = usize::try_from(deployment.replicas).unwrap_or(usize::MAX);
    let machines: Vec<ObservedMachine> = cluster.store.machines_of_deployment(name).cloned().collect();
    let deleting = machines.iter().filter(|machine| machine.deleting).count();
    if machines.len() < replicas {
        make(cluster, name);
        return true;
    }
    if machines.len() - replicas <= deleting {
        return false;
    }
    let live = machines.into_iter().filter(|machine| !machine.deleting);
    let Some(first) = live.min_by_key(|machine| (!machine.marked, machine.uid)) else { return false };
    // Where none is to be left there is none that could be mistaken for another.
    if !first.marked && replicas > 0 {
        cluster.store.breaches.push(format!("machine {} is taken away, and was not marked", first.name));
    }
    cluster.note(About::Work, "machines taken away by scaling in");
    cluster.tell(|| format!("Cluster API: deletes {}", first.name));
    cluster.store.put_machine(ObservedMachine { deleting: true, ..first });
    true
}

fn make(cluster: &mut Cluster, name: &Name) {
    let uid = cluster.store.next_uid();
    let machine = Name::from(format!("{name}-{}", uid.prefix().trim_start_matches('0')));
    cluster.note(About::Work, "machines made by scaling out");
    cluster.tell(|| format!("Cluster API: makes {machine}"));
    cluster.store.put_machine(ObservedMachine {
        name: machine,
        uid,
        resource_version: ResourceVersion(0),
        backend: Backend::ClusterApi,
        environment: Uid::default(),
        machine_type: name.clone(),
        node_class: None,
        created_at: Store::stamp(cluster.now),
        node: None,
        fault: None,
        leaving: false,
        marked: false,
        deleting: false,
    });
}
