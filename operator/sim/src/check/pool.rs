//! What must hold of machines: never more than `maxvCpus`, none that nobody knows of, none that is not wanted, and no job is lost
//! because one goes.

use super::request::at_ease;
use crate::cluster::Cluster;
use crate::pools::{self, LARGEST};
use std::collections::BTreeSet;
use windlass_core::action::{Action, Guard, MachineOrder, ScaleOrder};
use windlass_core::ids::{Name, Uid};
use windlass_core::limits::{LAUNCH_PAUSE, LAUNCH_WINDOW, REQUEST_TIMEOUT_OF_SERVER};
use windlass_core::objects::{
    Backend, EnvironmentStatus, Launch, MachineType, Managed, ObservedEnvironment, ObservedHost, ObservedJob,
    ObservedMachine, ObservedMachineDeployment, PoolStatus, Strategy,
};

/// Checks a request when it is sent, whatever becomes of it: by the time it lands there may be jobs that nobody could know of.
pub fn when_sent(cluster: &Cluster, action: &Action) -> Option<String> {
    match action {
        Action::RetireMachine(backend, name, uid) | Action::RemoveMachine(backend, name, uid) => {
            told_to_go(cluster, *backend, name, *uid)
        }
        _ => None,
    }
}

/// Checks a request before it is carried out.
pub fn before_request(cluster: &Cluster, action: &Action) -> Option<String> {
    match action {
        Action::WriteEnvironment(guard, status) => decided(cluster, guard, status),
        Action::LaunchMachine(order) => lands(cluster, order).or_else(|| impatient(cluster, order)),
        Action::RemoveMachine(Backend::Simulated | Backend::ClusterApi, name, uid) => {
            too_early(cluster, name, *uid)
        }
        Action::Scale(order) => scaled(cluster, order),
        _ => None,
    }
}

/// Nobody who knows all tells a machine to go while a job runs there.
fn told_to_go(cluster: &Cluster, backend: Backend, name: &Name, uid: Uid) -> Option<String> {
    let machine = cluster.store.machines.get(&(backend, name.clone()))?;
    let is_meant = machine.uid == uid && at_ease(cluster) && !machine.deleting;
    let node = machine.node.as_ref().filter(|_| is_meant)?;
    let has_jobs = cluster.store.has_jobs(node);
    has_jobs.then(|| format!("machine {name} is told to go although a job runs there"))
}

/// Another leader may have placed a job just before a machine was told to take no more: it is seen first.
fn too_early(cluster: &Cluster, name: &Name, uid: Uid) -> Option<String> {
    let retired_at = cluster.truth.retired_at.get(&uid)?;
    let since = cluster.now.since(*retired_at);
    (since < LAUNCH_WINDOW + REQUEST_TIMEOUT_OF_SERVER)
        .then(|| format!("machine {name} is removed {since:?} after it was told to take no more jobs"))
}

/// A machine is decided only where one may be had, and within `maxvCpus`; none is forgotten that may still come.
fn decided(cluster: &Cluster, guard: &Guard, status: &EnvironmentStatus) -> Option<String> {
    let environment = cluster.store.environments.get(&guard.key.name)?;
    if environment.uid != guard.uid || environment.resource_version != guard.resource_version {
        return None;
    }
    let (before, after) = (&environment.status.pool, &status.pool);
    let name = &environment.name;
    if after.last_serial < before.last_serial {
        return Some(format!("environment {name} goes back to serial {}", after.last_serial));
    }
    if let Some(forgotten) = forgotten(cluster, environment, after) {
        return Some(forgotten);
    }
    let is_new = |launch: &&Launch| launch.serial > before.last_serial;
    let new: Vec<&Launch> = after.launches.iter().filter(is_new).collect();
    if new.is_empty() {
        return None;
    }
    let Some(managed) = environment.managed.as_ref().filter(|_| environment.enabled && !environment.deleting)
    else {
        return Some(format!("environment {name} is given machines, and may have none: {new:?}"));
    };
    too_many(cluster, environment, managed, after, &new)
        .or_else(|| needless(cluster, environment, managed, &new))
}

