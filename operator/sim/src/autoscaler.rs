//! An autoscaler that somebody else runs: it adds a node for a pod that kube-scheduler cannot place, some time after, and removes
//! nodes on which nothing runs. Now and then it does nothing for a long time.

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::kubelet::{Kubelet, power_off};
use crate::pools;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use windlass_core::ids::{Name, ResourceVersion};
use windlass_core::objects::{MachineType, ObservedEnvironment, ObservedHost, ObservedPod, PodPhase};
use windlass_core::time::Time;
use windlass_core::units::{GPUS, ResourceList, Resources};

/// What it knows.
#[derive(Debug, Default)]
pub struct Autoscaler {
    /// Nodes that it has added, and when each is ready.
    nodes: BTreeMap<Name, Time>,
    /// Nodes on which nothing runs, and since when.
    idle_since: BTreeMap<Name, Time>,
    /// Until when it does nothing.
    pub asleep_until: Option<Time>,
}

/// How long it may do nothing once all other faults have stopped, in seconds.
const LONGEST_SLEEP: u64 = 7200;

/// How long a node takes until it is ready, and how long it may be idle.
const TO_READY: Duration = Duration::from_secs(40);
const IDLE: Duration = Duration::from_secs(300);

/// It does one thing, or falls asleep.
pub fn act(cluster: &mut Cluster) {
    if cluster.chance(cluster.faults.shortages / 10) {
        let until = cluster.now + Duration::from_secs(cluster.rng.u64(0..600));
        cluster.note(About::Faults, "autoscalers that did nothing for a while");
        cluster.tell(|| format!("autoscaler: does nothing until {until}"));
        cluster.autoscaler.asleep_until = Some(until);
    }
    if cluster.chance(cluster.faults.interruptions / 4) {
        return lose_node(cluster);
    }
    work(cluster);
}

/// The faults stop; it may do nothing for a long time yet.
pub fn calm_down(cluster: &mut Cluster) {
    let sleeps = cluster.faults.shortages > 0 && cluster.rng.bool();
    let sleep = Duration::from_secs(cluster.rng.u64(0..LONGEST_SLEEP));
    cluster.autoscaler.asleep_until = sleeps.then(|| cluster.now + sleep);
}

/// All that is due now. True when there was anything.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let mut busy = false;
    while work(cluster) {
        busy = true;
    }
    busy
}

/// When something comes due that is not due now.
pub fn next_wake(cluster: &Cluster) -> Option<Time> {
    let known = &cluster.autoscaler;
    let ready = known.nodes.iter().filter(|(node, _)| !cluster.kubelets.contains_key(*node));
    let ready = ready.map(|(_, at)| *at);
    let idle = known.idle_since.values().map(|since| *since + IDLE);
    let due = ready.chain(idle).chain(known.asleep_until);
    due.filter(|at| *at > cluster.now).min()
}

/// One thing: a node that is due gets ready, one is added, one goes. True when there was any.
fn work(cluster: &mut Cluster) -> bool {
    forget(cluster);
    let due = cluster
        .autoscaler
        .nodes
        .iter()
        .find(|(node, at)| **at <= cluster.now && !cluster.kubelets.contains_key(*node));
    if let Some(node) = due.map(|(node, _)| node.clone()) {
        return make_ready(cluster, &node);
    }
    if cluster.autoscaler.asleep_until.is_some_and(|until| until > cluster.now) {
        return false;
    }
    add(cluster) || remove(cluster)
}

/// Nodes that somebody deleted are not there any more.
fn forget(cluster: &mut Cluster) {
    let Cluster { autoscaler, store, kubelets, now, .. } = cluster;
    let gone: BTreeSet<Name> =
        autoscaler.nodes.keys().filter(|node| !store.hosts.contains_key(*node)).cloned().collect();
    for node in &gone {
        autoscaler.nodes.remove(node);
        kubelets.remove(node);
    }
    let is_idle = |node: &Name| kubelets.contains_key(node) && !store.has_jobs(node);
    let idle: BTreeSet<Name> = autoscaler.nodes.keys().filter(|node| is_idle(node)).cloned().collect();
    autoscaler.idle_since.retain(|node, _| idle.contains(node));
    for node in idle {
        autoscaler.idle_since.entry(node).or_insert(*now);
    }
}

fn make_ready(cluster: &mut Cluster, node: &Name) -> bool {
    let Some(host) = cluster.store.hosts.get(node).cloned() else { return false };
    let host = ObservedHost { ready: true, ..host };
    cluster.note(About::Work, "nodes that an autoscaler added");
    cluster.tell(|| format!("kubelet: node {node} is ready"));
    cluster.kubelets.insert(node.clone(), Kubelet::new(host.clone()));
    cluster.store.put_host(host);
    true
}

