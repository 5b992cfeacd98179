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
    /// How many nodes a multi-node job has, which are placed all at once; `None` where tasks are placed one by one.
    pub(crate) nodes: Option<u32>,
    /// The instance type that their hosts are to be of, if a multi-node job names one.
    pub(crate) instance_type: Option<Name>,
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

    /// True while a job stands in line.
    pub(crate) fn has(&self, queue: Uid, shape: &Shape, order: OrderKey) -> bool {
        let jobs = self.queues.get(&queue).and_then(|line| line.get(shape));
        jobs.is_some_and(|jobs| jobs.contains(&order))
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

    /// When the job was submitted that has been in line longest. Of each line it is the first of one of the priorities.
    pub(crate) fn oldest(&self, queue: Uid) -> Option<Time> {
        let firsts = |jobs: &BTreeSet<OrderKey>| {
            let first = jobs.first().copied();
            std::iter::successors(first, |first| {
                let last = OrderKey { created_at: Time::MAX, ..*first };
                jobs.range(last..).next().copied()
            })
            .map(|first| first.created_at)
            .min()
        };
        self.queues.get(&queue)?.values().filter_map(firsts).min()
    }

    /// What tasks in line need.
    pub(crate) fn needs(&self) -> BTreeSet<Resources> {
        self.queues.values().flat_map(BTreeMap::keys).map(|shape| shape.need).collect()
    }

    /// Queues with jobs in line.
    pub(crate) fn queues(&self) -> impl Iterator<Item = Uid> + '_ {
        self.queues.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_found_behind_those_of_a_higher_priority() {
        let order = |priority, seconds| OrderKey {
            priority: Reverse(priority),
            created_at: Time::from_seconds(seconds),
            uid: Uid::from_u128(u128::from(seconds.unsigned_abs())),
            ..OrderKey::default()
        };
        let (queue, small) = (Uid::from_u128(1), Shape::default());
        let large = Shape { need: Resources::of_job(2000, 64, 0), ..Shape::default() };
        let mut lines = Lines::default();
        assert_eq!(lines.oldest(queue), None);
        for (shape, priority, seconds) in
            [(&small, 9, 50), (&small, 5, 30), (&small, 5, 20), (&small, 0, 40), (&large, 1, 25)]
        {
            lines.insert(queue, shape.clone(), order(priority, seconds));
        }
        assert_eq!(lines.oldest(queue), Some(Time::from_seconds(20)));
        lines.remove(Some(queue), &small, order(5, 20));
        assert_eq!(lines.oldest(queue), Some(Time::from_seconds(25)));
        assert!(lines.has(queue, &large, order(1, 25)));
        assert!(!lines.has(queue, &small, order(5, 20)));
    }
}