/// Those that are there and those that may come are within `maxvCpus`.
fn too_many(
    cluster: &Cluster,
    environment: &ObservedEnvironment,
    managed: &Managed,
    after: &PoolStatus,
    new: &[&Launch],
) -> Option<String> {
    let name = &environment.name;
    if managed.backend == Backend::ClusterApi {
        let most = |name: &Name| {
            let those = new.iter().filter(|launch| launch.machine_type == *name);
            those.filter_map(|launch| launch.replicas).max().unwrap_or(0)
        };
        let vcpus = vcpus_scaled(cluster, environment.uid, managed, most);
        return (vcpus > managed.max_vcpus)
            .then(|| format!("environment {name} is to have {vcpus} vCPUs, of {}", managed.max_vcpus));
    }
    let there = vcpus_of(cluster, environment.uid);
    let was_made = |launch: &&Launch| is_known(cluster, environment.uid, launch.serial);
    let to_come: u32 = after
        .launches
        .iter()
        .filter(|launch| !was_made(launch))
        .map(|launch| vcpus(&launch.machine_type))
        .sum();
    (there + to_come > managed.max_vcpus).then(|| {
        format!(
            "environment {name} has {there} vCPUs, {to_come} to come, of {} it may have",
            managed.max_vcpus
        )
    })
}

/// None is bought that is larger than any job needs, or has GPUs that nobody needs.
fn needless(
    cluster: &Cluster,
    environment: &ObservedEnvironment,
    managed: &Managed,
    new: &[&Launch],
) -> Option<String> {
    new.iter().find_map(|launch| too_large(managed, &launch.machine_type)).or_else(|| {
        let with_gpus = new.iter().find(|launch| has_gpus(&launch.machine_type))?;
        needless_gpus(cluster, environment.uid, managed, &with_gpus.machine_type)
    })
}

/// Machines with GPUs are for jobs that need some, and as many as are there but for their GPUs are not bought again.
fn needless_gpus(cluster: &Cluster, environment: Uid, managed: &Managed, bought: &Name) -> Option<String> {
    if !at_ease(cluster) {
        return None;
    }
    let store = &cluster.store;
    let unfinished = store.jobs.values().filter(|job| !job.status.state.is_final());
    let (with_gpus, others): (Vec<&ObservedJob>, Vec<&ObservedJob>) =
        unfinished.partition(|job| super::order::has_gpus(cluster, job));
    if with_gpus.is_empty() {
        // Another strategy takes one that has some where the others are not to be had.
        return (managed.strategy == Strategy::BestFit)
            .then(|| format!("{bought} is bought, and no job needs GPUs"));
    }
    let is_free = |machine: &&ObservedMachine| {
        let node = machine.node.as_ref().filter(|node| !store.has_jobs(node));
        let host = node.and_then(|node| store.hosts.get(node));
        let goes = machine.leaving || machine.deleting;
        let is_open = |host: &ObservedHost| host.ready && !host.unschedulable;
        has_gpus(&machine.machine_type)
            && !goes
            && host.is_some_and(|host| is_open(host) && host.allocatable.amounts.cpu_millis >= LARGEST)
    };
    let free = store.machines_of(environment).filter(is_free).count();
    let tasks: usize = with_gpus.iter().map(|job| store.tasks_of(job).map_or(1, |size| size as usize)).sum();
    (others.is_empty() && free >= tasks)
        .then(|| format!("{bought} is bought for {tasks} tasks, and {free} machines with GPUs are free"))
}

fn has_gpus(machine_type: &Name) -> bool {
    pools::type_of(machine_type).is_some_and(|found| found.allocatable.gpus > 0)
}

/// vCPUs of the machines of Cluster API that an environment has, or comes to have, with so many of each MachineDeployment
/// asked for: of those that it names, and those that were made for it.
fn vcpus_scaled(cluster: &Cluster, environment: Uid, managed: &Managed, asked: impl Fn(&Name) -> u32) -> u32 {
    let store = &cluster.store;
    let made = store.made_for(environment).map(ObservedMachineDeployment::machine_type);
    let named = managed.instance_types.iter().filter(|_| managed.node_class.is_none()).cloned();
    let number = |name: &Name| {
        let there = u32::try_from(store.machines_of_deployment(name).count()).unwrap_or(u32::MAX);
        let replicas = store.deployments.get(name).map_or(0, |found| found.replicas);
        there.max(replicas).max(asked(name))
    };
    made.chain(named).map(|name| vcpus(&name) * number(&name)).sum()
}

