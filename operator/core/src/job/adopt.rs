//! Following a task's pod: what it says now, and whose it is.

use super::ended::{HostFacts, Judgement, judge};
use super::{Job, Live, Stage, Urgency, flush, launch, nodes, order, settle, timeout};
use crate::action::Action;
use crate::agenda::Item;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::Name;
use crate::limits::{HOST_GONE, REASON_NUMBERS_AGE, SILENCE, TOMBSTONE, UNBOUND};
use crate::mutant::{self, Mutant};
use crate::objects::{Attempt, ObservedPod, PodPhase, Proof, TaskPod};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::{Missing, Slot};

/// Looks at every pod of the job.
pub(crate) fn meet_pods(job: &mut Job, desk: &mut Desk) {
    let slots: Vec<Slot> = desk.pods.of(job.uid).map(|(slot, _)| slot).collect();
    for slot in slots {
        meet_pod(job, slot, desk);
    }
}

/// Looks at the pods of one task after something happened to them.
pub(crate) fn meet_pods_of(job: &mut Job, index: u32, desk: &mut Desk) {
    job.touched.insert(index);
    let slots: Vec<Slot> = desk.pods.of_task(job.uid, index).map(|(slot, _)| slot).collect();
    for slot in slots {
        meet_pod(job, slot, desk);
    }
}

/// The pod of a task's current launch is followed; any earlier one is over. A later one, or one of a job not accepted yet, means
/// that somebody else has taken the job further.
fn meet_pod(job: &mut Job, slot: Slot, desk: &mut Desk) {
    if job.loading.is_some() {
        return;
    }
    if job.pinned.is_none() && job.verdict.is_none() {
        return flush::read(job, desk);
    }
    let is_final = job.verdict.is_some() || job.tasks.is_final(slot.index);
    let current = job.tasks.current(slot.index);
    if !is_final && slot == current {
        job.touched.insert(slot.index);
    } else if !is_final && slot > current {
        flush::read(job, desk);
    } else if !job.chunks.is_unrecorded(slot) {
        let pod = desk.pods.get(job.uid, slot);
        let is_gated =
            pod.is_some_and(|pod| !pod.deleting && pod.task.as_ref().is_some_and(|task| task.gated));
        if is_gated {
            nodes::are_over(job, slot);
        }
        let failed = pod.is_some_and(|pod| pod.phase == PodPhase::Failed);
        if job.tombs.get_or_insert_default().bury(slot, failed) {
            job.report.ask(Urgency::Soon);
        }
        if pod.is_some_and(|pod| pod.deleting)
            && let Some(tombs) = &mut job.tombs
        {
            tombs.unwant(slot);
        }
    }
}

/// The watch says that a pod is gone.
pub(crate) fn pod_is_gone(job: &mut Job, slot: Slot, desk: &mut Desk) {
    if let Some(tombs) = &mut job.tombs {
        tombs.remove(slot);
    }
    job.touched.insert(slot.index);
    desk.agenda.mark(Item::Job(job.uid));
}

/// Looks at one task after its pod, its host or its launch changed.
pub(crate) fn review(job: &mut Job, index: u32, desk: &mut Desk) {
    if job.verdict.is_some() || job.pinned.is_none() || job.tasks.is_final(index) {
        return;
    }
    if job.nodes.is_some() {
        return nodes::review(job, index, desk);
    }
    let slot = job.tasks.current(index);
    match desk.pods.get(job.uid, slot).cloned() {
        Some(pod) => follow(job, slot, &pod, desk),
        None => pod_is_absent(job, index, desk),
    }
}

fn follow(job: &mut Job, slot: Slot, pod: &ObservedPod, desk: &mut Desk) {
    let Some(task) = &pod.task else { return };
    adopt(job, slot, pod, task, desk);
    take_host(job, slot, pod);
    let facts = host_facts(job, pod, desk);
    note_reach(job, slot, pod, desk);
    let judgement = judge(pod, task, facts);
    if matches!(judgement, Judgement::Unbound(_) | Judgement::Starting(_))
        && let Some(live) = job.tasks.live.get_mut(&slot.index)
    {
        live.seen_starting = true;
    }
    match judgement {
        Judgement::Unbound(words) if awaits_node(job, slot, pod, words.as_ref(), desk) => {}
        Judgement::Unbound(Some(_)) => unbound(job, slot, pod, pod.created_at + UNBOUND, desk),
        Judgement::Unbound(None) => not_looked_at(job, slot, pod, pod.created_at, desk),
        Judgement::Starting(hindrance) => timeout::watch_start(job, slot, pod, hindrance, desk),
        Judgement::Running { started_at } => running(job, slot, started_at.to_second(), desk),
        // The pod in which it ran is gone, and a late create has made another.
        Judgement::Withdrawn(_) if job.tasks.live.get(&slot.index).is_some_and(|live| live.has_run) => {
            end_removed(job, slot, desk);
        }
        Judgement::Withdrawn(_) => launch::withdraw(job, slot.index, desk),
        Judgement::Restarted => order::stop_second_run(job, slot, pod, desk),
        Judgement::Over(end) => over(job, slot, pod, end, desk),
    }
}

