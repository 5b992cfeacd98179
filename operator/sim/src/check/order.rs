//! What must hold from one round without faults to the next: who is served first, and that those who wait are told why.

use super::request::at_ease;
use super::{awaited, fair, promise};
use crate::cluster::Cluster;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{ObservedJob, ResourceRequest};
use windlass_core::state::State;
use windlass_core::time::Time;
use windlass_core::units::Resources;

/// The reason of a job for whose tasks there is no room.
const NO_ROOM: &str = "WaitingForCapacity";

/// Codes that tell nothing.
const NOTHING_TOLD: [&str; 4] = ["", "Submitted", "Pending", "Runnable"];

/// Longer than any request waits to be tried again: in so long a silence all is told.
const PATIENCE: Duration = Duration::from_secs(35);

/// What is kept of a round's beginning.
pub struct Before {
    /// Jobs that wait for room.
    waiting: BTreeSet<Uid>,
    /// How many tasks had been given to hosts.
    admitted: usize,
    queues: Vec<Name>,
    requests: u64,
    now: Time,
    /// What is known of the fair-share queue.
    pub(super) fair: fair::Known,
}

/// Looks at the cluster before a round.
pub fn before_round(cluster: &Cluster) -> Before {
    let jobs = cluster.store.jobs.values();
    Before {
        waiting: jobs.filter(|job| waits(job)).map(|job| job.uid).collect(),
        admitted: cluster.truth.admitted.len(),
        queues: cluster.store.queues.keys().cloned().collect(),
        requests: cluster.store.requests.values().sum(),
        now: cluster.now,
        fair: fair::before_round(cluster),
    }
}

/// The first rule that a round broke, in words.
pub fn after_round(cluster: &Cluster, before: &Before) -> Option<String> {
    let is_silent = before.requests == cluster.store.requests.values().sum::<u64>();
    let quiet = is_silent && cluster.now.since(before.now) > PATIENCE;
    let turn = at_ease(cluster).then(|| wrong_turn(cluster, before)).flatten();
    let silent = || nothing_told(cluster).or_else(|| awaited::after_silence(cluster));
    turn.or_else(|| promise::broken(cluster))
        .or_else(|| queue_in_use(cluster, before))
        .or_else(|| quiet.then(silent)?)
}

fn waits(job: &ObservedJob) -> bool {
    !job.status.state.is_final() && job.status.reason.as_str() == NO_ROOM
}

/// Nobody is given a host while another waits all the time who comes before him and needs no more.
fn wrong_turn(cluster: &Cluster, before: &Before) -> Option<String> {
    let rank = |job: &ObservedJob| {
        let queue = cluster.store.queues.values().find(|queue| queue.name == job.spec.queue.name)?;
        let priority = job.spec.priority.filter(|_| queue.policy.is_some()).unwrap_or(0);
        // Of queues with one priority the oldest comes first.
        Some((-queue.priority, queue.created_at, queue.uid, Reverse(priority), job.created_at))
    };
    let is_of_other_share = |one: &ObservedJob, other: &ObservedJob| {
        one.spec.queue == other.spec.queue && one.spec.share != other.spec.share
    };
    // What was given a host may not say so yet.
    let is_given = |job: &ObservedJob| {
        let queue = cluster.store.queues.values().find(|queue| queue.name == job.spec.queue.name);
        queue.is_some_and(|queue| was_given(cluster, 0, queue.uid, job.created_at))
    };
    // With other environments it may be the only one to whom what became free is of use; and with several, one may wait for a
    // machine that is on its way to the first, and the next is given a host of the second.
    let environment = |job: &ObservedJob| {
        let queue = cluster.store.queues.values().find(|queue| queue.name == job.spec.queue.name)?;
        queue.environments.first().filter(|_| queue.environments.len() == 1)
    };
    // One with several nodes waits until there is a host for each.
    let is_passed_over = |job: &&ObservedJob| {
        waits(job) && !cluster.store.is_multi_node(job) && before.waiting.contains(&job.uid) && !is_given(job)
    };
    let jobs = || cluster.store.jobs.values();
    let given = cluster.truth.admitted.iter().skip(before.admitted);
    // One that room was kept for comes before those whose turn it is.
    let in_turn = given.filter(|given| !given.kept);
    let given = in_turn.filter_map(|given| the_one(cluster, given.queue, given.created_at));
    let (given, passed_over) = (given.collect::<Vec<_>>(), jobs().filter(is_passed_over).collect::<Vec<_>>());
    let wrong = given.iter().find_map(|given| {
        let mut others = passed_over.iter().filter(|other| other.uid != given.uid);
        let other = others.find(|other| {
            let is_first = rank(other).zip(rank(given)).is_some_and(|(other, given)| other < given);
            // A short one may run on a host that is kept for a large one.
            fair::longest(cluster, other) <= given.spec.timeout.unwrap_or(Duration::MAX)
                && environment(other).is_some_and(|mine| environment(given) == Some(mine))
                && is_first
                && !is_of_other_share(other, given)
                && needs_no_more(cluster, other, given)
        })?;
        Some(format!("{} is given a host while {} waits, which comes before it", given.key, other.key))
    });
    wrong.or_else(|| fair::unfair_turn(cluster, before, &given, &passed_over))
}