/// More machines are asked for as the books say, within `maxvCpus`; fewer only once those that are to go are marked.
fn scaled(cluster: &Cluster, order: &ScaleOrder) -> Option<String> {
    let store = &cluster.store;
    let name = Name::from(order.guard.key.to_string());
    let deployment = store.deployments.get(&name)?;
    let is_meant =
        deployment.resource_version == order.guard.resource_version && store.machine_refusal.is_none();
    if !is_meant || deployment.uid != order.guard.uid {
        return None;
    }
    let replicas = order.replicas;
    let scaled_by = store.scaled_by(&name);
    let environment = store.environments.values().find(|environment| Some(environment.uid) == scaled_by);
    if replicas <= deployment.replicas {
        // One that comes while all go that an environment had, which is deleted, goes with them: no job has come there. The
        // environment may have stopped naming it since.
        let is_over = environment.is_none_or(|environment| environment.deleting) || deployment.made.is_some();
        let all_go = replicas == 0 && is_over;
        let is_free =
            |machine: &ObservedMachine| machine.node.as_ref().is_none_or(|node| !store.has_jobs(node));
        let goes =
            |machine: &ObservedMachine| machine.deleting || machine.marked || all_go && is_free(machine);
        let stays = |machine: &&ObservedMachine| !goes(machine);
        let stay = store.machines_of_deployment(&name).filter(stays).count();
        return (usize::try_from(replicas).is_ok_and(|replicas| replicas < stay))
            .then(|| format!("{name} is scaled to {replicas}, and {stay} of its machines are not marked"));
    }
    let environment = environment?;
    let mut launches = environment.status.pool.launches.iter();
    let covers = |launch: &Launch| launch.machine_type == name && launch.replicas >= Some(replicas);
    if !launches.any(covers) {
        return Some(format!("{name} is scaled to {replicas}, and the books do not say so"));
    }
    // As the environment was when the last was decided: it may have other MachineDeployments since, with machines of theirs.
    let last = environment.status.pool.launches.iter().map(|launch| launch.serial).max()?;
    let managed = cluster.truth.launch_limits.get(&(environment.uid, last))?;
    let most = managed.max_vcpus;
    let asked = |other: &Name| if *other == name { replicas } else { 0 };
    let vcpus = vcpus_scaled(cluster, environment.uid, managed, asked);
    (vcpus > most)
        .then(|| format!("{name} is scaled to {replicas}: {vcpus} vCPUs, of {most} that there may be"))
}

/// The smallest machine that fits is bought.
fn too_large(managed: &Managed, bought: &Name) -> Option<String> {
    let fits = |found: &&MachineType| found.allocatable.cpu_millis - pools::LESS >= LARGEST;
    let chosen = types_of(managed).into_iter().filter(|found| fits(found));
    // Another strategy may take a larger one.
    let smallest = chosen.map(|found| found.vcpus).min().filter(|_| managed.strategy == Strategy::BestFit)?;
    (vcpus(bought) > smallest)
        .then(|| format!("{bought} is bought, although {smallest} vCPUs have room for any job there is"))
}

/// The types that an environment may have.
fn types_of(managed: &Managed) -> Vec<&'static MachineType> {
    let is = |wanted: &Name, found: &MachineType| {
        let family = found.name.as_str().split('.').next().unwrap_or_default();
        wanted.as_str() == "optimal" || wanted == &found.name || wanted.as_str() == family
    };
    let any = managed.instance_types.is_empty();
    let is_scaled = managed.backend == Backend::ClusterApi;
    let all = if is_scaled { pools::deployments() } else { pools::catalogue() }.iter();
    all.filter(|found| any || managed.instance_types.iter().any(|wanted| is(wanted, found))).collect()
}