/// Takes in that the attempt in a pod is over, as far as the pod tells.
pub(super) fn over(job: &mut Job, slot: Slot, pod: &ObservedPod, end: Attempt, desk: &mut Desk) {
    let mut attempt = Attempt {
        number: slot.attempt,
        launch: slot.launch,
        pod_uid: Some(pod.uid),
        host: pod.place().cloned(),
        stopped_at: end.stopped_at.or(Some(desk.now.to_second())),
        ..end
    };
    let cause = pod.task.as_ref().and_then(|task| timeout::cause_of_end(job, task, &mut attempt));
    settle::over(job, slot.index, attempt, cause, desk);
}

/// A pod with the task's current name is its current launch, whoever created it and whenever.
fn adopt(job: &mut Job, slot: Slot, pod: &ObservedPod, task: &TaskPod, desk: &mut Desk) {
    desk.launching.remove(&(job.uid, slot.index));
    if let Some(live) = job.tasks.live.get_mut(&slot.index) {
        if live.is_launching() || matches!(live.stage, Stage::Missing { .. }) {
            live.stage = Stage::Created;
            live.pod_uid = Some(pod.uid);
            live.host = pod.place().cloned().unwrap_or_default();
            live.environment = task.environment.clone();
            // Ours may have been given to another host: the pod uses the one it is on.
            desk.take_claim_back(&pod.key);
        }
        return;
    }
    job.tasks.take_one(slot.index);
    let host = pod.place().cloned().unwrap_or_default();
    let live = Live::new(slot, host, task.environment.clone(), Stage::Created);
    job.tasks.live.insert(slot.index, Live { pod_uid: Some(pod.uid), ..live });
    job.environment = Some(task.environment.clone());
    job.report.ask(Urgency::Soon);
    desk.stand_in_line(job);
}

/// A pod that was admitted without a host has been given one: its attempt begins.
fn take_host(job: &mut Job, slot: Slot, pod: &ObservedPod) {
    let Some(live) = job.tasks.live.get_mut(&slot.index).filter(|live| live.floats()) else { return };
    let Some(host) = &pod.host else { return };
    live.host = host.clone();
    live.hindrance = None;
    job.report.ask(Urgency::Soon);
}

/// True for a pod that waits for a node which an autoscaler is to add: how long it may, its environment decides. One of which
/// kube-scheduler says nothing may not be there any more.
fn awaits_node(job: &mut Job, slot: Slot, pod: &ObservedPod, words: Option<&Name>, desk: &mut Desk) -> bool {
    let environment = pod.floats_in().and_then(|environment| desk.autoscaled(environment));
    let Some(uid) = environment.map(|found| found.observed.uid) else { return false };
    desk.agenda.mark(Item::Environment(uid));
    let live = job.tasks.live.get_mut(&slot.index).filter(|live| live.hindrance.as_ref() != words);
    if let Some(live) = live {
        job.report.ask(if live.hindrance.is_none() { Urgency::Patient } else { Urgency::Numbers });
        live.hindrance = words.cloned();
    }
    words.is_some()
}

pub(super) fn running(job: &mut Job, slot: Slot, started_at: Time, desk: &mut Desk) {
    let Some(live) = job.tasks.live.get_mut(&slot.index) else { return };
    if live.stage == Stage::Created {
        live.stage = Stage::Running { started_at };
        live.has_run = true;
        live.hindrance = None;
        live.seen_running_at = Some(desk.now).filter(|_| live.seen_starting);
        job.report.ask_if_it_lasts(desk.now);
        desk.findings.push(Finding::Started { queue: job.queue, waited: started_at.since(job.created_at) });
        if job.is_main(slot.index) {
            job.started_at.get_or_insert(started_at);
        }
    }
    // The attempt of a multi-node job is its main node's.
    if job.is_main(slot.index) {
        timeout::watch_running(job, slot, started_at, desk);
    }
}

/// A pod that finds no room on its host after all is withdrawn by then, so that the task can go elsewhere.
pub(super) fn unbound(job: &Job, slot: Slot, pod: &ObservedPod, until: Time, desk: &mut Desk) {
    if desk.now < until {
        desk.agenda.wake(until, Item::Task(job.uid, slot.index));
    } else if desk.deleting.insert(pod.uid) {
        let action = Action::DeletePod(pod.key.clone(), pod.uid, Some(pod.resource_version));
        desk.outbox.send(action, Purpose::DeletePod(job.uid, slot, pod.uid));
    }
}

/// One that kube-scheduler says nothing about may not be there any more: the API server is asked.
pub(super) fn not_looked_at(job: &Job, slot: Slot, pod: &ObservedPod, since: Time, desk: &mut Desk) {
    if desk.now < since + SILENCE {
        desk.agenda.wake(since + SILENCE, Item::Task(job.uid, slot.index));
    } else if desk.asked_for.insert(pod.uid) {
        let purpose = Purpose::ReadPod(job.uid, slot, pod.key.clone(), Some(pod.uid));
        desk.outbox.send(Action::ReadPod(pod.key.clone()), purpose);
    }
}

