//! Processor architectures: one in an environment, and one in a queue (SPEC.md Q1).

use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::objects::{ObservedEnvironment, ObservedHost};
use crate::pool::types;
use crate::world::Hosts;
use std::collections::BTreeSet;

/// The label that every kubelet sets on its node.
const LABEL: &str = "kubernetes.io/arch";

/// True when a host is an environment's: it has all the labels that are chosen by (none where none are), and was not made for
/// another environment, whose taint keeps all other pods off.
pub(crate) fn chooses(environment: &ObservedEnvironment, host: &ObservedHost) -> bool {
    let selector = &environment.selector;
    !selector.is_empty()
        && selector.iter().all(|(key, value)| host.labels.get(key) == Some(value))
        && host.made_for.is_none_or(|made_for| made_for == environment.uid)
}

/// The architectures of an environment's hosts.
pub(crate) fn architectures(environment: &ObservedEnvironment, hosts: &Hosts) -> BTreeSet<Name> {
    let label = Name::from(LABEL);
    let nodes = hosts.iter().filter_map(|(_, host)| host.node.as_ref());
    let mine = nodes.filter(|node| chooses(environment, node));
    mine.filter_map(|node| node.labels.get(&label)).cloned().collect()
}

/// The architecture of a queue: that of the first of its environments that has one.
pub(crate) fn of_queue(environments: &[Uid], desk: &Desk) -> Option<Name> {
    environments.iter().find_map(|uid| of_environment(*uid, desk))
}

/// The one architecture of an environment's hosts, or of the machines it may have; `None` while it has neither, or several.
pub(crate) fn of_environment(uid: Uid, desk: &Desk) -> Option<Name> {
    let environment = desk.environments.get(uid)?;
    let mut found = architectures(&environment.observed, &desk.hosts);
    if found.is_empty() {
        found.extend(types(environment, desk).into_iter().map(|machine_type| machine_type.architecture));
    }
    let mut found = found.into_iter();
    found.next().filter(|_| found.next().is_none())
}