/// A launch is struck from the books only once its machine was there, or the API server has said that there is none, and no
/// request for it is under way any more.
fn forgotten(cluster: &Cluster, environment: &ObservedEnvironment, after: &PoolStatus) -> Option<String> {
    let uid = environment.uid;
    if environment.managed.as_ref().is_some_and(|managed| managed.backend == Backend::ClusterApi) {
        return None;
    }
    let is_struck = |launch: &&Launch| after.launches.iter().all(|kept| kept.serial != launch.serial);
    let struck: BTreeSet<u64> =
        environment.status.pool.launches.iter().filter(is_struck).map(|launch| launch.serial).collect();
    let missed = &cluster.truth.machines_missed;
    let was_missed = |wanted: u64| {
        let of = |name: &&Name| serial(name) == wanted && name.as_str().contains(&uid.prefix());
        missed.iter().any(|name| of(&name))
    };
    let unasked = struck.iter().find(|serial| !is_known(cluster, uid, **serial) && !was_missed(**serial));
    if let Some(serial) = unasked {
        return Some(format!("machine {serial} is struck from the books, and nobody has asked for it"));
    }
    let late = cluster.late.iter().find_map(|late| match &late.action {
        Action::LaunchMachine(order) if order.environment_uid == uid => Some(order),
        _ => None,
    })?;
    let is_there = cluster.store.machines.contains_key(&(late.backend, late.name.clone()));
    (struck.contains(&serial(&late.name)) && !is_there)
        .then(|| format!("machine {} is struck from the books, and may still come", late.name))
}

/// Only what is in the books is made.
fn lands(cluster: &Cluster, order: &MachineOrder) -> Option<String> {
    let is_there = cluster.store.machines.contains_key(&(order.backend, order.name.clone()));
    let environment = cluster.store.environments.get(&order.environment)?;
    let launches = &environment.status.pool.launches;
    let is_listed = launches.iter().any(|launch| launch.serial == serial(&order.name));
    (environment.uid == order.environment_uid && !is_there && !is_listed)
        .then(|| format!("machine {} is made, and is not in the books", order.name))
}

/// So many in a row, and the pause is as long as it gets.
const FAILURES: u32 = 6;

/// What cannot be had for long is asked for in longer and longer intervals.
fn impatient(cluster: &Cluster, order: &MachineOrder) -> Option<String> {
    let calm_for = cluster.now.since(cluster.calm_since?);
    let is_long = order.backend == Backend::Karpenter
        && cluster.backends.broken.is_some()
        && calm_for > LAUNCH_PAUSE.1 * 3
        && cluster.truth.launches_in_calm.get(&order.environment_uid).is_some_and(|times| *times > FAILURES);
    let since = cluster.now.since(*cluster.truth.launched_at.get(&order.environment_uid)?);
    // Several may be asked for together.
    (is_long && since > LAUNCH_PAUSE.0 / 10 && since < LAUNCH_PAUSE.1 / 2)
        .then(|| format!("machine {} is asked for {since:?} after others that could not be had", order.name))
}

/// After every step: all machines of an environment together are within what it might have when the last was decided.
pub fn after_step(cluster: &Cluster) -> Option<String> {
    let own = |machine: &&ObservedMachine| machine.backend != Backend::ClusterApi;
    let mut environments: Vec<Uid> =
        cluster.store.machines.values().filter(own).map(|machine| machine.environment).collect();
    environments.dedup();
    environments.into_iter().find_map(|environment| {
        let machines = cluster.store.machines_of(environment);
        let last = machines.map(|machine| serial(&machine.name)).max()?;
        let Some(managed) = cluster.truth.launch_limits.get(&(environment, last)) else {
            return Some(format!("machine {last} of {environment} was never decided"));
        };
        let (there, most) = (vcpus_of(cluster, environment), managed.max_vcpus);
        (there > most).then(|| format!("{there} vCPUs are there of {environment}, which may have {most}"))
    })
}

