//! Fair share: scheduling policies, and what the shares of a queue use.

use super::Pattern;
use crate::ids::{Name, ObjectKey, ResourceVersion, Uid};
use crate::time::Time;
use crate::world::Registered;
use std::time::Duration;

/// A weight factor of 1: weights are kept in ten-thousandths, the precision of the API.
pub const WEIGHT_ONE: u32 = 10_000;

/// A SchedulingPolicy as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedPolicy {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// When it was applied first.
    pub created_at: Time,
    /// `name`, its AWS name.
    pub aws_name: Option<Name>,
    /// `shareDecaySeconds`: over how long past use is forgotten; more than zero.
    pub window: Duration,
    /// `computeReservation`, in percent.
    pub reservation: u32,
    /// `shareDistribution`: the weights of shares, or of all that begin so, in ten-thousandths.
    pub weights: Vec<(Pattern, u32)>,
}

impl ObservedPolicy {
    /// The weight of a share: that of the longest entry for it.
    pub fn weight(&self, share: &Name) -> u32 {
        let entries = self.weights.iter().filter(|(pattern, _)| pattern.matches(share.as_str()));
        // Of `A` and `A*`, the one without a star is meant.
        let closest = entries.max_by_key(|(pattern, _)| (stem(pattern).len(), !is_prefix(pattern)));
        closest.map_or(WEIGHT_ONE, |(_, weight)| *weight)
    }

    /// Two entries that are about one share.
    pub fn overlap(&self) -> Option<(&Name, &Name)> {
        let mut entries: Vec<&Pattern> = self.weights.iter().map(|(pattern, _)| pattern).collect();
        // In this order all that begin as an entry come right behind it.
        entries.sort_by_key(|pattern| (stem(pattern), !is_prefix(pattern)));
        let mut neighbours = entries.iter().zip(entries.iter().skip(1));
        neighbours
            .find(|(first, second)| is_prefix(first) && stem(second).starts_with(stem(first)))
            .map(|(first, second)| (&first.0, &second.0))
    }
}

fn is_prefix(pattern: &Pattern) -> bool {
    pattern.0.as_str().ends_with('*')
}

fn stem(pattern: &Pattern) -> &str {
    pattern.0.as_str().trim_end_matches('*')
}

impl Registered for ObservedPolicy {
    fn key(&self) -> ObjectKey {
        ObjectKey::new("", self.name.clone())
    }
    fn uid(&self) -> Uid {
        self.uid
    }
    fn aws_name(&self) -> Option<&Name> {
        self.aws_name.as_ref()
    }
    fn created_at(&self) -> Time {
        self.created_at
    }
}

/// What one share uses, as its queue's status tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ShareUse {
    /// The share.
    pub share: Name,
    /// Its weight, in ten-thousandths.
    pub weight: u32,
    /// Thousandths of vCPUs of its tasks that have a host.
    pub used: u64,
    /// Thousandths of vCPUs it used before: a mean that forgets.
    pub recent: u64,
    /// Its tasks that wait for capacity.
    pub runnable: u64,
}

/// What the shares of a queue use: what is kept of the past from one run of the operator to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FairShareUse {
    /// When it was so.
    pub at: Time,
    /// The shares that have used most for their weight, at most [`crate::limits::SHARES_LISTED`], these first.
    pub shares: Vec<ShareUse>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(weights: &[(&str, u32)]) -> ObservedPolicy {
        ObservedPolicy {
            name: "fair".into(),
            uid: Uid::default(),
            resource_version: ResourceVersion(1),
            created_at: Time::ZERO,
            aws_name: None,
            window: Duration::from_secs(600),
            reservation: 0,
            weights: weights.iter().map(|(text, weight)| (Pattern((*text).into()), *weight)).collect(),
        }
    }

    #[test]
    fn the_longest_entry_for_a_share_counts() {
        let policy = policy(&[("A*", 1), ("A1", 2), ("A1*", 3), ("B*", 4)]);
        let weights = ["A1", "A12", "A2", "B", "C"].map(|share| policy.weight(&share.into()));
        assert_eq!(weights, [2, 3, 1, 4, WEIGHT_ONE]);
    }

    #[test]
    fn entries_for_one_share_are_found() {
        let overlap = |entries: &[&str]| {
            let weights: Vec<(&str, u32)> = entries.iter().map(|text| (*text, 1)).collect();
            policy(&weights).overlap().map(|(a, b)| format!("{a} {b}"))
        };
        assert_eq!(overlap(&["A", "AB", "B*", "C1"]), None);
        assert_eq!(overlap(&["UserA1", "B", "UserA*"]).as_deref(), Some("UserA* UserA1"));
        assert_eq!(overlap(&["A", "A*"]).as_deref(), Some("A* A"));
        assert_eq!(overlap(&["*", "A"]).as_deref(), Some("* A"));
    }
}
