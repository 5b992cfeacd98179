//! Outcomes of actions, handed to whom they concern.

use crate::action::Outcome;
use crate::agenda::Item;
use crate::core::Core;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{ActionId, Name, ObjectKey, Uid};
use crate::job::{
    Job, events_read, expiry_outcome, job_read, launch_outcome, let_go_outcome, pod_was_removed,
    record_outcome, set_events_read, sets_made, swept, write_outcome,
};
use crate::limits::{RETRY_PAUSE, SILENCE};
use crate::mutant::{self, Mutant};
use crate::objects::{ObservedJob, ObservedPod};
use crate::outbox::Purpose;
use crate::pool::{
    class_outcome, deployment_deleted, deployment_read, machine_events_read, machine_outcome,
    removal_outcome, scale_in, scale_outcome,
};
use crate::time::Time;
use crate::world::{Registered as _, Slot};

/// Takes the outcome of one action in.
pub(crate) fn take_outcome(core: &mut Core, id: ActionId, outcome: Outcome) {
    let Some(purpose) = core.desk.outbox.answered(id) else { return };
    core.note_answer(&outcome);
    match purpose {
        Purpose::WriteJob(uid) => {
            let Core { jobs, desk, .. } = core;
            let gone = jobs.get_mut(&uid).is_some_and(|job| write_outcome(job, id, outcome, desk));
            if gone {
                core.job_gone(uid);
            }
            core.desk.agenda.mark(Item::Job(uid));
        }
        Purpose::ReadJob(_, uid) => take_job_read(core, uid, outcome),
        Purpose::WriteRecord(uid, first_index) => {
            with_job(core, uid, |job, desk| record_outcome(job, first_index, id, outcome, desk));
        }
        Purpose::ReadRecord(uid, first_index) => take_record_read(core, id, uid, first_index, outcome),
        Purpose::Launch(uid, slot) => {
            with_job(core, uid, |job, desk| launch_outcome(job, slot, id, outcome, desk));
        }
        Purpose::MakeSets(uid, attempt, launch) => {
            with_job(core, uid, |job, desk| sets_made(job, (attempt, launch), id, outcome, desk));
        }
        Purpose::SweepSets(uid, launch) => {
            with_job(core, uid, |job, desk| swept(job, launch, &outcome, desk));
            core.ghosts.swept(uid, launch, &outcome, &mut core.desk);
        }
        Purpose::ReadSetEvents(uid, launch) => {
            with_job(core, uid, |job, desk| set_events_read(job, launch, outcome, desk));
        }
        Purpose::LetGo(uid, slot) => {
            with_job(core, uid, |job, desk| let_go_outcome(job, slot, id, &outcome, desk));
        }
        Purpose::ReadPod(uid, slot, key, asked) => take_pod_read(core, (uid, slot), &key, asked, outcome),
        Purpose::LookForHost(name) => core.host_looked_for(&name, &outcome),
        Purpose::DeletePod(uid, slot, pod) => {
            let item = Item::Task(uid, slot.index);
            if outcome == Outcome::Done {
                core.desk.agenda.mark(item);
            } else {
                // What it was decided on may be out of date: the watch tells what is new.
                core.desk.deleting.remove(&pod);
                core.desk.agenda.wake(core.desk.now + RETRY_PAUSE.0, item);
            }
        }
        Purpose::ReadEvents(uid, slot) => {
            with_job(core, uid, |job, desk| events_read(job, slot, outcome, desk));
        }
        Purpose::DeleteJob(uid) => {
            let Core { jobs, desk, .. } = core;
            if jobs.get_mut(&uid).is_some_and(|job| expiry_outcome(job, &outcome, desk)) {
                core.job_gone(uid);
            }
        }
        Purpose::ReleasePod(uid, slot, key, pod) => take_release(core, uid, slot, (&key, pod), &outcome),
        Purpose::ReadDefinition(uid) => take_definition_read(core, uid, outcome),
        Purpose::ReadRevision(uid) => take_revision_read(core, uid, outcome),
        Purpose::CreateRevision(uid) => take_revision_created(core, uid, outcome),
        Purpose::WriteDefinition(uid) if outcome == Outcome::NotFound => core.definition_gone(uid),
        Purpose::WriteQueue(uid) | Purpose::HoldQueue(uid) if outcome == Outcome::NotFound => {
            core.queue_gone(uid);
        }
        Purpose::WriteEnvironment(uid) | Purpose::HoldEnvironment(uid) if outcome == Outcome::NotFound => {
            core.environment_gone(uid);
        }
        Purpose::HoldRevision(uid) if outcome == Outcome::NotFound => core.revision_gone(uid),
        Purpose::WriteDefinition(uid) => {
            if let Some(definition) = core.desk.definitions.get_mut(uid) {
                let again = definition.report.answered(&outcome, core.desk.now);
                wake(core, again, Item::Definition(uid));
            }
        }
        Purpose::WriteQueue(uid) => {
            if let Some(queue) = core.desk.queues.get_mut(uid) {
                let again = queue.report.answered(&outcome, core.desk.now);
                wake(core, again, Item::Queue(uid));
            }
        }
        Purpose::WriteEnvironment(uid) => {
            if let Some(environment) = core.desk.environments.get_mut(uid) {
                let again = environment.report.answered(&outcome, core.desk.now);
                wake(core, again, Item::Environment(uid));
            }
        }
        Purpose::Machine(uid, serial) => {
            machine_outcome(uid, serial, &outcome, &mut core.desk);
            if let Outcome::Machine(machine) = outcome {
                core.take_machine(*machine);
            }
        }
        Purpose::NodeClass(uid) => {
            class_outcome(uid, &outcome, &mut core.desk);
            match outcome {
                Outcome::NodeClass(class) => core.take_node_class(*class),
                Outcome::MachineDeployment(deployment, _) => core.take_machine_deployment(*deployment),
                _ => {}
            }
        }
        Purpose::MachineEvents(uid, machine_type) => {
            machine_events_read(uid, &machine_type, outcome, &mut core.desk);
        }
        Purpose::MachineGoes(_, machine) if outcome == Outcome::NotFound => core.machine_gone(machine),
        Purpose::MachineGoes(uid, machine) => removal_outcome(uid, machine, &outcome, &mut core.desk),
        Purpose::ReadMachineDeployment(uid, of, asked_at) => {
            take_machine_deployment_read(core, uid, &of, asked_at, outcome);
        }
        Purpose::DeleteMachineDeployment(uid, (name, deployment)) => {
            deployment_deleted(uid, &name, &outcome, &mut core.desk);
            if outcome == Outcome::NotFound {
                core.machine_deployment_gone(deployment);
            }
        }
        Purpose::Scale(uid, name, replicas) => scale_outcome(uid, &name, replicas, &outcome, &mut core.desk),
        Purpose::HoldQueue(uid) => take_held(core, &outcome, Item::Queue(uid)),
        Purpose::HoldEnvironment(uid) => take_held(core, &outcome, Item::Environment(uid)),
        Purpose::HoldRevision(uid) => {
            core.desk.revisions.not_released(uid);
            let again = core.desk.now + RETRY_PAUSE.1;
            wake(core, Some(again), Item::Revision(uid));
        }
    }
}

