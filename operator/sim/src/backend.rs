//! Who makes machines: Karpenter, which makes one for each NodeClaim and keeps it while jobs run there, and KWOK, which has nodes
//! without machines be ready. Machines come late, or never, or are taken away.

use crate::check;
use crate::classes;
use crate::cluster::Cluster;
use crate::coverage::About;
use crate::deployments;
use crate::kubelet::{Kubelet, power_off};
use crate::pools;
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{Backend, MachineType, ObservedHost, ObservedMachine};
use windlass_core::time::Time;
use windlass_core::units::{ResourceList, Resources};

/// All that makes machines.
#[derive(Debug, Default)]
pub struct Backends {
    fates: BTreeMap<Uid, Fate>,
    /// Nodes on machines.
    nodes: BTreeMap<Name, (Backend, Name)>,
    /// What is wrong with what is asked of Karpenter.
    pub broken: Option<Name>,
    /// When somebody mends that, if it is known.
    mended_at: Option<Time>,
    /// What nodes of each type offer beyond the catalogue's estimate, and less than that.
    offers: BTreeMap<Name, (u64, u64)>,
    /// Environments that have had a ready node of a type since the faults stopped: they know what one offers.
    known: BTreeSet<(Uid, Name)>,
    /// When an environment last learnt that nodes of a type offer less than the catalogue says.
    pub disappointed_at: Option<Time>,
    /// When node classes are looked at.
    pub looks: classes::Looks,
    /// There are no machines to be had from Karpenter (in a scenario).
    pub is_short: bool,
    /// Nobody registers the GPUs of Karpenter's nodes (in a scenario).
    pub without_gpus: bool,
    /// Nor any of these types.
    pub short_of: BTreeSet<Name>,
}

/// What is to become of a machine.
#[derive(Clone, Copy, Debug)]
struct Fate {
    /// When there is a node on it; never for some.
    node_at: Option<Time>,
    /// When that is ready; never for some.
    ready_at: Option<Time>,
    /// When its device plugin has registered its GPUs, if its type has some.
    gpus_at: Option<Time>,
    /// When it turns out that there are no such machines.
    taken_back_at: Option<Time>,
}

/// How long a node class may stay broken once all other faults have stopped.
const TO_MEND: Duration = Duration::from_secs(10_800);

/// Karpenter's words for a node class that is of no use.
const BROKEN: &str = "LaunchFailed: the node class names a subnet that is not there";

/// Cluster API's, in its provider's words, for a machine that is not to be had. It does not try again.
const NO_CAPACITY: &str = "CreateError: InsufficientInstanceCapacity";

/// How long machines take in a scenario.
const TO_NODE: Duration = Duration::from_secs(30);
const TO_READY: Duration = Duration::from_secs(10);
const TO_GPUS: Duration = Duration::from_secs(120);

/// Something happens to a machine, or in the cloud.
pub fn act(cluster: &mut Cluster) {
    let dice = cluster.rng.u64(0..1000);
    let machines: Vec<ObservedMachine> = cluster.store.machines.values().cloned().collect();
    let machine = machines.get(cluster.rng.usize(0..machines.len().max(1)));
    let faults = cluster.faults.clone();
    if dice < faults.broken_classes {
        return toggle_broken(cluster);
    }
    if cluster.rng.u64(0..4) == 0 {
        classes::progress(cluster);
        return;
    }
    if dice >= 500 && deployments::reconcile_one(cluster) {
        return;
    }
    let Some(machine) = machine else { return };
    if dice < faults.broken_classes + faults.interruptions && machine.node.is_some() {
        cluster.note(About::Faults, "machines taken away");
        cluster.tell(|| format!("cloud: takes {} away", machine.name));
        cluster.store.remove_machine(machine.backend, &machine.name);
    } else {
        progress(cluster, machine);
    }
}

/// The faults stop; where node classes break, they may stay broken for a while.
pub fn calm_down(cluster: &mut Cluster) {
    cluster.backends.known.clear();
    let stays = cluster.faults.broken_classes > 0 && cluster.rng.bool();
    cluster.backends.broken = stays.then(|| BROKEN.into());
    cluster.backends.mended_at = stays.then(|| cluster.now + TO_MEND);
}

