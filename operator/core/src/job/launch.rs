//! Giving a task to a host: decide, confirm, create (decision 0001).
//!
//! A pod is created only within [`LAUNCH_WINDOW`] after a guarded write of the Job's status that was sent after the launch was
//! decided. Whoever acts on an old view of the Job fails at that write; whoever was held up after it lets the window pass.

use super::{Job, Live, Order, Stage, Urgency, nodes};
use crate::action::{Action, Outcome, PodOrder, Refusal};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{ActionId, Name};
use crate::limits::{LAUNCH_WINDOW, RETRY_PAUSE, TOMBSTONE};
use crate::mutant::{self, Mutant};
use crate::outbox::Purpose;
use crate::schedule::Waiting;
use crate::time::Time;
use crate::units::ResourceList;
use crate::world::{Claim, Slot};
use std::collections::BTreeMap;

/// Gives a runnable task to a host. The claim on the host stands from now on. Without a host (an empty name) its pod is to wait
/// for a node that the environment's autoscaler adds.
pub(crate) fn admit(job: &mut Job, index: u32, host: &Name, environment: &Name, desk: &mut Desk) {
    let slot = job.tasks.current(index);
    job.tasks.runnable.remove(index);
    let unfenced = mutant::is(Mutant::CreateWithoutFence);
    let stage = if unfenced { Stage::Fenced { until: desk.now + LAUNCH_WINDOW } } else { Stage::Decided };
    let live = Live::new(slot, host.clone(), environment.clone(), stage);
    job.tasks.live.insert(index, Live { given_at: Some(desk.now), ..live });
    job.environment = Some(environment.clone());
    job.waits_for = None;
    job.milestones.stalled = None;
    let (key, need) = (job.pod_key(slot), job.terms.shape.need);
    let need = ResourceList::with_gpus(need, &desk.gpu_resource(environment));
    if host.is_empty() {
        desk.floating.put(&key, environment, need, desk.now);
    } else {
        let alone = job.nodes.is_some();
        desk.hosts.claim(host, &key, &Claim { need, task: Some((job.uid, index)), alone });
    }
    let kept = desk.reservations.promise(job.uid).is_some();
    if kept && !host.is_empty() {
        desk.floating.await_binding(key, host.clone(), job.key.name.clone());
    }
    desk.launching.insert((job.uid, index));
    job.chunks.has_begun = true;
    job.report.ask_with_fence();
    desk.findings.push(Finding::Admitted { queue: job.queue, waited: desk.now.since(job.created_at), kept });
}

/// After a guarded write sent at `sent_at` was confirmed: the launches it carried may be made.
pub(crate) fn fenced(job: &mut Job, launches: &[Slot], sent_at: Time) {
    for slot in launches {
        if let Some(live) = job.tasks.live.get_mut(&slot.index)
            && live.slot == *slot
        {
            let window =
                if mutant::is(Mutant::FenceWindowIgnored) { LAUNCH_WINDOW * 100 } else { LAUNCH_WINDOW };
            match live.stage {
                Stage::Decided => live.stage = Stage::Fenced { until: sent_at + window },
                Stage::Recorded => {
                    live.stage = Stage::Created;
                    // What became of its pod meanwhile was not looked at.
                    job.touched.insert(slot.index);
                }
                _ => {}
            }
        }
    }
}

/// Orders the pods of all launches that are confirmed.
pub(crate) fn order_pods(job: &mut Job, desk: &mut Desk) {
    if job.nodes.is_some() {
        return nodes::order_sets(job, desk);
    }
    let ready: Vec<(u32, Time)> = job
        .tasks
        .live
        .iter()
        .filter_map(|(index, live)| match live.stage {
            Stage::Fenced { until } if live.again_at.is_none_or(|at| at <= desk.now) => Some((*index, until)),
            _ => None,
        })
        .collect();
    for (index, until) in ready {
        order_pod(job, index, until, desk);
    }
}

