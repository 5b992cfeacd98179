//! Which machines an environment may have: its instance types, the smallest first.

use super::deployments;
use super::own;
use crate::catalog::{Environment, Hosting};
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::LAUNCH_PATIENCE;
use crate::mutant::{self, Mutant};
use crate::objects::{Backend, MachineType, Managed, ObservedHost, ObservedMachine, Strategy};
use crate::text::list;
use crate::units::Resources;
use crate::world::Host;
use std::collections::{BTreeMap, BTreeSet};

/// What stands for the general families, also where an environment names no types.
const OPTIMAL: &str = "optimal";

/// AWS Batch takes its C, M and R families, of the generation that a region has most of.
const OPTIMAL_FAMILIES: [&str; 3] = ["c5", "m5", "r5"];

/// The label that every node has of its machine's type.
pub(crate) const TYPE_LABEL: &str = "node.kubernetes.io/instance-type";

/// The types that an environment may have made, or that somebody else's autoscaler may add, the smallest first, or the first of
/// its list: with what its hosts of that type turned out to offer, where there are some or were, and with the catalogue's
/// estimate where there was none yet. None where nobody says what an autoscaler adds.
pub(crate) fn types(environment: &Environment, desk: &Desk) -> Vec<MachineType> {
    let chosen = chosen(environment, desk);
    if chosen.is_empty() {
        return Vec::new();
    }
    let (pool, seen) = (&environment.pool, seen(environment, desk));
    let as_offered = |mut found: MachineType| {
        if let Some(room) = seen.get(&found.name).or_else(|| pool.offered.get(&found.name)) {
            found.allocatable = *room;
        }
        if pool.without_gpus {
            found.allocatable.gpus = 0;
        }
        found
    };
    let ordered = environment.observed.managed.as_ref().filter(|found| is_ordered(found));
    let place = |found: &MachineType| ordered.and_then(|managed| place(managed, found, desk));
    // A type with GPUs costs what it costs, whatever its nodes report.
    let mut types: Vec<(u64, MachineType)> =
        chosen.into_iter().map(|found| (found.allocatable.gpus, as_offered(found))).collect();
    types.sort_by_key(|(gpus, found)| {
        let MachineType { vcpus, allocatable, name, .. } = found;
        (place(found), *gpus, *vcpus, allocatable.memory_bytes, name.clone())
    });
    types.into_iter().map(|(_, found)| found).collect()
}

/// What is wrong with the types an environment names: code and words.
pub(crate) fn fault(environment: &Environment, desk: &Desk) -> Option<(&'static str, String)> {
    let (managed, max_vcpus) = (environment.observed.managed.as_ref(), environment.observed.max_vcpus()?);
    let fault = match managed {
        Some(managed) if managed.backend == Backend::ClusterApi => {
            deployments::fault(environment, managed, desk)
        }
        _ => unknown(named(environment), &desk.machine_types),
    };
    if fault.is_some() {
        return fault;
    }
    let chosen = chosen(environment, desk);
    let architectures: BTreeSet<&Name> = chosen.iter().map(|found| &found.architecture).collect();
    if architectures.len() > 1 {
        let found: Vec<String> = architectures.iter().map(ToString::to_string).collect();
        let words = format!("its instance types are {}: an image runs on one of them only", list(&found));
        return Some(("MixedArchitectures", words));
    }
    let smallest = chosen.iter().map(|found| found.vcpus).min()?;
    (smallest > max_vcpus).then(|| {
        let words = format!(
            "maxvCpus is {max_vcpus}, its smallest instance type has {smallest} vCPUs: no machine can be added"
        );
        ("MaxvCpusTooSmall", words)
    })
}

fn unknown(named: &[Name], all: &BTreeMap<Name, MachineType>) -> Option<(&'static str, String)> {
    let unknown = named.iter().filter(|wanted| !all.values().any(|found| is(wanted, found)));
    let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
    (!unknown.is_empty()).then(|| {
        let words =
            format!("no instance type or family {}: see the catalogue of instance types", list(&unknown));
        ("UnknownInstanceType", words)
    })
}

