//! What an environment can still come to have, as one pass fills it: machines on their way, and those that may be added.

mod together;

pub(crate) use together::{Gang, GangHosts, GangMachines};

use super::class::{ClassState, class_state};
use super::members::{Member, members, would_be_ready_by};
use super::types::types;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::{LAUNCH_WINDOW, LAUNCHES_LISTED};
use crate::mutant::{self, Mutant};
use crate::objects::{Backend, MachineType};
use crate::time::Time;
use crate::units::Resources;
use crate::world::Host;
use std::collections::{BTreeMap, BTreeSet};

/// One managed environment.
#[derive(Debug)]
pub(crate) struct Growth {
    coming: Vec<Coming>,
    /// Machines that are there but for their GPUs, with their free room, GPUs included: others take what they need of it already.
    gpus_coming: Vec<Coming>,
    /// All that counts for `maxvCpus`.
    machines: Vec<Machine>,
    /// What each machine offers that is there or on its way, once its jobs have ended.
    members: Vec<Resources>,
    /// What may be added, the preferred first.
    types: Vec<MachineType>,
    /// Those of them that are not to be had now, and why.
    lacking: BTreeMap<Name, Name>,
    vcpus_left: u32,
    /// vCPUs of machines that are there although `maxvCpus`, which was larger once, does not allow them.
    vcpus_over: u32,
    /// vCPUs that are left, or will be, for machines that jobs lack, the first of them first.
    held: Vec<Held>,
    launches_left: usize,
    /// Machines can be asked for; else those that jobs need are decided once they can.
    is_open: bool,
    /// It is known by when a machine comes that is asked for: Cluster API makes one when it gets to it.
    is_timely: bool,
    /// Why no machine is to be had now, in the backend's words.
    failure: Option<Name>,
    pub(crate) max_vcpus: u32,
    /// vCPUs of machines on their way, those without their GPUs and those ordered in this pass included.
    pub(crate) launching_vcpus: u32,
    /// Types of the machines ordered in this pass.
    orders: Vec<Name>,
    /// vCPUs of the machine that a job lacks, and that does not fit beside those that are there.
    pub(crate) lacking_vcpus: u32,
}

/// A machine on its way.
#[derive(Debug)]
struct Coming {
    /// Its name; not known of those ordered in this pass.
    machine: Option<Name>,
    /// Its instance type.
    machine_type: Name,
    /// By when it is there, if that is sure.
    ready_by: Option<Time>,
    /// Its node, where it lacks only its GPUs.
    node: Option<Name>,
    /// Its free room.
    room: Resources,
    /// Jobs are on that node already.
    has_jobs: bool,
    /// It is for one node of a multi-node job, and waits with it for the others.
    waits: bool,
    /// Jobs that this pass has set room aside for.
    taken_by: BTreeSet<Uid>,
    /// What is kept of its room for a job.
    kept: Option<(Uid, Resources)>,
}

/// vCPUs that are held for the machine that a job lacks.
#[derive(Debug)]
struct Held {
    job: Uid,
    vcpus: u32,
    /// Machines that go for it.
    going: Vec<Name>,
}

/// A machine that has a part of `maxvCpus`.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: Name,
    /// Its node, once there is one.
    pub(crate) node: Option<Name>,
    pub(crate) machine_type: Name,
    pub(crate) vcpus: u32,
    /// It is gone already, and counts only until it is sure that it cannot come late.
    pub(crate) failed: bool,
    /// It has yet to take jobs, or those that it was made for: with GPUs.
    pub(crate) is_to_come: bool,
}

