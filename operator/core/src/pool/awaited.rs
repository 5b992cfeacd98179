//! Environments whose nodes somebody else's autoscaler adds, because pods wait for them: what there is, and what is waited for.

use super::growth::{Prospect, fill};
use super::types::types;
use crate::catalog::{Environment, chooses};
use crate::desk::Desk;
use crate::ids::{Name, ObjectKey};
use crate::mutant::{self, Mutant};
use crate::objects::{Autoscaled, MachineType, ObservedHost};
use crate::time::Time;
use crate::units::Resources;
use std::cmp::Reverse;

/// What an environment can still come to have, as one pass fills it.
#[derive(Debug)]
pub(crate) struct Awaited {
    /// What is added, the smallest first; none when nobody says: then a pod asks for what it needs.
    types: Vec<MachineType>,
    /// Free room of each node that is waited for, where its size is known.
    coming: Vec<Resources>,
    /// Thousandths of vCPUs: of the nodes that are there, and of those that pods wait for.
    there: u64,
    waited_for: u64,
    max_vcpus: u32,
    /// Why no node is to be had now.
    pub(crate) failure: Option<Name>,
}

/// The pods of an environment that wait for nodes, as they are expected to go.
pub(crate) struct Packing {
    pub(crate) awaited: Awaited,
    /// Room on nodes that are there, for pods that kube-scheduler has yet to bind.
    pub(crate) placed: Vec<(Name, Resources)>,
    /// Pods for which no node may be added.
    pub(crate) excess: Vec<ObjectKey>,
}

impl Awaited {
    fn measure(environment: &Environment, autoscaled: &Autoscaled, desk: &Desk) -> Awaited {
        let nodes = nodes(environment, desk);
        Awaited {
            types: if autoscaled.instance_types.is_empty() { Vec::new() } else { types(environment, desk) },
            coming: Vec::new(),
            there: nodes.iter().map(|(node, _)| u64::from(vcpus(node, desk)) * 1000).sum(),
            waited_for: 0,
            max_vcpus: autoscaled.max_vcpus,
            failure: environment.pool.failure(desk.now),
        }
    }

    /// Sets room aside for a pod on a node to come, if `maxvCpus` allows that.
    pub(crate) fn expect(&mut self, need: &Resources) -> bool {
        if self.coming.iter_mut().any(|room| fill(room, need, 1) == 1) {
            return true;
        }
        let room = self.smallest(need).map(|found| found.allocatable.minus(need));
        let Some(millis) = self.smallest_millis(need) else { return false };
        if self.there + self.waited_for + millis > u64::from(self.max_vcpus) * 1000 {
            return false;
        }
        self.coming.extend(room);
        self.waited_for += millis;
        true
    }

    fn smallest(&self, need: &Resources) -> Option<&MachineType> {
        self.types.iter().find(|found| found.allocatable.covers(need))
    }

    /// The size of the smallest node that fits, in thousandths of vCPUs; `None` when none does.
    fn smallest_millis(&self, need: &Resources) -> Option<u64> {
        if self.types.is_empty() {
            return Some(need.cpu_millis);
        }
        self.smallest(need).map(|found| u64::from(found.vcpus) * 1000)
    }

    /// What can be told to a job that finds no room.
    pub(crate) fn prospect(&self, need: &Resources) -> Prospect {
        Prospect {
            failure: self.failure.clone(),
            smallest: self.smallest_millis(need).map(in_vcpus),
            largest: self
                .types
                .iter()
                .fold(Resources::default(), |most, found| most.max_each(&found.allocatable)),
            max_vcpus: self.max_vcpus,
            launching_vcpus: self.waited_for_vcpus(),
        }
    }

    /// vCPUs of the nodes that are there, and of those that are waited for.
    pub(crate) fn vcpus(&self) -> u32 {
        in_vcpus(self.there + self.waited_for)
    }

    /// vCPUs of the nodes that are waited for.
    pub(crate) fn waited_for_vcpus(&self) -> u32 {
        in_vcpus(self.waited_for)
    }
}

