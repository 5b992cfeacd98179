//! Kubelets: they start the containers of pods bound to their host, report, and stop what is deleted. Their host may lose power
//! or be cut off.

use crate::behaviour::{exit_code, hangs, is_broken};
use crate::check;
use crate::cluster::Cluster;
use crate::coverage::About;
use crate::pools;
use crate::truth::Container as Ran;
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{Container, ObservedHost, ObservedPod, PodPhase, TaskPod};
use windlass_core::time::Time;
use windlass_core::units::ResourceList;

/// How a host is connected to the rest of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// As it should be.
    Up,
    /// It cannot be reached; its containers run on.
    Cut,
    /// It has no power: its containers are dead.
    Dead,
}

/// One host's kubelet, and what its host is like.
#[derive(Clone, Debug)]
pub struct Kubelet {
    /// The node it registers.
    pub node: ObservedHost,
    /// Its connection.
    pub link: Link,
    /// Containers it runs or ran, by pod: how far they are.
    local: BTreeMap<Uid, Local>,
}

/// How long a container may take to stop.
const GRACE: Duration = Duration::from_secs(30);

/// A pod as the kubelet has it.
#[derive(Clone, Debug)]
struct Local {
    key: ObjectKey,
    started_at: Time,
    /// Until when it may still take its time, once it is told to stop.
    grace_ends: Option<Time>,
    /// When and how it exited.
    exited: Option<(Time, i32)>,
    /// It was started again.
    restarted: bool,
}

impl Kubelet {
    /// A host that is up.
    pub fn new(node: ObservedHost) -> Kubelet {
        Kubelet { node, link: Link::Up, local: BTreeMap::new() }
    }
}

/// One kubelet does one thing.
pub fn act(cluster: &mut Cluster) {
    let names: Vec<Name> = cluster.kubelets.keys().cloned().collect();
    let Some(name) = names.get(cluster.rng.usize(0..names.len().max(1))).cloned() else { return };
    let fault = cluster.rng.u64(0..1000);
    if fault < cluster.faults.host_deaths {
        return lose_power(cluster, &name);
    }
    if fault < cluster.faults.host_deaths + cluster.faults.partitions {
        return toggle_link(cluster, &name);
    }
    match cluster.kubelets.get(&name).map(|kubelet| kubelet.link) {
        Some(Link::Up) => {
            work(cluster, &name, false);
        }
        Some(Link::Cut) => exit_something(cluster, &name, false),
        _ => {}
    }
}

/// All kubelets do all they can do now. True when they did something.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let names: Vec<Name> = cluster.kubelets.keys().cloned().collect();
    let mut busy = false;
    for name in names {
        while cluster.kubelets.get(&name).is_some_and(|kubelet| kubelet.link == Link::Up)
            && work(cluster, &name, true)
        {
            busy = true;
        }
    }
    busy
}

/// Cut hosts are reached again; hosts without power, and nodes that are gone, are replaced by new ones.
pub fn calm_down(cluster: &mut Cluster) {
    let names: Vec<Name> = cluster.kubelets.keys().cloned().collect();
    for name in names {
        let Some(kubelet) = cluster.kubelets.get_mut(&name) else { continue };
        if kubelet.link == Link::Dead {
            cluster.kubelets.remove(&name);
            forget_node(cluster, &name);
            continue;
        }
        kubelet.link = Link::Up;
        let node = ObservedHost { ready: true, ..kubelet.node.clone() };
        if !cluster.store.hosts.contains_key(&name) {
            let uid = cluster.store.next_uid();
            cluster.store.put_host(ObservedHost { uid, ..node });
        } else if let Some(stored) =
            cluster.store.hosts.get(&name).filter(|stored| !stored.ready || stored.unschedulable)
        {
            let unschedulable = pools::is_leaving(cluster, &name);
            let host = ObservedHost { ready: true, unschedulable, ..stored.clone() };
            cluster.store.put_host(host);
        }
    }
    if cluster.kubelets.is_empty() {
        crate::users::add_host(cluster);
    }
}

