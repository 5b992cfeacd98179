//! MachineDeployments of Cluster API, as the API server has them.

use super::Store;
use super::rules::conflict;
use windlass_core::action::{DeploymentOrder, Guard, Outcome, Refusal, ScaleOrder};
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{
    Backend, MachineType, Made, ObservedEnvironment, ObservedHost, ObservedMachine, ObservedMachineDeployment,
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

    /// The environment that a machine is for: nothing on one of Cluster API says so.
    pub fn environment_of(&self, machine: &ObservedMachine) -> Uid {
        let is_told = machine.backend != Backend::ClusterApi;
        if is_told { machine.environment } else { self.scaled_by(&machine.machine_type).unwrap_or_default() }
    }

    /// The environment that has a MachineDeployment scaled: it was made for it, or it names it.
    pub fn scaled_by(&self, deployment: &Name) -> Option<Uid> {
        let made = self.deployments.get(deployment).and_then(|found| found.made.as_ref());
        let named =
            || self.environments.values().find(|found| names(found, deployment)).map(|found| found.uid);
        made.map(|made| made.environment).or_else(named)
    }

    /// All MachineDeployments that an environment has scaled.
    pub fn scaled_for(&self, environment: Uid) -> impl Iterator<Item = &ObservedMachineDeployment> {
        let all = self.deployments.iter();
        all.filter(move |(name, _)| self.scaled_by(name) == Some(environment)).map(|(_, found)| found)
    }

    /// Those that were made for an environment.
    pub fn made_for(&self, environment: Uid) -> impl Iterator<Item = &ObservedMachineDeployment> {
        let is_for = move |found: &&ObservedMachineDeployment| {
            found.made.as_ref().is_some_and(|made| made.environment == environment)
        };
        self.deployments.values().filter(is_for)
    }

    /// True for one that was made for an environment which wants it otherwise now. `None` while its pattern is not there.
    pub fn is_outdated(&self, deployment: &ObservedMachineDeployment) -> Option<bool> {
        let Some(made) = &deployment.made else { return Some(false) };
        let environment = self.environments.values().find(|found| found.uid == made.environment);
        let managed = environment.and_then(|found| found.managed.as_ref());
        let wanted = managed.and_then(|managed| managed.node_class.as_ref());
        let names_it = managed.is_some_and(|managed| managed.instance_types.contains(&made.pattern));
        let Some(wanted) = wanted.filter(|_| names_it) else { return Some(true) };
        let pattern = self.deployments.get(&made.pattern)?;
        let order = self.made_as.get(&deployment.uid)?;
        let is_so = (&order.content.digest, &order.pattern_digest) == (&wanted.digest, &pattern.digest);
        Some(!is_so)
    }

    /// Makes a MachineDeployment like another.
    pub(super) fn make_deployment(&mut self, order: DeploymentOrder) -> Outcome {
        if let Some(words) = self.machine_refusal.clone() {
            return Outcome::Refused(Refusal::Other, words);
        }
        let name = Name::from(order.key.to_string());
        if let Some(found) = self.deployments.get(&name) {
            return Outcome::MachineDeployment(Box::new(found.clone()), Vec::new());
        }
        let Some(pattern) = self.deployments.get(&Name::from(order.pattern.to_string())).cloned() else {
            return Outcome::NotFound;
        };
        if pattern.digest != order.pattern_digest {
            return Outcome::Conflict;
        }
        let uid = self.next_uid();
        let made = Made {
            environment: order.environment_uid,
            environment_generation: order.environment_generation,
            pattern: pattern.machine_type(),
        };
        let deployment = ObservedMachineDeployment {
            key: order.key.clone(),
            uid,
            replicas: 0,
            size: pattern.size.map(|size| MachineType { name: name.clone(), ..size }),
            not_to_scale: None,
            made: Some(made),
            ..pattern
        };
        let environment = self.environments.values().find(|found| found.uid == order.environment_uid);
        if environment.is_none_or(|environment| environment.deleting && !environment.held) {
            self.made_late.insert(uid);
        }
        self.made_as.insert(uid, order);
        self.put_deployment(deployment);
        let made = self.deployments.get(&name).cloned();
        made.map_or(Outcome::NotFound, |made| Outcome::MachineDeployment(Box::new(made), Vec::new()))
    }

    /// Deletes a MachineDeployment in the version that was seen.
    pub(super) fn delete_deployment(&mut self, guard: &Guard) -> Outcome {
        let name = Name::from(guard.key.to_string());
        let Some(found) = self.deployments.get(&name).cloned() else { return Outcome::NotFound };
        if let Some(refused) = conflict(guard, found.uid, found.resource_version) {
            return refused;
        }
        self.remove_deployment(&name);
        Outcome::Done
    }

    /// A MachineDeployment goes, and its machines with it.
    pub fn remove_deployment(&mut self, name: &Name) {
        let Some(found) = self.deployments.get(name).cloned() else { return };
        let machines: Vec<ObservedMachine> = self.machines_of_deployment(name).cloned().collect();
        for machine in machines.into_iter().filter(|machine| !machine.deleting) {
            let has_jobs = machine.node.as_ref().is_some_and(|node| self.has_jobs(node));
            if has_jobs {
                self.breaches
                    .push(format!("{name} is deleted, and a job runs on its machine {}", machine.name));
            }
            self.put_machine(ObservedMachine { deleting: true, ..machine });
        }
        self.deployments.remove(name);
        self.revision += 1;
        self.tell(Kind::MachineDeployment, Event::MachineDeploymentGone(found.uid));
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

/// True when an environment names this MachineDeployment, and not only as a pattern.
fn names(environment: &ObservedEnvironment, deployment: &Name) -> bool {
    let managed = environment.managed.as_ref().filter(|managed| managed.backend == Backend::ClusterApi);
    managed.is_some_and(|managed| managed.node_class.is_none() && managed.instance_types.contains(deployment))
}
