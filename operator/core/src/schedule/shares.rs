//! What the shares of fair-share queues use, now and before (SPEC.md Q4). Use now is the sum over the jobs; of use before, a mean
//! is kept that forgets. It is told in the queue's status, from which a restart goes on.

use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::{PAUSE_BETWEEN_SHARES, SHARES_LISTED, SHORTEST_DECAY};
use crate::mutant::{self, Mutant};
use crate::objects::{FairShareUse, ObservedPolicy, ShareUse};
use crate::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// Thousandths of a vCPU of past use below which a share without jobs is forgotten.
const NOTHING: f64 = 1.0;

/// What one job has of its share, or all jobs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Thousandths of vCPUs of tasks that have a host.
    pub(crate) used: u64,
    /// Tasks that wait for capacity.
    pub(crate) runnable: u64,
    /// Tasks that are not final.
    pub(crate) unfinished: u64,
}

/// One share of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    pub(crate) now: Part,
    /// Mean of past use until `at`, in thousandths of vCPUs.
    recent: f64,
    /// Use since `at`.
    rate: u64,
    at: Time,
}

impl Share {
    /// The mean of past use until `now`: use of so long ago as `window` counts 1/e.
    pub(crate) fn recent(&self, now: Time, window: Duration) -> f64 {
        if mutant::is(Mutant::PastUseForgotten) {
            return 0.0;
        }
        let kept = (-now.since(self.at).as_secs_f64() / window.as_secs_f64()).exp();
        let rate = self.rate as f64;
        rate + (self.recent - rate) * kept
    }

    /// Brings the mean up to `now`.
    fn settle(&mut self, now: Time, window: Duration) {
        if now > self.at {
            self.recent = self.recent(now, window);
            self.at = now;
        }
        self.rate = self.now.used;
    }

    fn is_blank(&self) -> bool {
        self.now == Part::default() && self.recent < NOTHING
    }
}

/// A share's use, now and before, times its weight: the lowest is served first.
pub(crate) fn score(used: u64, recent: f64, weight: u32) -> u64 {
    let weight = if mutant::is(Mutant::WeightIgnored) { 1 } else { weight };
    ((used as f64 + recent) * f64::from(weight)).round() as u64
}

/// The shares of all queues.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    queues: BTreeMap<Uid, BTreeMap<Name, Share>>,
}

impl Shares {
    /// The shares of a queue that use or used something, or have unfinished jobs.
    pub(crate) fn of(&self, queue: Uid) -> impl Iterator<Item = (&Name, &Share)> {
        self.queues.get(&queue).into_iter().flatten()
    }

    /// True while anything is kept about a queue.
    pub(crate) fn knows(&self, queue: Uid) -> bool {
        self.queues.contains_key(&queue)
    }

    /// True when a share has unfinished jobs.
    pub(crate) fn has_unfinished(&self, queue: Uid, share: &Name) -> bool {
        self.queues
            .get(&queue)
            .and_then(|shares| shares.get(share))
            .is_some_and(|share| share.now.unfinished > 0)
    }

    /// Shares with unfinished jobs.
    pub(crate) fn active(&self, queue: Uid) -> usize {
        self.of(queue).filter(|(_, share)| share.now.unfinished > 0).count()
    }

    /// Goes on from what was written about a queue.
    pub(crate) fn take_over(&mut self, queue: Uid, told: &FairShareUse) {
        let shares = self.queues.entry(queue).or_default();
        for entry in &told.shares {
            let share = shares.entry(entry.share.clone()).or_default();
            (share.recent, share.rate, share.at) = (entry.recent as f64, entry.used, told.at);
        }
    }

    /// A queue is gone.
    pub(crate) fn forget(&mut self, queue: Uid) {
        self.queues.remove(&queue);
    }

    /// Puts a job's part in place of what it had before.
    pub(crate) fn change(
        &mut self,
        queue: Uid,
        share: &Name,
        parts: (Part, Part),
        now: Time,
        window: Duration,
    ) {
        let (before, after) = parts;
        let share = self.queues.entry(queue).or_default().entry(share.clone()).or_default();
        share.settle(now, window);
        let replace = |total: u64, before: u64, after: u64| total.saturating_sub(before) + after;
        share.now = Part {
            used: replace(share.now.used, before.used, after.used),
            runnable: replace(share.now.runnable, before.runnable, after.runnable),
            unfinished: replace(share.now.unfinished, before.unfinished, after.unfinished),
        };
        share.rate = share.now.used;
    }

    /// Brings all means of a queue up to date, and forgets shares that use and used nothing.
    pub(crate) fn settle(&mut self, queue: Uid, now: Time, window: Duration) {
        let Some(shares) = self.queues.get_mut(&queue) else { return };
        shares.values_mut().for_each(|share| share.settle(now, window));
        shares.retain(|_, share| !share.is_blank());
    }

