//! What an environment can still come to have, as one pass fills it: machines on their way, and those that may be added.

use super::class::{ClassState, class_state};
use super::members::{Member, members};
use super::types::types;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::Name;
use crate::limits::LAUNCHES_LISTED;
use crate::mutant::{self, Mutant};
use crate::objects::MachineType;
use crate::units::Resources;

/// One managed environment.
#[derive(Debug)]
pub(crate) struct Growth {
    /// Free room of each machine on its way.
    coming: Vec<Resources>,
    /// Free room, GPUs included, of each machine that is there but for them: others take what they need of it already.
    gpus_coming: Vec<Resources>,
    /// What each machine offers that is there or on its way, once its jobs have ended.
    members: Vec<Resources>,
    /// What may be added, the smallest first.
    types: Vec<MachineType>,
    vcpus_left: u32,
    launches_left: usize,
    /// Machines can be asked for; else those that jobs need are decided once they can.
    is_open: bool,
    /// Why no machine is to be had now, in the backend's words.
    pub(crate) failure: Option<Name>,
    pub(crate) max_vcpus: u32,
    /// vCPUs of machines on their way, those without their GPUs and those ordered in this pass included.
    pub(crate) launching_vcpus: u32,
    /// Types of the machines ordered in this pass.
    orders: Vec<Name>,
    /// vCPUs of the machine that a job lacks, and that does not fit beside those that are there.
    pub(crate) lacking_vcpus: u32,
}

impl Growth {
    /// Measures an environment; `None` for one that is not managed.
    pub(crate) fn measure(environment: &Environment, desk: &Desk) -> Option<Growth> {
        let managed = environment.observed.managed.as_ref()?;
        let types = types(environment, desk);
        let members = members(environment, desk);
        let used: u32 = members.iter().map(|member| member.vcpus).fold(0, u32::saturating_add);
        let used = if mutant::is(Mutant::LaunchesNotCounted) {
            members.iter().filter(|member| member.host.is_some()).map(|member| member.vcpus).sum()
        } else {
            used
        };
        let class = class_state(environment, desk);
        let fault = match &class {
            ClassState::Broken(words) => Some(words.clone()),
            ClassState::Ready | ClassState::Pending => None,
        };
        let to_come = || members.iter().filter(|member| member.is_to_come());
        let awaits_gpus =
            |member: &&Member<'_>| member.awaits_gpus && !mutant::is(Mutant::LateGpusBoughtAgain);
        let gpus_to_come = || members.iter().filter(awaits_gpus);
        let room =
            |name: &Name| types.iter().find(|found| found.name == *name).map(|found| found.allocatable);
        Some(Growth {
            coming: to_come().filter_map(|member| room(&member.machine_type)).collect(),
            gpus_coming: gpus_to_come()
                .filter_map(|member| {
                    let free = member.host?.free()?.amounts;
                    Some(Resources { gpus: room(&member.machine_type)?.gpus, ..free })
                })
                .collect(),
            members: members
                .iter()
                .filter(|member| member.is_to_come() || member.is_ready())
                .filter_map(|member| room(&member.machine_type))
                .collect(),
            vcpus_left: managed.max_vcpus.saturating_sub(used),
            launches_left: LAUNCHES_LISTED.saturating_sub(environment.launches().len()),
            is_open: class == ClassState::Ready,
            failure: fault.or_else(|| environment.pool.failure(desk.now)),
            max_vcpus: managed.max_vcpus,
            launching_vcpus: to_come()
                .chain(gpus_to_come())
                .map(|member| member.vcpus)
                .fold(0, u32::saturating_add),
            orders: Vec::new(),
            lacking_vcpus: 0,
            types,
        })
    }

    /// Sets room aside for `count` pods: on machines on their way first, else on new ones. How many found some.
    pub(crate) fn expect(&mut self, need: &Resources, count: u32) -> u32 {
        let mut left = count;
        let there_but_for_gpus = self.gpus_coming.iter_mut().filter(|_| need.gpus > 0);
        for room in there_but_for_gpus.chain(&mut self.coming) {
            left -= fill(room, need, left);
        }
        while left > 0 && self.failure.is_none() && self.launches_left > 0 {
            let Some(found) = self.smallest(need).filter(|found| found.vcpus <= self.max_vcpus) else {
                break;
            };
            if found.vcpus > self.vcpus_left {
                // One that is there, or on its way, and large enough is only to be waited for.
                if !self.members.iter().any(|room| room.covers(need)) {
                    self.lacking_vcpus = self.lacking_vcpus.max(found.vcpus);
                }
                break;
            }
            let (vcpus, mut room, name) = (found.vcpus, found.allocatable, found.name.clone());
            self.launches_left -= 1;
            self.vcpus_left -= vcpus;
            self.launching_vcpus = self.launching_vcpus.saturating_add(vcpus);
            self.orders.push(name);
            left -= fill(&mut room, need, left);
            self.coming.push(room);
        }
        count - left
    }

    /// The smallest type that fits.
    pub(crate) fn smallest(&self, need: &Resources) -> Option<&MachineType> {
        let mut fitting = self.types.iter().filter(|found| found.allocatable.covers(need));
        if mutant::is(Mutant::LargestTypeBought) { fitting.next_back() } else { fitting.next() }
    }

    /// The most of each amount that one machine has.
    pub(crate) fn largest(&self) -> Resources {
        self.types.iter().fold(Resources::default(), |most, found| most.max_each(&found.allocatable))
    }

    /// The types of the machines to be added, and what is lacking nevertheless.
    pub(crate) fn into_orders(self) -> (Vec<Name>, u32) {
        (if self.is_open { self.orders } else { Vec::new() }, self.lacking_vcpus)
    }
}

/// Puts up to `most` pods into the room; how many went in.
fn fill(room: &mut Resources, need: &Resources, most: u32) -> u32 {
    let number = room.holds(need).min(u64::from(most));
    *room = room.minus(&need.times(number));
    u32::try_from(number).unwrap_or(most)
}
