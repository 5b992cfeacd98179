//! What must hold of pods that wait for nodes of somebody else's autoscaler: they never ask for more than `maxvCpus`, and only
//! where jobs are placed at all.

use super::request::at_ease;
use crate::cluster::Cluster;
use crate::pools;
use std::time::Duration;
use windlass_core::action::PodOrder;
use windlass_core::ids::Name;
use windlass_core::objects::{ObservedEnvironment, ObservedHost, ObservedPod, PodPhase};
use windlass_core::units::ResourceList;

/// True for an environment that somebody else's autoscaler serves.
pub fn is_served(cluster: &Cluster, environment: &Name) -> bool {
    let found = cluster.store.environments.get(environment);
    found.is_some_and(|found| found.autoscaled.is_some())
}

/// A pod that is to wait for a node is made only where that may be.
pub fn before_create(cluster: &Cluster, order: &PodOrder) -> Option<String> {
    let (pod, name) = (&order.pod.name, &order.environment);
    let Some(environment) = cluster.store.environments.get(name).filter(|found| found.autoscaled.is_some())
    else {
        return Some(format!("pod {pod} is to wait for a node of {name}, to which none is added"));
    };
    if !environment.enabled || environment.deleting {
        return Some(format!("pod {pod} is to wait for a node of {name}, which takes no jobs"));
    }
    let is_there = cluster.store.pods.contains_key(&order.pod);
    let more = if is_there { 0 } else { order.need.cpu_millis };
    beyond(cluster, environment, more).map(|words| format!("pod {pod}: {words}"))
}

/// Room that a pod has for long which waited for a node is not given to another.
pub fn before_pinned(cluster: &Cluster, order: &PodOrder) -> Option<String> {
    let host = cluster.store.hosts.get(&order.host)?;
    let is_there = |pod: &&ObservedPod| {
        let bound_at = pod.task.as_ref().and_then(|task| task.bound_at);
        let is_known = bound_at.is_none_or(|at| at + KNOWN < cluster.now);
        pod.phase == PodPhase::Active && pod.place() == Some(&order.host) && pod.key != order.pod && is_known
    };
    let pods = cluster.store.pods.values().filter(is_there);
    let used = pods.fold(ResourceList::default(), |sum, pod| sum.plus(&pod.requests));
    let need = ResourceList::with_gpus(order.need, &order.gpu_resource);
    (!host.allocatable.clone().minus(&used).covers(&need))
        .then(|| format!("pod {} is given to {}, where {used:?} is used", order.pod.name, order.host))
}

/// By then everybody knows that a pod was bound.
const KNOWN: Duration = Duration::from_secs(5);

/// Where nothing was done for long, nobody waits for what may not be added, or for longer than a node may take.
pub fn after_silence(cluster: &Cluster) -> Option<String> {
    let mut environments = cluster.store.environments.values().filter(|_| at_ease(cluster));
    environments
        .find_map(|environment| beyond(cluster, environment, 0).or_else(|| late(cluster, environment)))
}

/// A pod that should have been withdrawn long ago.
fn late(cluster: &Cluster, environment: &ObservedEnvironment) -> Option<String> {
    let patience = environment.autoscaled.as_ref()?.patience + LATE;
    let is_late = |pod: &&ObservedPod| {
        let waits =
            pod.floats_in() == Some(&environment.name) && pod.phase == PodPhase::Active && !pod.deleting;
        waits && pod.created_at + patience < cluster.now
    };
    let pod = cluster.store.pods.values().find(is_late)?;
    Some(format!("pod {} has waited for a node since {}", pod.key.name, pod.created_at))
}

/// More than clocks go wrong, and than nothing is decided after a list.
const LATE: Duration = Duration::from_secs(180);

/// Once all is quiet the status says what there is, and nothing is waited for.
pub fn at_rest(cluster: &Cluster) -> Option<String> {
    cluster.store.environments.values().filter(|found| found.autoscaled.is_some()).find_map(|environment| {
        let hosts = cluster.store.hosts.values().filter(|host| is_in(environment, host));
        let there: u64 = hosts.map(pools::vcpus).sum();
        let status = &environment.status;
        let told = (status.pool.desired_vcpus.map(u64::from), status.pool.launching_vcpus);
        let is_told = told == (Some(there), 0) && status.validity.fault.is_none();
        (!is_told).then(|| format!("{there} vCPUs are there, {} says {status:?}", environment.name))
    })
}

/// What pods use and ask for together is beyond what may be there.
fn beyond(cluster: &Cluster, environment: &ObservedEnvironment, more: u64) -> Option<String> {
    let most = u64::from(environment.autoscaled.as_ref()?.max_vcpus) * 1000;
    let hosts = || cluster.store.hosts.values().filter(|host| is_in(environment, host));
    let there: u64 = hosts().map(|host| pools::vcpus(host) * 1000).sum();
    let pods = cluster.store.pods.values().filter(|pod| pod.phase == PodPhase::Active);
    let sum = |counts: &dyn Fn(&ObservedPod) -> bool| -> u64 {
        pods.clone().filter(|pod| counts(pod)).map(|pod| pod.requests.amounts.cpu_millis).sum()
    };
    let waiting = sum(&|pod| !pod.deleting && pod.floats_in() == Some(&environment.name)) + more;
    let used = sum(&|pod| pod.task.is_some() && hosts().any(|host| pod.place() == Some(&host.name)));
    (waiting > 0 && waiting + used > most.max(there)).then(|| {
        let name = &environment.name;
        format!("{used} are used of {there} in {name}, {waiting} waited for; {most} thousandths of vCPUs are allowed")
    })
}

fn is_in(environment: &ObservedEnvironment, host: &ObservedHost) -> bool {
    environment.selector.iter().all(|(key, value)| host.labels.get(key) == Some(value))
}