/// All that is due now. True when there was anything.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let mut busy = false;
    if cluster.backends.mended_at.is_some_and(|at| at <= cluster.now) {
        (cluster.backends.mended_at, cluster.backends.broken) = (None, None);
        busy = true;
    }
    while {
        let looked = classes::progress(cluster);
        let machines: Vec<ObservedMachine> = cluster.store.machines.values().cloned().collect();
        let made = deployments::reconcile_all(cluster);
        machines.iter().fold(looked | made, |busy, machine| busy | progress(cluster, machine))
    } {
        busy = true;
    }
    sweep(cluster);
    busy
}

/// When something comes due that is not due now.
pub fn next_wake(cluster: &Cluster) -> Option<Time> {
    let machines = cluster.store.machines.values().filter(|machine| !machine.deleting);
    let due = machines.filter_map(|machine| {
        let fate = cluster.backends.fates.get(&machine.uid)?;
        match &machine.node {
            None if machine.fault.is_some() => None,
            None => fate.taken_back_at.or(fate.node_at),
            Some(node) if cluster.kubelets.contains_key(node) => {
                fate.gpus_at.filter(|_| lacks_gpus(cluster, machine))
            }
            Some(_) => fate.ready_at,
        }
    });
    let due = due.chain(classes::next_wake(cluster));
    due.chain(cluster.backends.mended_at).filter(|at| *at > cluster.now).min()
}

/// True while a machine cannot be had, never comes, or has lost its node.
pub fn is_short(cluster: &Cluster) -> bool {
    let never = |machine: &ObservedMachine| {
        let fate = cluster.backends.fates.get(&machine.uid);
        let comes =
            |fate: &Fate| fate.taken_back_at.is_none() && fate.node_at.is_some() && fate.ready_at.is_some();
        let has_lost_node = machine.node.as_ref().is_some_and(|node| !cluster.store.hosts.contains_key(node));
        machine.fault.is_some() || has_lost_node || !fate.is_none_or(comes)
    };
    cluster.backends.broken.is_some() || cluster.store.machines.values().any(never)
}

/// What was on machines that are gone is gone with them.
pub fn sweep(cluster: &mut Cluster) {
    let store = &cluster.store;
    let nodes = cluster.backends.nodes.iter();
    let gone: Vec<Name> = nodes
        .filter(|(_, machine)| !store.machines.contains_key(machine))
        .map(|(node, _)| node.clone())
        .collect();
    for node in gone {
        cluster.backends.nodes.remove(&node);
        power_off(cluster, &node);
        cluster.kubelets.remove(&node);
        cluster.store.remove_host(&node);
    }
}

fn toggle_broken(cluster: &mut Cluster) {
    cluster.backends.broken = match &cluster.backends.broken {
        Some(_) => None,
        None => Some(BROKEN.into()),
    };
    cluster.note(About::Faults, "node classes broken or mended");
    let broken = cluster.backends.broken.is_some();
    cluster.tell(|| format!("cloud: node class broken: {broken}"));
}

/// The next thing that is due with a machine. True when there was one.
fn progress(cluster: &mut Cluster, machine: &ObservedMachine) -> bool {
    // It may have gone with another.
    let Some(machine) = cluster.store.machines.get(&(machine.backend, machine.name.clone())).cloned() else {
        return false;
    };
    if cluster.store.gone_environments.contains(&machine.environment) && !machine.deleting {
        cluster.note(About::Faults, "machines collected after their environment");
        cluster.tell(|| format!("collector: machine {}", machine.name));
        cluster.store.collect_machine(&machine);
        return true;
    }
    match machine.backend {
        Backend::Karpenter | Backend::ClusterApi if !machine.deleting => launch(cluster, &machine),
        Backend::Karpenter | Backend::ClusterApi => end(cluster, &machine),
        Backend::Simulated => machine.node.clone().is_some_and(|node| make_ready(cluster, &machine, &node)),
    }
}

