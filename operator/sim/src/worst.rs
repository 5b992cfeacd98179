//! The worst moments: what people and hosts do just when it hurts most.

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::store::Store;
use crate::truth::{Admission, Truth};
use crate::{check, deployments, operator};
use windlass_core::action::{Action, Outcome, Refusal};
use windlass_core::finding::Finding;
use windlass_core::ids::{ObjectKey, ResourceVersion};
use windlass_core::objects::{Backend, ObservedJob, ObservedPod, PodPhase};
use windlass_core::time::Time;
use windlass_core::units::ResourceList;
use windlass_core::{Settings, node_pod_name, node_sets_name, pod_name};

/// An administrator pauses all admission, or lets it go on.
pub fn pause(cluster: &mut Cluster, paused: bool) {
    cluster.note(About::Faults, "pauses of all admission");
    cluster.tell(|| format!("administrator: paused {paused}"));
    cluster.paused = paused;
    for number in 0..cluster.operators.len() {
        tell_settings(cluster, number);
    }
}

/// An operator hears of what the administrator has set.
pub fn tell_settings(cluster: &mut Cluster, number: usize) {
    let settings = Settings {
        children_per_record: operator::CHILDREN_PER_RECORD,
        paused: cluster.paused,
        ..Settings::default()
    };
    cluster.operators[number].core.set(settings);
}

/// Somebody else makes a pod under the name that a job's next pod would have.
pub fn squat(cluster: &mut Cluster) {
    let jobs: Vec<ObservedJob> =
        cluster.store.jobs.values().filter(|job| !job.status.state.is_final()).cloned().collect();
    let Some(job) = jobs.get(cluster.rng.usize(0..jobs.len().max(1))) else { return };
    let child = cluster.store.tasks_of(job).map(|size| cluster.rng.u32(0..size.max(1)));
    let attempt = cluster.rng.u8(1..=2);
    let nodes = cluster.store.nodes_of(job).zip(child);
    let key = ObjectKey {
        namespace: job.key.namespace.clone(),
        name: match nodes {
            Some((nodes, index)) => {
                node_pod_name(&node_sets_name(&job.key.name, job.uid, attempt, 0), &nodes, index)
            }
            None => pod_name(&job.key.name, job.uid, child, attempt, 0),
        },
    };
    let is_open = cluster.store.namespaces.get(&key.namespace) == Some(&false);
    if cluster.store.pods.contains_key(&key) || !is_open {
        return;
    }
    cluster.note(About::Faults, "pods of others under our names");
    cluster.tell(|| format!("user: makes a pod of his own called {key}"));
    squat_on(cluster, key);
}

/// Somebody else makes a pod of this name.
pub fn squat_on(cluster: &mut Cluster, key: ObjectKey) {
    let uid = cluster.store.next_uid();
    cluster.store.put_pod(ObservedPod {
        key,
        uid,
        resource_version: ResourceVersion(0),
        created_at: Store::stamp(cluster.now),
        host: None,
        requests: ResourceList::default(),
        phase: PodPhase::Active,
        deleting: false,
        task: None,
    });
}

/// True when the pod is one of somebody else's under a name of ours: it stays when all other strangers leave.
pub fn is_squatter(pod: &ObservedPod) -> bool {
    pod.task.is_none() && pod.key.namespace.as_str() != "others"
}

/// A stop is two requests: now and then the process dies between them, when only the reason is written on the pod.
pub fn stops_halfway(cluster: &mut Cluster, number: usize, action: &Action) -> bool {
    let Action::StopPod { pod, uid, resource_version, ending } = action else { return false };
    let dies = cluster.faults.crashes > 0 && cluster.chance(150);
    if !dies || !cluster.store.write_ending(pod, *uid, *resource_version, ending.clone()) {
        return false;
    }
    cluster.note(About::Faults, "stops of which only the reason was written");
    cluster.tell(|| format!("operator {number}: writes why {} is stopped, and no more", pod.name));
    operator::restart(cluster, number);
    true
}

/// A Machine of Cluster API is taken away just when it was marked as the next to go, and another is made in its place at once:
/// who goes by what it has seen takes away one too many.
pub fn takes_the_place(cluster: &mut Cluster, action: &Action, outcome: &Outcome) {
    let (Action::RemoveMachine(Backend::ClusterApi, name, _), Outcome::Done) = (action, outcome) else {
        return;
    };
    // Another leader may have marked it before, and have read what was left: nothing guards what it does then.
    let is_late = cluster.operators.len() > 1;
    if cluster.faults.interruptions == 0 || !cluster.chance(150) || is_late {
        return;
    }
    cluster.note(About::Faults, "machines taken away when they were marked");
    cluster.tell(|| format!("cloud: takes {name} away, which was to go"));
    cluster.store.remove_machine(Backend::ClusterApi, name);
    deployments::reconcile_all(cluster);
}

