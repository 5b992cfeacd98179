//! Users and administrators: they submit, delete and edit, at the worst moments.

use crate::check;
use crate::cluster::Cluster;
use crate::coverage::About;
use crate::kubelet::{Kubelet, Link, forget_node};
use crate::pools::{self, UNMANAGED};
use crate::store::{self, Cascade, Store};
use crate::{nodes, shares, siege, wishes, worst};
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_core::action::Refusal;
use windlass_core::ids::{Name, ObjectKey, ResourceVersion};
use windlass_core::objects::{
    DefinitionStatus, EnvironmentStatus, JobSpec, JobStatus, ObservedDefinition, ObservedEnvironment,
    ObservedHost, ObservedJob, ObservedPod, ObservedQueue, Payload, PodPhase, QueueStatus, RevisionContent,
    Taint,
};
use windlass_core::units::{GPUS, ResourceList, Resources};

/// Where everything namespaced lives; a second namespace is there to be deleted.
pub const NAMESPACES: [&str; 2] = ["team", "doomed"];

const DEFINITIONS: [&str; 2] = ["small", "large"];
const QUEUES: [&str; 2] = ["high", "low"];

/// Names that jobs have.
const NAMES: u32 = 5;

/// Sets the cluster up.
pub fn furnish(cluster: &mut Cluster) {
    for namespace in NAMESPACES {
        cluster.store.namespaces.insert(namespace.into(), false);
        for (number, name) in DEFINITIONS.into_iter().enumerate() {
            let content = if number == 0 { "1000 64" } else { "2000 128" };
            put_definition(cluster, namespace, name, content);
        }
        nodes::define(cluster, namespace);
    }
    // A multi-node job wants several for itself.
    let more = if cluster.faults.multi_node > 0 { nodes::NODES } else { 0 };
    for _ in 0..(cluster.rng.u32(1..=3) + more).min(cluster.size.hosts) {
        add_host(cluster);
    }
    put_environment(cluster, true);
    pools::bring_back(cluster);
    cluster.is_fair = cluster.rng.bool() && cluster.faults.shares;
    shares::put_policy(cluster);
    for (priority, name) in QUEUES.into_iter().rev().enumerate() {
        put_queue(cluster, name, i64::try_from(priority).unwrap_or(0), true);
    }
}

/// Adds a host with a few vCPUs, and perhaps GPUs.
pub fn add_host(cluster: &mut Cluster) {
    let gpus = if cluster.faults.gpus { cluster.rng.u64(0..=2) } else { 0 };
    add_host_with(cluster, gpus);
}

/// Adds a host with so many GPUs, which may be there for jobs that need some alone.
fn add_host_with(cluster: &mut Cluster, gpus: u64) {
    let taints = if gpus > 0 && cluster.rng.bool() {
        vec![Taint { key: GPUS.into(), ..Taint::default() }]
    } else {
        Vec::new()
    };
    let uid = cluster.store.next_uid();
    let name = Name::from(format!("host-{}", uid.prefix().trim_start_matches('0')));
    let node = ObservedHost {
        name: name.clone(),
        uid,
        labels: BTreeMap::from([("pool".into(), "batch".into())]),
        allocatable: Resources {
            cpu_millis: 1000 * cluster.rng.u64(2..=4),
            memory_bytes: 1 << 32,
            gpus,
            pods: 20,
        }
        .into(),
        ready: true,
        taints,
        old_kubelet: cluster.faults.multi_node > 0
            && cluster.calm_since.is_none()
            && cluster.rng.u64(0..8) == 0,
        ..ObservedHost::default()
    };
    cluster.kubelets.insert(name, Kubelet::new(node.clone()));
    cluster.store.put_host(node);
}

