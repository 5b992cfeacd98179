//! What many jobs have in common, kept once.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Equal values, each kept once: 100,000 jobs that were submitted in a loop ask for a few things.
#[derive(Debug)]
pub(crate) struct Shared<T>(BTreeSet<Arc<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Shared<T> {
        Shared(BTreeSet::new())
    }
}

impl<T: Ord> Shared<T> {
    /// The value that is equal to this one and known already, or this one from now on.
    pub(crate) fn one(&mut self, value: Arc<T>) -> Arc<T> {
        if let Some(known) = self.0.get(&value) {
            return Arc::clone(known);
        }
        self.0.insert(Arc::clone(&value));
        value
    }

    /// A holder, which still has it, is about to let go of a value: without another it is forgotten.
    pub(crate) fn let_go(&mut self, value: &Arc<T>) {
        let (holder, here) = (1, 1);
        let is_known = self.0.get(value).is_some_and(|known| Arc::ptr_eq(known, value));
        if is_known && Arc::strong_count(value) <= holder + here {
            self.0.remove(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_is_kept_once_while_somebody_has_it() {
        let mut shared = Shared::default();
        let first = shared.one(Arc::new("a"));
        let second = shared.one(Arc::new("a"));
        assert!(Arc::ptr_eq(&first, &second));
        shared.let_go(&second);
        drop(second);
        assert!(Arc::ptr_eq(&first, &shared.one(Arc::new("a"))));
        shared.let_go(&first);
        assert!(shared.0.is_empty());
    }
}