/// A process writes a Job's status, or reads it because it does not know whether that was written: the fence of its launches.
pub fn remember_fence(cluster: &mut Cluster, number: usize, action: &Action) {
    let job = match action {
        Action::WriteJob(guard, _) => Some(guard.uid),
        Action::ReadJob(key) => cluster.store.jobs.get(key).map(|job| job.uid),
        _ => None,
    };
    if let Some(job) = job {
        cluster.truth.fences.insert((number, job), cluster.now);
    }
}

/// A process that dies forgets its fences.
pub fn forget(cluster: &mut Cluster, number: usize) {
    cluster.truth.fences.retain(|(process, _), _| *process != number);
}

/// What was done is kept for the checks: stops, refusals for good.
pub fn remember(cluster: &mut Cluster, action: &Action, outcome: &Outcome) {
    match (action, outcome) {
        (Action::StopPod { uid, ending, .. }, Outcome::Done) => {
            cluster.truth.stops.insert(*uid, ending.clone());
        }
        (Action::CreatePod(order), Outcome::Refused(Refusal::Invalid, _)) => {
            cluster.truth.refused.insert(order.job);
        }
        (Action::MakeNodeSets(order), Outcome::Refused(Refusal::Invalid, _)) => {
            cluster.truth.refused.insert(order.job_uid);
        }
        (Action::MakeNodeSets(order), Outcome::Done) => {
            cluster.truth.nodes.insert(order.job_uid, order.nodes.clone());
        }
        (Action::ReadMachine(_, name), Outcome::NotFound) => {
            cluster.truth.machines_missed.insert(name.clone());
        }
        (Action::RetireMachine(_, _, machine), Outcome::Done) => {
            cluster.truth.retired_at.entry(*machine).or_insert(cluster.now);
        }
        (Action::LaunchMachine(order), Outcome::Machine(_)) => {
            let machine = (order.environment_uid, check::serial(&order.name));
            cluster.truth.machines_made.insert(machine);
            cluster.truth.launched_at.insert(order.environment_uid, cluster.now);
            if cluster.calm_since.is_some() {
                *cluster.truth.launches_in_calm.entry(order.environment_uid).or_default() += 1;
            }
        }
        (Action::WriteEnvironment(guard, status), Outcome::Written(_)) => {
            let environment = cluster.store.environments.get(&guard.key.name);
            let Some(managed) = environment.and_then(|environment| environment.managed.as_ref()) else {
                return;
            };
            for launch in &status.pool.launches {
                let limits = &mut cluster.truth.launch_limits;
                limits.entry((guard.uid, launch.serial)).or_insert_with(|| managed.clone());
            }
        }
        _ => {}
    }
}

/// Tasks were given to hosts by an operator that knows all, and has this clock.
pub fn remember_admissions(truth: &mut Truth, findings: &[Finding], clock: Time, now: Time) {
    for finding in findings {
        if let Finding::Admitted { queue: Some(queue), waited, kept } = finding
            && !waited.is_zero()
        {
            let (queue, created_at, kept) = (*queue, clock.before(*waited), *kept);
            truth.admitted.push(Admission { queue, created_at, kept, at: now });
        }
    }
}

/// A node's pod behind its gate that is recorded: its StatefulSet makes another in its place.
pub fn gated(cluster: &Cluster) -> Option<ObservedPod> {
    let is_recorded = |pod: &&ObservedPod| {
        let task = pod.task.as_ref().filter(|task| task.gated);
        let child = task.and_then(|task| cluster.store.child(task.job, task.index));
        child.and_then(|child| child.launched.as_ref()).is_some_and(|launched| launched.pod == pod.uid)
    };
    cluster.store.pods.values().find(is_recorded).cloned()
}

/// A pod of which another create is still under way: it would be made again.
pub fn twin(cluster: &Cluster) -> Option<ObservedPod> {
    cluster.late.iter().find_map(|late| match &late.action {
        Action::CreatePod(order) => cluster.store.pods.get(&order.pod).cloned(),
        _ => None,
    })
}
