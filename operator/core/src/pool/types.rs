//! Which machines an environment may have: its instance types, the smallest first.

use super::deployments;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::mutant::{self, Mutant};
use crate::objects::{Backend, MachineType, Managed};
use crate::text::list;
use crate::units::Resources;
use crate::world::Host;
use std::collections::{BTreeMap, BTreeSet};

/// What stands for the general families, also where an environment names no types.
const OPTIMAL: &str = "optimal";

/// AWS Batch takes its C, M and R families, of the generation that a region has most of.
const OPTIMAL_FAMILIES: [&str; 3] = ["c5", "m5", "r5"];

/// The types that an environment may have made, the smallest first: with what its hosts of that type turned out to offer, where
/// there are some or were, and with the catalogue's estimate where there was none yet.
pub(crate) fn types(environment: &Environment, desk: &Desk) -> Vec<MachineType> {
    let Some(managed) = &environment.observed.managed else { return Vec::new() };
    let seen = seen(environment, desk);
    let mut types = chosen(environment, managed, desk);
    for machine_type in &mut types {
        let known = seen.get(&machine_type.name).or_else(|| environment.pool.offered.get(&machine_type.name));
        if let Some(room) = known {
            machine_type.allocatable = *room;
        }
    }
    types.sort_by_key(|machine_type| {
        let MachineType { vcpus, allocatable, name, .. } = machine_type;
        (allocatable.gpus, *vcpus, allocatable.memory_bytes, name.clone())
    });
    types
}

/// What is wrong with the types an environment names: code and words.
pub(crate) fn fault(environment: &Environment, desk: &Desk) -> Option<(&'static str, String)> {
    let managed = environment.observed.managed.as_ref()?;
    let fault = match managed.backend {
        Backend::ClusterApi => deployments::fault(environment, managed, desk),
        Backend::Karpenter | Backend::Simulated => unknown(managed, &desk.machine_types),
    };
    if fault.is_some() {
        return fault;
    }
    let chosen = chosen(environment, managed, desk);
    let architectures: BTreeSet<&Name> = chosen.iter().map(|found| &found.architecture).collect();
    if architectures.len() > 1 {
        let found: Vec<String> = architectures.iter().map(ToString::to_string).collect();
        let words = format!("its instance types are {}: an image runs on one of them only", list(&found));
        return Some(("MixedArchitectures", words));
    }
    let smallest = chosen.iter().map(|found| found.vcpus).min()?;
    (smallest > managed.max_vcpus).then(|| {
        let words = format!(
            "maxvCpus is {}, its smallest instance type has {smallest} vCPUs: no machine can be added",
            managed.max_vcpus
        );
        ("MaxvCpusTooSmall", words)
    })
}

fn unknown(managed: &Managed, all: &BTreeMap<Name, MachineType>) -> Option<(&'static str, String)> {
    let unknown = managed.instance_types.iter().filter(|wanted| !all.values().any(|found| is(wanted, found)));
    let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
    (!unknown.is_empty()).then(|| {
        let words =
            format!("no instance type or family {}: see the catalogue of instance types", list(&unknown));
        ("UnknownInstanceType", words)
    })
}

fn chosen(environment: &Environment, managed: &Managed, desk: &Desk) -> Vec<MachineType> {
    let optimal = [Name::from(OPTIMAL)];
    let wanted = if managed.instance_types.is_empty() { &optimal[..] } else { &managed.instance_types };
    match managed.backend {
        Backend::ClusterApi => {
            wanted.iter().filter_map(|name| deployments::size(name, environment, desk)).collect()
        }
        Backend::Karpenter | Backend::Simulated => {
            let all = desk.machine_types.values();
            all.filter(|found| wanted.iter().any(|wanted| is(wanted, found))).cloned().collect()
        }
    }
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
    let Some(seen) = desk.environments.get(uid).map(|environment| seen(environment, desk)) else { return };
    if let Some(environment) = desk.environments.get_mut(uid).filter(|_| !mutant::is(Mutant::OfferForgotten))
    {
        environment.pool.offered.extend(seen);
    }
}

/// The most that jobs can have of a host of each type, among the hosts that are there: what runs on every node takes its part.
fn seen(environment: &Environment, desk: &Desk) -> BTreeMap<Name, Resources> {
    let mut seen: BTreeMap<Name, Resources> = BTreeMap::new();
    for machine in desk.machines.of(environment.observed.uid) {
        let host = machine.node.as_ref().and_then(|node| desk.hosts.get(node));
        if let Some(room) = host.and_then(Host::room_for_jobs) {
            let most = seen.entry(machine.machine_type.clone()).or_default();
            *most = most.max_each(&room);
        }
    }
    seen
}
