//! How many machines a MachineDeployment of Cluster API is to have: more once they are written down, fewer once those that are to
//! go are marked.
//!
//! Both are absolute numbers, and guarded by the version of the MachineDeployment: a request that lands late, after another,
//! changes nothing.

use super::deployments::open_launches;
use super::own;
use crate::action::{Action, Guard, Outcome, ScaleOrder};
use crate::agenda::Item;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{Name, Uid};
use crate::limits::{LAUNCH_WINDOW, RETRY_PAUSE, TOMBSTONE};
use crate::mutant::{self, Mutant};
use crate::objects::{Managed, ObservedMachine, ObservedMachineDeployment};
use crate::outbox::Purpose;
use crate::pool::owner_of;
use crate::time::Time;
use crate::world::{Host, Registered as _};
use std::collections::BTreeSet;

/// Has the MachineDeployments of an environment scaled as its books say, and by those that are marked.
pub(super) fn scale(uid: Uid, managed: &Managed, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let decided = environment.launches().iter().map(|launch| launch.machine_type.clone());
    let names: BTreeSet<Name> = decided.chain(own::all(environment, managed, desk)).collect();
    for name in names {
        let is_ours = desk.deployments.get(&name).is_some() && owner_of(&name, desk) == Some(uid);
        let is_busy = desk.environments.get(uid).is_none_or(|found| found.pool.scaling.contains(&name));
        if !is_ours {
            settle_without(uid, &name, desk);
        } else if !is_busy && !scale_out(uid, &name, desk) {
            look(uid, &name, desk);
        }
    }
}

/// Asks for as many machines as are written down. True when that was needed.
fn scale_out(uid: Uid, name: &Name, desk: &mut Desk) -> bool {
    let Some(deployment) = desk.deployments.get(name).cloned() else { return false };
    let may_grow = |found: &&Environment| !found.observed.deleting && !own::is_outdated(name, found, desk);
    let Some(environment) = desk.environments.get(uid).filter(may_grow) else { return false };
    let unwritten = mutant::is(Mutant::MachineWithoutBooks);
    let books = if unwritten { &environment.report.current } else { environment.report.written() };
    let open: Vec<_> = open_launches(&books.pool.launches, environment, name, desk.now).collect();
    let is_there = |replicas: Option<u32>| {
        let is_there = replicas.is_none_or(|replicas| replicas <= deployment.replicas);
        is_there && !mutant::is(Mutant::ReplicasAddedUp)
    };
    let (done, open): (Vec<_>, Vec<_>) = open.into_iter().partition(|launch| is_there(launch.replicas));
    let done: Vec<u64> = done.into_iter().map(|launch| launch.serial).collect();
    let replicas = if mutant::is(Mutant::ReplicasAddedUp) {
        u32::try_from(open.len()).ok().filter(|more| *more > 0).map(|more| deployment.replicas + more)
    } else {
        open.iter().filter_map(|launch| launch.replicas).max()
    };
    let until = open.iter().map(|launch| launch.decided_at + LAUNCH_WINDOW).min();
    if let Some(environment) = desk.environments.get_mut(uid) {
        environment.pool.granted.extend(done);
    }
    let Some((replicas, until)) = replicas.zip(until) else { return false };
    order(uid, &deployment, replicas, Some(until), desk);
    true
}

fn order(
    environment: Uid,
    deployment: &ObservedMachineDeployment,
    replicas: u32,
    not_after: Option<Time>,
    desk: &mut Desk,
) {
    let name = deployment.machine_type();
    let ObservedMachineDeployment { key, uid, resource_version, .. } = deployment.clone();
    let order = ScaleOrder { guard: Guard { key, uid, resource_version }, replicas, not_after };
    desk.outbox.send(Action::Scale(Box::new(order)), Purpose::Scale(environment, name.clone(), replicas));
    if let Some(environment) = desk.environments.get_mut(environment) {
        environment.pool.scaling.insert(name);
    }
}

/// Has the API server asked about a MachineDeployment and its machines: before fewer are asked for, and to be sure that none that
/// was decided can come late.
fn look(uid: Uid, name: &Name, desk: &mut Desk) {
    let (Some(environment), Some(deployment)) = (desk.environments.get(uid), desk.deployments.get(name))
    else {
        return;
    };
    let now = desk.now;
    let machines: Vec<ObservedMachine> =
        desk.machines.of(uid).filter(|machine| machine.machine_type == *name).cloned().collect();
    let goes = fewer(uid, deployment, &machines, desk).is_some();
    let mut wakes = Vec::new();
    let mut is_unsettled = false;
    for launch in environment.launches().iter().filter(|launch| launch.machine_type == *name) {
        let settled_at = launch.decided_at + TOMBSTONE;
        wakes.extend((now < settled_at).then_some(settled_at));
        is_unsettled |= now >= settled_at && !environment.pool.is_settled(launch, now);
    }
    let again_at = environment.pool.looked_at.get(name).map(|at| *at + RETRY_PAUSE.1);
    let is_too_early = again_at.filter(|at| *at > now);
    if goes || is_unsettled {
        match is_too_early {
            Some(at) => wakes.push(at),
            None if goes && mutant::is(Mutant::ScaledInUnseen) => {
                let deployment = deployment.clone();
                scale_in(uid, &deployment, &machines, desk);
            }
            None => ask(uid, name, desk),
        }
    }
    for at in wakes {
        desk.agenda.wake(at, Item::Environment(uid));
    }
}