fn order_pod(job: &mut Job, index: u32, until: Time, desk: &mut Desk) {
    if desk.now >= until {
        return put_back(job, index, desk);
    }
    let Some(order) = pod_order(job, index, until, desk) else { return put_back(job, index, desk) };
    let slot = job.tasks.current(index);
    let create = desk.outbox.send(Action::CreatePod(Box::new(order)), Purpose::Launch(job.uid, slot));
    if let Some(live) = job.tasks.live.get_mut(&index) {
        live.stage = Stage::Sent { until };
        live.open_creates = live.open_creates.saturating_add(1);
        live.create = Some(create);
    }
}

fn pod_order(job: &Job, index: u32, until: Time, desk: &Desk) -> Option<PodOrder> {
    let live = job.tasks.live.get(&index)?;
    let pinned = job.pinned.as_ref()?;
    let revision = desk.revisions.get(pinned.uid)?;
    let queue = desk.queues.get(job.queue?)?;
    let selector = if live.host.is_empty() {
        desk.autoscaled(&live.environment)?.observed.selector.clone()
    } else {
        BTreeMap::new()
    };
    Some(PodOrder {
        pod: job.pod_key(live.slot),
        job_name: job.key.name.clone(),
        job: job.uid,
        submission: job.payload.clone(),
        revision: revision.observed.content.payload.clone(),
        child: job.spec.size.map(|size| (index, size)),
        attempt: live.slot.attempt,
        launch: live.slot.launch,
        queue: queue.display_name().clone(),
        environment: live.environment.clone(),
        definition: (pinned.definition.clone(), pinned.number),
        host: live.host.clone(),
        selector,
        direct: desk.is_ours_alone(&live.environment),
        need: job.terms.shape.need,
        gpu_resource: desk.gpu_resource(&live.environment),
        not_after: until,
    })
}

/// What became of a create. An answer to an earlier one, sent before the job was loaded anew, says nothing about the latest.
pub(crate) fn launch_outcome(job: &mut Job, slot: Slot, id: ActionId, outcome: Outcome, desk: &mut Desk) {
    let stage = job.tasks.live.get(&slot.index).filter(|live| live.slot == slot && live.create == Some(id));
    let stage = stage.map(|live| live.stage.clone());
    let Some(Stage::Sent { until }) = stage else { return };
    match outcome {
        Outcome::Pod(pod) => {
            let is_that_launch = mutant::is(Mutant::ForgedPodBelieved)
                || pod.task.as_ref().is_some_and(|task| {
                    task.job == job.uid
                        && (task.index, task.attempt, task.launch) == (slot.index, slot.attempt, slot.launch)
                });
            if is_that_launch {
                if let Some(live) = job.tasks.live.get_mut(&slot.index) {
                    live.stage = Stage::Created;
                    live.pod_uid = Some(pod.uid);
                    // Somebody else may have made it, and given it to another host.
                    live.host = pod.place().cloned().unwrap_or_default();
                }
                desk.launching.remove(&(job.uid, slot.index));
                job.touched.insert(slot.index);
            }
            desk.take_pod(*pod);
            if !is_that_launch {
                let words = Name::from(format!(
                    "a pod named {} is there already and is not ours",
                    job.pod_key(slot).name
                ));
                desk.findings.push(Finding::Trouble(job.key.clone(), words.clone()));
                // Not withdrawn: once that pod goes, an earlier create may still make ours.
                if mutant::is(Mutant::ForeignPodWithdraws) {
                    return withdraw(job, slot.index, desk);
                }
                put_back(job, slot.index, desk);
                hold_back(job, Refusal::Other, words, desk);
            }
        }
        // The task, and all that have no pod yet, end in the API server's words (`order`).
        Outcome::Refused(refusal, words)
            if refusal == Refusal::Invalid
                || refusal == Refusal::Quota && mutant::is(Mutant::QuotaIsFinal) =>
        {
            job.ordered = Some(Box::new(Order::new("PodRefused", words, false)));
            let is_open = job.tasks.live.get(&slot.index).is_some_and(|live| live.open_creates > 1);
            take_back(job, slot.index, is_open, desk);
        }
        Outcome::Refused(refusal, words) => {
            desk.findings.push(Finding::Trouble(job.key.clone(), words.clone()));
            put_back(job, slot.index, desk);
            hold_back(job, refusal, words, desk);
        }
        Outcome::Unknown(_) if desk.now < until => {
            if let Some(live) = job.tasks.live.get_mut(&slot.index) {
                live.stage = Stage::Fenced { until };
                live.again_at = Some(desk.now + RETRY_PAUSE.0);
            }
            desk.agenda.wake(desk.now + RETRY_PAUSE.0, Item::Job(job.uid));
        }
        _ => put_back(job, slot.index, desk),
    }
}

