//! Processor architectures: one in an environment, and one in a queue (SPEC.md Q1).

use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::objects::{Backend, Managed, ObservedEnvironment, ObservedHost};
use crate::pool::types;
use crate::world::{Hosts, Machines};
use std::collections::BTreeSet;

/// The label that every kubelet sets on its node.
const LABEL: &str = "kubernetes.io/arch";

/// Which hosts an environment has.
#[derive(Debug)]
pub(crate) struct Hosting<'a> {
    pub(crate) environment: &'a ObservedEnvironment,
    /// The nodes of its machines, with Cluster API: nothing on those nodes says whose they are. Else they are chosen by labels.
    nodes: Option<BTreeSet<&'a Name>>,
}

impl<'a> Hosting<'a> {
    pub(crate) fn of(environment: &'a ObservedEnvironment, machines: &'a Machines) -> Hosting<'a> {
        let is_told_by_machines = |managed: &Managed| managed.backend == Backend::ClusterApi;
        let nodes = || machines.of(environment.uid).filter_map(|machine| machine.node.as_ref()).collect();
        Hosting {
            environment,
            nodes: environment.managed.as_ref().is_some_and(is_told_by_machines).then(nodes),
        }
    }

    /// True for a host of the environment: it has all the labels that are chosen by (none where none are), or is the node of one
    /// of its machines; and it was not made for another environment, whose taint keeps all other pods off.
    pub(crate) fn has(&self, host: &ObservedHost) -> bool {
        let selector = &self.environment.selector;
        let has_labels = || {
            !selector.is_empty() && selector.iter().all(|(key, value)| host.labels.get(key) == Some(value))
        };
        self.nodes.as_ref().map_or_else(has_labels, |nodes| nodes.contains(&host.name))
            && host.made_for.is_none_or(|made_for| made_for == self.environment.uid)
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
    let mut found = architectures(&Hosting::of(&environment.observed, &desk.machines), &desk.hosts);
    if found.is_empty() {
        found.extend(types(environment, desk).into_iter().map(|machine_type| machine_type.architecture));
    }
    let mut found = found.into_iter();
    found.next().filter(|_| found.next().is_none())
}
