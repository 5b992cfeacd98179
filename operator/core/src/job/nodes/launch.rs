//! From hosts for all nodes to pods that are let go.

use super::super::{Job, Order, Stage, Urgency, launch, order};
use super::{is_recorded, main_of, sets};
use crate::action::{Action, Guard, LetGoOrder, NodeSetsOrder, Outcome, Refusal};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{ActionId, Name, ObjectKey};
use crate::limits::{NODE_PODS_PATIENCE, NODE_PODS_QUESTION, RETRY_PAUSE};
use crate::mutant::{self, Mutant};
use crate::objects::{Cause, Ending, Launched, ObservedPod};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::{Slot, node_set_suffix, node_sets_name};

/// Orders the StatefulSets of a launch, once the write that decided it is confirmed.
pub(in crate::job) fn order_sets(job: &mut Job, desk: &mut Desk) {
    let fenced = job.tasks.live.values().filter_map(|live| match live.stage {
        Stage::Fenced { until } => Some(until),
        _ => None,
    });
    let Some(until) = fenced.min() else { return };
    if main_of(job).and_then(|main| main.again_at).is_some_and(|again_at| again_at > desk.now) {
        return;
    }
    let is_whole = job.tasks.live.values().all(|live| matches!(live.stage, Stage::Fenced { .. }));
    if desk.now >= until || !is_whole {
        return give_up(job, desk);
    }
    let Some(order) = sets_order(job, until, desk) else { return give_up(job, desk) };
    let (attempt, launch) = (order.attempt, order.launch);
    let action =
        desk.outbox.send(Action::MakeNodeSets(Box::new(order)), Purpose::MakeSets(job.uid, attempt, launch));
    sets::of(job).make = Some(action);
    sets::of(job).pods_due = None;
    sets::of(job).stopped_by = None;
    for live in job.tasks.live.values_mut() {
        live.stage = Stage::Sent { until };
        live.again_at = None;
    }
    // Pods that came meanwhile tell nothing more.
    job.touched.extend(job.tasks.live.keys());
    desk.agenda.mark(Item::Job(job.uid));
}

fn sets_order(job: &Job, until: Time, desk: &Desk) -> Option<NodeSetsOrder> {
    let (live, pinned) = (main_of(job)?, job.pinned.as_ref()?);
    let revision = desk.revisions.get(pinned.uid)?;
    Some(NodeSetsOrder {
        job: job.key.clone(),
        job_uid: job.uid,
        submission: job.payload.clone(),
        revision: revision.observed.content.payload.clone(),
        nodes: job.nodes.clone()?,
        attempt: live.slot.attempt,
        launch: live.slot.launch,
        queue: desk.queues.get(job.queue?)?.display_name().clone(),
        environment: live.environment.clone(),
        definition: (pinned.definition.clone(), pinned.number),
        ours_alone: desk.is_ours_alone(&live.environment),
        gpu_resource: desk.gpu_resource(&live.environment),
        not_after: until,
    })
}

/// What became of the order for StatefulSets.
pub(crate) fn sets_made(job: &mut Job, launch: (u8, u16), id: ActionId, outcome: Outcome, desk: &mut Desk) {
    let is_latest = job.sets.as_ref().is_some_and(|sets| sets.make == Some(id));
    let main = main_of(job).filter(|live| (live.slot.attempt, live.slot.launch) == launch);
    if main.is_none() && job.loading.is_none() {
        // It was given up meanwhile: what was made after that is deleted, too.
        return sets::is_over(job, launch);
    }
    let Some(Stage::Sent { until }) = main.filter(|_| is_latest).map(|live| live.stage.clone()) else {
        return;
    };
    match outcome {
        Outcome::Done => {
            let due = desk.now + NODE_PODS_PATIENCE;
            let sets = sets::of(job);
            (sets.pods_due, sets.ask_at, sets.trouble) =
                (Some(due), Some(desk.now + NODE_PODS_QUESTION), None);
            desk.agenda.wake(due, Item::Job(job.uid));
        }
        Outcome::Refused(Refusal::Invalid, words) => {
            job.ordered = Some(Box::new(Order::new("PodRefused", words, false)));
            give_up(job, desk);
        }
        Outcome::Refused(refusal, words) => refused(job, refusal, words, desk),
        Outcome::Unknown(_) if desk.now < until => {
            let again_at = desk.now + RETRY_PAUSE.0;
            for live in job.tasks.live.values_mut() {
                live.stage = Stage::Fenced { until };
                live.again_at = Some(again_at);
            }
            desk.agenda.wake(again_at, Item::Job(job.uid));
        }
        _ => give_up(job, desk),
    }
}

