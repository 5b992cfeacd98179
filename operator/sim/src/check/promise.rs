//! What a job was told of when it starts at the latest is kept (SPEC.md, Order): unless something of the world fails, it starts
//! by then, and it is never told a later time.

use super::order::was_given;
use super::request::at_ease;
use crate::cluster::Cluster;
use crate::worst::is_squatter;
use std::time::Duration;
use windlass_core::ids::Uid;
use windlass_core::objects::ObservedJob;
use windlass_core::state::State;
use windlass_core::time::Time;

/// The API has whole seconds, and a pass may wait for requests that are tried again.
const SLACK: Duration = Duration::from_secs(35);

/// Once the world does what it should again, queues have told by then what became of the promises: their numbers are at most a
/// minute old.
const UNTIL_TOLD: Duration = Duration::from_secs(90);

/// What a job was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// By when it starts at the latest, by the operator's clock.
    by: Time,
    /// What it was told last.
    told: Time,
    /// Its queue, and how many tasks had been given to hosts by then.
    queue: Uid,
    admitted: usize,
    /// It was told a later time.
    is_later: Option<Time>,
}

/// Takes in what jobs are told now.
pub fn take_promises(cluster: &mut Cluster) {
    let is_in_trouble = is_in_trouble(cluster);
    let was_in_trouble = std::mem::replace(&mut cluster.truth.is_in_trouble, is_in_trouble);
    if is_in_trouble || was_in_trouble {
        cluster.truth.troubled_at = Some(cluster.now);
    }
    let troubles = [cluster.truth.troubled_at, cluster.backends.disappointed_at];
    let is_told = troubles.into_iter().flatten().all(|at| cluster.now > at + UNTIL_TOLD);
    let told = told(cluster);
    // A queue may still tell so of a job that has begun since, and that waits with its next attempt by then.
    let begun = told.iter().filter(|(_, job, _)| cluster.store.job(*job).is_some_and(|job| !waits(job)));
    let begun: Vec<(Uid, Time)> = begun.map(|(_, job, by)| (*job, *by)).collect();
    cluster.truth.kept_promises.extend(begun);
    if !at_ease(cluster) || !is_told {
        return cluster.truth.promises.clear();
    }
    let admitted = cluster.truth.admitted.len();
    for (queue, job, by) in told {
        // A queue that still tells what was kept is not telling it of the next attempt.
        if cluster.truth.kept_promises.get(&job) == Some(&by) {
            continue;
        }
        let fresh = Promise { by, told: by, queue, admitted, is_later: None };
        if cluster.truth.promises.get(&job).is_none_or(|known| known.by != by) {
            cluster.tell(|| format!("job {} was told that it starts by {by} at the latest", job.prefix()));
        }
        let known = cluster.truth.promises.entry(job).or_insert(fresh);
        known.is_later = (by > known.by + Duration::from_secs(1)).then_some(by);
        known.by = known.by.min(by);
        known.told = by;
    }
    let promises = cluster.truth.promises.clone();
    let is_kept = |(uid, promise): &(&Uid, &Promise)| {
        let job = cluster.store.job(**uid);
        job.is_none_or(|job| {
            was_given(cluster, promise.admitted, promise.queue, job.created_at) || !waits(job)
        })
    };
    let kept: Vec<Uid> = promises.iter().filter(is_kept).map(|(uid, _)| *uid).collect();
    for uid in kept {
        let promise = cluster.truth.promises.remove(&uid);
        cluster.truth.kept_promises.extend(promise.map(|promise| (uid, promise.told)));
    }
}

/// What the queues tell of their jobs: queue, job, and by when that starts.
fn told(cluster: &Cluster) -> Vec<(Uid, Uid, Time)> {
    let queues = cluster.store.queues.values();
    let told = queues.flat_map(|queue| queue.status.front.iter().map(move |told| (queue.uid, told)));
    let told = told.filter_map(|(queue, told)| {
        let job = cluster.store.jobs.get(&told.job).filter(|job| job.created_at == told.submitted_at)?;
        // What an array is told is about its next child, and a status may be about the one before.
        let job = Some(job).filter(|job| job.spec.size.is_none())?;
        Some((queue, job.uid, told.expected_start?))
    });
    told.collect()
}

/// The promise that was broken, in words.
pub(super) fn broken(cluster: &Cluster) -> Option<String> {
    let clock = cluster.operators.first()?.clock(cluster.now);
    cluster.truth.promises.iter().find_map(|(uid, promise)| {
        let job = cluster.store.job(*uid).filter(|job| waits(job))?;
        let was_given = was_given(cluster, promise.admitted, promise.queue, job.created_at);
        let is_surprised = cluster.backends.disappointed_at.is_some_and(|at| at + UNTIL_TOLD > cluster.now);
        if was_given || is_surprised || is_in_trouble(cluster) {
            return None;
        }
        let Promise { by, is_later, .. } = promise;
        if let Some(later) = is_later {
            return Some(format!("{} was told to start by {by}, and is now told by {later}", job.key));
        }
        (clock > *by + SLACK).then(|| format!("{} was told to start by {by}, and waits at {clock}", job.key))
    })
}

fn waits(job: &ObservedJob) -> bool {
    job.spec.stop.is_none() && !job.deleting && job.status.state == State::Runnable
}

/// Something of the world fails, or may yet.
fn is_in_trouble(cluster: &Cluster) -> bool {
    cluster.is_short_of_machines() || cluster.store.pods.values().any(is_squatter)
}