/// What can be told of an environment to a job that finds no room there.
#[derive(Debug)]
pub(crate) struct Prospect {
    /// Why nothing is to be had now, in the backend's words.
    pub(crate) failure: Option<Name>,
    /// vCPUs of the smallest machine that fits; `None` when none does.
    pub(crate) smallest: Option<u32>,
    /// The most of each amount that one machine has.
    pub(crate) largest: Resources,
    pub(crate) max_vcpus: u32,
    /// vCPUs of machines on their way.
    pub(crate) launching_vcpus: u32,
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
        let is_open = class == ClassState::Ready;
        let coming = |member: &Member<'_>, room: Resources| {
            // One that was not asked for yet is only until its launch window is over, and while the class is found good.
            let is_being_asked_for =
                |ready_by: Time| is_open && would_be_ready_by(desk.now) < ready_by + LAUNCH_WINDOW;
            let is_sure = |ready_by: &Time| member.machine.is_some() || is_being_asked_for(*ready_by);
            let ready_by = member.ready_by.filter(is_sure);
            let machine = Some(member.name.clone());
            Coming { machine, ready_by, ..Coming::new(&member.machine_type, room) }
        };
        let but_for_gpus = |member: &Member<'_>| {
            let free = member.host?.free()?.amounts;
            let room = Resources { gpus: room(&member.machine_type)?.gpus, ..free };
            let node = member.host?.node.as_ref().map(|node| node.name.clone());
            let has_jobs = member.host.is_some_and(Host::has_jobs);
            Some(Coming { node, has_jobs, ..coming(member, room) })
        };
        let machine = |member: &Member<'_>| Machine {
            name: member.name.clone(),
            node: member.host.and_then(|host| Some(host.node.as_ref()?.name.clone())),
            machine_type: member.machine_type.clone(),
            vcpus: member.vcpus,
            failed: member.failed,
            is_to_come: member.is_to_come() || member.awaits_gpus,
        };
        Some(Growth {
            coming: to_come()
                .filter_map(|member| Some(coming(member, room(&member.machine_type)?)))
                .collect(),
            gpus_coming: gpus_to_come().filter_map(but_for_gpus).collect(),
            machines: members.iter().map(machine).collect(),
            held: Vec::new(),
            members: members
                .iter()
                .filter(|member| member.is_to_come() || member.is_ready() && !member.is_outdated)
                .filter_map(|member| room(&member.machine_type))
                .collect(),
            vcpus_left: managed.max_vcpus.saturating_sub(used),
            vcpus_over: used.saturating_sub(managed.max_vcpus),
            launches_left: LAUNCHES_LISTED.saturating_sub(environment.launches().len()),
            is_open,
            is_timely: managed.backend != Backend::ClusterApi,
            failure: fault.or_else(|| environment.pool.failure(desk.now)),
            max_vcpus: managed.max_vcpus,
            launching_vcpus: to_come()
                .chain(gpus_to_come())
                .map(|member| member.vcpus)
                .fold(0, u32::saturating_add),
            orders: Vec::new(),
            lacking_vcpus: 0,
            lacking: types
                .iter()
                .filter_map(|found| {
                    Some((found.name.clone(), environment.pool.lacks(&found.name, desk.now)?))
                })
                .collect(),
            types,
        })
    }

    /// Sets room aside for `count` pods of a job: on machines on their way first, else on new ones. How many found some.
    pub(crate) fn expect(&mut self, job: Uid, need: &Resources, count: u32) -> u32 {
        let mut left = count;
        let there_but_for_gpus = self.gpus_coming.iter_mut().filter(|_| need.gpus > 0);
        for coming in there_but_for_gpus.chain(&mut self.coming) {
            left -= coming.fill(job, need, left);
        }
        let held = self.held_for_others(job);
        while left > 0 && self.failure.is_none() && self.launches_left > 0 {
            let Some(found) = self.next(need) else { break };
            if found.vcpus > self.vcpus_left.saturating_sub(held) {
                // One that is there, or on its way, and large enough is only to be waited for: unless one was promised.
                let is_promised = self.held.iter().any(|held| held.job == job);
                if is_promised || !self.members.iter().any(|room| room.covers(need)) {
                    self.lacking_vcpus = self.lacking_vcpus.max(found.vcpus);
                }
                break;
            }
            let (vcpus, name) = (found.vcpus, found.name.clone());
            let mut coming = Coming::new(&name, found.allocatable);
            self.launches_left -= 1;
            self.vcpus_left -= vcpus;
            self.held.retain(|held| held.job != job);
            self.launching_vcpus = self.launching_vcpus.saturating_add(vcpus);
            self.orders.push(name);
            left -= coming.fill(job, need, left);
            self.coming.push(coming);
        }
        count - left
    }

    /// Machines on their way that have the room for a job and are kept for nobody, and by when they are there, if that is sure.
    pub(crate) fn on_their_way(
        &self,
        job: Uid,
        need: &Resources,
    ) -> impl Iterator<Item = (&Name, Option<Time>)> {
        let has_room = move |coming: &&Coming| coming.room.covers(need) || coming.taken_by.contains(&job);
        let there_but_for_gpus = self.gpus_coming.iter().filter(|_| need.gpus > 0);
        let free = there_but_for_gpus.chain(&self.coming).filter(|coming| coming.kept.is_none());
        free.filter(has_room).filter_map(|coming| Some((coming.machine.as_ref()?, coming.ready_by)))
    }

    /// The vCPUs of the machine that a job lacks, and how many of them others have; `None` when it lacks none and was not
    /// promised one, or when none can be made for it.
    pub(crate) fn lacks(&self, job: Uid, need: &Resources, is_promised: bool) -> Option<(u32, u32)> {
        let is_large_enough = |room: &Resources| room.covers(need);
        if self.failure.is_some() || !is_promised && self.members.iter().any(is_large_enough) {
            return None;
        }
        let vcpus = self.next(need)?.vcpus;
        let left = self.vcpus_left.saturating_sub(self.held_for_others(job));
        Some((vcpus, vcpus.saturating_add(self.vcpus_over).saturating_sub(left)))
    }

    /// By when a machine is there that is asked for at this time, if anybody can say: not while its node class is not found good.
    pub(crate) fn would_be_ready_by(&self, asked_for_at: Time) -> Option<Time> {
        (self.is_open && self.is_timely).then(|| would_be_ready_by(asked_for_at))
    }

    /// Something takes room on a host, which may be one that is there but for its GPUs.
    pub(crate) fn take(&mut self, host: &Name, need: &Resources) {
        if let Some(coming) = self.gpus_coming.iter_mut().find(|coming| coming.node.as_ref() == Some(host)) {
            coming.room = coming.room.minus(need);
            coming.has_jobs = true;
        }
    }

    /// Keeps room for a job on a machine that is on its way; its node, if it lacks only its GPUs.
    pub(crate) fn keep(&mut self, machine: &Name, job: Uid, need: Resources) -> Option<Name> {
        let is_it = |coming: &&mut Coming| coming.machine.as_ref() == Some(machine);
        let coming = self.gpus_coming.iter_mut().chain(&mut self.coming).find(is_it)?;
        let is_aside = coming.taken_by.contains(&job);
        coming.kept = Some((job, if is_aside { Resources::default() } else { need }));
        coming.node.clone()
    }

    /// Holds vCPUs for the machine that a job lacks, for which these others go.
    pub(crate) fn hold(&mut self, job: Uid, vcpus: u32, going: &[Name]) {
        self.held.push(Held { job, vcpus, going: going.to_vec() });
    }

    /// Machines that may leave their vCPUs to one that a job lacks: those that do not go for somebody else already.
    pub(crate) fn may_go_for(&self, job: Uid) -> impl Iterator<Item = &Machine> {
        let goes_for_another = move |machine: &Machine| {
            let mut others = self.held.iter().filter(|held| held.job != job);
            others.any(|held| held.going.contains(&machine.name))
        };
        self.machines.iter().filter(move |machine| !goes_for_another(machine))
    }

    /// Nodes, and the types of the machines that they are on.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&Name, &Name)> {
        self.machines.iter().filter_map(|machine| Some((machine.node.as_ref()?, &machine.machine_type)))
    }

    /// Nothing is kept for this job any more.
    pub(crate) fn release(&mut self, job: Uid) {
        self.held.retain(|held| held.job != job);
        for coming in self.gpus_coming.iter_mut().chain(&mut self.coming) {
            coming.kept = coming.kept.filter(|(kept_for, _)| *kept_for != job);
        }
    }

    /// What is held for those that come before this job. What is held for the next is in nobody's way: else two would wait for
    /// each other.
    fn held_for_others(&self, job: Uid) -> u32 {
        if mutant::is(Mutant::VcpusNotHeld) {
            return 0;
        }
        let others = self.held.iter().take_while(|held| held.job != job);
        others.map(|held| held.vcpus).fold(0, u32::saturating_add)
    }

    /// What can be told to a job that finds no room.
    pub(crate) fn prospect(&self, need: &Resources) -> Prospect {
        Prospect {
            failure: self.failure.clone().or_else(|| self.shortage(need)),
            smallest: self.fitting(need).map(|found| found.vcpus).min(),
            largest: self
                .types
                .iter()
                .fold(Resources::default(), |most, found| most.max_each(&found.allocatable)),
            max_vcpus: self.max_vcpus,
            launching_vcpus: self.launching_vcpus,
        }
    }

    fn fitting<'a>(&'a self, need: &'a Resources) -> impl DoubleEndedIterator<Item = &'a MachineType> {
        self.types.iter().filter(|found| found.allocatable.covers(need))
    }

    /// The type that is taken: the first that fits, is allowed and is to be had.
    fn next<'a>(&'a self, need: &'a Resources) -> Option<&'a MachineType> {
        let allowed = self.fitting(need).filter(|found| found.vcpus <= self.max_vcpus);
        let mut to_be_had = allowed.filter(|found| !self.lacking.contains_key(&found.name));
        if mutant::is(Mutant::LargestTypeBought) { to_be_had.next_back() } else { to_be_had.next() }
    }

    /// Why none of the types that would do is to be had now.
    fn shortage(&self, need: &Resources) -> Option<Name> {
        let words = self.fitting(need).filter(|found| found.vcpus <= self.max_vcpus);
        let words: Option<Vec<&Name>> = words.map(|found| self.lacking.get(&found.name)).collect();
        words?.first().map(|words| (*words).clone())
    }

    /// The types of the machines to be added, and what is lacking nevertheless: for a machine that was promised, too, though its
    /// job may have found room on its way elsewhere in this pass.
    pub(crate) fn into_orders(self) -> (Vec<Name>, u32) {
        let promised = self.held.iter().map(|held| held.vcpus).find(|vcpus| *vcpus > 0).unwrap_or(0);
        (if self.is_open { self.orders } else { Vec::new() }, self.lacking_vcpus.max(promised))
    }
}

