//! Processor architectures: one in an environment, and one in a queue (SPEC.md Q1).

use super::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::objects::{Backend, ObservedHost};
use crate::pool::types;
use crate::world::Hosts;
use std::collections::{BTreeMap, BTreeSet};

/// The label that every kubelet sets on its node.
const LABEL: &str = "kubernetes.io/arch";

/// Which hosts an environment has.
#[derive(Debug)]
pub(crate) enum Hosting<'a> {
    /// Those with these labels; without any, none.
    Labels(&'a BTreeMap<Name, Name>),
    /// The nodes of its machines.
    Nodes(BTreeSet<&'a Name>),
}

impl Hosting<'_> {
    /// True for a host of the environment.
    pub(crate) fn has(&self, host: &ObservedHost) -> bool {
        match self {
            Hosting::Labels(selector) => {
                !selector.is_empty()
                    && selector.iter().all(|(key, value)| host.labels.get(key) == Some(value))
            }
            Hosting::Nodes(names) => names.contains(&host.name),
        }
    }
}

impl Environment {
    /// Which hosts it has. On nodes of Cluster API nothing says whose they are: their Machines do.
    pub(crate) fn hosting<'a>(&'a self, desk: &'a Desk) -> Hosting<'a> {
        let backend = self.observed.managed.as_ref().map(|managed| managed.backend);
        if backend == Some(Backend::ClusterApi) {
            let machines = desk.machines.of(self.observed.uid);
            Hosting::Nodes(machines.filter_map(|machine| machine.node.as_ref()).collect())
        } else {
            Hosting::Labels(&self.observed.selector)
        }
    }
}

/// The architectures of an environment's hosts.
pub(crate) fn architectures(hosting: &Hosting<'_>, hosts: &Hosts) -> BTreeSet<Name> {
    let label = Name::from(LABEL);
    let nodes = hosts.iter().filter_map(|(_, host)| host.node.as_ref());
    nodes.filter(|node| hosting.has(node)).filter_map(|node| node.labels.get(&label)).cloned().collect()
}

/// The architecture of a queue: that of the first of its environments that has one.
pub(crate) fn of_queue(environments: &[Uid], desk: &Desk) -> Option<Name> {
    environments.iter().find_map(|uid| of_environment(*uid, desk))
}

/// The one architecture of an environment's hosts, or of the machines it may have; `None` while it has neither, or several.
pub(crate) fn of_environment(uid: Uid, desk: &Desk) -> Option<Name> {
    let environment = desk.environments.get(uid)?;
    let mut found = architectures(&environment.hosting(desk), &desk.hosts);
    if found.is_empty() {
        found.extend(types(environment, desk).into_iter().map(|machine_type| machine_type.architecture));
    }
    let mut found = found.into_iter();
    found.next().filter(|_| found.next().is_none())
}
