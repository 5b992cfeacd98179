//! One look at a managed environment: machines decided, asked for, and let go.

use super::Failure;
use super::class::{ClassState, class_state, tend_class};
use super::deployments::replicas_wanted;
use super::members::{Member, members};
use super::own;
use super::scale::scale;
use super::types::{remember, types};
use crate::action::{Action, MachineOrder};
use crate::agenda::Item;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::{LAUNCH_PATIENCE, LAUNCH_WINDOW, LAUNCHES_LISTED, TOMBSTONE};
use crate::mutant::{self, Mutant};
use crate::objects::{Backend, Launch, MachineType, Managed, ObservedMachine, PoolStatus, Strategy};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::units::Resources;
use crate::world::{Machines, NodeClasses, Registered as _};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Looks at the machines of an environment; once it is deleted and `unused`, all of them go.
pub(crate) fn tend_pool(uid: Uid, unused: bool, desk: &mut Desk) {
    let Some(managed) = desk.environments.get(uid).and_then(|found| found.observed.managed.clone()) else {
        return;
    };
    remember(uid, desk);
    if managed.backend == Backend::ClusterApi {
        own::tend(uid, &managed, desk);
    } else {
        tend_class(uid, desk);
    }
    notice(uid, desk);
    look_for_gpus(uid, desk);
    top_up(uid, &managed, desk);
    if managed.backend == Backend::ClusterApi {
        scale(uid, &managed, desk);
    } else {
        ask(uid, &managed, desk);
    }
    let_go(uid, &managed, unused, desk);
    account(uid, desk);
}

/// Takes in what became of machines: those that came, those that cannot be had.
fn notice(uid: Uid, desk: &mut Desk) {
    let now = desk.now;
    let Some(environment) = desk.environments.get(uid) else { return };
    let late_at = |member: &Member<'_>| member.without_node_since().map(|since| since + LAUNCH_PATIENCE);
    let members = members(environment, desk);
    let usable = members.iter().filter(|member| member.is_usable());
    let usable: BTreeMap<Uid, Name> =
        usable.filter_map(|member| Some((member.machine?.uid, member.machine_type.clone()))).collect();
    // What becomes of one that is not wanted any more says nothing of those that are.
    let wanted = members.iter().filter(|member| !member.is_outdated);
    let wanted: BTreeSet<Uid> = wanted.filter_map(|member| Some(member.machine?.uid)).collect();
    let machines: Vec<(ObservedMachine, Option<Time>)> =
        members.iter().filter_map(|member| Some((member.machine?.clone(), late_at(member)))).collect();
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let (generation, strategy) = (environment.observed.generation, environment.strategy());
    let (name, launches) = (environment.observed.name.clone(), environment.launches().to_vec());
    let pool = &mut environment.pool;
    // Machines can be had again once one has come, and perhaps once somebody has changed what is asked for.
    let came: Vec<&Name> = usable
        .iter()
        .filter(|(uid, _)| !pool.came.contains(uid))
        .map(|(_, machine_type)| machine_type)
        .collect();
    let is_of_now = |failure: &Failure| failure.generation == generation;
    pool.failure = pool.failure.take().filter(|failure| is_of_now(failure) && came.is_empty());
    pool.shortages.retain(|machine_type, shortage| is_of_now(shortage) && !came.contains(&machine_type));
    pool.came.retain(|uid| machines.iter().any(|(machine, _)| machine.uid == *uid));
    pool.came.extend(usable.keys());
    for (machine, late_at) in &machines {
        let of = |launch: &&Launch| Machines::name(&name, uid, launch.serial) == machine.name;
        pool.seen.extend(launches.iter().find(of).map(|launch| launch.serial));
        let is_late = late_at.is_some_and(|at| now >= at) && !mutant::is(Mutant::MachineWaitedForForEver);
        let late = || {
            Name::from(format!(
                "machine {} has no node that is ready after {} min",
                machine.name,
                LAUNCH_PATIENCE.as_secs() / 60
            ))
        };
        let fault = machine.fault.clone().or_else(|| is_late.then(late));
        let goes = machine.deleting || machine.leaving || pool.removing.contains_key(&machine.uid);
        let goes = goes || !wanted.contains(&machine.uid);
        if let Some(words) = fault.filter(|_| !goes) {
            if machine.fault.is_some() {
                pool.failed_to_launch(words, true, generation, now);
            } else {
                pool.ran_short(&machine.machine_type, words, strategy, generation, now);
            }
            remove(machine, uid, desk);
            return desk.agenda.mark(Item::Environment(uid));
        }
        if let Some(at) = late_at.filter(|_| !goes) {
            desk.agenda.wake(at, Item::Environment(uid));
        }
    }
    let listed = |serial: &u64| launches.iter().any(|launch| launch.serial == *serial);
    for serials in [&mut pool.seen, &mut pool.granted, &mut pool.absent, &mut pool.failed] {
        serials.retain(listed);
    }
    let failures = pool.failure.iter().chain(pool.shortages.values());
    for until in failures.map(|failure| failure.until).filter(|until| *until > now) {
        desk.agenda.wake(until, Item::Schedule);
        desk.agenda.wake(until, Item::Environment(uid));
    }
}

