//! Jobs that wait for capacity, by queue and by what they need: a pass looks at one job of each kind of need, not at all
//! (DESIGN.md, rule 10).

use crate::ids::{ResourceVersion, Uid};
use crate::time::Time;
use crate::units::Resources;
use std::collections::{BTreeMap, BTreeSet};

/// A job's place among the jobs of its queue: by time of submission; within one second, the API's precision, by the order in
/// which the API server took them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OrderKey {
    /// When it was submitted.
    pub(crate) created_at: Time,
    /// Its version when first seen: the API server counts them up.
    pub(crate) resource_version: ResourceVersion,
    /// Its identity.
    pub(crate) uid: Uid,
}

/// The jobs of one queue that can start, by need.
pub(crate) type Line = BTreeMap<Resources, BTreeSet<OrderKey>>;

/// The lines of all queues.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    queues: BTreeMap<Uid, Line>,
}

impl Lines {
    /// Puts a job in line; true when it was not.
    pub(crate) fn insert(&mut self, queue: Uid, need: Resources, order: OrderKey) -> bool {
        self.queues.entry(queue).or_default().entry(need).or_default().insert(order)
    }

    /// Takes a job out of line.
    pub(crate) fn remove(&mut self, queue: Option<Uid>, need: Resources, order: OrderKey) {
        let Some(queue) = queue else { return };
        let Some(line) = self.queues.get_mut(&queue) else { return };
        if let Some(jobs) = line.get_mut(&need) {
            jobs.remove(&order);
            if jobs.is_empty() {
                line.remove(&need);
            }
        }
        if line.is_empty() {
            self.queues.remove(&queue);
        }
    }

    /// The line of one queue.
    pub(crate) fn of(&self, queue: Uid) -> Option<&Line> {
        self.queues.get(&queue)
    }

    /// The job that stands behind `after` (the first, for `None`) among those that need the same.
    pub(crate) fn next(&self, queue: Uid, need: &Resources, after: Option<OrderKey>) -> Option<OrderKey> {
        use std::ops::Bound::{Excluded, Unbounded};
        let jobs = self.queues.get(&queue)?.get(need)?;
        jobs.range((after.map_or(Unbounded, Excluded), Unbounded)).next().copied()
    }

    /// The first jobs of a queue, whatever they need.
    pub(crate) fn front(&self, queue: Uid, number: usize) -> Vec<OrderKey> {
        let line = self.queues.get(&queue).into_iter().flatten();
        let mut front: Vec<OrderKey> = line.flat_map(|(_, jobs)| jobs.iter().take(number)).copied().collect();
        front.sort();
        front.truncate(number);
        front
    }

    /// Queues with jobs in line.
    pub(crate) fn queues(&self) -> impl Iterator<Item = Uid> + '_ {
        self.queues.keys().copied()
    }
}