/// A user or an administrator does something.
pub fn act(cluster: &mut Cluster) {
    let dice = cluster.rng.u64(0..1000);
    let faults = cluster.faults.clone();
    let mut bound = 0;
    let mut hit = |chance: u64| {
        bound += chance;
        dice < bound
    };
    if hit(120) {
        submit(cluster);
    } else if hit(faults.job_deletions) {
        with_job(cluster, delete_job);
    } else if hit(faults.stops) {
        wishes::stop(cluster);
    } else if hit(faults.pod_deletions) {
        if cluster.faults.multi_node > 0 && cluster.rng.u64(0..8) == 0 && nodes::delete_sets(cluster) {
            return;
        }
        cluster.note(About::Faults, "pods deleted by somebody");
        with_pod(cluster, |cluster, pod| cluster.store.delete_pod(&pod.key));
    } else if hit(faults.forced_removals) {
        match worst::twin(cluster).or_else(|| worst::gated(cluster)).filter(|_| cluster.rng.bool()) {
            Some(pod) => remove_by_force(cluster, &pod),
            None => with_pod(cluster, remove_by_force),
        }
    } else if hit(faults.pauses) {
        let paused = !cluster.paused;
        worst::pause(cluster, paused);
    } else if hit(faults.squatters) {
        worst::squat(cluster);
    } else if hit(faults.strangers) {
        stranger(cluster);
    } else if hit(faults.refusals) {
        toggle_refusal(cluster);
    } else if hit(faults.edits) {
        edit(cluster);
    } else if hit(faults.host_deaths) {
        clear_dead_host(cluster);
    } else if hit(faults.managed_edits) && faults.managed {
        pools::edit(cluster);
    }
}

/// What was removed is made again, also when its deletion took until now. True when anything was missing.
pub fn bring_back(cluster: &mut Cluster) -> bool {
    let gave_up = wishes::give_up(cluster);
    let versions = cluster.store.next_version();
    if !cluster.store.policies.contains_key(&Name::from(shares::POLICY)) {
        shares::put_policy(cluster);
    }
    if !cluster.store.environments.contains_key(&Name::from(UNMANAGED)) {
        put_environment(cluster, true);
    }
    pools::bring_back(cluster);
    for (priority, name) in QUEUES.into_iter().rev().enumerate() {
        if !cluster.store.queues.contains_key(&Name::from(name)) {
            put_queue(cluster, name, i64::try_from(priority).unwrap_or(0), true);
        }
    }
    for name in DEFINITIONS {
        if !cluster.store.definitions.contains_key(&ObjectKey::new(NAMESPACES[0], name)) {
            put_definition(cluster, NAMESPACES[0], name, "1000 64");
        }
    }
    nodes::define(cluster, NAMESPACES[0]);
    gave_up || cluster.store.next_version().0 > versions.0 + 1
}

/// What was disabled or removed comes back, strangers leave: every job that can run now must.
pub fn calm_down(cluster: &mut Cluster) {
    put_environment(cluster, true);
    for (priority, name) in QUEUES.into_iter().rev().enumerate() {
        put_queue(cluster, name, i64::try_from(priority).unwrap_or(0), true);
    }
    bring_back(cluster);
    pools::calm_down(cluster);
    let strangers: Vec<ObjectKey> =
        cluster.store.pods.values().filter(|pod| pod.task.is_none()).map(|pod| pod.key.clone()).collect();
    for key in strangers {
        cluster.store.remove_pod(&key);
    }
    let dead: Vec<Name> = cluster
        .kubelets
        .iter()
        .filter(|(_, kubelet)| kubelet.link == Link::Dead)
        .map(|(name, _)| name.clone())
        .collect();
    for name in dead {
        forget_node(cluster, &name);
        cluster.kubelets.remove(&name);
    }
    let hosts = if cluster.faults.multi_node > 0 { nodes::NODES } else { 1 };
    (0..hosts).for_each(|_| add_host_with(cluster, 0));
    if cluster.faults.gpus {
        add_host_with(cluster, 2);
    }
    shares::rush(cluster);
    siege::lay(cluster);
    wishes::end_waits_for_nobody(cluster);
}

