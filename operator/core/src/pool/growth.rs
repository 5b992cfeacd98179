//! What an environment can still come to have, as one pass fills it: machines on their way, and those that may be added.

use super::members::{Member, members};
use super::types::types;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::LAUNCHES_LISTED;
use crate::mutant::{self, Mutant};
use crate::objects::MachineType;
use crate::time::Time;
use crate::units::Resources;
use std::collections::{BTreeMap, BTreeSet};

/// One managed environment.
#[derive(Debug)]
pub(crate) struct Growth {
    coming: Vec<Coming>,
    /// All that counts for `maxvCpus`.
    pub(crate) machines: Vec<Machine>,
    /// What each machine offers that is there or on its way, once its jobs have ended.
    members: Vec<Resources>,
    /// What may be added, the smallest first.
    types: Vec<MachineType>,
    vcpus_left: u32,
    /// vCPUs that are left, or will be, for the machine that a job lacks: by job.
    held_vcpus: BTreeMap<Uid, u32>,
    launches_left: usize,
    /// Why no machine is to be had now, in the backend's words.
    pub(crate) failure: Option<Name>,
    pub(crate) max_vcpus: u32,
    /// vCPUs of machines on their way, those ordered in this pass included.
    pub(crate) launching_vcpus: u32,
    /// Types of the machines ordered in this pass.
    orders: Vec<Name>,
    /// vCPUs of the machine that a job lacks, and that does not fit beside those that are there.
    pub(crate) lacking_vcpus: u32,
}

/// A machine on its way.
#[derive(Debug)]
struct Coming {
    /// Its name, and by when it is there; not known of those ordered in this pass.
    machine: Option<(Name, Time)>,
    /// Its free room.
    room: Resources,
    /// Jobs that this pass has set room aside for.
    taken_by: BTreeSet<Uid>,
    /// What is kept of its room for a job.
    kept: Option<(Uid, Resources)>,
}

