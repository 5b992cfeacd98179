//! What has to be looked at: what an event touched, and what falls due.

use crate::ids::Uid;
use crate::time::Time;
use std::collections::{BTreeSet, VecDeque};

/// One thing to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Item {
    /// A job.
    Job(Uid),
    /// One task of a job, after something happened to its pods or their host.
    Task(Uid, u32),
    /// The pods of a job that is gone.
    Ghost(Uid),
    /// A definition.
    Definition(Uid),
    /// A definition's revision.
    Revision(Uid),
    /// A queue.
    Queue(Uid),
    /// A compute environment.
    Environment(Uid),
    /// The waiting jobs: whether some can be admitted.
    Schedule,
}

/// Items for which there is room at all times.
const ROOM_KEPT: usize = 1_024;

/// Items to look at now, oldest first, and later.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    queue: VecDeque<Item>,
    queued: BTreeSet<Item>,
    later: BTreeSet<(Time, Item)>,
}

impl Agenda {
    /// Has `item` looked at in this plan or the next.
    pub(crate) fn mark(&mut self, item: Item) {
        if self.queued.insert(item) {
            self.queue.push_back(item);
        }
    }

    /// Has `item` looked at once `at` has come.
    pub(crate) fn wake(&mut self, at: Time, item: Item) {
        self.later.insert((at, item));
    }

    /// Moves what has fallen due to what is looked at now.
    pub(crate) fn fall_due(&mut self, now: Time) {
        while let Some((at, item)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.pop_first();
            self.mark(item);
        }
    }

    /// The next item to look at.
    pub(crate) fn take(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        self.queued.remove(&item);
        if self.queue.is_empty() {
            // After the list of all jobs it is as large as never again.
            self.queue.shrink_to(ROOM_KEPT);
        }
        Some(item)
    }

    /// True when something is left to look at now.
    pub(crate) fn is_busy(&self) -> bool {
        !self.queue.is_empty()
    }

    /// When the next item falls due.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        self.later.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_once_and_in_order() {
        let (first, second) = (Item::Job(Uid::from_u128(2)), Item::Job(Uid::from_u128(1)));
        let mut agenda = Agenda::default();
        agenda.mark(first);
        agenda.mark(second);
        agenda.mark(first);
        agenda.wake(Time::from_seconds(5), Item::Schedule);
        agenda.fall_due(Time::from_seconds(4));
        assert_eq!((agenda.take(), agenda.take(), agenda.take()), (Some(first), Some(second), None));
        assert_eq!(agenda.next_wake(), Some(Time::from_seconds(5)));
        agenda.fall_due(Time::from_seconds(5));
        assert_eq!(agenda.take(), Some(Item::Schedule));
        assert!(!agenda.is_busy());
    }
}
