//! What must hold of node classes: a machine is asked for only once its class says what is wanted and was found good, no class
//! goes back to what it said before, none is left of an environment that is gone, no machine stays that is not what is wanted.

use super::request::at_ease;
use crate::cluster::Cluster;
use windlass_core::action::{Action, MachineOrder, NodeClassOrder, ScaleOrder};
use windlass_core::ids::Name;
use windlass_core::objects::{Backend, ObservedEnvironment, ObservedMachine, Readiness};

/// Checks a request before it is carried out; one that `is_late` was sent long before.
pub fn before_request(cluster: &Cluster, is_late: bool, action: &Action) -> Option<String> {
    match action {
        Action::LaunchMachine(order) => groundless(cluster, is_late, order),
        Action::WriteNodeClass(order) => goes_back(cluster, order),
        Action::Scale(order) if !is_late => grows_of_old(cluster, order),
        _ => None,
    }
}

/// The class was found good before a machine is asked for with it; where nothing is hidden, it is so now.
fn groundless(cluster: &Cluster, is_late: bool, order: &MachineOrder) -> Option<String> {
    let (name, uid) = (&order.name, order.environment_uid);
    let nothing_is_hidden = at_ease(cluster) && !is_late;
    let Some((_, digest)) = &order.node_class else {
        let environment = cluster.store.environments.get(&order.environment)?;
        let is_forgotten = environment.uid == uid && nothing_is_hidden && wanted(environment).is_some();
        return is_forgotten.then(|| format!("machine {name} is asked for without its node class"));
    };
    if !cluster.truth.good_classes.contains(&(uid, digest.clone())) {
        return Some(format!(
            "machine {name} is asked for, and no node class was found good that says {digest}"
        ));
    }
    let class = cluster.store.node_class_of(uid);
    let is_good = class.is_some_and(|class| class.digest == *digest && class.readiness == Readiness::Ready);
    (nothing_is_hidden && !is_good)
        .then(|| format!("machine {name} is asked for with {digest}, its class is {class:?}"))
}

/// Where nothing is hidden, no machine is asked for from a MachineDeployment that says what was wanted before.
fn grows_of_old(cluster: &Cluster, order: &ScaleOrder) -> Option<String> {
    let name = Name::from(order.guard.key.to_string());
    let found = cluster.store.deployments.get(&name)?;
    let grows = order.replicas > found.replicas && order.guard.resource_version == found.resource_version;
    (grows && at_ease(cluster) && cluster.store.is_outdated(found) == Some(true))
        .then(|| format!("{name} is scaled to {}, and says what was wanted before", order.replicas))
}

/// What a later version of the environment has asked for is not replaced with what an earlier one did.
fn goes_back(cluster: &Cluster, order: &NodeClassOrder) -> Option<String> {
    let class = cluster.store.node_classes.get(&order.name)?;
    let is_replaced = order.replaces == Some((class.uid, class.resource_version));
    let (before, after) = (class.environment_generation, order.environment_generation);
    (is_replaced && before > after)
        .then(|| format!("node class {} goes back from generation {before} to {after}", order.name))
}

/// A job is given to a host whose machine is not what is wanted any more.
pub fn on_an_outdated_one(cluster: &Cluster, host: &Name) -> Option<String> {
    let machine = cluster.store.machine_of(host)?;
    let mut environments = cluster.store.environments.values();
    let uid = cluster.store.environment_of(machine);
    let environment = environments.find(|environment| environment.uid == uid)?;
    is_outdated(cluster, machine, environment)
        .then(|| format!("a job is given to {host}, whose machine is of an older node class"))
}

/// Once all is quiet.
pub fn at_rest(cluster: &Cluster) -> Option<String> {
    let store = &cluster.store;
    let environments = || store.environments.values();
    let is_left = |uid| !environments().any(|environment| environment.uid == uid);
    if let Some(class) = store.node_classes.values().find(|class| is_left(class.environment)) {
        return Some(format!("node class {} is left of an environment that is gone", class.name));
    }
    if let Some(found) = store.deployments.values().find(|found| store.is_outdated(found) == Some(true)) {
        return Some(format!("MachineDeployment {} is left, and says what was wanted before", found.key));
    }
    environments().find_map(|environment| {
        let name = &environment.name;
        if let Some(machine) =
            store.machines_of(environment.uid).find(|found| is_outdated(cluster, found, environment))
        {
            return Some(format!("environment {name}: machine {} is of an older node class", machine.name));
        }
        if environment.managed.as_ref()?.backend == Backend::ClusterApi {
            return lacks_own(cluster, environment);
        }
        let wanted = wanted(environment)?;
        let class = store.node_class_of(environment.uid);
        let is_said =
            class.is_some_and(|class| class.digest == *wanted && class.readiness == Readiness::Ready);
        (!is_said)
            .then(|| format!("environment {name}: its node class should say {wanted}, and is {class:?}"))
    })
}

/// A MachineDeployment of its own is missing.
fn lacks_own(cluster: &Cluster, environment: &ObservedEnvironment) -> Option<String> {
    let wanted = wanted(environment)?;
    let patterns = &environment.managed.as_ref()?.instance_types;
    let made = || cluster.store.made_for(environment.uid).filter_map(|found| found.made.as_ref());
    let missing = patterns.iter().find(|pattern| !made().any(|made| made.pattern == **pattern))?;
    let name = &environment.name;
    Some(format!("environment {name} has no MachineDeployment like {missing} that says {wanted}"))
}

fn is_outdated(cluster: &Cluster, machine: &ObservedMachine, environment: &ObservedEnvironment) -> bool {
    if machine.backend == Backend::ClusterApi {
        let deployment = cluster.store.deployments.get(&machine.machine_type);
        return deployment.is_some_and(|found| cluster.store.is_outdated(found) == Some(true));
    }
    machine.node_class.as_ref() != wanted(environment)
}

fn wanted(environment: &ObservedEnvironment) -> Option<&Name> {
    Some(&environment.managed.as_ref()?.node_class.as_ref()?.digest)
}
