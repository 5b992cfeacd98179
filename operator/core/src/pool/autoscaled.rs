//! One look at an environment whose nodes somebody else's autoscaler adds: pods that wait for too long, or for what they may not
//! have, are withdrawn (SPEC.md C2, C4, `external`).

use super::awaited::pack;
use super::types::remember;
use crate::action::Action;
use crate::agenda::Item;
use crate::catalog::Hosting;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::LIST_GRACE;
use crate::mutant::{self, Mutant};
use crate::objects::{Autoscaled, ObservedPod, PoolStatus};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::Slot;
use std::collections::BTreeSet;
use std::time::Duration;

/// Looks at the pods that wait for nodes of an environment.
pub(crate) fn tend_autoscaled(uid: Uid, desk: &mut Desk) {
    let Some(autoscaled) = desk.environments.get(uid).and_then(|found| found.observed.autoscaled.clone())
    else {
        return;
    };
    remember(uid, desk);
    notice(uid, desk);
    withdraw(uid, &autoscaled, desk);
    account(uid, desk);
}

/// Nodes can be had again once one has come, and perhaps once somebody has changed the environment.
fn notice(uid: Uid, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let gpus = &environment.observed.gpu_resource;
    let hosting = Hosting::of(&environment.observed, &desk.machines);
    let hosts = desk.hosts.iter();
    let nodes = hosts.filter_map(|(_, host)| Some((host.node.as_ref()?, host.usable(gpus).is_some())));
    let nodes: Vec<(Uid, bool)> =
        nodes.filter(|(node, _)| hosting.has(node)).map(|(node, usable)| (node.uid, usable)).collect();
    let now = desk.now;
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let generation = environment.observed.generation;
    let pool = &mut environment.pool;
    let usable: BTreeSet<Uid> = nodes.iter().filter(|(_, usable)| *usable).map(|(node, _)| *node).collect();
    let one_came = usable.difference(&pool.came).next().is_some();
    pool.failure = pool.failure.take().filter(|failure| failure.generation == generation && !one_came);
    pool.came.retain(|known| nodes.iter().any(|(node, _)| node == known));
    pool.came.extend(usable);
    if let Some(until) = pool.failure.as_ref().map(|failure| failure.until).filter(|until| *until > now) {
        desk.agenda.wake(until, Item::Schedule);
        desk.agenda.wake(until, Item::Environment(uid));
    }
}

/// Withdraws the pods that are not to wait any longer. Each is deleted only as it was seen: one that has been given a node
/// meanwhile stays, so that nothing is lost by deciding on an old view.
fn withdraw(uid: Uid, autoscaled: &Autoscaled, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let Some(packing) = pack(environment, desk) else { return };
    let excess: BTreeSet<_> = packing.excess.iter().filter(|_| !mutant::is(Mutant::ExcessAwaited)).collect();
    let is_open = environment.observed.enabled && !environment.observed.deleting && !desk.settings.paused;
    let waiting = desk.floating.of(environment.display_name());
    let (mut go, mut words, mut next) = (Vec::new(), None, None::<Time>);
    for pod in waiting.filter_map(|(key, _)| desk.pods.by_key(key)).filter(|pod| pod.host.is_none()) {
        let patience_ends = patience_ends(pod, autoscaled.patience, desk);
        let is_late = desk.now >= patience_ends && !mutant::is(Mutant::NodeWaitedForForEver);
        if is_late {
            words.get_or_insert_with(|| no_node_came(pod, autoscaled.patience));
        }
        if is_late || !is_open || excess.contains(&pod.key) {
            go.push(pod.clone());
        } else {
            next = Some(next.map_or(patience_ends, |next| next.min(patience_ends)));
        }
    }
    if let Some(at) = next.filter(|at| *at > desk.now) {
        desk.agenda.wake(at, Item::Environment(uid));
    }
    for pod in go {
        let Some(task) = pod.task.as_ref().filter(|_| desk.deleting.insert(pod.uid)) else { continue };
        let slot = Slot { index: task.index, attempt: task.attempt, launch: task.launch };
        let action = Action::DeletePod(pod.key.clone(), pod.uid, Some(pod.resource_version));
        desk.outbox.send(action, Purpose::DeletePod(task.job, slot, pod.uid));
    }
    let (Some(words), now) = (words, desk.now) else { return };
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let generation = environment.observed.generation;
    // Of several that waited in vain at one time the first is enough.
    if environment.pool.failure(now).is_none() {
        environment.pool.failed_to_launch(words, false, generation, now);
        desk.agenda.mark(Item::Environment(uid));
        desk.capacity_changed();
    }
}

/// Until when a pod may wait: by the API server's clock and by ours, which may be ahead of it; and nothing is decided just after
/// a list, when nobody knows what was missed.
fn patience_ends(pod: &ObservedPod, patience: Duration, desk: &Desk) -> Time {
    let listed_at = desk.pods_listed_at.unwrap_or(desk.now);
    let since = desk.floating.since(&pod.key).map_or(listed_at, |since| since.max(listed_at));
    (pod.created_at + patience).max(since + LIST_GRACE.min(patience))
}

fn no_node_came(pod: &ObservedPod, patience: Duration) -> Name {
    let told = pod.task.as_ref().and_then(|task| task.unschedulable.as_ref());
    let told = told.map_or("kube-scheduler says nothing", Name::as_str);
    let seconds = patience.as_secs();
    Name::from(format!(
        "no node came for pod {} of {} within {seconds} s: {told}",
        pod.key.name, pod.key.namespace
    ))
}

/// Adds up what there is, and what is waited for.
fn account(uid: Uid, desk: &mut Desk) {
    let Some(packing) = desk.environments.get(uid).and_then(|environment| pack(environment, desk)) else {
        return;
    };
    let offered = packing.awaited.offered();
    let pool = PoolStatus {
        desired_vcpus: Some(packing.awaited.vcpus()),
        launching_vcpus: packing.awaited.waited_for_vcpus(),
        // Whole MiB, as it is written.
        launching_memory: offered.memory_bytes >> 20 << 20,
        launching_gpus: offered.gpus,
        ..PoolStatus::default()
    };
    if let Some(environment) = desk.environments.get_mut(uid) {
        environment.report.current.pool = pool;
    }
}