/// Submits a job: single, or a small array.
pub fn submit(cluster: &mut Cluster) {
    if cluster.jobs_made >= cluster.size.jobs {
        return;
    }
    cluster.jobs_made += 1;
    let namespace = NAMESPACES[usize::from(cluster.rng.u64(0..8) == 0)];
    if cluster.store.namespaces.get(&Name::from(namespace)) != Some(&false) {
        return;
    }
    let spec = wishes::submission(cluster, namespace, &QUEUES, &DEFINITIONS, NAMES);
    // Names are used again once a job is gone.
    let key = ObjectKey::new(namespace, format!("job-{}", cluster.rng.u32(0..NAMES)));
    if !cluster.store.jobs.contains_key(&key) {
        put_job(cluster, key, spec);
    }
}

/// A job is there.
pub fn put_job(cluster: &mut Cluster, key: ObjectKey, spec: JobSpec) {
    let job = ObservedJob {
        uid: cluster.store.next_uid(),
        resource_version: ResourceVersion(0),
        generation: 1,
        created_at: Store::stamp(cluster.now),
        deleting: false,
        kept: cluster.rng.u64(0..8) == 0,
        spec: Arc::new(spec),
        payload: Payload::default(),
        status: JobStatus::default(),
        key,
    };
    if !cluster.store.is_multi_node(&job) {
        cluster.note(About::Work, if job.spec.size.is_some() { "arrays" } else { "single jobs" });
    }
    cluster.coverage.add(About::Work, "children", job.spec.size.map_or(0, u64::from));
    cluster.tell(|| format!("user: submits {} {} {:?}", job.key, job.uid.prefix(), job.spec));
    cluster.store.put_job(job);
}

fn put_definition(cluster: &mut Cluster, namespace: &str, name: &str, content: &str) {
    let payload = Payload(Arc::from(content.as_bytes()));
    let definition = definition(cluster, namespace, name, store::content(payload));
    cluster.store.put_definition(definition);
}

/// A definition of this content: a change of the one that is there, or a new one.
pub fn definition(
    cluster: &mut Cluster,
    namespace: &str,
    name: &str,
    content: RevisionContent,
) -> ObservedDefinition {
    let key = ObjectKey::new(namespace, name);
    match cluster.store.definitions.get(&key).cloned() {
        Some(known) => ObservedDefinition { content, generation: known.generation + 1, ..known },
        None => ObservedDefinition {
            key,
            uid: cluster.store.next_uid(),
            resource_version: ResourceVersion(0),
            generation: 1,
            created_at: Store::stamp(cluster.now),
            aws_name: None,
            active: true,
            inactive_revisions: std::collections::BTreeSet::new(),
            content,
            status: DefinitionStatus::default(),
        },
    }
}

fn put_environment(cluster: &mut Cluster, enabled: bool) {
    let environment = match cluster.store.environments.get(&Name::from(UNMANAGED)).cloned() {
        Some(known) => ObservedEnvironment { enabled, generation: known.generation + 1, ..known },
        None => ObservedEnvironment {
            name: UNMANAGED.into(),
            uid: cluster.store.next_uid(),
            resource_version: ResourceVersion(0),
            generation: 1,
            created_at: Store::stamp(cluster.now),
            aws_name: None,
            enabled,
            selector: BTreeMap::from([("pool".into(), "batch".into())]),
            gpu_resource: GPUS.into(),
            managed: None,
            autoscaled: None,
            ignored: None,
            deleting: false,
            held: false,
            status: EnvironmentStatus::default(),
        },
    };
    cluster.store.put_environment(environment);
}

fn put_queue(cluster: &mut Cluster, name: &str, priority: i64, enabled: bool) {
    let environments = pools::choices(cluster);
    let queue = match cluster.store.queues.get(&Name::from(name)).cloned() {
        Some(known) => ObservedQueue { enabled, generation: known.generation + 1, ..known },
        None => ObservedQueue {
            name: name.into(),
            uid: cluster.store.next_uid(),
            resource_version: ResourceVersion(0),
            generation: 1,
            created_at: Store::stamp(cluster.now),
            aws_name: None,
            enabled,
            priority,
            policy: shares::policy_of(cluster, name),
            environments,
            time_limits: Vec::new(),
            deleting: false,
            held: false,
            status: QueueStatus::default(),
        },
    };
    cluster.store.put_queue(queue);
}

