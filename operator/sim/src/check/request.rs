//! What must hold of each request: it was allowed to, by what the API server has when it arrives.

use super::life::{is_ordered, state, was_refused};
use super::{awaited, classes, node_records, nodes, pool, together};
use crate::cluster::Cluster;
use std::time::Duration;
use windlass_core::action::{Action, Guard, PodOrder};
use windlass_core::array::Intervals;
use windlass_core::event::{Event, Kind};
use windlass_core::limits::LAUNCH_WINDOW;
use windlass_core::objects::{
    Cause, Dependency, JobStatus, ObservedJob, ObservedPod, Payload, PodPhase, StopKind, TaskPod,
};
use windlass_core::state::State;
use windlass_core::units::ResourceList;

/// Checks a request of operator `number` before it is carried out; `None` for one that was sent long before.
pub fn before_request(cluster: &Cluster, number: Option<usize>, action: &Action) -> Option<String> {
    if cluster.scripted {
        return None;
    }
    match action {
        Action::CreatePod(order) => again(cluster, order).or_else(|| {
            let job = cluster.store.job(order.job);
            if job.is_some_and(|job| cluster.store.is_multi_node(job)) {
                return Some(format!("pod {} of a node is created without a StatefulSet", order.pod.name));
            }
            let broken = unfenced(cluster, number?, order);
            broken.or_else(|| at_ease(cluster).then(|| rash(cluster, order))?)
        }),
        Action::LetGo(order) => nodes::before_let_go(cluster, order, number.is_none()),
        Action::MakeNodeSets(order) if number.is_some() => nodes::before_sets(cluster, order),
        Action::WriteRecord(order) => node_records::before_record(cluster, order),
        Action::DeleteNodeSets { job_uid, attempt, launch, .. } => {
            nodes::before_deletion(cluster, *job_uid, (*attempt, *launch))
        }
        Action::StopPod { pod, ending, .. } if ending.cause == Cause::Terminated => {
            let task = cluster.store.pods.get(pod)?.task.as_ref()?;
            let job = cluster.store.job(task.job)?;
            (!is_terminated(job, task.index) && !nodes::main_has_ended(cluster, task))
                .then(|| format!("pod {} is stopped, and nobody terminated its task", pod.name))
        }
        Action::DeletePod(pod, uid, version) => {
            let found = cluster.store.pods.get(pod).filter(|found| found.uid == *uid && !found.deleting)?;
            let is_meant = version.is_none_or(|version| version == found.resource_version);
            is_meant.then(|| groundless_deletion(cluster, found))?
        }
        Action::WriteJob(guard, status) => {
            let job = current(cluster, guard)?;
            let wrong = wrong_outcome(cluster, job, status).or_else(|| stale_revision(cluster, job, status));
            let wrong = wrong.or_else(|| together::before_write(cluster, job, status));
            wrong.or_else(|| node_records::before_write(cluster, job, status))
        }
        Action::DeleteJob(guard) => too_early(cluster, current(cluster, guard)?),
        action => pool::before_request(cluster, action)
            .or_else(|| classes::before_request(cluster, number.is_none(), action)),
    }
}

/// By then all is carried out that was decided while there were faults.
const REMAINS: Duration = Duration::from_secs(35);

/// True when the faults have stopped and the one operator that is left has heard all there is to hear.
pub fn at_ease(cluster: &Cluster) -> bool {
    cluster.calm_since.is_some_and(|since| since + REMAINS < cluster.now)
}

fn current<'a>(cluster: &'a Cluster, guard: &Guard) -> Option<&'a ObservedJob> {
    let job = cluster.store.jobs.get(&guard.key)?;
    (job.uid == guard.uid && job.resource_version == guard.resource_version).then_some(job)
}