/// Reckons with the pods that wait, in the order in which they were admitted: first with the room on nodes that are there or just
/// coming up, then with new ones. `None` for an environment that nobody else's autoscaler serves.
pub(crate) fn pack(environment: &Environment, desk: &Desk) -> Option<Packing> {
    let autoscaled = environment.observed.autoscaled.as_ref()?;
    let mut awaited = Awaited::measure(environment, autoscaled, desk);
    let (mut placed, mut excess) = (Vec::new(), Vec::new());
    if mutant::is(Mutant::AwaitedNotCounted) {
        return Some(Packing { awaited, placed, excess });
    }
    let mut rooms = rooms(environment, autoscaled, desk);
    for (pod, need) in desk.floating.of(environment.display_name()) {
        if let Some((node, room)) = rooms.iter_mut().find(|(_, room)| room.covers(need)) {
            *room = room.minus(need);
            placed.push((node.clone(), *need));
        } else if !awaited.expect(need) {
            awaited.waited_for += need.cpu_millis;
            excess.push(pod.clone());
        }
    }
    Some(Packing { awaited, placed, excess })
}

/// The nodes of an environment, ready or not, and what their pods use.
fn nodes<'a>(environment: &Environment, desk: &'a Desk) -> Vec<(&'a ObservedHost, Resources)> {
    let hosts = desk.hosts.iter();
    let nodes = hosts.filter_map(|(_, host)| Some((host.node.as_ref()?, host.used())));
    nodes.filter(|(node, _)| chooses(&environment.observed.selector, node)).collect()
}

/// Free room on nodes that take pods, the fullest first, then on those that are about to: one that was ready once and is not any
/// more may never be again.
fn rooms(environment: &Environment, autoscaled: &Autoscaled, desk: &Desk) -> Vec<(Name, Resources)> {
    let is_young = |node: &ObservedHost| {
        let since: Option<Time> = node.ready_changed_at;
        let in_time = since.is_none_or(|since| desk.now < since + autoscaled.patience);
        in_time && !environment.pool.came.contains(&node.uid)
    };
    let takes_pods = |node: &ObservedHost| node.ready && !node.unschedulable;
    let nodes = nodes(environment, desk).into_iter();
    let nodes = nodes.filter(|(node, _)| takes_pods(node) || is_young(node));
    let mut rooms: Vec<(bool, Resources, Reverse<Name>)> = nodes
        .map(|(node, used)| (!takes_pods(node), node.allocatable.minus(&used), Reverse(node.name.clone())))
        .collect();
    rooms.sort();
    rooms.into_iter().map(|(_, room, name)| (name.0, room)).collect()
}

/// The processors of a node: as the catalogue says, else what it offers.
fn vcpus(node: &ObservedHost, desk: &Desk) -> u32 {
    let known = node.labels.get(&Name::from(super::types::TYPE_LABEL));
    let known = known.and_then(|name| desk.machine_types.get(name));
    known.map_or_else(|| in_vcpus(node.allocatable.cpu_millis), |found| found.vcpus)
}

fn in_vcpus(millis: u64) -> u32 {
    u32::try_from(millis.div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaited(types: Vec<MachineType>) -> Awaited {
        Awaited { types, coming: Vec::new(), there: 4000, waited_for: 0, max_vcpus: 8, failure: None }
    }

    fn need(cpu_millis: u64) -> Resources {
        Resources::of_job(cpu_millis, 64, 0)
    }

    #[test]
    fn without_types_a_pod_asks_for_what_it_needs() {
        let mut awaited = awaited(Vec::new());
        assert!(awaited.expect(&need(1500)) && awaited.expect(&need(2000)));
        assert!(!awaited.expect(&need(1000)), "{awaited:?}");
        assert!(awaited.expect(&need(500)));
        assert_eq!((awaited.vcpus(), awaited.waited_for_vcpus()), (8, 4));
        assert_eq!(awaited.prospect(&need(9500)).smallest, Some(10));
    }

    #[test]
    fn with_types_pods_share_the_node_that_comes() {
        let large = MachineType {
            name: "m5.xlarge".into(),
            vcpus: 4,
            architecture: "amd64".into(),
            allocatable: Resources { pods: 20, ..Resources::of_job(3900, 8192, 0) },
        };
        let mut awaited = awaited(vec![large]);
        assert!(awaited.expect(&need(2000)) && awaited.expect(&need(1900)));
        assert_eq!((awaited.vcpus(), awaited.waited_for_vcpus()), (8, 4));
        assert!(!awaited.expect(&need(500)));
        assert_eq!(awaited.prospect(&need(4000)).smallest, None);
    }
}