/// True when a task of a job that was submitted then was given to a host, after so many others.
pub(super) fn was_given(cluster: &Cluster, others: usize, queue: Uid, created_at: Time) -> bool {
    let mut given = cluster.truth.admitted.iter().skip(others);
    given.any(|given| (given.queue, given.created_at) == (queue, created_at))
}

/// The job of a queue that was submitted then, if there is only one.
pub(super) fn the_one(cluster: &Cluster, queue: Uid, created_at: Time) -> Option<&ObservedJob> {
    let queue = cluster.store.queues.values().find(|found| found.uid == queue)?;
    let is_it = |job: &&ObservedJob| job.created_at == created_at && job.spec.queue.name == queue.name;
    let mut jobs = cluster.store.jobs.values().filter(is_it);
    jobs.next().filter(|_| jobs.next().is_none())
}

/// A queue stays until those that are in it have ended.
fn queue_in_use(cluster: &Cluster, before: &Before) -> Option<String> {
    let is_gone = |name: &Name| !cluster.store.queues.contains_key(name);
    let queue = before.queues.iter().find(|name| is_gone(name))?;
    let mut jobs = cluster.store.jobs.values().filter(|job| job.status.pinned.is_some());
    let user = jobs.find(|job| job.spec.queue.name == *queue && !job.status.state.is_final())?;
    Some(format!("queue {queue} was let go although {} is in it", user.key))
}

/// What each task of a job needs, once it has a revision; of nodes the most of each that any needs.
pub(super) fn need(cluster: &Cluster, job: &ObservedJob) -> Option<ResourceRequest> {
    let pinned = job.status.pinned.as_ref()?;
    if let Some(nodes) = cluster.store.nodes_of(job) {
        return Some(request(nodes.largest_need()));
    }
    let revision = cluster.store.revisions.values().find(|revision| revision.uid == pinned.uid)?;
    Some(job.spec.overrides.or(revision.content.resources))
}

/// What a need is as a request.
fn request(need: Resources) -> ResourceRequest {
    ResourceRequest {
        cpu_millis: Some(need.cpu_millis),
        memory_mib: Some(need.memory_bytes >> 20),
        gpus: Some(need.gpus).filter(|gpus| *gpus > 0),
    }
}

/// True for a job some task of which needs GPUs.
pub(super) fn has_gpus(cluster: &Cluster, job: &ObservedJob) -> bool {
    let nodes = cluster.store.nodes_of(job);
    job.spec.overrides.gpus.is_some() || nodes.is_some_and(|nodes| nodes.largest_need().gpus > 0)
}

/// True when one job fits wherever another does.
pub(super) fn needs_no_more(cluster: &Cluster, small: &ObservedJob, large: &ObservedJob) -> bool {
    let needs = need(cluster, small).zip(need(cluster, large));
    needs.is_some_and(|(small, large)| {
        // Of hosts with GPUs some are kept for jobs that need them.
        let has_gpus = |need: &ResourceRequest| need.gpus.unwrap_or(0);
        has_gpus(&small) == has_gpus(&large)
            && small.cpu_millis <= large.cpu_millis
            && small.memory_mib <= large.memory_mib
    })
}

/// Who waits knows why (DESIGN.md, rule 9).
fn nothing_told(cluster: &Cluster) -> Option<String> {
    let mut waiting = cluster.store.jobs.values().filter(|job| job.status.state <= State::Runnable);
    let job = waiting.find(|job| NOTHING_TOLD.contains(&job.status.reason.as_str()))?;
    Some(format!("{} is {} and does not say why: {:?}", job.key, job.status.state, job.status.reason))
}
