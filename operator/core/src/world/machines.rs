//! Machines that were made for environments.

use crate::ids::{Name, Uid};
use crate::objects::{Backend, ObservedMachine};
use std::collections::{BTreeMap, BTreeSet};

/// All machines, by identity.
#[derive(Debug, Default)]
pub(crate) struct Machines {
    machines: BTreeMap<Uid, ObservedMachine>,
}

impl Machines {
    /// Takes a machine in; false when that is no news.
    pub(crate) fn put(&mut self, machine: ObservedMachine) -> bool {
        let known = self.machines.get(&machine.uid);
        if known.is_some_and(|known| known.resource_version >= machine.resource_version) {
            return false;
        }
        self.machines.insert(machine.uid, machine);
        true
    }

    /// A machine.
    pub(crate) fn get(&self, uid: Uid) -> Option<&ObservedMachine> {
        self.machines.get(&uid)
    }

    /// Forgets a machine that is gone.
    pub(crate) fn remove(&mut self, uid: Uid) -> Option<ObservedMachine> {
        self.machines.remove(&uid)
    }

    /// All machines.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ObservedMachine> {
        self.machines.values()
    }

    /// The machines of one environment.
    pub(crate) fn of(&self, environment: Uid) -> impl Iterator<Item = &ObservedMachine> {
        self.machines.values().filter(move |machine| machine.environment == environment)
    }

    /// Says which environment each machine of Cluster API is for, by its type.
    pub(crate) fn claim(&mut self, owner: impl Fn(&Name) -> Uid) {
        for machine in self.machines.values_mut().filter(|machine| machine.backend == Backend::ClusterApi) {
            machine.environment = owner(&machine.machine_type);
        }
    }

    /// Those of a backend that are not among `listed`.
    pub(crate) fn not_in(&self, backend: Backend, listed: &BTreeSet<Uid>) -> Vec<Uid> {
        let of_backend = self.machines.values().filter(|machine| machine.backend == backend);
        of_backend.map(|machine| machine.uid).filter(|uid| !listed.contains(uid)).collect()
    }

    /// The name of the `serial`th machine of an environment.
    pub(crate) fn name(environment: &Name, uid: Uid, serial: u64) -> Name {
        Name::from(format!("{}-{serial}", name_of_what_is_made(environment, uid)))
    }
}

/// What the names of all begin with that is made for an environment.
pub(super) fn name_of_what_is_made(environment: &Name, uid: Uid) -> Name {
    let short: String = environment.as_str().chars().take(NAME_KEPT).collect();
    Name::from(format!("{}-{}", short.trim_end_matches(['-', '.']), uid.prefix()))
}

/// Letters of the environment's name in its machines' names: with the identity and a serial it stays a label's value.
const NAME_KEPT: usize = 40;