/// Once a node had its time to report GPUs, what it reports counts.
fn look_for_gpus(uid: Uid, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let members = members(environment, desk);
    let waiting = members.iter().filter(|member| member.awaits_gpus);
    let times: Vec<Time> =
        waiting.filter_map(|member| Some(member.machine?.created_at + LAUNCH_PATIENCE)).collect();
    for at in times {
        desk.agenda.wake(at, Item::Environment(uid));
        desk.agenda.wake(at, Item::Schedule);
    }
}

/// Decides machines that are kept also when idle, and at first as many as the environment is to begin with.
fn top_up(uid: Uid, managed: &Managed, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let is_open = environment.observed.enabled || mutant::is(Mutant::DisabledScalesOut);
    let is_open = is_open && !environment.observed.deleting;
    let is_open = is_open && class_state(environment, desk) == ClassState::Ready;
    if !is_open || environment.static_fault(desk).is_some() || !environment.pool.may_try_again(desk.now) {
        return;
    }
    let begins = environment.report.current.pool.desired_vcpus.is_none();
    let target = if begins { managed.min_vcpus.max(managed.desired_vcpus) } else { managed.min_vcpus };
    // What a job lacks is not taken from it again: that would be let go for it, and made once more, for ever.
    let most = managed.max_vcpus.saturating_sub(environment.pool.lacking_vcpus);
    let target = target.min(most);
    let members = members(environment, desk);
    let mut all: u32 = members.iter().map(|member| member.vcpus).fold(0, u32::saturating_add);
    let mut kept = kept_vcpus(environment, &members);
    let mut left = LAUNCHES_LISTED.saturating_sub(environment.launches().len());
    let mut orders = Vec::new();
    while kept < target && left > 0 {
        let fits = |vcpus: u32| vcpus > 0 && all.saturating_add(vcpus) <= most;
        let is_there = |found: &MachineType| environment.pool.lacks(&found.name, desk.now).is_none();
        let mut types = types(environment, desk).into_iter();
        let Some(smallest) = types.find(|found| fits(found.vcpus) && is_there(found)) else {
            break;
        };
        (all, kept, left) = (all + smallest.vcpus, kept + smallest.vcpus, left - 1);
        orders.push(smallest.name);
    }
    order_machines(uid, orders, desk);
}