/// Adds a node for a pod that cannot be placed, unless one that is there or coming up has the room.
fn add(cluster: &mut Cluster) -> bool {
    let waits = |pod: &&ObservedPod| {
        let is_refused = pod.task.as_ref().is_some_and(|task| task.unschedulable.is_some());
        is_refused && pod.host.is_none() && !pod.deleting && pod.phase == PodPhase::Active
    };
    let pods: Vec<&ObservedPod> = cluster.store.pods.values().filter(waits).collect();
    let used = |host: &ObservedHost| {
        let there = cluster.store.pods.values().filter(|pod| pod.phase == PodPhase::Active);
        let there = there.filter(|pod| pod.host.as_ref() == Some(&host.name));
        there.fold(ResourceList::default(), |sum, pod| sum.plus(&pod.requests))
    };
    let hosts = cluster.store.hosts.values().filter(|host| !host.unschedulable);
    let mut rooms: Vec<(BTreeMap<Name, Name>, ResourceList)> = hosts
        .filter(|host| cluster.autoscaler.nodes.contains_key(&host.name))
        .map(|host| (host.labels.clone(), host.allocatable.clone().minus(&used(host))))
        .collect();
    let lacking = pods.into_iter().find_map(|pod| {
        let selector = cluster.store.selectors.get(&pod.uid)?;
        let fits = |labels: &BTreeMap<Name, Name>| {
            selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        let room = rooms.iter_mut().find(|(labels, room)| fits(labels) && room.covers(&pod.requests));
        if let Some((_, room)) = room {
            *room = std::mem::take(room).minus(&pod.requests);
            return None;
        }
        let group = cluster.store.environments.values().find(|found| found.selector == *selector)?;
        Some((
            pod.key.name.clone(),
            group.selector.clone(),
            smallest(group, &pod.requests.seen_with(&GPUS.into()))?,
        ))
    });
    let Some((pod, mut labels, machine_type)) = lacking else { return false };
    let uid = cluster.store.next_uid();
    let name = Name::from(format!("auto-{}", uid.prefix().trim_start_matches('0')));
    labels.insert("node.kubernetes.io/instance-type".into(), machine_type.name.clone());
    labels.insert("kubernetes.io/arch".into(), machine_type.architecture.clone());
    let ready_at =
        if cluster.scripted { TO_READY } else { Duration::from_millis(cluster.rng.u64(0..14_000)) };
    cluster.tell(|| format!("autoscaler: adds {name} ({}) for {pod}", machine_type.name));
    cluster.autoscaler.nodes.insert(name.clone(), cluster.now + ready_at);
    cluster.store.put_host(ObservedHost {
        name,
        uid,
        resource_version: ResourceVersion(0),
        labels,
        allocatable: machine_type.allocatable.into(),
        ..ObservedHost::default()
    });
    true
}

/// The smallest machine of its group that has the room.
fn smallest(group: &ObservedEnvironment, need: &Resources) -> Option<&'static MachineType> {
    let named = &group.autoscaled.as_ref()?.instance_types;
    let types = pools::catalogue().iter().filter(|found| named.is_empty() || named.contains(&found.name));
    types
        .filter(|found| found.allocatable.covers(need))
        .min_by_key(|found| (found.allocatable.gpus, found.vcpus, &found.name))
}

/// Removes a node on which nothing ran for long: at first nothing more is to be placed there.
fn remove(cluster: &mut Cluster) -> bool {
    let due = |since: &Time| *since + IDLE <= cluster.now;
    let idle = cluster.autoscaler.idle_since.iter().find(|(_, since)| due(since));
    let Some(host) = idle.and_then(|(node, _)| cluster.store.hosts.get(node)).cloned() else { return false };
    if !host.unschedulable {
        cluster.store.put_host(ObservedHost { unschedulable: true, ..host });
        return true;
    }
    cluster.tell(|| format!("autoscaler: removes {}", host.name));
    cluster.note(About::Work, "nodes that an autoscaler removed");
    take_away(cluster, &host.name);
    true
}

/// A node goes, whatever runs there.
fn lose_node(cluster: &mut Cluster) {
    let nodes: Vec<Name> = cluster.autoscaler.nodes.keys().cloned().collect();
    let Some(node) = nodes.get(cluster.rng.usize(0..nodes.len().max(1))) else { return };
    cluster.note(About::Faults, "nodes of an autoscaler taken away");
    cluster.tell(|| format!("cloud: takes {node} away"));
    take_away(cluster, node);
}

fn take_away(cluster: &mut Cluster, node: &Name) {
    power_off(cluster, node);
    cluster.kubelets.remove(node);
    cluster.store.remove_host(node);
    forget(cluster);
}