fn with_job(core: &mut Core, uid: Uid, act: impl FnOnce(&mut Job, &mut Desk)) {
    let Core { jobs, desk, .. } = core;
    if let Some(job) = jobs.get_mut(&uid) {
        act(job, desk);
        desk.agenda.mark(Item::Job(uid));
    }
}

/// A finalizer was set or taken: the watch brings the object's new version. One that was not is tried again.
fn take_held(core: &mut Core, outcome: &Outcome, item: Item) {
    if matches!(outcome, Outcome::Written(_)) {
        return;
    }
    match item {
        Item::Queue(uid) => {
            if let Some(queue) = core.desk.queues.get_mut(uid) {
                queue.holding = false;
            }
        }
        Item::Environment(uid) => {
            if let Some(environment) = core.desk.environments.get_mut(uid) {
                environment.holding = false;
            }
        }
        _ => {}
    }
    let pause = if *outcome == Outcome::Conflict { RETRY_PAUSE.0 } else { RETRY_PAUSE.1 };
    let again = core.desk.now + pause;
    wake(core, Some(again), item);
}

fn wake(core: &mut Core, again: Option<Time>, item: Item) {
    match again {
        Some(at) => core.desk.agenda.wake(at, item),
        None => core.desk.agenda.mark(item),
    }
}

