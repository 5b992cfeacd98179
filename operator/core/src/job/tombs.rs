//! Finished pods: kept as tombstones of their names, and for `kubectl logs`; released in the end (DESIGN.md, rules 3 and 5).

use super::Job;
use crate::action::Action;
use crate::desk::Desk;
use crate::limits::FINISHED_PODS_KEPT;
use crate::mutant::{self, Mutant};
use crate::objects::PodPhase;
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::Slot;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// One finished pod.
#[derive(Clone, Copy, Debug)]
struct Grave {
    failed: bool,
    /// When the status that records its end was confirmed; never released before.
    sealed_at: Option<Time>,
}

/// The finished pods of a job.
#[derive(Debug, Default)]
pub(crate) struct Tombs {
    graves: BTreeMap<Slot, Grave>,
    /// Pods that the next status write seals.
    unsealed: Vec<Slot>,
    /// Sealed pods of attempts that succeeded, oldest first.
    succeeded: VecDeque<Slot>,
    /// Sealed pods of attempts that failed, oldest first.
    failed: VecDeque<Slot>,
    /// Pods that somebody deleted: they go once their name is safe, however few are kept.
    unwanted: BTreeSet<Slot>,
    releasing: BTreeSet<Slot>,
}

impl Tombs {
    /// Takes in a pod that is over; the next confirmed status write seals it. True when it was not known as such.
    pub(crate) fn bury(&mut self, slot: Slot, failed: bool) -> bool {
        let is_new = !self.graves.contains_key(&slot);
        if is_new && mutant::is(Mutant::ReleaseBeforeStatus) {
            self.graves.insert(slot, Grave { failed, sealed_at: Some(Time::ZERO) });
            self.unwanted.insert(slot);
        } else if is_new {
            self.graves.insert(slot, Grave { failed, sealed_at: None });
            self.unsealed.push(slot);
        }
        is_new
    }

    /// Pods that a status written now seals.
    pub(crate) fn take_unsealed(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.unsealed)
    }

    /// A status write that would have sealed these pods failed.
    pub(crate) fn put_unsealed_back(&mut self, slots: Vec<Slot>) {
        self.unsealed.extend(slots);
    }

    /// The ends of these pods are safe in the Job.
    pub(crate) fn seal(&mut self, slots: Vec<Slot>, now: Time) {
        for slot in slots {
            let Some(grave) = self.graves.get_mut(&slot).filter(|grave| grave.sealed_at.is_none()) else {
                continue;
            };
            grave.sealed_at = Some(now);
            let order = if grave.failed { &mut self.failed } else { &mut self.succeeded };
            order.push_back(slot);
        }
    }

    /// Somebody deleted this pod: not we, who do so to release it.
    pub(crate) fn unwant(&mut self, slot: Slot) {
        if self.graves.contains_key(&slot) && !self.releasing.contains(&slot) {
            self.unwanted.insert(slot);
        }
    }

    /// The pod is gone.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.graves.remove(&slot);
        self.unwanted.remove(&slot);
        self.releasing.remove(&slot);
        self.unsealed.retain(|unsealed| *unsealed != slot);
    }

    /// A release failed: it is tried again.
    pub(crate) fn not_released(&mut self, slot: Slot) {
        if self.releasing.remove(&slot) {
            self.unwanted.insert(slot);
        }
    }

    /// When the next pod may be released, if any is to be, where one guards its name for `guard`.
    pub(crate) fn next_release(&self, guard: Duration) -> Option<Time> {
        let sealed_at = |slot: &Slot| self.graves.get(slot).and_then(|grave| grave.sealed_at);
        let there_is_surplus = self.kept() > FINISHED_PODS_KEPT;
        let surplus =
            [self.succeeded.front(), self.failed.front()].into_iter().flatten().filter(|_| there_is_surplus);
        let next = surplus.chain(&self.unwanted).filter_map(sealed_at).min()?;
        Some(next + guard)
    }

    fn kept(&self) -> usize {
        self.graves.len().saturating_sub(self.releasing.len())
    }

    fn is_safe(&self, slot: Slot, now: Time, guard: Duration) -> bool {
        let sealed_at = self.graves.get(&slot).and_then(|grave| grave.sealed_at);
        sealed_at.is_some_and(|sealed_at| sealed_at + guard <= now)
    }

    /// The next pod to release: those somebody deleted first; then what is more than is kept, successes before failures.
    fn next_to_release(&mut self, now: Time, guard: Duration) -> Option<Slot> {
        if let Some(slot) = self.unwanted.iter().copied().find(|slot| self.is_safe(*slot, now, guard)) {
            return Some(slot);
        }
        if self.kept() <= FINISHED_PODS_KEPT {
            return None;
        }
        self.oldest_safe(false, now, guard).or_else(|| self.oldest_safe(true, now, guard))
    }

    /// Takes the oldest pod of its kind out of the order, if its name is safe.
    fn oldest_safe(&mut self, failed: bool, now: Time, guard: Duration) -> Option<Slot> {
        loop {
            let slot = *if failed { self.failed.front() } else { self.succeeded.front() }?;
            let is_here = self.graves.contains_key(&slot) && !self.releasing.contains(&slot);
            if is_here && !self.is_safe(slot, now, guard) {
                return None;
            }
            if failed {
                self.failed.pop_front()
            } else {
                self.succeeded.pop_front()
            };
            if is_here {
                return Some(slot);
            }
        }
    }
}