/// Removes a node, as an administrator does whose host is lost: that is his word that its pods are over.
pub fn forget_node(cluster: &mut Cluster, name: &Name) {
    cluster.tell(|| format!("node {name} is deleted"));
    cluster.note(About::Faults, "nodes deleted");
    cluster.store.remove_host(name);
    let pods: Vec<Uid> = cluster
        .store
        .pods
        .values()
        .filter(|pod| pod.host.as_ref() == Some(name))
        .map(|pod| pod.uid)
        .collect();
    for pod in pods {
        cluster.truth.give_up(pod);
    }
}

fn lose_power(cluster: &mut Cluster, name: &Name) {
    let Some(kubelet) = cluster.kubelets.get(name) else { return };
    if kubelet.link == Link::Dead {
        cluster.kubelets.remove(name);
        return forget_node(cluster, name);
    }
    power_off(cluster, name);
    cluster.tell(|| format!("host {name} loses power"));
    cluster.note(About::Faults, "hosts that lost power");
    set_ready(cluster, name, false);
}

/// All that runs on a host ends at once.
pub fn power_off(cluster: &mut Cluster, name: &Name) {
    let Some(kubelet) = cluster.kubelets.get_mut(name) else { return };
    kubelet.link = Link::Dead;
    let running = kubelet.local.iter().filter(|(_, local)| local.exited.is_none());
    for (pod, _) in running {
        cluster.truth.end(*pod, cluster.now, 255);
    }
}

fn toggle_link(cluster: &mut Cluster, name: &Name) {
    let Some(kubelet) = cluster.kubelets.get_mut(name) else { return };
    let (link, ready) = match kubelet.link {
        Link::Up => (Link::Cut, false),
        Link::Cut => (Link::Up, true),
        Link::Dead => return,
    };
    kubelet.link = link;
    cluster.tell(|| format!("host {name}: link {link:?}"));
    cluster.note(About::Faults, if ready { "hosts reached again" } else { "hosts cut off" });
    if ready && !cluster.store.hosts.contains_key(name) {
        let uid = cluster.store.next_uid();
        if let Some(node) = cluster.kubelets.get(name).map(|kubelet| kubelet.node.clone()) {
            cluster.store.put_host(ObservedHost { uid, ..node });
        }
    } else {
        set_ready(cluster, name, ready);
    }
}

pub(crate) fn set_ready(cluster: &mut Cluster, name: &Name, ready: bool) {
    if let Some(host) = cluster.store.hosts.get(name).cloned() {
        cluster.store.put_host(ObservedHost { ready, ..host });
    }
}

/// One piece of work, whichever comes first: stop what is deleted, report, start. True when there was one.
fn work(cluster: &mut Cluster, name: &Name, to_rest: bool) -> bool {
    let pods: Vec<ObjectKey> = {
        let mine =
            cluster.store.pods.values().filter(|pod| pod.host.as_ref() == Some(name) && pod.task.is_some());
        mine.map(|pod| pod.key.clone()).collect()
    };
    if stop_removed(cluster, name) {
        return true;
    }
    if pods.is_empty() {
        return false;
    }
    let offset = if to_rest { 0 } else { cluster.rng.usize(0..pods.len()) };
    for at in 0..pods.len() {
        let Some(pod) =
            pods.get((at + offset) % pods.len()).and_then(|key| cluster.store.pods.get(key)).cloned()
        else {
            continue;
        };
        if care_for(cluster, name, pod, to_rest) {
            return true;
        }
    }
    false
}

/// Containers whose pod object is gone are killed.
fn stop_removed(cluster: &mut Cluster, name: &Name) -> bool {
    let now = cluster.now;
    let Some(kubelet) = cluster.kubelets.get_mut(name) else { return false };
    let gone =
        |pod: &Uid, local: &Local| cluster.store.pods.get(&local.key).is_none_or(|stored| stored.uid != *pod);
    let removed: Vec<Uid> =
        kubelet.local.iter().filter(|(pod, local)| gone(pod, local)).map(|(pod, _)| *pod).collect();
    for pod in &removed {
        kubelet.local.remove(pod);
        cluster.truth.end(*pod, now, 137);
    }
    !removed.is_empty()
}

