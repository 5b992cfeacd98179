//! MachineDeployments of Cluster API, as the API server has them.

use super::Store;
use windlass_core::action::{Outcome, Refusal, ScaleOrder};
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{
    Backend, ObservedEnvironment, ObservedHost, ObservedMachine, ObservedMachineDeployment,
};

impl Store {
    /// Stores a MachineDeployment.
    pub fn put_deployment(&mut self, mut deployment: ObservedMachineDeployment) {
        deployment.resource_version = self.next_version();
        self.tell(Kind::MachineDeployment, Event::MachineDeployment(Box::new(deployment.clone())));
        self.deployments.insert(deployment.machine_type(), deployment);
    }

    /// The machines of a MachineDeployment.
    pub fn machines_of_deployment(&self, name: &Name) -> impl Iterator<Item = &ObservedMachine> {
        let of_it = move |machine: &&ObservedMachine| {
            machine.backend == Backend::ClusterApi && machine.machine_type == *name
        };
        self.machines.values().filter(of_it)
    }

    /// The environment that a machine is for: nothing on one of Cluster API says so, but the environment names its
    /// MachineDeployment.
    pub fn environment_of(&self, machine: &ObservedMachine) -> Uid {
        let named = || self.environments.values().find(|found| names(found, &machine.machine_type));
        let is_told = machine.backend != Backend::ClusterApi;
        if is_told { machine.environment } else { named().map(|found| found.uid).unwrap_or_default() }
    }

    /// True for a host of an environment.
    pub fn has_host(&self, environment: &ObservedEnvironment, host: &ObservedHost) -> bool {
        let is_scaled =
            environment.managed.as_ref().is_some_and(|managed| managed.backend == Backend::ClusterApi);
        let is_chosen = if is_scaled {
            self.machines_of(environment.uid).any(|machine| machine.node.as_ref() == Some(&host.name))
        } else {
            environment.selector.iter().all(|(key, value)| host.labels.get(key) == Some(value))
        };
        is_chosen && host.made_for.is_none_or(|made_for| made_for == environment.uid)
    }

    pub(super) fn read_deployment(&self, key: &ObjectKey) -> Outcome {
        let name = Name::from(key.to_string());
        self.deployments.get(&name).map_or(Outcome::NotFound, |found| {
            let machines = self.machines_of_deployment(&name).cloned().collect();
            Outcome::MachineDeployment(Box::new(found.clone()), machines)
        })
    }

    pub(super) fn scale(&mut self, order: &ScaleOrder) -> Outcome {
        let name = Name::from(order.guard.key.to_string());
        let Some(found) = self.deployments.get(&name).cloned() else { return Outcome::NotFound };
        if let Some(words) = self.machine_refusal.clone() {
            return Outcome::Refused(Refusal::Other, words);
        }
        if found.uid != order.guard.uid || found.resource_version != order.guard.resource_version {
            return Outcome::Conflict;
        }
        self.put_deployment(ObservedMachineDeployment { replicas: order.replicas, ..found });
        Outcome::Written(self.deployments.get(&name).map(|found| found.resource_version).unwrap_or_default())
    }
}

/// True when an environment has this MachineDeployment scaled.
pub fn names(environment: &ObservedEnvironment, deployment: &Name) -> bool {
    let managed = environment.managed.as_ref().filter(|managed| managed.backend == Backend::ClusterApi);
    managed.is_some_and(|managed| managed.instance_types.contains(deployment))
}