/// What a MANAGED environment names as its instance types.
fn named(environment: &Environment) -> &[Name] {
    let managed = environment.observed.managed.as_ref().map(|found| &found.instance_types);
    let autoscaled = environment.observed.autoscaled.as_ref().map(|found| &found.instance_types);
    managed.or(autoscaled).map_or(&[], Vec::as_slice)
}

/// The types that it means. Of what somebody else's autoscaler adds nothing is known but what is named.
fn chosen(environment: &Environment, desk: &Desk) -> Vec<MachineType> {
    let optimal = [Name::from(OPTIMAL)];
    let managed = environment.observed.managed.as_ref();
    let named = named(environment);
    let wanted = if named.is_empty() && managed.is_some() { &optimal[..] } else { named };
    if let Some(managed) = managed.filter(|managed| managed.backend == Backend::ClusterApi) {
        let sources = own::sources(environment, managed, desk);
        return sources.iter().filter_map(|source| deployments::size(source, environment, desk)).collect();
    }
    let all = desk.machine_types.values();
    all.filter(|found| wanted.iter().any(|wanted| is(wanted, found))).cloned().collect()
}

fn is_ordered(managed: &Managed) -> bool {
    managed.strategy == Strategy::ProgressiveOrdered
}

/// Where in an environment's list a type stands.
fn place(managed: &Managed, found: &MachineType, desk: &Desk) -> Option<usize> {
    let made = desk.deployments.get(&found.name).and_then(|deployment| deployment.made.as_ref());
    let is_wanted = |wanted: &Name| is(wanted, found) || made.is_some_and(|made| made.pattern == *wanted);
    managed.instance_types.iter().position(is_wanted)
}

/// True when `wanted` (a type, a family, `optimal`) means this type.
fn is(wanted: &Name, found: &MachineType) -> bool {
    let family = found.name.as_str().split('.').next().unwrap_or_default();
    match wanted.as_str() {
        OPTIMAL => OPTIMAL_FAMILIES.contains(&family),
        wanted => wanted == family || wanted == found.name.as_str(),
    }
}

/// Remembers what hosts offer: else one that is too small for a job, and goes, is made again for it for ever.
pub(super) fn remember(uid: Uid, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let (seen, without_gpus) = (seen(environment, desk), without_gpus(environment, desk));
    let old_kubelets = old_kubelets(environment, desk);
    if let Some(environment) = desk.environments.get_mut(uid).filter(|_| !mutant::is(Mutant::OfferForgotten))
    {
        environment.pool.offered.extend(seen);
        environment.pool.without_gpus = without_gpus;
        environment.pool.old_kubelets = old_kubelets;
    }
}

/// The most that jobs can have of a host of each type, among the hosts that are there: what runs on every node takes its part.
/// Of one that reports no GPUs they are taken to be as many as its type has: whether any ever come is another question, asked of
/// all types together.
fn seen(environment: &Environment, desk: &Desk) -> BTreeMap<Name, Resources> {
    let mut seen: BTreeMap<Name, Resources> = BTreeMap::new();
    let gpus = &environment.observed.gpu_resource;
    for (machine_type, host) in hosts_by_type(environment, desk) {
        if let Some((node, room)) = host.usable(gpus).zip(host.room_for_jobs()) {
            let mut room = room.seen_with(gpus);
            if !reports_gpus(node, gpus) {
                room.gpus = gpus_of(machine_type, desk);
            }
            let most = seen.entry(machine_type.clone()).or_default();
            *most = most.max_each(&room);
        }
    }
    seen
}