/// Once all is quiet.
pub fn at_rest(cluster: &Cluster) -> Option<String> {
    let store = &cluster.store;
    if let Some(machine) = store.machines.values().find(|machine| {
        machine.backend != Backend::ClusterApi
            && !store.environments.values().any(|environment| environment.uid == machine.environment)
    }) {
        return Some(format!("machine {} is left of an environment that is gone", machine.name));
    }
    if let Some(environment) = store.environments.values().find(|environment| environment.deleting) {
        return Some(format!("environment {} was deleted and is still there", environment.name));
    }
    store.environments.values().find_map(|environment| {
        let managed = environment.managed.as_ref()?;
        let machines: Vec<&ObservedMachine> = store.machines_of(environment.uid).collect();
        scaled_in(managed, &machines)
            .or_else(|| replicas(cluster, environment.uid))
            .or_else(|| books(&environment.status, &machines))
            .or_else(|| invalid(cluster, environment))
            .map(|words| format!("environment {}: {words}", environment.name))
    })
}

/// Idle machines have gone, but for those that are kept.
fn scaled_in(managed: &Managed, machines: &[&ObservedMachine]) -> Option<String> {
    let sizes = machines.iter().map(|machine| vcpus(&machine.machine_type));
    let there: u32 = sizes.clone().sum();
    let min = managed.min_vcpus;
    let smallest = sizes.min().unwrap_or_default();
    if there > 0 && there - smallest >= min {
        return Some(format!("{there} vCPUs are left, {min} are to be kept, {smallest} could go"));
    }
    let smallest_type = types_of(managed).iter().map(|found| found.vcpus).min().unwrap_or_default();
    let could_grow = there + smallest_type <= managed.max_vcpus;
    (there < min && could_grow).then(|| format!("only {there} vCPUs are left, {min} are to be kept"))
}

/// What a MachineDeployment is to have is there.
fn replicas(cluster: &Cluster, environment: Uid) -> Option<String> {
    cluster.store.scaled_for(environment).find_map(|found| {
        let (name, replicas) = (found.machine_type(), found.replicas);
        let marked = cluster.store.machines_of_deployment(&name).filter(|machine| machine.marked).count();
        (marked > 0).then(|| format!("{name} has {replicas} replicas, and {marked} that are marked"))
    })
}

/// The status says what there is.
fn books(status: &EnvironmentStatus, machines: &[&ObservedMachine]) -> Option<String> {
    let there: u32 = machines.iter().map(|machine| vcpus(&machine.machine_type)).sum();
    let pool = &status.pool;
    (pool.desired_vcpus != Some(there) || pool.launching_vcpus != 0 || !pool.launches.is_empty())
        .then(|| format!("{there} vCPUs are there, its status says {pool:?}"))
}

/// INVALID is what nobody has put to the test since.
fn invalid(cluster: &Cluster, environment: &ObservedEnvironment) -> Option<String> {
    let (code, words) = environment.status.validity.fault.as_ref()?;
    let is_untried = code.as_str() == "LaunchFailed" && !cluster.truth.came_to.contains(&environment.uid);
    (!is_untried).then(|| format!("INVALID: {words}"))
}

fn is_known(cluster: &Cluster, environment: Uid, serial: u64) -> bool {
    cluster.truth.machines_made.contains(&(environment, serial))
}

fn vcpus_of(cluster: &Cluster, environment: Uid) -> u32 {
    cluster.store.machines_of(environment).map(|machine| vcpus(&machine.machine_type)).sum()
}

fn vcpus(machine_type: &Name) -> u32 {
    pools::type_of(machine_type).map_or(0, |found| found.vcpus)
}

/// The serial number in a machine's name.
pub fn serial(name: &Name) -> u64 {
    name.as_str().rsplit('-').next().and_then(|serial| serial.parse().ok()).unwrap_or_default()
}

/// A job is given to a host whose machine is to go.
pub fn on_one_that_leaves(cluster: &Cluster, host: &Name) -> Option<String> {
    let machine = cluster.store.machine_of(host).filter(|machine| machine.leaving || machine.deleting)?;
    let backend = matches!(machine.backend, Backend::Karpenter);
    Some(format!("a job is given to {host}, whose machine is to go (Karpenter: {backend})"))
}
