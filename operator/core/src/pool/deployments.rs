//! MachineDeployments of Cluster API as machine types: whose they are, what their machines are, and those of them that are not
//! seen yet.

use super::members::{Member, vcpus};
use super::own::{self, Source, has_own};
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::LAUNCH_WINDOW;
use crate::mutant::{self, Mutant};
use crate::objects::{
    Backend, Launch, MachineType, Managed, ObservedEnvironment, ObservedHost, ObservedMachine,
};
use crate::time::Time;
use crate::world::Registered as _;

/// The label that every kubelet sets on its node.
const ARCHITECTURE: &str = "kubernetes.io/arch";

/// The environment that scales a MachineDeployment: the one that it was made for, else the oldest that names it, and not only
/// as a pattern.
pub(crate) fn owner_of(deployment: &Name, desk: &Desk) -> Option<Uid> {
    if let Some(made) = desk.deployments.get(deployment).and_then(|found| found.made.as_ref()) {
        return Some(made.environment);
    }
    let names_it = |managed: &Managed| {
        managed.backend == Backend::ClusterApi
            && !has_own(managed)
            && managed.instance_types.contains(deployment)
    };
    let all = desk.environments.iter().map(|environment| &environment.observed);
    let those = all.filter(|observed| observed.managed.as_ref().is_some_and(names_it));
    those.min_by_key(|observed| (observed.created_at, observed.uid)).map(|observed| observed.uid)
}

/// Says anew of all machines of Cluster API which environment they are for.
pub(crate) fn claim_machines(desk: &mut Desk) {
    let mut machines = std::mem::take(&mut desk.machines);
    machines.claim(|deployment| owner_of(deployment, desk).unwrap_or_default());
    desk.machines = machines;
}

/// What the machines of a MachineDeployment are: as its annotations say, or those of its pattern now; else as its nodes are.
pub(super) fn size(source: &Source, environment: &Environment, desk: &Desk) -> Option<MachineType> {
    let ObservedEnvironment { uid, gpu_resource, .. } = &environment.observed;
    let Source { name, named } = source;
    let told = desk.deployments.get(named)?.size.clone();
    told.map(|told| MachineType { name: name.clone(), ..told }).or_else(|| {
        let of_it = desk.machines.of(*uid).filter(|machine| machine.machine_type == *name);
        let nodes = of_it.filter_map(|machine| desk.hosts.get(machine.node.as_ref()?)?.node.as_ref());
        let amounts = |node: &ObservedHost| node.allocatable.seen_with(gpu_resource);
        let node = nodes.max_by_key(|node| amounts(node))?;
        let allocatable = amounts(node);
        Some(MachineType {
            name: name.clone(),
            vcpus: u32::try_from(allocatable.cpu_millis.div_ceil(1000)).unwrap_or(u32::MAX),
            architecture: node.labels.get(&Name::from(ARCHITECTURE)).cloned().unwrap_or_default(),
            allocatable,
        })
    })
}

/// What is wrong with the MachineDeployments that an environment names: code and words.
pub(super) fn fault(
    environment: &Environment,
    managed: &Managed,
    desk: &Desk,
) -> Option<(&'static str, String)> {
    let uid = environment.observed.uid;
    managed.instance_types.iter().find_map(|name| {
        let Some(deployment) = desk.deployments.get(name) else {
            let words = format!(
                "no MachineDeployment {name} is seen: is it there, and does the chart's value backends.clusterApi let \
                 Windlass read it?"
            );
            return Some(("MachineDeploymentNotFound", words));
        };
        let is_scaled = !has_own(managed);
        if let Some(other) = owner_of(name, desk).filter(|owner| is_scaled && *owner != uid) {
            let other = desk.environments.get(other).map(|found| found.key().to_string()).unwrap_or_default();
            let words = format!("MachineDeployment {name} is compute environment {other}'s: name it in one only");
            return Some(("MachineDeploymentTaken", words));
        }
        let not_to_scale = deployment.not_to_scale.as_ref().filter(|_| is_scaled);
        if let Some(fault) = deployment.fault.as_ref().or(not_to_scale) {
            return Some(("MachineDeploymentUnusable", format!("MachineDeployment {name} {fault}")));
        }
        let wanted = &environment.observed.gpu_resource;
        if let Some(other) = deployment.gpu_resource.as_ref().filter(|told| *told != wanted) {
            let words = format!(
                "the GPUs of MachineDeployment {name} are {other}, as its annotations say, and the environment's are {wanted}: \
                 set its gpuResourceName"
            );
            return Some(("OtherGpus", words));
        }
        let mut sources = own::sources(environment, managed, desk).into_iter();
        let source = sources.find(|source| source.named == *name)?;
        let own = desk.deployments.get(&source.name);
        if let Some(fault) = own.and_then(|own| own.fault.as_ref().or(own.not_to_scale.as_ref())) {
            return Some(("MachineDeploymentUnusable", format!("MachineDeployment {} {fault}", source.name)));
        }
        size(&source, environment, desk).is_none().then(|| {
            let words = format!(
                "MachineDeployment {name} does not say what its machines are, and has none with a node: set its annotations \
                 capacity.cluster-autoscaler.kubernetes.io/cpu and capacity.cluster-autoscaler.kubernetes.io/memory"
            );
            ("UnknownMachineSize", words)
        })
    })
}