/// A Job as the API server has it: the one that was asked for, another of its name, or none.
fn take_job_read(core: &mut Core, uid: Uid, outcome: Outcome) {
    let found: Option<Option<ObservedJob>> = match outcome {
        Outcome::Job(observed) => Some(Some(*observed)),
        Outcome::NotFound => Some(None),
        Outcome::Unknown(_) if mutant::is(Mutant::UnknownJobIsGone) => Some(None),
        _ => None,
    };
    let Some(found) = found else {
        with_job(core, uid, |job, desk| job_read(job, None, desk));
        core.ghosts.answered(uid, false, &mut core.desk);
        return;
    };
    match found {
        Some(observed) if observed.uid == uid => {
            if core.desk.gone.has(uid) {
                return;
            }
            core.ghosts.lives(uid);
            if core.jobs.contains_key(&uid) {
                with_job(core, uid, |job, desk| job_read(job, Some(observed), desk));
            } else {
                core.take_job(observed);
            }
        }
        another => {
            core.job_gone(uid);
            core.ghosts.answered(uid, true, &mut core.desk);
            if let Some(another) = another {
                core.take_job(another);
            }
        }
    }
}

fn take_record_read(core: &mut Core, id: ActionId, uid: Uid, first_index: u32, outcome: Outcome) {
    let Some(job) = core.jobs.get_mut(&uid) else { return };
    match outcome {
        Outcome::Record(record, version) => job.chunks.put(id, first_index, Some((*record, version))),
        Outcome::NotFound => job.chunks.put(id, first_index, None),
        _ => {
            job.chunks.read_failed(id, first_index);
            core.desk.agenda.wake(core.desk.now + RETRY_PAUSE.0, Item::Job(uid));
            return;
        }
    }
    core.desk.agenda.mark(Item::Job(uid));
}

/// The API server's word on a pod that was missed, or of which (`asked`) nothing was heard.
fn take_pod_read(core: &mut Core, task: (Uid, Slot), key: &ObjectKey, asked: Option<Uid>, outcome: Outcome) {
    let (uid, slot) = task;
    if let Some(asked) = asked {
        core.desk.asked_for.remove(&asked);
    }
    let item = Item::Task(uid, slot.index);
    let replaces = |pod: Uid| core.jobs.get(&uid).is_some_and(|job| job.is_replaced_by(pod, slot));
    let known = core.desk.pods.by_key(key).map(|pod| pod.uid).filter(|known| !replaces(*known));
    if let Outcome::Pod(pod) = &outcome
        && replaces(pod.uid)
    {
        core.desk.take_pod((**pod).clone());
        return with_job(core, uid, |job, desk| pod_was_removed(job, slot, desk));
    }
    let outcome = match outcome {
        Outcome::Unknown(_) if mutant::is(Mutant::UnknownPodIsGone) => Outcome::NotFound,
        // Somebody else's pod has the name: ours is not there.
        Outcome::Pod(pod) if !is_of(&pod, uid, slot) => Outcome::NotFound,
        outcome => outcome,
    };
    match outcome {
        Outcome::Pod(pod) => {
            core.desk.take_pod(*pod);
            core.desk.agenda.wake(core.desk.now + SILENCE, item);
        }
        Outcome::NotFound if known.is_some() && known == asked => core.pod_gone(key, asked),
        Outcome::NotFound if known.is_some() => core.desk.agenda.mark(item),
        Outcome::NotFound => with_job(core, uid, |job, desk| pod_was_removed(job, slot, desk)),
        _ => core.desk.agenda.wake(core.desk.now + RETRY_PAUSE.0, item),
    }
}

