//! What became of what was asked of a backend, and of machines that go by themselves.

use super::class::is_outdated;
use crate::action::{Action, Outcome};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{Name, Uid};
use crate::limits::{RETRY_PAUSE, TOMBSTONE};
use crate::objects::{Backend, ObservedMachine};
use crate::outbox::Purpose;
use crate::world::Registered as _;

/// What became of a request for a machine, or of a question about one.
pub(crate) fn machine_outcome(uid: Uid, serial: u64, outcome: &Outcome, desk: &mut Desk) {
    let now = desk.now;
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let generation = environment.observed.generation;
    let decided_at =
        environment.launches().iter().find(|launch| launch.serial == serial).map(|launch| launch.decided_at);
    let name = environment.key();
    let pool = &mut environment.pool;
    pool.asking.remove(&serial);
    match outcome {
        Outcome::Machine(_) => {
            pool.seen.insert(serial);
        }
        Outcome::NotFound if decided_at.is_none_or(|at| now >= at + TOMBSTONE) => {
            pool.absent.insert(serial);
        }
        Outcome::Refused(_, words) => {
            pool.failed.insert(serial);
            pool.failed_to_launch(words.clone(), true, generation, now);
            desk.findings.push(Finding::Trouble(name, Name::from(format!("machine not made: {words}"))));
        }
        Outcome::Expired => {
            pool.failed.insert(serial);
        }
        _ => return desk.agenda.wake(now + RETRY_PAUSE.0, Item::Environment(uid)),
    }
    desk.agenda.mark(Item::Environment(uid));
    desk.capacity_changed();
}

/// What became of a request to let a machine go.
pub(crate) fn removal_outcome(environment: Uid, machine: Uid, outcome: &Outcome, desk: &mut Desk) {
    let Some(pool) = desk.environments.get_mut(environment).map(|found| &mut found.pool) else { return };
    match outcome {
        // Where it was so before nothing changed, and no watch tells of it.
        Outcome::Done => return desk.agenda.mark(Item::Environment(environment)),
        // It may be carried out yet: until then it takes no more jobs.
        Outcome::Unknown(_) => {
            pool.unsure.insert(machine);
        }
        _ => {
            pool.removing.remove(&machine);
        }
    }
    desk.agenda.wake(desk.now + RETRY_PAUSE.1, Item::Environment(environment));
}

/// A machine is being deleted, or gone. One that never had a node, and that was not told to go, was not to be had: the
/// strategy has its say before another is asked for, and backends take their time to delete one.
pub(crate) fn machine_goes(uid: Uid, desk: &mut Desk) {
    let Some(machine) = desk.machines.get(uid).filter(|machine| is_taken_back(machine, desk)).cloned() else {
        return;
    };
    let Some(environment) = desk.environments.get_mut(machine.environment) else { return };
    let words = format!(
        "{} was taken back before it had a node: no {} is to be had now",
        machine.name, machine.machine_type
    );
    let (generation, strategy) = (environment.observed.generation, environment.strategy());
    environment.pool.ran_short(&machine.machine_type, Name::from(words), strategy, generation, desk.now);
}

/// A machine is gone, and what was taken back has its words written by now.
pub(crate) fn machine_is_gone(machine: &ObservedMachine, desk: &mut Desk) {
    if machine.backend == Backend::Karpenter && is_taken_back(machine, desk) {
        let question = Action::ReadMachineEvents(machine.name.clone(), machine.uid);
        desk.outbox.send(question, Purpose::MachineEvents(machine.environment, machine.machine_type.clone()));
    }
    if let Some(environment) = desk.environments.get_mut(machine.environment) {
        environment.pool.removing.remove(&machine.uid);
    }
    desk.agenda.mark(Item::Environment(machine.environment));
}

fn is_taken_back(machine: &ObservedMachine, desk: &Desk) -> bool {
    let Some(environment) = desk.environments.get(machine.environment) else { return false };
    let was_asked_to_go = machine.leaving || environment.pool.removing.contains_key(&machine.uid);
    machine.node.is_none() && !was_asked_to_go && !is_outdated(machine, environment, desk)
}

/// The backend's own words on a machine that it took back.
pub(crate) fn machine_events_read(environment: Uid, machine_type: &Name, outcome: Outcome, desk: &mut Desk) {
    let Outcome::Words(Some(words)) = outcome else { return };
    let now = desk.now;
    let Some(found) = desk.environments.get_mut(environment) else { return };
    let (generation, pool) = (found.observed.generation, &mut found.pool);
    if is_about_the_node_class(&words) && pool.shortages.remove(machine_type).is_some() {
        // No other type can be had either.
        pool.failed_to_launch(words, true, generation, now);
    } else if let Some(failure) = pool.shortages.get_mut(machine_type).or(pool.failure.as_mut()) {
        failure.is_fault |= is_about_the_node_class(&words);
        failure.words = words;
    }
    desk.agenda.mark(Item::Environment(environment));
    desk.capacity_changed();
}

/// True when it is not machines that are lacking: what is asked for has to be mended.
fn is_about_the_node_class(words: &Name) -> bool {
    let words = words.as_str().to_lowercase();
    words.contains("nodeclass") || words.contains("node class")
}