/// A node counts as gone once it was missing for [`HOST_GONE`]: one that is deleted and registers again at once keeps its pods.
/// Of one that was never seen the API server is asked first: it may be so new that no watch has told of it.
pub(super) fn host_facts(job: &Job, pod: &ObservedPod, desk: &mut Desk) -> HostFacts {
    let Some(name) = &pod.host else { return HostFacts::Present };
    match desk.hosts.missing(name, desk.now) {
        Some(Missing::Since(since)) if desk.now >= since + HOST_GONE => return HostFacts::Gone,
        Some(Missing::Since(since)) => {
            if let Some(task) = &pod.task {
                desk.agenda.wake(since + HOST_GONE, Item::Task(job.uid, task.index));
            }
            return HostFacts::Present;
        }
        Some(Missing::Unheard) => {
            if desk.looked_for.insert(name.clone()) {
                desk.outbox.send(Action::LookForHost(name.clone()), Purpose::LookForHost(name.clone()));
            }
            return HostFacts::Present;
        }
        None => {}
    }
    let unready = |node: &&crate::objects::ObservedHost| !node.ready;
    let node = desk.hosts.get(name).and_then(|host| host.node.as_ref());
    if mutant::is(Mutant::UnreachableIsGone) && node.filter(unready).is_some() {
        return HostFacts::Gone;
    }
    let declared_dead =
        desk.hosts.get(name).and_then(|host| host.node.as_ref()).is_some_and(|node| node.out_of_service);
    if declared_dead { HostFacts::OutOfService } else { HostFacts::Present }
}

/// Notes since when the host of a task cannot be reached: nothing is decided by that, but it is told.
pub(super) fn note_reach(job: &mut Job, slot: Slot, pod: &ObservedPod, desk: &mut Desk) {
    let node = pod.host.as_ref().and_then(|host| desk.hosts.get(host)).and_then(|host| host.node.as_ref());
    let since = node.filter(|node| !node.ready).map(|node| node.ready_changed_at.unwrap_or(desk.now));
    let Some(live) = job.tasks.live.get_mut(&slot.index) else { return };
    if since.is_some() {
        desk.agenda.wake(desk.now + REASON_NUMBERS_AGE, Item::Task(job.uid, slot.index));
        job.report.ask(Urgency::Numbers);
    }
    if live.unreachable_since.is_some() != since.is_some() {
        live.unreachable_since = since;
        job.report.ask(Urgency::Soon);
    }
}

/// No pod of the current name is seen. Before that is believed of a pod that was there, the API server is asked.
pub(super) fn pod_is_absent(job: &mut Job, index: u32, desk: &mut Desk) {
    let slot = job.tasks.current(index);
    let Some(live) = job.tasks.live.get_mut(&index) else { return };
    match live.stage {
        Stage::Created | Stage::Running { .. } => live.stage = Stage::Missing { since: None },
        Stage::Missing { since: Some(since) } if desk.now < since + TOMBSTONE => return,
        Stage::Missing { .. } => {}
        _ => return,
    }
    if mutant::is(Mutant::AbsentPodIsGone) {
        live.stage = Stage::Missing { since: Some(Time::ZERO) };
        return pod_was_removed(job, slot, desk);
    }
    let key = job.pod_key(slot);
    desk.outbox.send(Action::ReadPod(key.clone()), Purpose::ReadPod(job.uid, slot, key, None));
}

/// The API server's answer: the pod is gone although our finalizer held it, so somebody took it away by force. A create that was
/// under way may still make it again: the attempt is over once its name is safe.
pub(crate) fn pod_was_removed(job: &mut Job, slot: Slot, desk: &mut Desk) {
    let key = job.pod_key(slot);
    let Some(live) = job.tasks.live.get_mut(&slot.index).filter(|live| live.slot == slot) else { return };
    let Stage::Missing { since } = &mut live.stage else { return };
    if job.nodes.is_some() {
        // Its name may be used again: no pod but the one that was recorded is let go.
        return nodes::removed(job, slot, desk);
    }
    let safe_at = *since.get_or_insert(desk.now) + TOMBSTONE;
    if desk.now < safe_at && !mutant::is(Mutant::RemovedPodIsOverAtOnce) {
        return desk.agenda.wake(safe_at, Item::Task(job.uid, slot.index));
    }
    desk.give_back(&key);
    end_removed(job, slot, desk);
}

/// Ends an attempt whose pod somebody took away.
pub(super) fn end_removed(job: &mut Job, slot: Slot, desk: &mut Desk) {
    let Some(live) = job.tasks.live.get(&slot.index) else { return };
    let attempt = Attempt {
        number: slot.attempt,
        launch: slot.launch,
        host: Some(live.host.clone()).filter(|host| !host.is_empty()),
        words: Name::from("Task stopped: its pod was removed by force"),
        stopped_at: Some(desk.now.to_second()),
        proof: Some(Proof::PodRemoved),
        ..Attempt::default()
    };
    settle::over(job, slot.index, attempt, None, desk);
}
