//! Time limits for jobs that are stuck at the head of their queue (SPEC.md Q5, `jobStateTimeLimitActions`).

use super::explain::Waiting;
use super::obstacle::Obstacle;
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::job::{Jobs, Order};
use crate::objects::{StopKind, StuckReason};
use crate::time::Time;

/// The job that waits first in a queue, why, and since when that is so. Not kept over a restart: a job is given its whole time
/// again, never less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    job: Uid,
    reason: StuckReason,
    since: Time,
}

/// Notes which job waits first in a queue, and ends it once it was stuck for longer than the queue allows.
pub(crate) fn watch_head(queue: Uid, head: Option<(Uid, &Waiting)>, jobs: &mut Jobs, desk: &mut Desk) {
    let stuck = head.and_then(|(job, waiting)| Some((job, reason(waiting)?)));
    let Some((job, reason)) = stuck else {
        desk.heads.remove(&queue);
        return;
    };
    let known = desk.heads.get(&queue).filter(|known| (known.job, known.reason) == (job, reason));
    let since = known.map_or(desk.now, |known| known.since);
    desk.heads.insert(queue, Head { job, reason, since });
    let Some(queue) = desk.queues.get(queue) else { return };
    let limits = queue.observed.time_limits.iter().filter(|limit| limit.reason == reason);
    let Some(limit) = limits.min_by_key(|limit| limit.after) else { return };
    let (at, kind, seconds) = (since + limit.after, limit.kind, limit.after.as_secs());
    if at > desk.now {
        return desk.agenda.wake(at, Item::Schedule);
    }
    let words = format!(
        "stuck at the head of job queue {} for {seconds} s: {}",
        queue.display_name(),
        reason.as_str()
    );
    if let Some(job) = jobs.get_mut(&job) {
        let order = Order::new("StuckTooLong", Name::from(words), kind == StopKind::Terminate);
        job.ordered = Some(Box::new(order));
        desk.agenda.mark(Item::Job(job.uid));
    }
}

/// Which of AWS Batch's reasons a job is stuck for.
fn reason(waiting: &Waiting) -> Option<StuckReason> {
    let Waiting::Capacity { obstacles, .. } = waiting else { return None };
    match obstacles.iter().min()? {
        Obstacle::Full { .. }
        | Obstacle::Kept { .. }
        | Obstacle::AtMaximum { .. }
        | Obstacle::NodesWait { .. }
        | Obstacle::CannotLaunch { .. } => Some(StuckReason::InsufficientCapacity),
        Obstacle::OverMaximum { .. } | Obstacle::TooFewHosts { .. } => Some(StuckReason::MaximumResource),
        Obstacle::TooSmall { .. } => Some(StuckReason::ResourceRequirement),
        _ => None,
    }
}
