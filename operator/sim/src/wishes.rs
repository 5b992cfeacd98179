//! What users ask for: random submissions, and stops of what was submitted.

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::{nodes, pools, shares};
use std::sync::Arc;
use std::time::Duration;
use windlass_core::array::Intervals;
use windlass_core::ids::{Name, ObjectKey};
use windlass_core::objects::{
    Dependency, ExitRule, JobReference, JobSpec, ObservedJob, Pattern, ResourceRequest, RetryStrategy, Stop,
    StopChildren, StopKind,
};
use windlass_core::reference::Reference;

/// A random submission to one of these queues, of one of these definitions, in a namespace with these names of jobs.
pub fn submission(
    cluster: &mut Cluster,
    namespace: &str,
    queues: &[&str],
    definitions: &[&str],
    names: u32,
) -> JobSpec {
    let most = cluster.size.children.max(2);
    let sizes: Vec<u32> = cluster.store.jobs.values().filter_map(|job| job.spec.size).collect();
    let rng = &mut cluster.rng;
    let fresh = rng.u32(2..=7).min(most);
    let alike = sizes.get(rng.usize(0..sizes.len().max(1))).filter(|_| rng.bool());
    let size = (rng.u64(0..2) == 0).then_some(alike.copied().unwrap_or(fresh));
    let revision = (rng.u64(0..6) == 0).then(|| rng.u32(1..=2));
    let name = definitions.get(rng.usize(0..definitions.len())).copied().unwrap_or_default().into();
    let queue = queues.get(rng.usize(0..queues.len())).copied().unwrap_or_default();
    let timeout = (rng.u64(0..4) == 0).then(|| Duration::from_secs(rng.u64(60..=200)));
    let time_to_live =
        (rng.u64(0..8) == 0).then(|| Duration::from_secs(if rng.bool() { 0 } else { rng.u64(1..=300) }));
    let aws_name = (rng.u64(0..6) == 0).then(|| Name::from(format!("Aws{}", rng.u32(0..3))));
    let on_the_edge = rng.u64(0..4) == 0 && cluster.faults.managed;
    let cpu_millis = on_the_edge.then_some(pools::ON_THE_EDGE);
    let gpus = (cluster.faults.gpus && rng.u64(0..3) == 0).then_some(1);
    let (share, priority) = shares::wish(cluster, queue);
    let retry = Some(retry_strategy(cluster));
    let depends_on = dependencies(cluster, namespace, size, names);
    let spec = JobSpec {
        queue: Reference::plain(queue),
        definition: Reference { name, revision },
        size,
        aws_name,
        retry,
        timeout,
        depends_on,
        time_to_live,
        overrides: ResourceRequest { cpu_millis, gpus, ..ResourceRequest::default() },
        changes_container: cpu_millis.or(gpus).is_some(),
        share,
        priority,
        ..JobSpec::default()
    };
    if cluster.chance(cluster.faults.multi_node) { nodes::of_nodes(spec, cluster) } else { spec }
}

/// Users give up on multi-node jobs that never find as many hosts as they have nodes. True when there were any.
pub fn give_up(cluster: &mut Cluster) -> bool {
    let is_hopeless = |job: &&ObservedJob| {
        let reason = job.status.reason.as_str();
        cluster.store.is_multi_node(job) && job.spec.stop.is_none() && HOPELESS.contains(&reason)
    };
    let jobs: Vec<ObservedJob> = cluster.store.jobs.values().filter(is_hopeless).cloned().collect();
    for job in &jobs {
        cluster.note(About::Work, "multi-node jobs given up");
        end(cluster, job, "never finds its hosts");
    }
    !jobs.is_empty()
}

/// Reasons of which only an administrator can make an end.
pub const HOPELESS: [&str; 3] = ["TooFewHosts", "NoHostsOfItsOwn", "KubeletsTooOld"];

fn end(cluster: &mut Cluster, job: &ObservedJob, reason: &str) {
    let mut spec = (*job.spec).clone();
    spec.stop = Some(Stop { kind: StopKind::Terminate, reason: reason.into() });
    let (spec, generation) = (Arc::new(spec), job.generation + 1);
    cluster.store.put_job(ObservedJob { spec, generation, ..job.clone() });
}