/// A machine that has a part of `maxvCpus`.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Its node, once there is one.
    pub(crate) node: Option<Name>,
    pub(crate) vcpus: u32,
    /// It is gone already, and counts only until it is sure that it cannot come late.
    pub(crate) failed: bool,
    /// It has yet to take jobs.
    pub(crate) is_to_come: bool,
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
        let to_come = || members.iter().filter(|member| member.is_to_come());
        let room =
            |name: &Name| types.iter().find(|found| found.name == *name).map(|found| found.allocatable);
        let coming = |member: &Member<'_>| {
            let machine = Some((member.name.clone(), member.ready_by));
            Some(Coming::new(machine, room(&member.machine_type)?))
        };
        let machine = |member: &Member<'_>| Machine {
            node: member.host.and_then(|host| Some(host.node.as_ref()?.name.clone())),
            vcpus: member.vcpus,
            failed: member.failed,
            is_to_come: member.is_to_come(),
        };
        Some(Growth {
            coming: to_come().filter_map(coming).collect(),
            machines: members.iter().map(machine).collect(),
            held_vcpus: BTreeMap::new(),
            members: members
                .iter()
                .filter(|member| member.is_to_come() || member.is_ready())
                .filter_map(|member| room(&member.machine_type))
                .collect(),
            vcpus_left: managed.max_vcpus.saturating_sub(used),
            launches_left: LAUNCHES_LISTED.saturating_sub(environment.launches().len()),
            failure: environment.pool.failure(desk.now),
            max_vcpus: managed.max_vcpus,
            launching_vcpus: to_come().map(|member| member.vcpus).fold(0, u32::saturating_add),
            orders: Vec::new(),
            lacking_vcpus: 0,
            types,
        })
    }

    /// Sets room aside for `count` pods of a job: on machines on their way first, else on new ones. How many found some.
    pub(crate) fn expect(&mut self, job: Uid, need: &Resources, count: u32) -> u32 {
        let mut left = count;
        for coming in &mut self.coming {
            left -= coming.fill(job, need, left);
        }
        let held = self.held_for_others(job);
        while left > 0 && self.failure.is_none() && self.launches_left > 0 {
            let Some(found) = self.smallest(need).filter(|found| found.vcpus <= self.max_vcpus) else {
                break;
            };
            if found.vcpus > self.vcpus_left.saturating_sub(held) {
                // One that is there, or on its way, and large enough is only to be waited for.
                if !self.members.iter().any(|room| room.covers(need)) {
                    self.lacking_vcpus = self.lacking_vcpus.max(found.vcpus);
                }
                break;
            }
            let (vcpus, name) = (found.vcpus, found.name.clone());
            let mut coming = Coming::new(None, found.allocatable);
            self.launches_left -= 1;
            self.vcpus_left -= vcpus;
            self.held_vcpus.remove(&job);
            self.launching_vcpus = self.launching_vcpus.saturating_add(vcpus);
            self.orders.push(name);
            left -= coming.fill(job, need, left);
            self.coming.push(coming);
        }
        count - left
    }

    /// Machines on their way that have the room for a job and are kept for nobody, and by when they are there.
    pub(crate) fn on_their_way(&self, job: Uid, need: &Resources) -> impl Iterator<Item = (&Name, Time)> {
        let has_room = move |coming: &&Coming| coming.room.covers(need) || coming.taken_by.contains(&job);
        let free = self.coming.iter().filter(|coming| coming.kept.is_none()).filter(has_room);
        free.filter_map(|coming| coming.machine.as_ref()).map(|(name, ready_by)| (name, *ready_by))
    }

    /// The vCPUs of the machine that a job lacks, and how many of them others have; `None` when it lacks none, or when none can
    /// be made for it.
    pub(crate) fn lacks(&self, job: Uid, need: &Resources) -> Option<(u32, u32)> {
        if self.failure.is_some() || self.members.iter().any(|room| room.covers(need)) {
            return None;
        }
        let vcpus = self.smallest(need).filter(|found| found.vcpus <= self.max_vcpus)?.vcpus;
        let left = self.vcpus_left.saturating_sub(self.held_for_others(job));
        Some((vcpus, vcpus.saturating_sub(left)))
    }

    /// Keeps room for a job on a machine that is on its way.
    pub(crate) fn keep(&mut self, machine: &Name, job: Uid, need: Resources) {
        let is_it = |coming: &&mut Coming| coming.machine.as_ref().is_some_and(|(name, _)| name == machine);
        if let Some(coming) = self.coming.iter_mut().find(is_it) {
            let is_aside = coming.taken_by.contains(&job);
            coming.kept = Some((job, if is_aside { Resources::default() } else { need }));
        }
    }

    /// Holds vCPUs for the machine that a job lacks.
    pub(crate) fn hold(&mut self, job: Uid, vcpus: u32) {
        self.held_vcpus.insert(job, vcpus);
    }

    /// Nothing is kept for this job any more.
    pub(crate) fn release(&mut self, job: Uid) {
        self.held_vcpus.remove(&job);
        for coming in &mut self.coming {
            coming.kept = coming.kept.filter(|(kept_for, _)| *kept_for != job);
        }
    }

    fn held_for_others(&self, job: Uid) -> u32 {
        if mutant::is(Mutant::VcpusNotHeld) {
            return 0;
        }
        let others = self.held_vcpus.iter().filter(|(held_for, _)| **held_for != job);
        others.map(|(_, vcpus)| *vcpus).fold(0, u32::saturating_add)
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
        (self.orders, self.lacking_vcpus)
    }
}

impl Coming {
    const fn new(machine: Option<(Name, Time)>, room: Resources) -> Coming {
        Coming { machine, room, taken_by: BTreeSet::new(), kept: None }
    }

    /// Puts up to `most` pods of a job into the room; how many went in.
    fn fill(&mut self, job: Uid, need: &Resources, most: u32) -> u32 {
        let kept = self.kept.filter(|(kept_for, _)| *kept_for != job).map(|(_, need)| need);
        let number = self.room.minus(&kept.unwrap_or_default()).holds(need).min(u64::from(most));
        self.room = self.room.minus(&need.times(number));
        if number > 0 {
            self.taken_by.insert(job);
            self.kept = self.kept.filter(|(kept_for, _)| *kept_for != job);
        }
        u32::try_from(number).unwrap_or(most)
    }
}