/// A pod is created only within the window after a guarded write of its Job by the same process (decision 0001).
fn unfenced(cluster: &Cluster, number: usize, order: &PodOrder) -> Option<String> {
    let written_at = cluster.truth.fences.get(&(number, order.job));
    let ends = written_at.map(|at| *at + LAUNCH_WINDOW + Duration::from_secs(2));
    ends.is_none_or(|ends| ends < cluster.now).then(|| {
        format!("pod {} is created without a fence: its Job was written at {written_at:?}", order.pod.name)
    })
}

/// No create lands once its attempt is over: whoever decided that waited for it, or its finished pod still has the name.
fn again(cluster: &Cluster, order: &PodOrder) -> Option<String> {
    let store = &cluster.store;
    let job = store.job(order.job)?;
    let is_made = !store.pods.contains_key(&order.pod)
        && store.namespaces.get(&order.pod.namespace) == Some(&false)
        && cluster.refusal.is_none();
    let index = order.child.map_or(0, |(index, _)| index);
    let (attempt, launch) = (order.attempt, order.launch);
    let task = TaskPod { index, attempt, launch, ..TaskPod::default() };
    let was_taken_away = cluster.truth.removed_tombs.contains(&(job.uid, index, attempt));
    (is_made && is_recorded(cluster, job, &task) && !was_taken_away && !was_refused(job))
        .then(|| format!("pod {} is created although its attempt is over", order.pod.name))
}

/// What nobody creates who knows all: a pod of a task that was stopped, or one for which its host has no room.
fn rash(cluster: &Cluster, order: &PodOrder) -> Option<String> {
    let pod = &order.pod.name;
    let index = order.child.map_or(0, |(index, _)| index);
    if cluster.store.job(order.job).is_some_and(|job| is_ordered(job, index)) {
        return Some(format!("pod {pod} is created although its task was stopped"));
    }
    if let Some(broken) = together::before_create(cluster, order) {
        return Some(broken);
    }
    if !order.selector.is_empty() {
        return awaited::before_create(cluster, order);
    }
    if awaited::is_served(cluster, &order.environment) {
        return awaited::before_pinned(cluster, order);
    }
    let leaves = pool::on_one_that_leaves(cluster, &order.host);
    if let Some(broken) = leaves.or_else(|| classes::on_an_outdated_one(cluster, &order.host)) {
        return Some(broken);
    }
    let host = cluster.store.hosts.get(&order.host)?;
    let is_there = |pod: &&ObservedPod| pod.phase == PodPhase::Active && pod.place() == Some(&order.host);
    let others = cluster.store.pods.values().filter(is_there).filter(|other| other.key != order.pod);
    let used = others.fold(ResourceList::default(), |sum, other| sum.plus(&other.requests));
    let need = ResourceList::with_gpus(order.need, &order.gpu_resource);
    (!host.allocatable.clone().minus(&used).covers(&need))
        .then(|| format!("pod {pod} is given to {} which has no room for it: {used:?} is used", order.host))
}

fn is_terminated(job: &ObservedJob, index: u32) -> bool {
    let children = job.spec.stop_children.iter().filter(|entry| entry.indexes.contains(index));
    let stops = children.map(|entry| &entry.stop).chain(&job.spec.stop);
    job.deleting || stops.into_iter().any(|stop| stop.kind == StopKind::Terminate)
}

/// A container that may run is stopped only when its attempt is known to be over, or its job to be gone.
pub(super) fn groundless_deletion(cluster: &Cluster, pod: &ObservedPod) -> Option<String> {
    let task = pod.task.as_ref()?;
    let job = cluster.store.job(task.job)?;
    let may_run = pod.host.is_some() && pod.phase == PodPhase::Active;
    // A container that was started again is stopped whoever sees that.
    (may_run && !task.restarted && !is_recorded(cluster, job, task))
        .then(|| format!("pod {} is deleted, and nothing says that its attempt is over", pod.key.name))
}