/// The nodes cannot have pods now: they give their hosts back, and wait.
fn refused(job: &mut Job, refusal: Refusal, words: Name, desk: &mut Desk) {
    desk.findings.push(Finding::Trouble(job.key.clone(), words.clone()));
    give_up(job, desk);
    launch::hold_back(job, refusal, words, desk);
}

/// Which pod a node has while the launch does not stand: of several, made one after the other, the latest.
pub(super) fn meet(job: &mut Job, index: u32, pod: Option<&ObservedPod>) {
    let is_fresh = |pod: &&ObservedPod| !pod.deleting && pod.task.as_ref().is_some_and(|task| task.gated);
    if let Some(live) = job.tasks.live.get_mut(&index) {
        live.pod_uid = pod.filter(is_fresh).map(|pod| pod.uid);
    }
}

/// Takes the launch as far as it can go now.
pub(super) fn carry_on(job: &mut Job, desk: &mut Desk) {
    if job.tasks.live.is_empty() {
        return;
    }
    let all = |stage: fn(&Stage) -> bool| job.tasks.live.values().all(|live| stage(&live.stage));
    let are_there = job.tasks.live.values().all(|live| live.pod_uid.is_some());
    if all(|stage| matches!(stage, Stage::Sent { .. })) {
        if are_there {
            name(job, desk);
        } else {
            look_for_pods(job, desk);
        }
    } else if all(|stage| *stage == Stage::Named(true)) {
        for live in job.tasks.live.values_mut() {
            live.stage = Stage::Recorded;
        }
        job.report.ask_with_fence();
        job.report.ask(Urgency::Now);
    } else {
        let_go(job, desk);
    }
}

/// Has recorded which pod is whose, and where each is to go.
fn name(job: &mut Job, desk: &mut Desk) {
    let commit_at_once = mutant::is(Mutant::LaunchStandsUnrecorded);
    for (index, live) in &mut job.tasks.live {
        let Some(pod) = live.pod_uid else { continue };
        live.stage = if commit_at_once { Stage::Created } else { Stage::Named(false) };
        desk.launching.remove(&(job.uid, *index));
        job.chunks.note_launch(live.slot, Launched { pod, host: live.host.clone() });
    }
}

/// The StatefulSets' controller is given some time; what it is refused, only their Events tell.
fn look_for_pods(job: &mut Job, desk: &mut Desk) {
    let Some(due) = job.sets.as_ref().and_then(|sets| sets.pods_due) else { return };
    if desk.now < due {
        ask_why(job, desk);
        return desk.agenda.wake(due, Item::Job(job.uid));
    }
    let there = job.tasks.live.values().filter(|live| live.pod_uid.is_some()).count();
    let told = sets::of(job).trouble.take();
    let words = format!(
        "{there} of its {} pods were made within {} s{}",
        job.size(),
        NODE_PODS_PATIENCE.as_secs(),
        told.map_or_else(String::new, |words| format!(": {words}"))
    );
    refused(job, Refusal::Other, Name::from(words), desk);
}

/// Asks what the controller of the first set that lacks a pod was refused.
fn ask_why(job: &mut Job, desk: &mut Desk) {
    let Some(at) = job.sets.as_ref().and_then(|sets| sets.ask_at) else { return };
    if desk.now < at {
        return desk.agenda.wake(at, Item::Job(job.uid));
    }
    sets::of(job).ask_at = Some(desk.now + RETRY_PAUSE.1);
    let lacking = job.tasks.live.values().find(|live| live.pod_uid.is_none()).map(|live| live.slot);
    let Some((slot, nodes)) = lacking.zip(job.nodes.as_ref()) else { return };
    let base = node_sets_name(&job.key.name, job.uid, slot.attempt, slot.launch);
    let name = Name::from(format!("{base}-{}", node_set_suffix(nodes, slot.index)));
    let set = ObjectKey { namespace: job.key.namespace.clone(), name };
    desk.outbox
        .send(Action::ReadSetEvents(set), Purpose::ReadSetEvents(job.uid, (slot.attempt, slot.launch)));
}

/// What the controller was refused. A quota that is used up now gives the hosts to others; anything else it tries again itself.
pub(crate) fn set_events_read(job: &mut Job, launch: (u8, u16), outcome: Outcome, desk: &mut Desk) {
    let main = main_of(job).filter(|live| (live.slot.attempt, live.slot.launch) == launch);
    if !main.is_some_and(|live| matches!(live.stage, Stage::Sent { .. })) {
        return;
    }
    match outcome {
        Outcome::Refused(Refusal::Quota, words) => refused(job, Refusal::Quota, words, desk),
        Outcome::Refused(_, words) => sets::of(job).trouble = Some(words),
        _ => {}
    }
}