fn ask(uid: Uid, name: &Name, desk: &mut Desk) {
    let Some(deployment) = desk.deployments.get(name) else { return };
    let (key, now) = (deployment.key.clone(), desk.now);
    let purpose = Purpose::ReadMachineDeployment(uid, (name.clone(), deployment.uid), now);
    desk.outbox.send(Action::ReadMachineDeployment(key), purpose);
    if let Some(environment) = desk.environments.get_mut(uid) {
        environment.pool.scaling.insert(name.clone());
        environment.pool.looked_at.insert(name.clone(), now);
    }
}

/// Of a MachineDeployment that is gone, or not ours any more, no machine is waited for.
fn settle_without(uid: Uid, name: &Name, desk: &mut Desk) {
    let now = desk.now;
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let those = environment.launches().iter().filter(|launch| launch.machine_type == *name);
    let (settled, open): (Vec<_>, Vec<_>) = those.partition(|launch| now >= launch.decided_at + TOMBSTONE);
    let serials: Vec<u64> = settled.into_iter().map(|launch| launch.serial).collect();
    let wake = open.into_iter().map(|launch| launch.decided_at + TOMBSTONE).min();
    environment.pool.absent.extend(serials);
    if let Some(at) = wake {
        desk.agenda.wake(at, Item::Environment(uid));
    }
}

/// How many machines a MachineDeployment is to have when those that are marked go: as many as stay. `None` while that is no
/// fewer, while one that is marked may have jobs, and while there are machines to come, whose places those that go would take.
fn fewer(
    uid: Uid,
    deployment: &ObservedMachineDeployment,
    machines: &[ObservedMachine],
    desk: &Desk,
) -> Option<u32> {
    let name = deployment.machine_type();
    let environment = desk.environments.get(uid).filter(|_| owner_of(&name, desk) == Some(uid))?;
    let is_sure = |machine: &ObservedMachine| {
        let host = machine.node.as_ref().and_then(|node| desk.hosts.get(node));
        environment.pool.removing.get(&machine.uid) == Some(&true) && !host.is_some_and(Host::has_jobs)
    };
    let is_marked =
        |machine: &ObservedMachine| machine.marked || machine.leaving && mutant::is(Mutant::UnmarkedScaledIn);
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let (marked, others): (Vec<&ObservedMachine>, Vec<&ObservedMachine>) =
        machines.iter().filter(|machine| !machine.deleting).partition(|machine| is_marked(machine));
    let stay = number(others.len());
    let is_growing = open_launches(environment.launches(), environment, &name, desk.now).next().is_some();
    let are_all_there = number(machines.len()) >= deployment.replicas && !is_growing;
    let has_marked = !marked.is_empty();
    // Nobody waits for those that are still to come to an environment that goes, or that are not wanted any more. One that comes
    // in the meantime is not marked, and goes all the same: without jobs, while none of the others stays that could be mistaken
    // for it.
    let goes = environment.observed.deleting || own::is_outdated(&name, environment, desk);
    let is_over = goes && stay == 0;
    let may_go = marked.into_iter().all(is_sure) && (has_marked && are_all_there || is_over);
    (may_go && stay < deployment.replicas).then_some(stay)
}

/// Asks for fewer machines, from what the API server had of the MachineDeployment and then of its machines.
pub(crate) fn scale_in(
    uid: Uid,
    deployment: &ObservedMachineDeployment,
    machines: &[ObservedMachine],
    desk: &mut Desk,
) {
    if let Some(replicas) = fewer(uid, deployment, machines, desk) {
        order(uid, deployment, replicas, None, desk);
    }
}

/// The API server was asked about a MachineDeployment; when, if it has answered.
pub(crate) fn deployment_read(uid: Uid, name: &Name, asked_at: Option<Time>, desk: &mut Desk) {
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    environment.pool.scaling.remove(name);
    if let Some(asked_at) = asked_at {
        let those = environment.launches().iter().filter(|launch| launch.machine_type == *name);
        let settled = those.filter(|launch| asked_at >= launch.decided_at + TOMBSTONE);
        let serials: Vec<u64> = settled.map(|launch| launch.serial).collect();
        environment.pool.absent.extend(serials);
        desk.agenda.mark(Item::Environment(uid));
    } else {
        desk.agenda.wake(desk.now + RETRY_PAUSE.1, Item::Environment(uid));
    }
}

/// What became of a request for more or fewer machines.
pub(crate) fn scale_outcome(uid: Uid, name: &Name, replicas: u32, outcome: &Outcome, desk: &mut Desk) {
    let now = desk.now;
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    environment.pool.scaling.remove(name);
    match outcome {
        Outcome::Written(version) => {
            if mutant::is(Mutant::ReplicasAddedUp) {
                let open = open_launches(environment.launches(), environment, name, now);
                let asked_for: Vec<u64> = open.map(|launch| launch.serial).collect();
                environment.pool.granted.extend(asked_for);
            }
            desk.deployments.scaled(name, replicas, *version);
            environment.pool.looked_at.remove(name);
        }
        // The next request goes by what the API server has.
        Outcome::Conflict => return ask(uid, name, desk),
        Outcome::Refused(_, words) => {
            let open: Vec<u64> = open_launches(environment.launches(), environment, name, now)
                .map(|launch| launch.serial)
                .collect();
            let (key, generation) = (environment.key(), environment.observed.generation);
            if !open.is_empty() {
                environment.pool.failed_to_launch(words.clone(), true, generation, now);
            }
            environment.pool.failed.extend(open);
            let trouble = format!("MachineDeployment {name} not scaled to {replicas}: {words}");
            desk.findings.push(Finding::Trouble(key, Name::from(trouble)));
            desk.agenda.wake(now + RETRY_PAUSE.1, Item::Environment(uid));
        }
        _ => return desk.agenda.wake(now + RETRY_PAUSE.0, Item::Environment(uid)),
    }
    desk.agenda.mark(Item::Environment(uid));
    desk.capacity_changed();
}