/// True when the API server knows that what this pod is for is over.
pub fn is_recorded(cluster: &Cluster, job: &ObservedJob, task: &TaskPod) -> bool {
    let child = cluster.store.child(job.uid, task.index);
    // The main node's end is that of all nodes.
    let goes_by_job = job.spec.size.is_none();
    let (over, launch) = if goes_by_job {
        (job.status.attempts.iter().filter(|attempt| attempt.is_over()).count(), job.status.launch)
    } else {
        (child.map_or(0, |child| child.attempts.len()), child.map_or(0, |child| child.launch))
    };
    let over = over.max(child.map_or(0, |child| child.attempts.len()));
    let is_final = if goes_by_job {
        job.status.state.is_final()
    } else {
        // A task that ended without an attempt does so by its job's status: its record does not tell why.
        let is_listed =
            |(state, indexes): (&State, &Intervals)| state.is_final() && indexes.contains(task.index);
        let is_listed = job.status.array.as_ref().is_some_and(|array| array.children.iter().any(is_listed));
        let has_attempts = child.is_some_and(|child| !child.attempts.is_empty());
        is_listed || has_attempts && state(cluster, job.uid, task.index).is_some_and(State::is_final)
    };
    is_final || over >= usize::from(task.attempt) || launch > task.launch
}

/// A job goes by the end of another only once that is written.
fn wrong_outcome(cluster: &Cluster, job: &ObservedJob, status: &JobStatus) -> Option<String> {
    status.dependencies.iter().enumerate().find_map(|(at, entry)| {
        let (told, _) = entry.outcome.as_ref()?;
        if job.status.dependencies.get(at).is_some_and(|known| known.outcome.is_some()) {
            return None;
        }
        let other = cluster.store.job(entry.pinned.as_ref()?.1)?;
        let child = match &entry.on {
            Dependency::Whole(reference) => {
                reference.index.filter(|_| cluster.store.tasks_of(other).is_some())
            }
            _ => None,
        };
        let is = child.map_or(Some(other.status.state), |index| state(cluster, other.uid, index));
        (is != Some(*told)).then(|| format!("{} takes {} for {told}, it is {is:?}", job.key, other.key))
    })
}

/// A job runs with its definition as it was when the job was submitted, or later.
fn stale_revision(cluster: &Cluster, job: &ObservedJob, status: &JobStatus) -> Option<String> {
    let pinned = status.pinned.as_ref().filter(|_| job.status.pinned.is_none())?;
    if job.spec.definition.revision.is_some() {
        return None;
    }
    let revision = cluster.store.revisions.values().find(|revision| revision.uid == pinned.uid)?;
    let jobs = cluster.store.history(Kind::Job).iter();
    let born = jobs.into_iter().find_map(|(version, event)| match event {
        Event::Job(seen) if seen.uid == job.uid => Some(*version),
        _ => None,
    })?;
    let mut contents: Vec<&Payload> = Vec::new();
    for (version, event) in cluster.store.history(Kind::Definition) {
        if let Event::Definition(seen) = event
            && seen.uid == revision.definition
        {
            if *version <= born {
                contents.clear();
            }
            contents.push(&seen.content.payload);
        }
    }
    (!contents.contains(&&revision.content.payload))
        .then(|| format!("{} takes revision {}, which was out of date before it", job.key, pinned.number))
}

/// Git's jobs stay; and of two jobs the one that is waited for stays until the other has read how it ended.
fn too_early(cluster: &Cluster, job: &ObservedJob) -> Option<String> {
    if job.kept {
        return Some(format!("job {} expires although Git owns it", job.key));
    }
    let reads_it = |other: &&ObservedJob| {
        let mut entries = other.status.dependencies.iter().filter(|entry| entry.outcome.is_none());
        let waits = entries.any(|entry| entry.pinned.as_ref().is_some_and(|(_, uid)| *uid == job.uid));
        waits && !other.status.state.is_final()
    };
    let reader = cluster.store.jobs.values().find(reads_it).filter(|_| at_ease(cluster))?;
    Some(format!("job {} expires before {} has read how it ended", job.key, reader.key))
}