fn retry_strategy(cluster: &mut Cluster) -> RetryStrategy {
    let rng = &mut cluster.rng;
    let rule = ExitRule {
        exit_code: Some(Pattern(if rng.bool() { "4*".into() } else { "1".into() })),
        retry: rng.bool(),
        ..ExitRule::default()
    };
    let rules = if rng.u64(0..4) == 0 { vec![rule] } else { Vec::new() };
    RetryStrategy { attempts: Some(rng.u8(1..=3)), rules }
}

/// Mostly of jobs that are there, by name or ID; sometimes of names that may never be, or of children.
fn dependencies(cluster: &mut Cluster, namespace: &str, size: Option<u32>, names: u32) -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    if cluster.rng.u64(0..3) > 0 {
        return dependencies;
    }
    let there: Vec<ObservedJob> =
        cluster.store.jobs.values().filter(|job| job.key.namespace.as_str() == namespace).cloned().collect();
    for _ in 0..cluster.rng.usize(1..=2) {
        let rng = &mut cluster.rng;
        let job = there.get(rng.usize(0..there.len().max(1)));
        let text = match (job, rng.u64(0..8)) {
            (Some(job), 0..3) => job.key.name.to_string(),
            (Some(job), 3..5) => job.uid.to_string(),
            (_, 5) => format!("Aws{}", rng.u32(0..3)),
            _ => format!("job-{}", rng.u32(0..names)),
        };
        let theirs = job.and_then(|job| job.spec.size);
        dependencies.push(match (size, theirs, rng.u64(0..4)) {
            (Some(_), _, 0) => Dependency::Sequential,
            (Some(size), Some(theirs), 1) if size == theirs => Dependency::NToN(JobReference::parse(&text)),
            (_, Some(theirs), 2) => {
                Dependency::Whole(JobReference::parse(&format!("{text}:{}", rng.u32(0..=theirs))))
            }
            _ => Dependency::Whole(JobReference::parse(&text)),
        });
    }
    dependencies
}

/// Somebody stops a job, or some of its children.
pub fn stop(cluster: &mut Cluster) {
    let keys: Vec<ObjectKey> = cluster.store.jobs.keys().cloned().collect();
    let Some(job) = keys.get(cluster.rng.usize(0..keys.len().max(1))) else { return };
    let Some(job) = cluster.store.jobs.get(job).cloned() else { return };
    let rng = &mut cluster.rng;
    let kind = if rng.bool() { StopKind::Cancel } else { StopKind::Terminate };
    let reason = Name::from(format!("reason {}", rng.u32(0..100)));
    let mut spec = (*job.spec).clone();
    match (spec.size, &spec.stop) {
        (Some(size), _) if rng.bool() => {
            let indexes: Intervals = (0..=size).filter(|_| rng.u64(0..3) == 0).collect();
            spec.stop_children.push(StopChildren { indexes, stop: Stop { kind, reason } });
        }
        (_, None) => spec.stop = Some(Stop { kind, reason }),
        (_, Some(stop)) if stop.kind == StopKind::Cancel => {
            spec.stop = Some(Stop { kind: StopKind::Terminate, reason });
        }
        _ => return,
    }
    cluster.note(About::Faults, "stops of jobs or children");
    cluster.tell(|| format!("user: stops {}: {:?} {:?}", job.key, spec.stop, spec.stop_children));
    cluster.store.put_job(ObservedJob { spec: Arc::new(spec), generation: job.generation + 1, ..job });
}

/// In the end every name that somebody waits for is taken by a job, or the one who waits is stopped.
pub fn end_waits_for_nobody(cluster: &mut Cluster) {
    let jobs: Vec<ObservedJob> = cluster.store.jobs.values().cloned().collect();
    for job in jobs.into_iter().filter(|job| !job.status.state.is_final() && job.spec.stop.is_none()) {
        let is_there = |name: &Name| {
            let mut others = cluster.store.jobs.values();
            others.any(|other| {
                other.key.namespace == job.key.namespace
                    && (other.key.name == *name || other.spec.aws_name.as_ref() == Some(name))
            })
        };
        let named = job.spec.depends_on.iter().filter_map(Dependency::job);
        if named.into_iter().all(|reference| reference.uid.is_some() || is_there(&reference.name)) {
            continue;
        }
        end(cluster, &job, "waits for nobody");
    }
}
