//! What an environment has made, and what it is about to.

use super::Pool;
use super::class::is_outdated;
use super::deployments::unseen;
use super::types::{awaits_gpus, told};
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::{LAUNCH_PATIENCE, LAUNCH_WINDOW, REQUEST_TIMEOUT_OF_SERVER, TOMBSTONE};
use crate::mutant::{self, Mutant};
use crate::objects::{Backend, Launch, ObservedHost, ObservedMachine};
use crate::time::Time;
use crate::world::{Host, Machines};

/// A machine, there or to come.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    /// The machine's name; one of Cluster API that is not seen yet has a number of its MachineDeployment.
    pub(crate) name: Name,
    /// Its instance type.
    pub(crate) machine_type: Name,
    /// What it counts for minvCpus and maxvCpus.
    pub(crate) vcpus: u32,
    /// The machine, once the backend has it.
    pub(crate) machine: Option<&'a ObservedMachine>,
    /// The node on it, once there is one.
    pub(crate) host: Option<&'a Host>,
    /// It came to nothing, or has gone again: it counts until it is sure that it will not come late.
    pub(crate) failed: bool,
    /// Its node takes jobs, but reports none of the GPUs yet that its type has.
    pub(crate) awaits_gpus: bool,
    /// Its node takes jobs.
    pub(super) is_usable: bool,
    /// It took jobs before: what keeps them off now is something else.
    pub(super) has_arrived: bool,
    /// It is not what is wanted any more: it goes once no job is there.
    pub(crate) is_outdated: bool,
    /// By when it has a node that takes jobs: else it is given up. `None` while nobody can say.
    pub(crate) ready_by: Option<Time>,
    /// That time has not come yet.
    pub(super) is_young: bool,
}

impl Member<'_> {
    /// True while it has yet to become a host that takes jobs.
    pub(crate) fn is_to_come(&self) -> bool {
        let goes = |machine: &ObservedMachine| machine.leaving || machine.deleting || machine.fault.is_some();
        // A node that has just become ready is kept off a moment longer by the taints of its start.
        let may_come = !self.is_ready() || self.is_young;
        let may_come = may_come && !self.failed && !self.is_outdated;
        may_come && !self.is_usable() && !self.has_arrived && !self.machine.is_some_and(goes)
    }

    /// True while it takes jobs.
    pub(crate) const fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// True while there is a node on it that is ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.host.is_some_and(|host| host.node.as_ref().is_some_and(|node| node.ready))
    }

    /// Since when it has no node that is ready; `None` for one that has, and while jobs are there, whatever its node says.
    pub(crate) fn without_node_since(&self) -> Option<Time> {
        let machine = self.machine.filter(|_| !self.is_ready())?;
        let node = self.host.and_then(|host| host.node.as_ref());
        let since = node
            .and_then(|node| node.ready_changed_at)
            .map_or(machine.created_at, |at| at.max(machine.created_at));
        (!self.host.is_some_and(Host::has_jobs)).then_some(since)
    }
}

