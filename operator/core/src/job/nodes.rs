//! The nodes of a multi-node job: placed together, made by StatefulSets, let go one after the other, ended by the main node
//! (SPEC.md M2 to M5; decision 0010).
//!
//! All nodes of an attempt go the same way, a launch: given hosts (`Decided`), which a guarded write confirms (`Fenced`); the
//! StatefulSets are ordered (`Sent`); once each node has a pod, which a gate keeps off the hosts, pod and host of each are
//! recorded (`Named`); once all are (`Recorded`), another guarded write makes the launch stand (`Created`). Only then are pods
//! let go, and never another pod than the one that is recorded: the main node's first, the others' once that runs.

mod end;
mod launch;
mod load;
mod sets;

pub(crate) use launch::{let_go_outcome, set_events_read, sets_made};
pub(crate) use sets::{Sets, swept};

pub(super) use end::{recorded, state_after};
pub(super) use launch::{give_up, order_sets};
pub(super) use load::take_over;
pub(super) use sets::{Launch, are_over, may_go, put_back, stopped_by, take_over_launches};

use super::ended::{Judgement, judge};
use super::{Job, Live, Stage, Urgency, adopt, order, timeout};
use crate::desk::Desk;
use crate::ids::Name;
use crate::limits::UNBOUND;
use crate::objects::ObservedPod;
use crate::units::ResourceList;
use crate::world::{Claim, Slot};

/// Carries the launch, the attempt or the end of a multi-node job on, after its nodes were looked at.
pub(super) fn tend(job: &mut Job, desk: &mut Desk) {
    if job.verdict.is_none() && job.loading.is_none() {
        launch::carry_on(job, desk);
        end::carry_on(job, desk);
    }
    sets::sweep(job, desk);
}

/// Looks at one node after its pod, its host or its launch changed.
pub(super) fn review(job: &mut Job, index: u32, desk: &mut Desk) {
    let Some(live) = job.tasks.live.get(&index) else { return };
    let slot = live.slot;
    // Somebody may have made a set larger: then it has a pod for what is another set's node.
    let is_the_nodes = |pod: &&ObservedPod| pod.key == job.pod_key(slot);
    let pod = desk.pods.get(job.uid, slot).filter(is_the_nodes).cloned();
    if matches!(live.stage, Stage::Sent { .. }) {
        launch::meet(job, index, pod.as_ref());
        return keep_host(job, index, desk);
    }
    match (&live.stage, pod.filter(|pod| is_recorded(live, pod))) {
        (Stage::Created | Stage::Running { .. } | Stage::Missing { .. }, Some(pod)) => {
            follow(job, slot, &pod, desk);
        }
        (Stage::Created | Stage::Running { .. } | Stage::Missing { .. }, None) => {
            adopt::pod_is_absent(job, index, desk);
        }
        _ => {}
    }
}

/// As long as a node's pod is kept off its host nobody else is to be placed there, whatever becomes of that pod.
fn keep_host(job: &Job, index: u32, desk: &mut Desk) {
    let Some(live) = job.tasks.live.get(&index) else { return };
    let key = job.pod_key(live.slot);
    if desk.pods.by_key(&key).is_none_or(|pod| pod.place().is_none()) {
        let need = ResourceList::with_gpus(job.terms.shape.need, &desk.gpu_resource(&live.environment));
        desk.hosts.claim(&live.host, &key, &Claim { need, task: Some((job.uid, index)), alone: true });
    }
}

/// True for the pod that was recorded, and no other that a StatefulSet has made in its place.
fn is_recorded(live: &Live, pod: &ObservedPod) -> bool {
    live.pod_uid.is_none_or(|known| known == pod.uid)
}

fn follow(job: &mut Job, slot: Slot, pod: &ObservedPod, desk: &mut Desk) {
    let Some(task) = &pod.task else { return };
    let Some(live) = job.tasks.live.get_mut(&slot.index) else { return };
    if matches!(live.stage, Stage::Missing { .. }) {
        live.stage = Stage::Created;
    }
    live.was_gated = task.gated;
    if !task.gated {
        live.let_go_at.get_or_insert(desk.now);
    }
    let since = live.let_go_at.unwrap_or(desk.now);
    let facts = adopt::host_facts(job, pod, desk);
    adopt::note_reach(job, slot, pod, desk);
    match judge(pod, task, facts) {
        Judgement::Unbound(_) if task.gated => {}
        Judgement::Unbound(Some(words)) => {
            // The main node may go elsewhere, with all others. Those stay where they are: it runs.
            let is_main = job.is_main(slot.index);
            let patience = if is_main { UNBOUND } else { desk.settings.start_limit };
            if !is_main {
                hinder(job, slot, words);
            }
            adopt::unbound(job, slot, pod, since + patience, desk);
        }
        Judgement::Unbound(None) => adopt::not_looked_at(job, slot, pod, since, desk),
        Judgement::Starting(hindrance) => {
            note_starting(job, slot);
            timeout::watch_start(job, slot, pod, hindrance, desk);
        }
        Judgement::Running { started_at } => adopt::running(job, slot, started_at.to_second(), desk),
        Judgement::Withdrawn(_) if job.tasks.live.get(&slot.index).is_some_and(|live| live.has_run) => {
            adopt::end_removed(job, slot, desk);
        }
        Judgement::Withdrawn(words) => {
            // What kept it from its host is why it was deleted.
            let hindrance = job.tasks.live.get(&slot.index).and_then(|live| live.hindrance.clone());
            let words = hindrance.filter(|_| pod.host.is_none()).unwrap_or(words);
            end::withdrawn(job, slot.index, words, desk);
        }
        Judgement::Restarted => order::stop_second_run(job, slot, pod, desk),
        Judgement::Over(end) => adopt::over(job, slot, pod, end, desk),
    }
}

/// The API server has the node's pod no more, or another in its place: somebody took it away by force. Others' pods are let go
/// only once the main node runs, so that theirs never ran before.
pub(super) fn removed(job: &mut Job, slot: Slot, desk: &mut Desk) {
    desk.give_back(&job.pod_key(slot));
    let never_ran = |main: &Live| matches!(main.stage, Stage::Created | Stage::Withdrawn);
    let never_left = |live: &Live| live.was_gated && live.create.is_none();
    let is_withdrawn = if job.is_main(slot.index) {
        job.tasks.live.get(&slot.index).is_some_and(never_left)
    } else {
        main_of(job).is_some_and(never_ran)
    };
    if is_withdrawn {
        return end::withdrawn(job, slot.index, Name::from("its pod was removed by force"), desk);
    }
    adopt::end_removed(job, slot, desk);
}

/// Why a node does not start, in kube-scheduler's words.
fn hinder(job: &mut Job, slot: Slot, words: Name) {
    let live = job.tasks.live.get_mut(&slot.index).filter(|live| live.hindrance.as_ref() != Some(&words));
    if let Some(live) = live {
        live.hindrance = Some(words);
        job.report.ask(Urgency::Numbers);
    }
}

fn note_starting(job: &mut Job, slot: Slot) {
    if let Some(live) = job.tasks.live.get_mut(&slot.index) {
        live.seen_starting = true;
    }
}

/// The main node, while there is a launch.
fn main_of(job: &Job) -> Option<&Live> {
    job.tasks.live.get(&job.nodes.as_ref()?.main)
}