/// The hosts of an environment, and of which type each is: its machine says so, or its label where somebody else added it.
fn hosts_by_type<'a>(environment: &Environment, desk: &'a Desk) -> Vec<(&'a Name, &'a Host)> {
    let observed = &environment.observed;
    if observed.autoscaled.is_none() {
        let machines = desk.machines.of(observed.uid);
        let hosts = machines
            .filter_map(|machine| Some((&machine.machine_type, desk.hosts.get(machine.node.as_ref()?)?)));
        return hosts.collect();
    }
    let (label, hosting) = (Name::from(TYPE_LABEL), Hosting::of(observed, &desk.machines));
    let hosts = desk.hosts.iter().filter_map(|(_, host)| Some((host.node.as_ref()?, host)));
    let hosts = hosts.filter(|(node, _)| hosting.has(node));
    hosts.filter_map(|(node, host)| Some((node.labels.get(&label)?, host))).collect()
}

/// True once a node came with a kubelet too old for multi-node jobs: more of them would be made for such a job, for nothing.
/// False again once all that are there have newer ones.
fn old_kubelets(environment: &Environment, desk: &Desk) -> bool {
    let hosts = hosts_by_type(environment, desk);
    let mut kubelets = hosts.iter().filter_map(|(_, host)| Some(host.node.as_ref()?.old_kubelet)).peekable();
    if kubelets.peek().is_none() { environment.pool.old_kubelets } else { kubelets.any(|is_old| is_old) }
}

/// True once a node reported none of the GPUs that its type has, and had its time; false again once one reports some.
fn without_gpus(environment: &Environment, desk: &Desk) -> bool {
    let gpus = &environment.observed.gpu_resource;
    let machines = desk.machines.of(environment.observed.uid);
    let with_gpus = machines.filter(|machine| gpus_of(&machine.machine_type, desk) > 0);
    let nodes = with_gpus.filter_map(|machine| {
        let node = desk.hosts.get(machine.node.as_ref()?)?.usable(gpus)?;
        Some((reports_gpus(node, gpus), awaits_gpus(machine, node, gpus, desk)))
    });
    let (some_report, some_are_late) = nodes
        .fold((false, false), |(some_report, late), (reports, awaits)| {
            (some_report || reports, late || !reports && !awaits)
        });
    !some_report && (some_are_late || environment.pool.without_gpus)
}

/// True while a node reports none of the GPUs that its type has, and may yet: a device plugin registers them once it runs there,
/// minutes after the node is ready.
pub(super) fn awaits_gpus(machine: &ObservedMachine, node: &ObservedHost, gpus: &Name, desk: &Desk) -> bool {
    let is_young =
        desk.now < machine.created_at + LAUNCH_PATIENCE && !mutant::is(Mutant::DevicePluginNotAwaited);
    is_young && !reports_gpus(node, gpus) && gpus_of(&machine.machine_type, desk) > 0
}

pub(super) fn reports_gpus(node: &ObservedHost, gpus: &Name) -> bool {
    node.allocatable.seen_with(gpus).gpus > 0
}

/// As its MachineDeployment or the catalogue has it.
pub(super) fn gpus_of(machine_type: &Name, desk: &Desk) -> u64 {
    told(machine_type, desk).map_or(0, |found| found.allocatable.gpus)
}

/// A type as its MachineDeployment or the catalogue has it; of one that was made for an environment, as its pattern has it while
/// it is like that.
pub(super) fn told<'a>(machine_type: &Name, desk: &'a Desk) -> Option<&'a MachineType> {
    let deployment = desk.deployments.get(machine_type);
    let pattern = deployment.and_then(|found| desk.deployments.get(&found.made.as_ref()?.pattern));
    let pattern = pattern.filter(|pattern| own::is_like(machine_type, pattern));
    let size = pattern.and_then(|pattern| pattern.size.as_ref());
    let size = size.or_else(|| deployment.and_then(|deployment| deployment.size.as_ref()));
    size.or_else(|| desk.machine_types.get(machine_type))
}