fn is_of(pod: &ObservedPod, job: Uid, slot: Slot) -> bool {
    pod.task.as_ref().is_some_and(|task| {
        let its = Slot { index: task.index, attempt: task.attempt, launch: task.launch };
        task.job == job && its == slot
    })
}

fn take_release(core: &mut Core, uid: Uid, slot: Slot, (key, pod): (&ObjectKey, Uid), outcome: &Outcome) {
    core.desk.releases_under_way = core.desk.releases_under_way.saturating_sub(1);
    match outcome {
        Outcome::Done | Outcome::NotFound => core.pod_gone(key, Some(pod)),
        _ => {
            if let Some(job) = core.jobs.get_mut(&uid) {
                if let Some(tombs) = &mut job.tombs {
                    tombs.not_released(slot);
                }
                core.desk.agenda.wake(core.desk.now + RETRY_PAUSE.1, Item::Job(uid));
            }
            core.ghosts.not_released(uid, pod, &mut core.desk);
        }
    }
    core.desk.agenda.mark(Item::Job(uid));
    core.ghosts.wake_all(&mut core.desk);
}

/// The API server's word on a MachineDeployment and its machines: what can be told from it alone is done at once.
fn take_machine_deployment_read(
    core: &mut Core,
    uid: Uid,
    of: &(Name, Uid),
    asked_at: Time,
    outcome: Outcome,
) {
    let (name, identity) = of;
    let is_known = matches!(outcome, Outcome::MachineDeployment(..) | Outcome::NotFound);
    deployment_read(uid, name, is_known.then_some(asked_at), &mut core.desk);
    match outcome {
        Outcome::MachineDeployment(deployment, machines) => {
            core.take_machine_deployment((*deployment).clone());
            for machine in &machines {
                core.take_machine(machine.clone());
            }
            scale_in(uid, &deployment, &machines, &mut core.desk);
        }
        // Another may have the name by now.
        Outcome::NotFound => core.machine_deployment_gone(*identity),
        _ => {}
    }
}

fn take_definition_read(core: &mut Core, uid: Uid, outcome: Outcome) {
    let answered = match outcome {
        Outcome::Definition(observed) => {
            let is_same = observed.uid == uid;
            core.take_definition(*observed);
            if !is_same {
                core.definition_gone(uid);
            }
            is_same
        }
        Outcome::NotFound => {
            core.definition_gone(uid);
            false
        }
        _ => false,
    };
    if let Some(definition) = core.desk.definitions.get_mut(uid) {
        definition.read_answered(answered);
        core.desk.agenda.mark(Item::Definition(uid));
    }
}

fn take_revision_read(core: &mut Core, uid: Uid, outcome: Outcome) {
    let answer = match outcome {
        Outcome::Revision(revision) => {
            let is_gone = revision.uid != uid;
            core.take_revision(*revision);
            Some(is_gone)
        }
        Outcome::NotFound => Some(true),
        _ => None,
    };
    let again = core.desk.now + RETRY_PAUSE.0;
    for job in core.desk.revisions.sought(uid, answer == Some(true)) {
        match answer {
            Some(_) => core.desk.agenda.mark(Item::Job(job)),
            None => core.desk.agenda.wake(again, Item::Job(job)),
        }
    }
}

fn take_revision_created(core: &mut Core, uid: Uid, outcome: Outcome) {
    let now = core.desk.now;
    if let Some(definition) = core.desk.definitions.get_mut(uid) {
        let key = definition.key();
        if let Some(again) = definition.revision_created(&outcome, now) {
            core.desk.agenda.wake(again, Item::Definition(uid));
            if let Outcome::Refused(_, words) = &outcome {
                let words = Name::from(format!("revision not made: {words}"));
                core.desk.findings.push(Finding::Trouble(key, words));
            }
        }
    }
    if let Outcome::Revision(revision) = outcome {
        core.take_revision(*revision);
    }
    core.desk.agenda.mark(Item::Definition(uid));
}