/// vCPUs of the machines that are to stay.
fn kept_vcpus(environment: &Environment, members: &[Member<'_>]) -> u32 {
    let goes = |machine: &ObservedMachine| {
        machine.leaving || machine.deleting || environment.pool.removing.contains_key(&machine.uid)
    };
    let stays = |member: &&Member<'_>| !member.failed && !member.is_outdated;
    let kept = members.iter().filter(stays).filter(|member| !member.machine.is_some_and(goes));
    kept.map(|member| member.vcpus).fold(0, u32::saturating_add)
}

/// Asks for the machines that are written down and were not asked for yet, and about those of which nothing was heard.
fn ask(uid: Uid, managed: &Managed, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let (observed, now) = (&environment.observed, desk.now);
    let is_ready = class_state(environment, desk) == ClassState::Ready;
    let class = managed.node_class.as_ref();
    let class = class.map(|content| (NodeClasses::name(observed), content.digest.clone()));
    let is_new = |launch: &&Launch| {
        let pool = &environment.pool;
        let known = [&pool.seen, &pool.asking, &pool.failed, &pool.absent];
        !known.iter().any(|serials| serials.contains(&launch.serial))
    };
    let mut requests = Vec::new();
    let mut wakes = Vec::new();
    let unwritten = mutant::is(Mutant::MachineWithoutBooks);
    let books = if unwritten { &environment.report.current } else { environment.report.written() };
    for launch in &books.pool.launches {
        let name = Machines::name(&observed.name, uid, launch.serial);
        let machine_type = desk.machine_types.get(&launch.machine_type);
        let settled_at = launch.decided_at + TOMBSTONE;
        if is_new(&launch) && now < launch.decided_at + LAUNCH_WINDOW && !observed.deleting {
            if let Some(machine_type) = machine_type.cloned().filter(|_| is_ready) {
                let order = MachineOrder {
                    name,
                    backend: managed.backend,
                    environment: environment.key().name,
                    environment_uid: uid,
                    machine_type,
                    gpu_resource: observed.gpu_resource.clone(),
                    node_class: class.clone(),
                    payload: managed.payload.clone(),
                    not_after: launch.decided_at + LAUNCH_WINDOW,
                };
                requests.push((launch.serial, Action::LaunchMachine(Box::new(order))));
            }
        } else if now < settled_at {
            wakes.push(settled_at);
        } else if !environment.pool.is_settled(launch, now)
            && !environment.pool.asking.contains(&launch.serial)
        {
            requests.push((launch.serial, Action::ReadMachine(managed.backend, name)));
        }
    }
    for (serial, request) in requests {
        desk.outbox.send(request, Purpose::Machine(uid, serial));
        if let Some(environment) = desk.environments.get_mut(uid) {
            environment.pool.asking.insert(serial);
        }
    }
    for at in wakes {
        desk.agenda.wake(at, Item::Environment(uid));
    }
}

/// Lets idle machines go, down to what is kept.
fn let_go(uid: Uid, managed: &Managed, unused: bool, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let (now, deleting) = (desk.now, environment.observed.deleting);
    // Where a job lacks a larger machine than still fits, those that are idle are in its way.
    let lacking = environment.pool.lacking_vcpus;
    let limit = if deleting || lacking > 0 {
        Duration::ZERO
    } else {
        managed.idle_limit.unwrap_or(desk.settings.idle_limit)
    };
    let floor = if deleting { 0 } else { managed.min_vcpus.min(managed.max_vcpus.saturating_sub(lacking)) };
    // One of another type may be larger than what is kept, and leave too little beside it.
    let is_in_the_way = |kept: u32| lacking > 0 && kept.saturating_add(lacking) > managed.max_vcpus;
    let members = members(environment, desk);
    let mut kept = kept_vcpus(environment, &members);
    let (mut idle_since, mut leaving_since) = (BTreeMap::new(), BTreeMap::new());
    let (mut go, mut wakes) = (Vec::new(), Vec::new());
    for member in &members {
        let Some(machine) = member.machine.filter(|machine| !machine.deleting) else { continue };
        // It was asked for, and the watch has yet to show it.
        match environment.pool.removing.get(&machine.uid) {
            Some(false) if machine.leaving => {}
            Some(_) if environment.pool.unsure.contains(&machine.uid) => {
                go.push(machine.clone());
                continue;
            }
            Some(_) => continue,
            None => {}
        }
        let has_jobs =
            member.host.is_some_and(crate::world::Host::has_jobs) && !mutant::is(Mutant::BusyMachineRemoved);
        let is_waiting = !deleting && environment.pool.waiting.contains(&machine.name);
        let is_idle = !has_jobs
            && !is_waiting
            && !member.awaits_gpus
            && !mutant::is(Mutant::IdleMachineKept)
            && (member.is_ready() || machine.leaving || member.is_outdated || deleting && unused);
        if !is_idle {
            continue;
        }
        let since = *environment.pool.idle_since.get(&machine.uid).unwrap_or(&now);
        idle_since.insert(machine.uid, since);
        if machine.leaving {
            // Whoever decides beside us has seen that it takes no more jobs, and none it ordered before can still come.
            let since = *environment.pool.leaving_since.get(&machine.uid).unwrap_or(&now);
            leaving_since.insert(machine.uid, since);
            let is_sure = now >= since + TOMBSTONE || mutant::is(Mutant::RetiredRemovedAtOnce);
            if is_sure { go.push(machine.clone()) } else { wakes.push(since + TOMBSTONE) }
        } else if member.is_outdated && !mutant::is(Mutant::OutdatedMachineKept) {
            go.push(machine.clone());
        } else if kept.saturating_sub(member.vcpus) < floor && !is_in_the_way(kept) {
        } else if now >= since + limit {
            kept = kept.saturating_sub(member.vcpus);
            go.push(machine.clone());
        } else {
            wakes.push(since + limit);
        }
    }
    for at in wakes {
        desk.agenda.wake(at, Item::Environment(uid));
    }
    if let Some(environment) = desk.environments.get_mut(uid) {
        (environment.pool.idle_since, environment.pool.leaving_since) = (idle_since, leaving_since);
    }
    for machine in &go {
        remove(machine, uid, desk);
    }
}

/// Has a machine go: at once where it waits for the jobs on it by itself, else it takes no more jobs first.
fn remove(machine: &ObservedMachine, environment: Uid, desk: &mut Desk) {
    let (backend, name, uid) = (machine.backend, machine.name.clone(), machine.uid);
    let at_once = backend.waits_for_jobs() || machine.leaving;
    let action = if at_once {
        Action::RemoveMachine(backend, name, uid)
    } else {
        Action::RetireMachine(backend, name, uid)
    };
    desk.outbox.send(action, Purpose::MachineGoes(environment, uid));
    if let Some(environment) = desk.environments.get_mut(environment) {
        environment.pool.removing.insert(uid, at_once);
        environment.pool.unsure.remove(&uid);
    }
}

/// Brings the books up to date: what is settled is taken out, what there is is added up.
fn account(uid: Uid, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let members = members(environment, desk);
    let sum = |members: &mut dyn Iterator<Item = &Member<'_>>| {
        members.map(|member| member.vcpus).fold(0, u32::saturating_add)
    };
    // What it is to begin with is decided once its first machines can be asked for.
    let has_begun = environment.report.current.pool.desired_vcpus.is_some()
        || class_state(environment, desk) == ClassState::Ready;
    let launching = launching(environment, &members, desk);
    let pool = PoolStatus {
        desired_vcpus: has_begun.then(|| kept_vcpus(environment, &members)),
        // Whole MiB, as it is written.
        launching_memory: launching.memory_bytes >> 20 << 20,
        launching_gpus: launching.gpus,
        launching_vcpus: sum(&mut members.iter().filter(|member| member.is_to_come())),
        last_serial: environment.report.current.pool.last_serial,
        launches: environment
            .launches()
            .iter()
            .filter(|launch| !environment.pool.is_settled(launch, desk.now))
            .cloned()
            .collect(),
    };
    let had_most = environment.launches().len() >= LAUNCHES_LISTED;
    if had_most && pool.launches.len() < LAUNCHES_LISTED {
        // Somebody may wait until more machines may be asked for.
        desk.agenda.mark(Item::Schedule);
    }
    if let Some(environment) = desk.environments.get_mut(uid) {
        environment.report.current.pool = pool;
    }
}