fn with_job(cluster: &mut Cluster, act: impl FnOnce(&mut Cluster, &ObjectKey)) {
    let keys: Vec<ObjectKey> = cluster.store.jobs.keys().cloned().collect();
    if let Some(key) = keys.get(cluster.rng.usize(0..keys.len().max(1))) {
        cluster.tell(|| format!("user: deletes job {key}"));
        act(cluster, key);
    }
}

/// `kubectl delete`, now and then with a `--cascade` of its own.
fn delete_job(cluster: &mut Cluster, key: &ObjectKey) {
    let (cascade, what) = match cluster.rng.u64(0..6) {
        0 => (Cascade::Foreground, "jobs deleted in the foreground"),
        1 => (Cascade::Orphan, "jobs deleted without their pods"),
        2 => (Cascade::Held, "jobs deleted and held by somebody's finalizer"),
        _ => (Cascade::Background, "jobs deleted"),
    };
    cluster.note(About::Faults, what);
    cluster.store.delete_job(key, cascade);
}

fn with_pod(cluster: &mut Cluster, act: impl FnOnce(&mut Cluster, &ObservedPod)) {
    let pods: Vec<ObservedPod> = cluster.store.pods.values().cloned().collect();
    if let Some(pod) = pods.get(cluster.rng.usize(0..pods.len().max(1))) {
        cluster.tell(|| format!("user: deletes pod {}", pod.key.name));
        act(cluster, pod);
    }
}

/// Strips the finalizers and deletes with no grace: whoever does it says that nothing runs any more.
fn remove_by_force(cluster: &mut Cluster, pod: &ObservedPod) {
    cluster.note(About::Faults, "pods removed by force");
    cluster.tell(|| format!("user: removes pod {} by force", pod.key.name));
    cluster.truth.give_up(pod.uid);
    if let Some(task) = &pod.task {
        let attempt = (task.job, task.index, task.attempt);
        cluster.truth.removed.insert(attempt);
        let job = cluster.store.job(task.job);
        let is_over = job.is_some_and(|job| check::is_recorded(cluster, job, task));
        let runs = cluster.truth.of(pod.uid).is_some_and(|container| container.ended.is_none());
        // Of a node only the pod that was recorded is ever let go, whoever has its name by then.
        if !task.alone && (is_over || !runs) {
            cluster.truth.removed_tombs.insert(attempt);
        }
    }
    cluster.store.remove_pod(&pod.key);
}

/// A pod of somebody else, on some host.
fn stranger(cluster: &mut Cluster) {
    let hosts: Vec<Name> = cluster.store.hosts.keys().cloned().collect();
    let Some(host) = hosts.get(cluster.rng.usize(0..hosts.len().max(1))).cloned() else { return };
    let strangers: Vec<ObjectKey> = cluster
        .store
        .pods
        .values()
        .filter(|pod| pod.task.is_none() && !worst::is_squatter(pod))
        .map(|pod| pod.key.clone())
        .collect();
    if let Some(key) = strangers.first()
        && (strangers.len() > 2 || cluster.rng.bool())
    {
        return cluster.store.remove_pod(key);
    }
    let uid = cluster.store.next_uid();
    let gpus = u64::from(cluster.faults.gpus && cluster.rng.bool());
    let requests = ResourceList::from(Resources::of_job(1000 * cluster.rng.u64(1..=2), 64, gpus));
    let used = cluster
        .store
        .pods
        .values()
        .filter(|pod| pod.host.as_ref() == Some(&host) && pod.phase == PodPhase::Active);
    let used = used.fold(ResourceList::default(), |sum, pod| sum.plus(&pod.requests));
    let room = cluster.store.hosts.get(&host).map(|node| node.allocatable.clone().minus(&used));
    if room.is_some_and(|room| room.covers(&requests)) {
        cluster.store.put_pod(ObservedPod {
            key: ObjectKey::new("others", format!("stranger-{}", uid.prefix())),
            uid,
            resource_version: ResourceVersion(0),
            created_at: Store::stamp(cluster.now),
            host: Some(host),
            requests,
            phase: PodPhase::Active,
            deleting: false,
            task: None,
        });
    }
}