/// Lets pods go to their hosts: the main node's, then, once it runs, all others'.
fn let_go(job: &mut Job, desk: &mut Desk) {
    let Some((main, nodes)) = main_of(job).zip(job.nodes.clone()) else { return };
    let running = matches!(main.stage, Stage::Running { .. });
    let pod = desk.pods.get(job.uid, main.slot);
    let address = pod.and_then(|pod| pod.task.as_ref()?.address.clone());
    let at_once = mutant::is(Mutant::NodesStartTogether);
    let indexes: Vec<u32> = match &main.stage {
        Stage::Created if !at_once => vec![nodes.main],
        Stage::Running { .. } | Stage::Created => job.tasks.live.keys().copied().collect(),
        _ => return,
    };
    if running && address.is_none() {
        return;
    }
    if Order::for_all(job).is_some_and(|order| order.ends_running()) {
        return;
    }
    for index in indexes {
        let to_main = address.clone().filter(|_| index != nodes.main);
        let Some(live) = job.tasks.live.get_mut(&index) else { continue };
        let pod = desk.pods.get(job.uid, live.slot).filter(|pod| is_recorded(live, pod));
        let is_gated = |pod: &&ObservedPod| !pod.deleting && pod.task.as_ref().is_some_and(|task| task.gated);
        let Some(pod) = pod.filter(is_gated).filter(|_| live.stage == Stage::Created) else { continue };
        let is_time = live.again_at.is_none_or(|again_at| again_at <= desk.now);
        if live.create.is_none() && is_time {
            let guard = Guard { key: pod.key.clone(), uid: pod.uid, resource_version: pod.resource_version };
            let order = LetGoOrder { guard, host: live.host.clone(), main_address: to_main };
            let action = desk.outbox.send(Action::LetGo(Box::new(order)), Purpose::LetGo(job.uid, live.slot));
            live.create = Some(action);
        }
    }
}

/// What became of a pod that was to be let go: what that was decided on may be out of date, the watch tells what is new. What the
/// API server refuses it may take later, for as long as a container may take to start.
pub(crate) fn let_go_outcome(job: &mut Job, slot: Slot, id: ActionId, outcome: &Outcome, desk: &mut Desk) {
    let live = job.tasks.live.get_mut(&slot.index);
    let Some(live) = live.filter(|live| live.slot == slot && live.create == Some(id)) else { return };
    if *outcome == Outcome::Done {
        return;
    }
    let is_refused = matches!(outcome, Outcome::Refused(..));
    let again_at = desk.now + if is_refused { RETRY_PAUSE.1 } else { RETRY_PAUSE.0 };
    (live.create, live.again_at) = (None, Some(again_at));
    desk.agenda.wake(again_at, Item::Task(job.uid, slot.index));
    let Outcome::Refused(_, words) = outcome else { return };
    let since = *live.refused_since.get_or_insert(desk.now);
    live.hindrance = Some(Name::from(format!("its pod is not let go to its host: {words}")));
    job.report.ask(Urgency::Soon);
    desk.findings.push(Finding::Trouble(job.key.clone(), words.clone()));
    if desk.now >= since + desk.settings.start_limit {
        order::stop(job, slot, Ending { cause: Cause::CannotStart, words: words.clone() }, desk);
    }
}

/// Gives up a launch that does not stand: none of its pods was let go, and none will be. Its StatefulSets may be there, or come.
pub(in crate::job) fn give_up(job: &mut Job, desk: &mut Desk) {
    let may_be_made =
        |stage: &Stage| !matches!(stage, Stage::Decided | Stage::Fenced { .. }) || job.sets.is_some();
    let serial = job
        .tasks
        .live
        .values()
        .map(|live| live.slot.launch.saturating_add(u16::from(may_be_made(&live.stage))));
    let Some(serial) = serial.max() else { return };
    launch_anew(job, serial, desk);
}

/// All nodes are to be placed again, under the serial of another launch.
pub(super) fn launch_anew(job: &mut Job, serial: u16, desk: &mut Desk) {
    for (index, live) in std::mem::take(&mut job.tasks.live) {
        desk.launching.remove(&(job.uid, index));
        desk.take_claim_back(&job.pod_key(live.slot));
        job.tasks.histories.entry(index).or_default().launch = serial;
        job.tasks.runnable.insert(index);
        if desk.pods.get(job.uid, live.slot).is_some() {
            job.tombs.get_or_insert_default().bury(live.slot, false);
        }
        if live.slot.launch < serial {
            sets::are_over(job, live.slot);
        }
    }
    sets::of(job).make = None;
    job.report.ask(Urgency::Soon);
    desk.agenda.mark(Item::Job(job.uid));
    desk.stand_in_line(job);
}