    /// Shares whose use is not the sum of what their jobs use: always 0 (DESIGN.md, rule 7).
    pub(crate) fn drift<'a>(&self, parts: impl Iterator<Item = (Uid, &'a Name, Part)>) -> usize {
        let mut sums: BTreeMap<(Uid, &Name), Part> = BTreeMap::new();
        for (queue, share, part) in parts.filter(|(queue, ..)| self.queues.contains_key(queue)) {
            let sum = sums.entry((queue, share)).or_default();
            sum.used += part.used;
            sum.runnable += part.runnable;
            sum.unfinished += part.unfinished;
        }
        let kept = self
            .queues
            .iter()
            .flat_map(|(queue, shares)| shares.iter().map(move |(name, share)| ((*queue, name), share.now)));
        kept.filter(|(share, now)| sums.get(share).copied().unwrap_or_default() != *now).count()
    }
}

impl Desk {
    /// The scheduling policy of a fair-share queue, once it is there.
    pub(crate) fn policy_of(&self, queue: Uid) -> Option<&ObservedPolicy> {
        let reference = self.queues.get(queue)?.observed.policy.as_ref()?;
        self.policies.find(&Name::default(), reference)
    }

    /// Over how long a queue forgets past use.
    pub(crate) fn window_of(&self, queue: Uid) -> Duration {
        self.policy_of(queue).map_or(SHORTEST_DECAY, |policy| policy.window)
    }

    /// What is to be told of the shares of a fair-share queue: what was told before, as long as nothing has
    /// changed since, and for a while.
    pub(crate) fn fair_share(&mut self, queue: Uid, before: Option<&FairShareUse>) -> Option<FairShareUse> {
        let policy = self.policy_of(queue)?.clone();
        self.shares.settle(queue, self.now, policy.window);
        let mut shares: Vec<(u64, ShareUse)> = Vec::new();
        for (name, share) in self.shares.of(queue) {
            let (used, runnable) = (share.now.used, share.now.runnable);
            let (recent, weight) = (share.recent(self.now, policy.window), policy.weight(name));
            let told =
                ShareUse { share: name.clone(), weight, used, recent: recent.round() as u64, runnable };
            shares.push((score(used, recent, weight), told));
        }
        shares.sort_by(|(one, first), (other, second)| (other, &first.share).cmp(&(one, &second.share)));
        shares.truncate(SHARES_LISTED);
        let shares: Vec<ShareUse> = shares.into_iter().map(|(_, share)| share).collect();
        let Some(before) = before else { return Some(FairShareUse { at: self.now.to_second(), shares }) };
        let due = before.at + PAUSE_BETWEEN_SHARES;
        if busy(&before.shares) == busy(&shares) {
            return Some(before.clone());
        }
        if due > self.now {
            self.agenda.wake(due, Item::Queue(queue));
            return Some(before.clone());
        }
        Some(FairShareUse { at: self.now.to_second(), shares })
    }
}

/// What counts as a change: what was used before grows old by itself.
fn busy(shares: &[ShareUse]) -> BTreeMap<&Name, (u32, u64, u64)> {
    let busy = shares.iter().filter(|share| share.used > 0 || share.runnable > 0);
    busy.map(|share| (&share.share, (share.weight, share.used, share.runnable))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(600);

    fn part(used: u64) -> Part {
        Part { used, runnable: 0, unfinished: 1 }
    }

    #[test]
    fn past_use_is_learnt_and_forgotten_over_the_window() {
        let (queue, share) = (Uid::from_u128(1), Name::from("red"));
        let at = |seconds| Time::from_seconds(seconds);
        let mut shares = Shares::default();
        shares.change(queue, &share, (Part::default(), part(4000)), at(0), WINDOW);
        let recent = |shares: &Shares, now| {
            let (_, share) = shares.of(queue).next().unwrap();
            share.recent(now, WINDOW).round() as u64
        };
        assert_eq!(recent(&shares, at(600)), 2528);
        shares.change(queue, &share, (part(4000), Part::default()), at(600), WINDOW);
        assert_eq!(recent(&shares, at(1200)), 930);
        shares.settle(queue, at(600 * 20), WINDOW);
        assert_eq!(shares.of(queue).count(), 0);
    }

    #[test]
    fn a_restart_goes_on_from_what_was_told() {
        let (queue, at) = (Uid::from_u128(1), Time::from_seconds(0));
        let mut shares = Shares::default();
        let told = ShareUse { share: "red".into(), used: 4000, recent: 1000, ..ShareUse::default() };
        shares.take_over(queue, &FairShareUse { at, shares: vec![told] });
        // It used 4 vCPUs all the time since; what it uses now is learnt from its jobs.
        shares.settle(queue, at + WINDOW, WINDOW);
        let (_, share) = shares.of(queue).next().unwrap();
        assert_eq!((share.recent.round() as u64, share.now.used), (2896, 0));
        assert!(share.recent(at + WINDOW * 2, WINDOW) < 1100.0);
    }
}
