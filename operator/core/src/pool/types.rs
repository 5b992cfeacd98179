//! Which machines an environment may have: its instance types, the smallest first.

use crate::catalog::{Environment, chooses};
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::mutant::{self, Mutant};
use crate::objects::{MachineType, Managed, ObservedEnvironment, Strategy};
use crate::text::list;
use crate::units::Resources;
use std::collections::{BTreeMap, BTreeSet};

/// What stands for the general families, also where an environment names no types.
const OPTIMAL: &str = "optimal";

/// AWS Batch takes its C, M and R families, of the generation that a region has most of.
const OPTIMAL_FAMILIES: [&str; 3] = ["c5", "m5", "r5"];

/// The label that every node has of its machine's type.
pub(super) const TYPE_LABEL: &str = "node.kubernetes.io/instance-type";

/// The types that an environment may have made, the smallest or the first of its list first: with what its hosts of that type turned out to offer, where
/// there are some or were, and with the catalogue's estimate where there was none yet.
pub(crate) fn types(environment: &Environment, desk: &Desk) -> Vec<MachineType> {
    let chosen = chosen(&environment.observed, &desk.machine_types);
    if chosen.is_empty() {
        return Vec::new();
    }
    let seen = seen(environment, desk);
    let mut types: Vec<MachineType> = chosen.into_iter().cloned().collect();
    for machine_type in &mut types {
        let known = seen.get(&machine_type.name).or_else(|| environment.pool.offered.get(&machine_type.name));
        if let Some(room) = known {
            machine_type.allocatable = *room;
        }
    }
    let ordered = environment.observed.managed.as_ref().filter(|found| is_ordered(found));
    let place = |found: &MachineType| ordered.and_then(|managed| place(managed, found));
    types.sort_by_key(|machine_type| {
        let MachineType { vcpus, allocatable, name, .. } = machine_type;
        (place(machine_type), allocatable.gpus, *vcpus, allocatable.memory_bytes, name.clone())
    });
    types
}

/// What is wrong with the types an environment names: code and words.
pub(crate) fn fault(
    observed: &ObservedEnvironment,
    all: &BTreeMap<Name, MachineType>,
) -> Option<(&'static str, String)> {
    let (named, max_vcpus) = bounds(observed)?;
    let unknown = named.iter().filter(|wanted| !all.values().any(|found| is(wanted, found)));
    let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
    if !unknown.is_empty() {
        let words =
            format!("no instance type or family {}: see the catalogue of instance types", list(&unknown));
        return Some(("UnknownInstanceType", words));
    }
    let chosen = chosen(observed, all);
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

/// What a MANAGED environment names as its instance types, and `maxvCpus`.
fn bounds(observed: &ObservedEnvironment) -> Option<(&[Name], u32)> {
    let managed = observed.managed.as_ref().map(|found| (&*found.instance_types, found.max_vcpus));
    managed.or_else(|| observed.autoscaled.as_ref().map(|found| (&*found.instance_types, found.max_vcpus)))
}

/// The types that it means. Of what somebody else's autoscaler adds nothing is known but what is named.
fn chosen<'a>(observed: &ObservedEnvironment, all: &'a BTreeMap<Name, MachineType>) -> Vec<&'a MachineType> {
    let optimal = [Name::from(OPTIMAL)];
    let named = bounds(observed).map_or(&[][..], |(named, _)| named);
    let wanted = if named.is_empty() && observed.managed.is_some() { &optimal[..] } else { named };
    all.values().filter(|found| wanted.iter().any(|wanted| is(wanted, found))).collect()
}

fn is_ordered(managed: &Managed) -> bool {
    managed.strategy == Strategy::ProgressiveOrdered && !mutant::is(Mutant::ListOrderIgnored)
}

/// Where in an environment's list a type stands.
fn place(managed: &Managed, found: &MachineType) -> Option<usize> {
    managed.instance_types.iter().position(|wanted| is(wanted, found))
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
    let label = Name::from(TYPE_LABEL);
    for (_, host) in desk.hosts.iter() {
        let (Some(node), Some(room)) = (host.usable(), host.room_for_jobs()) else { continue };
        if let Some(machine_type) = node.labels.get(&label)
            && chooses(&environment.observed.selector, node)
        {
            let most = seen.entry(machine_type.clone()).or_default();
            *most = most.max_each(&room);
        }
    }
    seen
}
