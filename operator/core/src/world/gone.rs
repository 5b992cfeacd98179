//! Objects known to be gone: an answer that was under way meanwhile may still show one.

use crate::ids::Uid;
use std::collections::{BTreeSet, VecDeque};

/// How many are remembered: many times the answers that can be under way.
const REMEMBERED: usize = 4_096;

/// Identities that will never be seen again.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    known: BTreeSet<Uid>,
    order: VecDeque<Uid>,
}

impl Gone {
    /// Notes that an object is gone for good.
    pub(crate) fn note(&mut self, uid: Uid) {
        if !self.known.insert(uid) {
            return;
        }
        self.order.push_back(uid);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// True for an object known to be gone.
    pub(crate) fn has(&self, uid: Uid) -> bool {
        self.known.contains(&uid)
    }
}
