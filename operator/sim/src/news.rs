//! What a scenario's transcript tells of the objects that there are.

use crate::cluster::Cluster;
use crate::stage;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use windlass_core::ids::Name;
use windlass_core::objects::{ObservedEnvironment, ObservedJob, ObservedQueue};
use windlass_core::units::vcpus;

/// Every object, and what is to be told of it.
pub(crate) fn all(cluster: &Cluster) -> BTreeMap<String, String> {
    let store = &cluster.store;
    let mut now: BTreeMap<String, String> = BTreeMap::new();
    for job in store.jobs.values() {
        now.insert(format!("job {}", job.key.name), told_of_job(job));
    }
    for definition in store.definitions.values() {
        let revisions = definition.status.revisions.iter();
        let told =
            revisions.map(|entry| format!("{}{}", entry.number, if entry.active { "" } else { " INACTIVE" }));
        now.insert(
            format!("definition {}", definition.key.name),
            format!("revisions {}", told.collect::<Vec<_>>().join(", ")),
        );
    }
    for queue in store.queues.values() {
        now.insert(format!("queue {}", queue.name), told_of_queue(queue));
    }
    for environment in store.environments.values() {
        now.insert(format!("environment {}", environment.name), told_of_environment(environment));
    }
    for (name, found) in &store.deployments {
        now.insert(format!("machinedeployment {name}"), format!("{} replicas", found.replicas));
    }
    for machine in store.machines.values() {
        now.insert(format!("machine {}", machine.name), stage::told_of_machine(machine));
    }
    for class in store.node_classes.values() {
        now.insert(format!("node class {}", class.name), stage::told_of_class(class));
    }
    for pod in store.pods.values() {
        let host = pod.host.as_ref().map_or("no host", Name::as_str);
        let deleting = if pod.deleting { ", being deleted" } else { "" };
        let gated = if pod.task.as_ref().is_some_and(|task| task.gated) { ", gated" } else { "" };
        now.insert(format!("pod {}", pod.key.name), format!("{:?} on {host}{gated}{deleting}", pod.phase));
    }
    for (key, sets) in &store.node_sets {
        let (count, sets) = (sets.order.nodes.count, sets.order.nodes.sets.len());
        now.insert(format!("statefulsets {}", key.name), format!("{sets} for {count} nodes"));
    }
    now
}

fn told_of_job(job: &ObservedJob) -> String {
    let status = &job.status;
    let mut told = format!("{} {}: {}", status.state, status.reason, status.words);
    if let Some(pinned) = &status.pinned {
        let _ = write!(told, " [{}:{}]", pinned.definition, pinned.number);
    }
    for attempt in &status.attempts {
        let exit = attempt.exit_code.map_or("none".to_owned(), |code| code.to_string());
        let proof = attempt.proof.map_or("under way", windlass_core::objects::Proof::as_str);
        let host = attempt.host.as_ref().map_or("?", Name::as_str);
        let _ = write!(told, " (attempt {} on {host}, exit {exit}, {proof})", attempt.number);
    }
    for failure in status.array.iter().flat_map(|array| &array.failures) {
        let _ = write!(
            told,
            " (failed {}-{}: {}: {})",
            failure.index, failure.last, failure.reason, failure.words
        );
    }
    for (state, indexes) in status.array.iter().flat_map(|array| &array.children) {
        let _ = write!(told, " {state}={indexes}");
    }
    told
}

fn told_of_queue(queue: &ObservedQueue) -> String {
    let mut told = validity(queue.status.validity.fault.as_ref());
    for share in queue.status.fair_share.iter().flat_map(|told| &told.shares) {
        let (used, recent) = (vcpus(share.used), vcpus(share.recent));
        let (name, weight, waiting) = (&share.share, f64::from(share.weight) / 10_000.0, share.runnable);
        let _ = write!(told, "; {name}: ({used} + {recent}) x {weight}, {waiting} wait");
    }
    told.push_str(&queue.status.name_taken.as_ref().map_or(String::new(), |words| format!("; {words}")));
    if let Some(words) = &queue.status.in_use {
        let _ = write!(told, "; {words}");
    }
    told
}

fn told_of_environment(environment: &ObservedEnvironment) -> String {
    let mut told = validity(environment.status.validity.fault.as_ref());
    told.push_str(&stage::told_of_pool(environment));
    told.push_str(
        &environment.status.name_taken.as_ref().map_or(String::new(), |words| format!("; {words}")),
    );
    if let Some(words) = &environment.status.launch_failure {
        let _ = write!(told, "; LaunchFailed: {words}");
    }
    if let Some(words) = &environment.status.in_use {
        let _ = write!(told, "; {words}");
    }
    told
}

fn validity(fault: Option<&(Name, Name)>) -> String {
    fault.map_or("VALID".to_owned(), |(code, words)| format!("INVALID {code}: {words}"))
}
