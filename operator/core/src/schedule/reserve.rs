//! A host kept free for the job that waits first in its queue, when it is too large for what is free anywhere: jobs behind it
//! that are smaller cannot starve it (SPEC.md, Order). They may go there only if they are sure to have ended by then.

use super::floor::Floor;
use crate::desk::Desk;
use crate::ids::{Name, ObjectKey, Uid};
use crate::job::{Job, Jobs};
use crate::limits::KILL_GRACE;
use crate::time::Time;
use crate::units::ResourceList;

/// A host kept free for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) job: Uid,
    pub(crate) job_name: Name,
    pub(crate) host: Name,
    /// By when the job can start there at the latest, if the timeouts of what runs there tell.
    pub(crate) start: Option<Time>,
}

/// Keeps a host of these environments free for the job: the one kept before, else the one that is free first, as far as is
/// known, else the one that comes nearest to having the room now. `None` when no host is large enough.
pub(crate) fn reserve(
    queue: Uid,
    job: &Job,
    environments: &[Uid],
    floor: &mut Floor,
    jobs: &Jobs,
    desk: &mut Desk,
) -> Option<Reservation> {
    let kept = desk.reservations.get(&queue).filter(|kept| kept.job == job.uid);
    let kept = kept
        .map(|kept| kept.host.clone())
        .filter(|host| floor.could_fit(environments, host, &job.terms.shape.need));
    let need_on = |host: &Name| floor.need_on(environments, host, &job.terms.shape.need);
    let host = match kept {
        Some(host) => host,
        None => {
            let candidates = floor.large_enough(environments, &job.terms.shape.need);
            let by_start =
                candidates.iter().filter_map(|host| Some((start(host, &need_on(host), jobs, desk)?, host)));
            let first = by_start.min().map(|(_, host)| host.clone());
            first.or_else(|| floor.nearest(environments, &job.terms.shape.need))?
        }
    };
    let start = start(&host, &need_on(&host), jobs, desk);
    let reservation = Reservation { job: job.uid, job_name: job.key.name.clone(), host, start };
    floor.keep(&reservation);
    desk.reservations.insert(queue, reservation.clone());
    Some(reservation)
}

/// When a host has the room at the latest: from what is free, and what is sure to end.
fn start(host: &Name, need: &ResourceList, jobs: &Jobs, desk: &Desk) -> Option<Time> {
    let host = desk.hosts.get(host)?;
    let mut free = host.free()?;
    let mut ends: Vec<(Time, &ResourceList)> =
        host.claims().filter_map(|(pod, claim)| Some((end(pod, jobs, desk)?, claim))).collect();
    ends.sort();
    let mut start = desk.now;
    for (end, claim) in ends {
        if free.covers(need) {
            break;
        }
        free = free.plus(claim);
        start = end;
    }
    free.covers(need).then_some(start)
}

/// By when a pod has ended at the latest: known for ours with a timeout.
fn end(pod: &ObjectKey, jobs: &Jobs, desk: &Desk) -> Option<Time> {
    let task = desk.pods.by_key(pod)?.task.as_ref()?;
    let job = jobs.get(&task.job)?;
    let started_at =
        job.tasks.live.get(&task.index)?.started_at().unwrap_or(desk.now + desk.settings.start_limit);
    Some(started_at + job.terms.timeout? + KILL_GRACE)
}

/// By when a job that is given to a host now has ended at the latest.
pub(crate) fn ends_by(job: &Job, desk: &Desk) -> Option<Time> {
    Some(desk.now + desk.settings.start_limit + job.terms.timeout? + KILL_GRACE)
}