fn care_for(cluster: &mut Cluster, name: &Name, pod: ObservedPod, to_rest: bool) -> bool {
    let now = cluster.now;
    let Some(task) = pod.task.clone() else { return false };
    let Some(kubelet) = cluster.kubelets.get_mut(name) else { return false };
    let local = kubelet.local.get(&pod.uid).cloned();
    // What a kubelet takes into account and a scheduler does not: static pods, pods of its own.
    let refuses = cluster.chance(cluster.faults.kubelet_refusals);
    let loses_sandbox = task.alone && !pod.deleting && cluster.chance(cluster.faults.lost_sandboxes);
    if pod.phase != PodPhase::Active {
        return cluster.store.stopped(&pod.key);
    }
    match local {
        None if pod.deleting => {
            report(cluster, pod, task, Container::Unknown, PodPhase::Failed);
            true
        }
        None if refuses || !fits(cluster, name, &pod) => {
            let task = TaskPod {
                reason: "OutOfcpu".into(),
                message: "Node didn't have enough resource".into(),
                ..task
            };
            report(cluster, pod, task, Container::Unknown, PodPhase::Failed);
            true
        }
        None if is_broken(cluster, &task) => {
            let reason = Name::from("ImagePullBackOff");
            let container = Container::Waiting { reason, message: "Back-off pulling image".into() };
            let is_news = task.container != container;
            if is_news {
                report(cluster, pod, task, container, PodPhase::Active);
            }
            is_news
        }
        None => {
            start(cluster, name, &pod, &task, now);
            true
        }
        Some(Local { exited: None, .. }) if loses_sandbox => {
            start_again(cluster, name, &pod, now);
            true
        }
        Some(Local { started_at, exited: None, restarted, .. })
            if !matches!(task.container, Container::Running { .. }) || task.restarted != restarted =>
        {
            let running = Container::Running { started_at: started_at.to_second() };
            let address = task.alone.then(|| address(pod.uid));
            report(cluster, pod, TaskPod { address, restarted, ..task }, running, PodPhase::Active);
            true
        }
        Some(Local { started_at, exited: None, .. }) => {
            let runs_on = hangs(cluster, &task);
            if pod.deleting {
                cluster.truth.breaches.extend(check::may_stop(cluster, &task, started_at));
            }
            if pod.deleting && runs_on && !cluster.scripted && !grace_is_over(cluster, name, pod.uid) {
                return false;
            }
            if pod.deleting || !runs_on && (to_rest || cluster.rng.u64(0..4) == 0) {
                let code = if pod.deleting { 137 } else { exit_code(cluster, &task) };
                exit(cluster, name, pod.uid, code);
                return true;
            }
            false
        }
        Some(Local { started_at, exited: Some((stopped_at, code)), restarted, .. }) => {
            let container = Container::Terminated {
                exit_code: code,
                reason: if code == 0 { "Completed".into() } else { "Error".into() },
                message: Name::default(),
                started_at: Some(started_at.to_second()),
                stopped_at: Some(stopped_at.to_second()),
            };
            let phase = if code == 0 { PodPhase::Succeeded } else { PodPhase::Failed };
            report(cluster, pod, TaskPod { restarted, ..task }, container, phase);
            true
        }
    }
}

/// The IP address of a pod.
pub(crate) fn address(pod: Uid) -> Name {
    let number = u32::from_str_radix(&pod.prefix(), 16).unwrap_or(0);
    Name::from(format!("10.0.{}.{}", number / 256 % 256, number % 256))
}

/// A container that ignores SIGTERM is killed once its grace is over.
fn grace_is_over(cluster: &mut Cluster, name: &Name, pod: Uid) -> bool {
    let now = cluster.now;
    let local = cluster.kubelets.get_mut(name).and_then(|kubelet| kubelet.local.get_mut(&pod));
    local.is_none_or(|local| *local.grace_ends.get_or_insert(now + GRACE) <= now)
}

/// When the next container is killed that was told to stop.
pub fn next_wake(cluster: &Cluster) -> Option<Time> {
    let local = cluster.kubelets.values().flat_map(|kubelet| kubelet.local.values());
    local.filter(|local| local.exited.is_none()).filter_map(|local| local.grace_ends).min()
}