impl Coming {
    fn new(machine_type: &Name, room: Resources) -> Coming {
        let machine_type = machine_type.clone();
        let (taken_by, has_jobs, waits) = (BTreeSet::new(), false, false);
        Coming {
            machine: None,
            machine_type,
            ready_by: None,
            node: None,
            room,
            has_jobs,
            waits,
            taken_by,
            kept: None,
        }
    }

    /// Puts up to `most` pods of a job into the room; how many went in.
    fn fill(&mut self, job: Uid, need: &Resources, most: u32) -> u32 {
        let kept = self.kept.filter(|(kept_for, _)| *kept_for != job).map(|(_, need)| need);
        let number = self.room.minus(&kept.unwrap_or_default()).holds(need).min(u64::from(most));
        self.room = self.room.minus(&need.times(number));
        if number > 0 {
            self.taken_by.insert(job);
            // What was kept for it is set aside now, and the machine is still nobody else's.
            self.kept = self.kept.map(|kept| if kept.0 == job { (job, Resources::default()) } else { kept });
        }
        u32::try_from(number).unwrap_or(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn machine_type(vcpus: u32) -> MachineType {
        let allocatable = Resources { pods: 110, ..Resources::of_job(u64::from(vcpus) * 1000, 8192, 0) };
        MachineType { name: format!("t{vcpus}").into(), vcpus, allocatable, architecture: "amd64".into() }
    }

    /// Room for types of two and of four vCPUs, and nothing that is there yet.
    pub(super) fn growth(vcpus_left: u32, vcpus_over: u32) -> Growth {
        Growth {
            coming: Vec::new(),
            gpus_coming: Vec::new(),
            machines: Vec::new(),
            members: Vec::new(),
            types: vec![machine_type(2), machine_type(4)],
            lacking: BTreeMap::new(),
            vcpus_left,
            vcpus_over,
            held: Vec::new(),
            launches_left: 10,
            is_open: true,
            is_timely: true,
            failure: None,
            max_vcpus: 8,
            launching_vcpus: 0,
            orders: Vec::new(),
            lacking_vcpus: 0,
        }
    }

    #[test]
    fn vcpus_are_held_for_whom_they_were_kept_first_and_two_do_not_wait_for_each_other() {
        let [first, second, small] = [1, 2, 3].map(Uid::from_u128);
        let (large, one) = (Resources::of_job(4000, 64, 0), Resources::of_job(1000, 64, 0));
        let mut growth = growth(6, 0);
        growth.hold(first, 4, &[]);
        growth.hold(second, 4, &[]);
        assert_eq!(growth.expect(small, &one, 1), 0);
        assert_eq!(growth.expect(second, &large, 1), 0);
        assert_eq!(growth.lacks(second, &large, true), Some((4, 2)));
        assert_eq!(growth.expect(first, &large, 1), 1);
        assert_eq!((growth.vcpus_left, growth.orders.len(), growth.lacking_vcpus), (2, 1, 4));
    }

    #[test]
    fn a_machine_on_its_way_is_kept_for_one_job_also_once_its_room_is_set_aside() {
        let [first, second] = [1, 2].map(Uid::from_u128);
        let one = Resources::of_job(1000, 64, 0);
        let mut growth = growth(0, 0);
        let found = machine_type(4);
        let machine = Coming { machine: Some("m1".into()), ..Coming::new(&found.name, found.allocatable) };
        growth.coming.push(machine);
        growth.keep(&"m1".into(), first, one);
        assert_eq!(growth.expect(first, &one, 1), 1);
        assert_eq!(growth.expect(second, &one, 3), 3);
        assert_eq!(growth.on_their_way(second, &one).count(), 0);
    }

    #[test]
    fn what_is_there_beyond_the_maximum_has_to_go_too() {
        assert_eq!(growth(0, 2).lacks(Uid::default(), &Resources::of_job(4000, 64, 0), false), Some((4, 6)));
    }
}