/// Karpenter ends a machine once no job runs there; Cluster API drains it, whatever does.
fn end(cluster: &mut Cluster, machine: &ObservedMachine) -> bool {
    if let Some(node) = &machine.node {
        if let Some(host) = cluster.store.hosts.get(node).filter(|host| !host.unschedulable).cloned() {
            cluster.store.put_host(ObservedHost { unschedulable: true, ..host });
            return true;
        }
        if cluster.store.hosts.contains_key(node) && cluster.store.has_jobs(node) {
            if machine.backend == Backend::Karpenter {
                return false;
            }
            cluster
                .store
                .breaches
                .push(format!("machine {} is removed although a job runs there", machine.name));
        }
    }
    cluster.tell(|| format!("{:?}: {} is gone", machine.backend, machine.name));
    cluster.store.remove_machine(machine.backend, &machine.name);
    true
}

/// Karpenter or Cluster API makes a machine, or fails to.
fn launch(cluster: &mut Cluster, machine: &ObservedMachine) -> bool {
    let now = cluster.now;
    let fate = fate(cluster, machine);
    if let Some(node) = &machine.node {
        if !cluster.store.hosts.contains_key(node) {
            if machine.backend == Backend::ClusterApi {
                return false;
            }
            // Somebody deleted it: that is an order to end the machine.
            cluster.store.remove_machine(machine.backend, &machine.name);
            return true;
        }
        return make_ready(cluster, machine, node);
    }
    if machine.backend == Backend::ClusterApi {
        let is_due = fate.taken_back_at.is_some_and(|at| at <= now).then(|| Name::from(NO_CAPACITY));
        if let Some(fault) = cluster.backends.broken.clone().or(is_due).filter(|_| machine.fault.is_none()) {
            cluster.note(About::Faults, "machines that failed");
            cluster.tell(|| format!("Cluster API: {}: {fault}", machine.name));
            cluster.store.put_machine(ObservedMachine { fault: Some(fault), ..machine.clone() });
            return true;
        }
    } else if cluster.backends.broken != machine.fault {
        let fault = cluster.backends.broken.clone();
        cluster.tell(|| format!("Karpenter: {}: {fault:?}", machine.name));
        cluster.store.put_machine(ObservedMachine { fault, ..machine.clone() });
        return true;
    }
    if machine.fault.is_some() {
        return false;
    }
    let Some(is_allowed) = classes::allows(cluster, machine) else { return false };
    let is_short = cluster.backends.is_short || cluster.backends.short_of.contains(&machine.machine_type);
    let is_short = is_short || fate.taken_back_at.is_some_and(|at| at <= now);
    if machine.backend == Backend::Karpenter && (!is_allowed || is_short) {
        cluster.note(About::Faults, "machines that were not to be had");
        cluster.tell(|| format!("Karpenter: no machine for {}", machine.name));
        cluster.store.put_machine(ObservedMachine { deleting: true, ..machine.clone() });
        return true;
    }
    if fate.taken_back_at.is_some() || fate.node_at.is_none_or(|at| at > now) {
        return false;
    }
    let Some(machine_type) = type_of(machine) else { return false };
    let name = Name::from(format!("node-{}", machine.name.as_str().replace('/', "-")));
    let uid = cluster.store.next_uid();
    let offer = (cluster.rng.u64(0..=pools::MORE), cluster.rng.u64(0..=pools::LESS));
    let offer = if cluster.scripted { (0, 0) } else { offer };
    let (more, less) = *cluster.backends.offers.entry(machine.machine_type.clone()).or_insert(offer);
    // Its GPUs are not registered yet.
    let allocatable = Resources {
        cpu_millis: machine_type.allocatable.cpu_millis + more - less,
        gpus: 0,
        ..machine_type.allocatable
    };
    let host = cluster.store.node_of(machine, &name, machine_type, allocatable.into(), uid);
    cluster.store.put_host(host);
    cluster.store.put_machine(ObservedMachine { node: Some(name), ..machine.clone() });
    true
}