fn toggle_refusal(cluster: &mut Cluster) {
    let words = Name::from("exceeded quota: compute, requested: cpu=1, used: cpu=4, limited: cpu=4");
    cluster.refusal = match &cluster.refusal {
        Some(_) => None,
        None if cluster.rng.u64(0..4) == 0 => {
            Some((Refusal::Other, Name::from("forbidden: the operator lacks a right")))
        }
        None if cluster.rng.u64(0..8) == 0 => {
            Some((Refusal::Invalid, Name::from("violates PodSecurity \"restricted:latest\"")))
        }
        None => Some((Refusal::Quota, words)),
    };
}

fn edit(cluster: &mut Cluster) {
    let queue = QUEUES[cluster.rng.usize(0..QUEUES.len())];
    let definition = DEFINITIONS[cluster.rng.usize(0..DEFINITIONS.len())];
    let dice = cluster.rng.u64(0..10);
    cluster.note(About::Faults, "edits of queues, environments, definitions and hosts");
    cluster.tell(|| format!("administrator: edit {dice} of {queue}, {definition}"));
    match dice {
        0 if cluster.faults.multi_node > 0 && cluster.rng.bool() => {
            let name = nodes::DEFINITIONS[cluster.rng.usize(0..nodes::DEFINITIONS.len())];
            nodes::put_definition(cluster, NAMESPACES[0], name);
        }
        0 => put_definition(cluster, NAMESPACES[0], definition, "1000 128"),
        1 => put_definition(cluster, NAMESPACES[0], definition, "1000 64"),
        2 => cluster.store.delete_definition(&ObjectKey::new(NAMESPACES[0], definition)),
        3 => {
            let enabled = cluster.rng.bool();
            put_queue(cluster, queue, 1, enabled);
        }
        4 => cluster.store.delete_queue(&queue.into()),
        5 => {
            let enabled = cluster.rng.bool();
            put_environment(cluster, enabled);
        }
        6 => add_host(cluster),
        7 => cordon(cluster),
        8 => shares::edit(cluster),
        _ => {
            if cluster.rng.u64(0..3) == 0 {
                end_or_revive_namespace(cluster);
            }
        }
    }
}

/// Deletes the second namespace, or makes it anew once it is gone.
fn end_or_revive_namespace(cluster: &mut Cluster) {
    let name = Name::from(NAMESPACES[1]);
    if cluster.store.namespaces.contains_key(&name) {
        cluster.note(About::Faults, "namespaces deleted");
        return cluster.store.delete_namespace(&name);
    }
    cluster.note(About::Faults, "namespaces made again under an old name");
    cluster.store.put_namespace(&name, false);
    for definition in DEFINITIONS {
        put_definition(cluster, NAMESPACES[1], definition, "1000 64");
    }
    nodes::define(cluster, NAMESPACES[1]);
}

fn cordon(cluster: &mut Cluster) {
    let is_deleted = |name: &Name| cluster.store.machine_of(name).is_some_and(|machine| machine.deleting);
    let stays = |host: &&ObservedHost| !is_deleted(&host.name);
    let hosts: Vec<ObservedHost> = cluster.store.hosts.values().filter(stays).cloned().collect();
    if let Some(host) = hosts.get(cluster.rng.usize(0..hosts.len().max(1))) {
        cluster.store.put_host(ObservedHost { unschedulable: !host.unschedulable, ..host.clone() });
    }
}

/// An administrator finds a host that has no power, and deletes its node.
fn clear_dead_host(cluster: &mut Cluster) {
    let dead =
        cluster.kubelets.iter().find(|(_, kubelet)| kubelet.link == Link::Dead).map(|(name, _)| name.clone());
    if let Some(name) = dead {
        cluster.kubelets.remove(&name);
        forget_node(cluster, &name);
    }
}