/// All members of an environment.
pub(crate) fn members<'a>(environment: &'a Environment, desk: &'a Desk) -> Vec<Member<'a>> {
    let observed = &environment.observed;
    let gpus = &observed.gpu_resource;
    let there = desk.machines.of(observed.uid).map(|machine| {
        let host = machine.node.as_ref().and_then(|node| desk.hosts.get(node));
        let usable = host.and_then(|host| host.usable(gpus));
        let ready_by = machine.created_at + LAUNCH_PATIENCE;
        let is_outdated = is_outdated(machine, environment, desk);
        // One that goes in a moment is not to be waited for.
        let is_awaited = |node: &ObservedHost| !is_outdated && awaits_gpus(machine, node, gpus, desk);
        Member {
            name: machine.name.clone(),
            machine_type: machine.machine_type.clone(),
            vcpus: vcpus(&machine.machine_type, machine.node.as_ref(), desk),
            machine: Some(machine),
            host,
            failed: false,
            awaits_gpus: usable.is_some_and(is_awaited),
            is_usable: usable.is_some(),
            has_arrived: environment.pool.came.contains(&machine.uid),
            is_outdated,
            ready_by: Some(ready_by),
            is_young: desk.now < ready_by,
        }
    });
    let mut members: Vec<Member<'a>> = there.collect();
    if observed.managed.as_ref().is_some_and(|managed| managed.backend == Backend::ClusterApi) {
        let unseen = unseen(environment, &members, desk);
        members.extend(unseen);
        return members;
    }
    for launch in environment.launches() {
        let name = Machines::name(&observed.name, observed.uid, launch.serial);
        let known = members.iter().any(|member| member.machine.is_some_and(|machine| machine.name == name));
        // One that was seen and is there no more is gone, and yet a second request for it may land and make it again.
        if mutant::is(Mutant::GoneMachineForgotten) && environment.pool.seen.contains(&launch.serial) {
            continue;
        }
        let was_seen = environment.pool.seen.contains(&launch.serial);
        let is_over = was_seen && desk.now >= launch.decided_at + TOMBSTONE;
        if !known && !is_over {
            members.push(Member {
                name,
                machine_type: launch.machine_type.clone(),
                vcpus: vcpus(&launch.machine_type, None, desk),
                machine: None,
                host: None,
                failed: was_seen || environment.pool.failed.contains(&launch.serial),
                awaits_gpus: false,
                is_usable: false,
                has_arrived: false,
                is_outdated: false,
                ready_by: Some(would_be_ready_by(launch.decided_at)),
                is_young: true,
            });
        }
    }
    members
}

/// By when a machine that is decided at this time has a node that takes jobs.
pub(super) fn would_be_ready_by(decided_at: Time) -> Time {
    decided_at + LAUNCH_WINDOW + REQUEST_TIMEOUT_OF_SERVER + LAUNCH_PATIENCE
}

/// The processors of a machine: as the catalogue or its MachineDeployment says; else what its node offers.
pub(super) fn vcpus(machine_type: &Name, node: Option<&Name>, desk: &Desk) -> u32 {
    if let Some(told) = told(machine_type, desk) {
        return told.vcpus;
    }
    let node = node.and_then(|node| desk.hosts.get(node)?.node.as_ref());
    let millis = node.map_or(0, |node| node.allocatable.amounts.cpu_millis);
    u32::try_from(millis.div_ceil(1000)).unwrap_or(u32::MAX)
}

impl Pool {
    /// True once a launch can neither be under way nor land late: it may be taken out of the books.
    pub(super) fn is_settled(&self, launch: &Launch, now: Time) -> bool {
        let known = self.seen.contains(&launch.serial)
            || self.absent.contains(&launch.serial)
            || mutant::is(Mutant::UnseenMachineIsNone);
        now >= launch.decided_at + TOMBSTONE && known && !self.asking.contains(&launch.serial)
    }
}

/// Nodes of machines that are to go: they take no more jobs.
pub(crate) fn nodes_that_leave(desk: &Desk) -> Vec<Name> {
    if mutant::is(Mutant::LeavingMachineTakesJobs) {
        return Vec::new();
    }
    let removing = |uid: Uid, environment: Uid| {
        desk.environments.get(environment).is_some_and(|found| found.pool.removing.contains_key(&uid))
    };
    let outdated = |machine: &ObservedMachine| {
        let environment = desk.environments.get(machine.environment);
        environment.is_some_and(|environment| is_outdated(machine, environment, desk))
            && !mutant::is(Mutant::OutdatedMachineTakesJobs)
    };
    let leave = desk.machines.iter().filter(|machine| {
        let goes = machine.leaving || machine.deleting || removing(machine.uid, machine.environment);
        goes || outdated(machine)
    });
    leave.filter_map(|machine| machine.node.clone()).collect()
}
