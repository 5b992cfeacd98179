//! Environments whose nodes somebody else's autoscaler adds, because pods wait for them: what there is, and what is waited for.

use super::growth::Prospect;
use super::types::{TYPE_LABEL, gpus_of, reports_gpus, told, types};
use crate::catalog::{Environment, Hosting};
use crate::desk::Desk;
use crate::ids::{Name, ObjectKey};
use crate::mutant::{self, Mutant};
use crate::objects::{Autoscaled, MachineType, ObservedHost};
use crate::time::Time;
use crate::units::{ResourceList, Resources};
use crate::world::Host;
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
    /// What the nodes that are waited for will offer, as far as can be told.
    offered: Resources,
    /// Pods wait for any node that the environment has or gets: nobody knows which one they will be given.
    pub(crate) floats: bool,
    pub(crate) max_vcpus: u32,
    /// Why no node is to be had now.
    pub(crate) failure: Option<Name>,
}

/// The pods of an environment that wait for nodes, as they are expected to go.
pub(crate) struct Packing {
    pub(crate) awaited: Awaited,
    /// Room on nodes that are there, for pods that kube-scheduler has yet to bind.
    pub(crate) placed: Vec<(Name, ResourceList)>,
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
            offered: Resources::default(),
            floats: false,
            max_vcpus: autoscaled.max_vcpus,
            failure: environment.pool.failure(desk.now),
        }
    }

    /// Sets room aside for a pod on a node to come, if `maxvCpus` allows that.
    pub(crate) fn expect(&mut self, need: &Resources) -> bool {
        if let Some(room) = self.coming.iter_mut().find(|room| room.covers(need)) {
            *room = room.minus(need);
            self.floats = true;
            return true;
        }
        let Some(millis) = self.smallest_millis(need).filter(|millis| self.allows(*millis)) else {
            return false;
        };
        let node = self.smallest(need).map(|found| found.allocatable);
        self.coming.extend(node.map(|node| node.minus(need)));
        self.wait_for(millis, &node.unwrap_or(*need));
        true
    }

    /// True when a node may come for a pod that waits for one now.
    pub(crate) fn has_room(&self, need: &Resources) -> bool {
        let may_come = || self.smallest_millis(need).is_some_and(|millis| self.allows(millis));
        self.failure.is_none() && (self.coming.iter().any(|room| room.covers(need)) || may_come())
    }

    fn allows(&self, millis: u64) -> bool {
        self.there + self.waited_for + millis <= u64::from(self.max_vcpus) * 1000
    }

    fn wait_for(&mut self, millis: u64, offered: &Resources) {
        self.floats = true;
        self.waited_for += millis;
        self.offered = self.offered.plus(offered);
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

    /// What these nodes will offer beside, as far as can be told.
    pub(crate) const fn offered(&self) -> &Resources {
        &self.offered
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
    let gpus = &environment.observed.gpu_resource;
    let mut rooms = rooms(environment, autoscaled, desk);
    for (pod, need) in desk.floating.of(environment.display_name()) {
        awaited.floats = true;
        let amounts = need.seen_with(gpus);
        if let Some(room) = rooms.iter_mut().find(|room| room.takes(need, gpus)) {
            room.free = std::mem::take(&mut room.free).minus(need);
            placed.push((room.node.name.clone(), need.clone()));
        } else if !awaited.expect(&amounts) {
            awaited.wait_for(amounts.cpu_millis, &amounts);
            excess.push(pod.clone());
        }
    }
    Some(Packing { awaited, placed, excess })
}

/// The nodes of an environment, ready or not.
fn nodes<'a>(environment: &Environment, desk: &'a Desk) -> Vec<(&'a ObservedHost, &'a Host)> {
    let hosting = Hosting::of(&environment.observed, &desk.machines);
    let hosts = desk.hosts.iter();
    let nodes = hosts.filter_map(|(_, host)| Some((host.node.as_ref()?, host)));
    nodes.filter(|(node, _)| hosting.has(node)).collect()
}

/// Room on a node.
struct Room<'a> {
    node: &'a ObservedHost,
    /// It takes pods now; else it is about to.
    is_open: bool,
    free: ResourceList,
}

impl Room<'_> {
    /// True for a pod that kube-scheduler will bind here, if it binds none of the others.
    fn takes(&self, need: &ResourceList, gpus: &Name) -> bool {
        let tolerated = need.extended.contains_key(gpus).then_some(gpus);
        // Those of its start go again.
        let is_kept_off = self.is_open && self.node.taints.iter().any(|taint| !taint.is_tolerated(tolerated));
        !is_kept_off && self.free.covers(need)
    }
}

/// Free room on nodes that take pods, the fullest first, then on those that are about to: one that was ready once and is not any
/// more may never be again. GPUs are counted before a device plugin has had its time to report them.
fn rooms<'a>(environment: &Environment, autoscaled: &Autoscaled, desk: &'a Desk) -> Vec<Room<'a>> {
    let gpus = &environment.observed.gpu_resource;
    let room = |(node, host): (&'a ObservedHost, &Host)| {
        let since: Option<Time> = node.ready_changed_at;
        let is_in_time = since.is_none_or(|since| desk.now < since + autoscaled.patience);
        let is_open = host.usable(gpus).is_some();
        let is_young = is_in_time && !environment.pool.came.contains(&node.uid);
        let mut whole = node.allocatable.clone();
        if is_in_time && !reports_gpus(node, gpus) {
            let of_type = machine_type(node).map_or(0, |machine_type| gpus_of(machine_type, desk));
            whole = whole
                .plus(&ResourceList::with_gpus(Resources { gpus: of_type, ..Resources::default() }, gpus));
        }
        (is_open || is_young).then(|| Room { node, is_open, free: whole.minus(host.used()) })
    };
    let mut rooms: Vec<Room<'_>> = nodes(environment, desk).into_iter().filter_map(room).collect();
    rooms.sort_by_cached_key(|room| (!room.is_open, room.free.clone(), Reverse(room.node.name.clone())));
    rooms
}

fn machine_type(node: &ObservedHost) -> Option<&Name> {
    node.labels.get(&Name::from(TYPE_LABEL))
}

/// The processors of a node: as the catalogue says, else what it offers.
fn vcpus(node: &ObservedHost, desk: &Desk) -> u32 {
    let known = machine_type(node).and_then(|name| told(name, desk));
    known.map_or_else(|| in_vcpus(node.allocatable.amounts.cpu_millis), |found| found.vcpus)
}

fn in_vcpus(millis: u64) -> u32 {
    u32::try_from(millis.div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaited(types: Vec<MachineType>) -> Awaited {
        Awaited {
            types,
            coming: Vec::new(),
            there: 4000,
            waited_for: 0,
            offered: Resources::default(),
            floats: false,
            max_vcpus: 8,
            failure: None,
        }
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