fn start(cluster: &mut Cluster, name: &Name, pod: &ObservedPod, task: &TaskPod, now: Time) {
    cluster.tell(|| format!("host {name}: container of {} starts", pod.key.name));
    let ran = Ran {
        job: task.job,
        index: task.index,
        attempt: task.attempt,
        alone: task.alone,
        host: name.clone(),
        started_at: now,
        ended: None,
        given_up: false,
        restarted: false,
    };
    if task.alone && cluster.step.is_some() {
        cluster.note(About::Work, "nodes that started under faults");
    }
    cluster.truth.breaches.extend(check::may_start(cluster, task));
    cluster.truth.start(pod.uid, ran);
    if let Some(kubelet) = cluster.kubelets.get_mut(name) {
        kubelet.local.insert(
            pod.uid,
            Local { key: pod.key.clone(), started_at: now, grace_ends: None, exited: None, restarted: false },
        );
    }
}

/// The host of a pod whose container runs loses its sandbox.
pub(crate) fn lose_sandbox(cluster: &mut Cluster, key: &ObjectKey) -> Result<(), String> {
    let pod = cluster.store.pods.get(key).cloned().ok_or_else(|| format!("there is no pod {key}"))?;
    let host = pod.host.clone().ok_or_else(|| format!("pod {key} has no host"))?;
    start_again(cluster, &host, &pod, cluster.now);
    Ok(())
}

/// The sandbox of a node's pod is lost, with its container: the kubelet makes both anew.
fn start_again(cluster: &mut Cluster, name: &Name, pod: &ObservedPod, now: Time) {
    cluster
        .tell(|| format!("host {name}: the sandbox of {} is lost, its container starts again", pod.key.name));
    cluster.note(About::Faults, "sandboxes lost");
    cluster.truth.start_again(pod.uid, now);
    if let Some(local) = cluster.kubelets.get_mut(name).and_then(|kubelet| kubelet.local.get_mut(&pod.uid)) {
        (local.started_at, local.restarted) = (now, true);
    }
}

fn exit(cluster: &mut Cluster, name: &Name, pod: Uid, code: i32) {
    let now = cluster.now;
    cluster.tell(|| format!("host {name}: container of pod {} exits with {code}", pod.prefix()));
    cluster.truth.end(pod, now, code);
    if let Some(local) = cluster.kubelets.get_mut(name).and_then(|kubelet| kubelet.local.get_mut(&pod)) {
        local.exited = Some((now, code));
    }
}

/// A container on a host that cannot report may exit all the same.
fn exit_something(cluster: &mut Cluster, name: &Name, always: bool) {
    if !always && cluster.rng.u64(0..4) > 0 {
        return;
    }
    let Some(kubelet) = cluster.kubelets.get(name) else { return };
    let running = kubelet.local.iter().find(|(_, local)| local.exited.is_none());
    let Some((pod, key)) = running.map(|(pod, local)| (*pod, local.key.clone())) else { return };
    let code = cluster
        .store
        .pods
        .get(&key)
        .and_then(|pod| pod.task.as_ref())
        .map_or(137, |task| exit_code(cluster, task));
    exit(cluster, name, pod, code);
}

fn report(cluster: &mut Cluster, pod: ObservedPod, task: TaskPod, container: Container, phase: PodPhase) {
    cluster.tell(|| format!("kubelet: {} is {phase:?} {container:?} {}", pod.key.name, task.reason));
    cluster.store.put_pod(ObservedPod { phase, task: Some(TaskPod { container, ..task }), ..pod });
}

fn fits(cluster: &Cluster, name: &Name, pod: &ObservedPod) -> bool {
    let Some(kubelet) = cluster.kubelets.get(name) else { return false };
    let started = |other: &&ObservedPod| kubelet.local.contains_key(&other.uid) || other.task.is_none();
    let others = cluster.store.pods.values().filter(|other| {
        other.host.as_ref() == Some(name) && other.phase == PodPhase::Active && other.uid != pod.uid
    });
    let used = others.filter(started).fold(ResourceList::default(), |sum, other| sum.plus(&other.requests));
    kubelet.node.allocatable.clone().minus(&used).covers(&pod.requests)
}