/// Releases what may go, a bounded number at a time.
pub(crate) fn tend(job: &mut Job, desk: &mut Desk) {
    let Some(tombs) = &mut job.tombs else { return };
    let guard = desk.tombstone(&job.key.namespace);
    while desk.may_release() {
        let Some(slot) = tombs.next_to_release(desk.now, guard) else { return };
        tombs.unwanted.remove(&slot);
        let Some(pod) = desk.pods.get(job.uid, slot) else {
            tombs.remove(slot);
            continue;
        };
        let (key, uid, deleting) = (pod.key.clone(), pod.uid, pod.deleting);
        tombs.releasing.insert(slot);
        desk.outbox.send(
            Action::ReleasePod(key.clone(), uid, !deleting),
            Purpose::ReleasePod(job.uid, slot, key, uid),
        );
        desk.releases_under_way += 1;
    }
}

/// The ends of these pods are safe in the Job. One that still runs, on a host that was given up or because its end was decided
/// here, is stopped now and not before.
pub(crate) fn seal(job: &mut Job, slots: Vec<Slot>, desk: &mut Desk) {
    let Some(tombs) = &mut job.tombs else { return };
    for slot in &slots {
        let Some(pod) = desk.pods.get(job.uid, *slot) else { continue };
        if pod.deleting {
            tombs.unwant(*slot);
        }
        // A gated one goes with its StatefulSet, which would make another.
        let is_gated = pod.task.as_ref().is_some_and(|task| task.gated);
        if pod.phase == PodPhase::Active && !pod.deleting && !is_gated && desk.deleting.insert(pod.uid) {
            let action = Action::DeletePod(pod.key.clone(), pod.uid, None);
            desk.outbox.send(action, Purpose::DeletePod(job.uid, *slot, pod.uid));
        }
    }
    tombs.seal(slots, desk.now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_that_is_being_released_is_not_released_again_because_it_is_deleted() {
        let (slot, guard) = (Slot { index: 0, attempt: 1, launch: 0 }, Duration::from_secs(120));
        let (sealed, later) = (Time::ZERO, Time::ZERO + guard);
        let mut tombs = Tombs::default();
        assert!(tombs.bury(slot, false));
        let unsealed = tombs.take_unsealed();
        tombs.seal(unsealed, sealed);
        tombs.unwant(slot);
        assert_eq!(tombs.next_to_release(sealed, guard), None);
        assert_eq!(tombs.next_to_release(later, guard), Some(slot));
        tombs.unwanted.remove(&slot);
        tombs.releasing.insert(slot);
        // The watch shows that the pod is deleted before the release is answered.
        tombs.unwant(slot);
        assert_eq!(tombs.next_to_release(later, guard), None);
        tombs.not_released(slot);
        assert_eq!(tombs.next_to_release(later, guard), Some(slot));
    }
}
