//! Jobs that wait for capacity, by queue, share and what they need: a pass looks at one job of each kind, not at all (DESIGN.md,
//! rule 10).

use crate::ids::{Name, ResourceVersion, Uid};
use crate::time::Time;
use crate::units::Resources;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A job's place among the jobs of its queue, or of its share: by priority where the queue looks at that, then by time of
/// submission; within one second, the API's precision, by the order in which the API server took them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OrderKey {
    /// Its priority within its share: higher goes first.
    pub(crate) priority: Reverse<u32>,
    /// When it was submitted.
    pub(crate) created_at: Time,
    /// Its version when first seen: the API server counts them up.
    pub(crate) resource_version: ResourceVersion,
    /// Its identity.
    pub(crate) uid: Uid,
}

impl OrderKey {
    /// Its place among jobs of other shares, where priorities do not count.
    pub(crate) const fn by_age(self) -> OrderKey {
        OrderKey { priority: Reverse(0), ..self }
    }
}

/// What jobs have in common that stand in one line: a pass treats them alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    /// Their share; without a name in a queue that has no shares.
    pub(crate) share: Name,
    /// What each of their tasks needs.
    pub(crate) need: Resources,
}

/// The jobs of one queue that can start, by shape.
pub(crate) type Line = BTreeMap<Shape, BTreeSet<OrderKey>>;

/// The lines of all queues.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    queues: BTreeMap<Uid, Line>,
}

impl Lines {
    /// Puts a job in line; true when it was not.
    pub(crate) fn insert(&mut self, queue: Uid, shape: Shape, order: OrderKey) -> bool {
        self.queues.entry(queue).or_default().entry(shape).or_default().insert(order)
    }

    /// Takes a job out of line.
    pub(crate) fn remove(&mut self, queue: Option<Uid>, shape: &Shape, order: OrderKey) {
        let Some(queue) = queue else { return };
        let Some(line) = self.queues.get_mut(&queue) else { return };
        if let Some(jobs) = line.get_mut(shape) {
            jobs.remove(&order);
            if jobs.is_empty() {
                line.remove(shape);
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

    /// The job that stands behind `after` (the first, for `None`) in one line.
    pub(crate) fn next(&self, queue: Uid, shape: &Shape, after: Option<OrderKey>) -> Option<OrderKey> {
        use std::ops::Bound::{Excluded, Unbounded};
        let jobs = self.queues.get(&queue)?.get(shape)?;
        jobs.range((after.map_or(Unbounded, Excluded), Unbounded)).next().copied()
    }

    /// Queues with jobs in line.
    pub(crate) fn queues(&self) -> impl Iterator<Item = Uid> + '_ {
        self.queues.keys().copied()
    }
}