/// Takes a launch back that may or may not have made a pod. Whatever became of our own create: once a status says that the task
/// was given to a host, another leader may have confirmed the same launch.
pub(crate) fn put_back(job: &mut Job, index: u32, desk: &mut Desk) {
    if job.nodes.is_some() {
        return nodes::give_up(job, desk);
    }
    let Some(live) = job.tasks.live.get(&index) else { return };
    let may_have_pod = live.stage != Stage::Decided || job.report.tells_of(live.slot);
    take_back(job, index, may_have_pod, desk);
}

/// The task is runnable again, with the same pod name, so that a pod that turns up late is adopted instead of doubled.
fn take_back(job: &mut Job, index: u32, may_have_pod: bool, desk: &mut Desk) {
    let Some(live) = job.tasks.live.remove(&index) else { return };
    if may_have_pod && !mutant::is(Mutant::UnansweredCreateIsNone) {
        let history = job.tasks.histories.entry(index).or_default();
        history.unsafe_until = history.unsafe_until.max(Some(desk.now + TOMBSTONE));
    }
    desk.launching.remove(&(job.uid, index));
    desk.take_claim_back(&job.pod_key(live.slot));
    job.tasks.runnable.insert(index);
    job.report.ask(Urgency::Soon);
    desk.stand_in_line(job);
}

/// Gives up a pod in which no container ever ran: no attempt is spent, but its name is never used again.
pub(crate) fn withdraw(job: &mut Job, index: u32, desk: &mut Desk) {
    let Some(live) = job.tasks.live.remove(&index) else { return };
    desk.launching.remove(&(job.uid, index));
    desk.take_claim_back(&job.pod_key(live.slot));
    let history = job.tasks.histories.entry(index).or_default();
    history.launch = live.slot.launch.saturating_add(u16::from(!mutant::is(Mutant::NameUsedAgain)));
    history.unsafe_until = None;
    if job.spec.size.is_some() {
        job.chunks.note_withdrawal(live.slot, *history);
    } else {
        job.tombs.get_or_insert_default().bury(live.slot, false);
    }
    job.tasks.runnable.insert(index);
    job.touched.insert(index);
    desk.agenda.mark(Item::Job(job.uid));
    job.report.ask(Urgency::Soon);
    desk.stand_in_line(job);
}

/// Keeps a job out of line for a while, because the API server refused its pod for a reason that may pass.
pub(crate) fn hold_back(job: &mut Job, refusal: Refusal, words: Name, desk: &mut Desk) {
    let until = desk.now + RETRY_PAUSE.1;
    desk.lines.remove(job.queue, &job.terms.shape, job.order);
    job.held_until = Some(until);
    desk.agenda.wake(until, Item::Job(job.uid));
    let waiting = match refusal {
        Refusal::Quota => Waiting::QuotaUsedUp(words),
        _ => Waiting::PodRefused(words),
    };
    job.wait_for(waiting, desk);
}