/// The machines of Cluster API that may be there, or may yet come, beside those that are `seen`.
///
/// Cluster API counts all machines, those included that are being deleted, and makes new ones only up to the replicas. So there
/// are never more than either the machines that exist or the replicas ever were.
pub(super) fn unseen<'a>(environment: &Environment, seen: &[Member<'a>], desk: &Desk) -> Vec<Member<'a>> {
    let Some(managed) = &environment.observed.managed else { return Vec::new() };
    let mut members = Vec::new();
    for name in &own::all(environment, managed, desk) {
        let is_seen = !has_own(managed) || desk.deployments.get(name).is_some();
        let machines: Vec<&ObservedMachine> = seen.iter().filter_map(|member| member.machine).collect();
        let machines: Vec<_> = machines.into_iter().filter(|machine| machine.machine_type == *name).collect();
        let stay = machines.iter().filter(|machine| !machine.deleting).count();
        let replicas = usize::try_from(replicas_wanted(environment, name, desk)).unwrap_or(usize::MAX);
        let coming = replicas.saturating_sub(stay);
        let lost = if mutant::is(Mutant::GoneMachineForgotten) {
            0
        } else {
            unaccounted(environment, name, &machines)
        };
        members.extend((0..coming.max(lost)).map(|number| Member {
            name: Name::from(format!("{name}/{number}")),
            machine_type: name.clone(),
            // As large as it may be at the most, while nobody has told what it is.
            vcpus: if is_seen { vcpus(name, None, desk) } else { managed.max_vcpus },
            machine: None,
            host: None,
            failed: number >= coming,
            awaits_gpus: false,
            is_usable: false,
            has_arrived: false,
            is_outdated: own::is_outdated(name, environment, desk),
            ready_by: None,
            is_young: true,
        }));
    }
    members
}

/// How many machines a MachineDeployment is to have, once what is written down has been asked for.
pub(super) fn replicas_wanted(environment: &Environment, name: &Name, desk: &Desk) -> u32 {
    let known = desk.deployments.get(name).map_or(0, |deployment| deployment.replicas);
    let open = open_launches(environment.launches(), environment, name, desk.now);
    open.filter_map(|launch| launch.replicas).fold(known, u32::max)
}

/// Launches of a MachineDeployment that may still be asked for, or are being asked for.
pub(super) fn open_launches<'a>(
    launches: &'a [Launch],
    environment: &'a Environment,
    name: &'a Name,
    now: Time,
) -> impl Iterator<Item = &'a Launch> {
    let pool = &environment.pool;
    launches.iter().filter(move |launch| {
        let is_over = pool.granted.contains(&launch.serial) || pool.failed.contains(&launch.serial);
        launch.machine_type == *name && !is_over && now < launch.decided_at + LAUNCH_WINDOW
    })
}

/// Launches for which no machine is seen. Its machine may be there and not be seen, or be gone already and have its place taken.
fn unaccounted(environment: &Environment, name: &Name, machines: &[&ObservedMachine]) -> usize {
    let launches = environment.launches().iter().filter(|launch| launch.machine_type == *name);
    let mut decided: Vec<Time> = launches.map(|launch| launch.decided_at).collect();
    let mut made: Vec<Time> = machines.iter().map(|machine| machine.created_at).collect();
    decided.sort();
    made.sort();
    // A machine was made after its launch was decided: each stands for the oldest that it can.
    let accounted = made.into_iter().fold(0, |number, at| {
        number + usize::from(decided.get(number).is_some_and(|decided| *decided <= at))
    });
    decided.len() - accounted
}