fn make_ready(cluster: &mut Cluster, machine: &ObservedMachine, node: &Name) -> bool {
    let fate = fate(cluster, machine);
    let is_due = fate.ready_at.is_some_and(|at| at <= cluster.now);
    cluster.backends.nodes.insert(node.clone(), (machine.backend, machine.name.clone()));
    if cluster.kubelets.contains_key(node) {
        let is_due = fate.gpus_at.is_some_and(|at| at <= cluster.now);
        return is_due && lacks_gpus(cluster, machine) && register_gpus(cluster, machine, node);
    }
    if !is_due {
        return false;
    }
    let Some(host) = cluster.store.hosts.get(node).cloned() else { return false };
    let host = ObservedHost { ready: true, ..host };
    cluster.note(About::Work, "machines that came");
    cluster.tell(|| format!("kubelet: node {node} is ready"));
    cluster.kubelets.insert(node.clone(), Kubelet::new(host.clone()));
    let is_less = type_of(machine)
        .is_some_and(|found| host.allocatable.amounts.cpu_millis < found.allocatable.cpu_millis);
    if cluster.backends.known.insert((machine.environment, machine.machine_type.clone())) && is_less {
        cluster.backends.disappointed_at = Some(cluster.now);
    }
    if check::at_ease(cluster) {
        let environment = cluster.store.environment_of(machine);
        cluster.truth.came_to.insert(environment);
    }
    cluster.store.put_host(host);
    true
}

/// True for a machine with GPUs that its node does not report.
fn lacks_gpus(cluster: &Cluster, machine: &ObservedMachine) -> bool {
    let host = machine.node.as_ref().and_then(|node| cluster.store.hosts.get(node));
    let has_gpus = type_of(machine).is_some_and(|found| found.allocatable.gpus > 0);
    has_gpus && host.is_some_and(|host| host.allocatable.extended.is_empty())
}

/// A device plugin tells the kubelet of the GPUs.
fn register_gpus(cluster: &mut Cluster, machine: &ObservedMachine, node: &Name) -> bool {
    if cluster.backends.without_gpus {
        return false;
    }
    let uid = cluster.store.environment_of(machine);
    let environment = cluster.store.environments.values().find(|environment| environment.uid == uid);
    let (Some(environment), Some(machine_type)) = (environment, type_of(machine)) else { return false };
    let gpus = Resources { gpus: machine_type.allocatable.gpus, ..Resources::default() };
    let gpus = ResourceList::with_gpus(gpus, &environment.gpu_resource);
    let Some(host) = cluster.store.hosts.get(node).cloned() else { return false };
    cluster.note(About::Work, "GPUs registered after their node was ready");
    cluster.tell(|| format!("device plugin: node {node} has GPUs"));
    let host = ObservedHost { allocatable: host.allocatable.clone().plus(&gpus), ..host };
    if let Some(kubelet) = cluster.kubelets.get_mut(node) {
        kubelet.node.allocatable = host.allocatable.clone();
    }
    cluster.store.put_host(host);
    true
}

fn type_of(machine: &ObservedMachine) -> Option<&'static MachineType> {
    pools::type_of(&machine.machine_type)
}

fn fate(cluster: &mut Cluster, machine: &ObservedMachine) -> Fate {
    if let Some(fate) = cluster.backends.fates.get(&machine.uid) {
        return *fate;
    }
    let fate = if cluster.scripted {
        let node_at = machine.created_at + TO_NODE;
        let ready_at = node_at + TO_READY;
        let gpus_at = Some(ready_at + TO_GPUS);
        Fate { node_at: Some(node_at), ready_at: Some(ready_at), gpus_at, taken_back_at: None }
    } else {
        drawn(&mut cluster.rng, cluster.faults.shortages, cluster.now)
    };
    cluster.backends.fates.insert(machine.uid, fate);
    fate
}

fn drawn(rng: &mut Rng, shortages: u64, now: Time) -> Fate {
    let mut after = |most: u64| Duration::from_millis(rng.u64(0..most));
    let node_at = now + after(8_000);
    let ready_at = node_at + after(6_000);
    let taken_back_at = now + after(10_000);
    let gpus_at = ready_at + after(120_000);
    let (dice, kind) = (rng.u64(0..1000), rng.u64(0..4));
    let is_short = dice < shortages;
    Fate {
        node_at: (!is_short || kind != 0).then_some(node_at),
        ready_at: (!is_short || kind != 1).then_some(ready_at),
        gpus_at: Some(gpus_at),
        taken_back_at: (is_short && kind > 1).then_some(taken_back_at),
    }
}
