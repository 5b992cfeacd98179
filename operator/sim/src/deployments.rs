//! The controllers of Cluster API: a MachineDeployment gets as many machines as its replicas say, and loses those that are too
//! many. Those that are being deleted count until they are gone; those that are marked go first, then any
//! (`machineset_controller.go` and `machineset_deletion_order.go` of Cluster API 1.14).

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::store::Store;
use windlass_core::ids::{Name, ResourceVersion, Uid};
use windlass_core::objects::{Backend, ObservedMachine, ObservedMachineDeployment};

/// The controllers look at one MachineDeployment. True when they had something to do.
pub fn reconcile_one(cluster: &mut Cluster) -> bool {
    let names: Vec<Name> = cluster.store.deployments.keys().cloned().collect();
    let name = names.get(cluster.rng.usize(0..names.len().max(1)));
    collect(cluster) || name.is_some_and(|name| reconcile(cluster, name))
}

/// Somebody deletes a MachineDeployment that was made for an environment.
pub fn delete_own(cluster: &mut Cluster, environment: &Name) {
    let Some(uid) = cluster.store.environments.get(environment).map(|found| found.uid) else { return };
    let own = cluster.store.made_for(uid).next();
    // Whoever deletes one with machines ends the jobs there, as with any: that is no question.
    let idle = own.map(ObservedMachineDeployment::machine_type);
    let idle = idle.filter(|name| cluster.store.machines_of_deployment(name).next().is_none());
    if let Some(name) = idle {
        cluster.note(About::Faults, "MachineDeployments of environments deleted by somebody");
        cluster.tell(|| format!("somebody: deletes MachineDeployment {name}"));
        cluster.store.remove_deployment(&name);
    }
}

/// What was made for an environment that is gone, or about to, is collected before Cluster API has made the Cluster an owner,
/// too. True when there was one.
fn collect(cluster: &mut Cluster) -> bool {
    let store = &cluster.store;
    let is_gone = |environment: &Uid| store.gone_environments.contains(environment);
    let is_left = |found: &&ObservedMachineDeployment| {
        store.made_late.contains(&found.uid)
            && found.made.as_ref().is_some_and(|made| is_gone(&made.environment))
    };
    let left = store.deployments.values().find(is_left).map(ObservedMachineDeployment::machine_type);
    if let Some(name) = &left {
        cluster.note(About::Faults, "MachineDeployments made too late");
        cluster.tell(|| format!("collector: MachineDeployment {name}"));
        cluster.store.remove_deployment(name);
    }
    left.is_some()
}

/// The controllers do all there is to do for them. True when there was anything.
pub fn reconcile_all(cluster: &mut Cluster) -> bool {
    let names: Vec<Name> = cluster.store.deployments.keys().cloned().collect();
    let mut busy = collect(cluster);
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
