//! MachineDeployments of Cluster API, whoever uses them.

use crate::ids::{Name, ResourceVersion, Uid};
use crate::objects::ObservedMachineDeployment;
use std::collections::{BTreeMap, BTreeSet};

/// All MachineDeployments, by the name of their machines' type.
#[derive(Debug, Default)]
pub(crate) struct MachineDeployments {
    deployments: BTreeMap<Name, ObservedMachineDeployment>,
}

impl MachineDeployments {
    /// Takes one in; false when that is no news.
    pub(crate) fn put(&mut self, deployment: ObservedMachineDeployment) -> bool {
        let name = deployment.machine_type();
        let known = self.deployments.get(&name);
        if known.is_some_and(|known| known.resource_version >= deployment.resource_version) {
            return false;
        }
        self.deployments.insert(name, deployment);
        true
    }

    /// The one of this name.
    pub(crate) fn get(&self, name: &Name) -> Option<&ObservedMachineDeployment> {
        self.deployments.get(name)
    }

    /// Those that were made for an environment.
    pub(crate) fn made_for(&self, environment: Uid) -> impl Iterator<Item = &ObservedMachineDeployment> {
        let is_for = move |found: &&ObservedMachineDeployment| {
            found.made.as_ref().is_some_and(|made| made.environment == environment)
        };
        self.deployments.values().filter(is_for)
    }

    /// Our own write was carried out, and made this version.
    pub(crate) fn scaled(&mut self, name: &Name, replicas: u32, version: ResourceVersion) {
        let older = self.deployments.get_mut(name).filter(|known| known.resource_version < version);
        if let Some(known) = older {
            (known.replicas, known.resource_version) = (replicas, version);
        }
    }

    /// Forgets one that is gone; true when it was there.
    pub(crate) fn remove(&mut self, uid: Uid) -> bool {
        let before = self.deployments.len();
        self.deployments.retain(|_, known| known.uid != uid);
        self.deployments.len() < before
    }

    /// Those that are not among `listed`.
    pub(crate) fn not_in(&self, listed: &BTreeSet<Uid>) -> Vec<Uid> {
        self.deployments.values().map(|known| known.uid).filter(|uid| !listed.contains(uid)).collect()
    }
}