/// What nodes on machines that are still to come will offer, as far as can be told.
fn launching(environment: &Environment, members: &[Member<'_>], desk: &Desk) -> Resources {
    let types = types(environment, desk);
    let launching = members.iter().filter_map(|member| {
        let offered = types.iter().find(|found| found.name == member.machine_type)?.allocatable;
        match (member.is_to_come(), member.awaits_gpus) {
            (true, _) => Some(offered),
            (false, true) => Some(Resources { gpus: offered.gpus, ..Resources::default() }),
            (false, false) => None,
        }
    });
    launching.fold(Resources::default(), |sum, offered| sum.plus(&offered))
}

impl Environment {
    /// How the type of a machine is chosen.
    pub(super) fn strategy(&self) -> Strategy {
        self.observed.managed.as_ref().map(|managed| managed.strategy).unwrap_or_default()
    }
}

/// Notes machines of these types to be made; they are asked for once that is written.
pub(crate) fn order_machines(uid: Uid, types: Vec<Name>, desk: &mut Desk) {
    for machine_type in types {
        let Some(environment) = desk.environments.get(uid) else { return };
        let is_scaled = |managed: &Managed| managed.backend == Backend::ClusterApi;
        let replicas = environment
            .observed
            .managed
            .as_ref()
            .is_some_and(is_scaled)
            .then(|| replicas_wanted(environment, &machine_type, desk).saturating_add(1));
        let decided_at = desk.now.to_second();
        let Some(environment) = desk.environments.get_mut(uid) else { return };
        let pool = &mut environment.report.current.pool;
        pool.last_serial += 1;
        if mutant::is(Mutant::MachineSerialReused) {
            pool.last_serial = pool.launches.last().map_or(1, |launch| launch.serial + 1);
        }
        pool.launches.push(Launch { serial: pool.last_serial, machine_type, decided_at, replicas });
    }
}

impl Environment {
    /// Machines decided and not settled.
    pub(crate) fn launches(&self) -> &[Launch] {
        &self.report.current.pool.launches
    }
}
