//! The pods of our jobs, by job and task.

use crate::ids::{Name, ObjectKey, Uid};
use crate::objects::ObservedPod;
use std::collections::{BTreeMap, BTreeSet};

/// Which pod of a job: the child (0 for a single job), its attempt and the launch serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    /// The child's index; 0 for a single job.
    pub(crate) index: u32,
    /// From 1.
    pub(crate) attempt: u8,
    /// The launch serial.
    pub(crate) launch: u16,
}

/// Pods of our jobs, those that run and those that are over.
#[derive(Debug, Default)]
pub(crate) struct Pods {
    by_job: BTreeMap<Uid, BTreeMap<Slot, ObservedPod>>,
    by_key: BTreeMap<ObjectKey, (Uid, Slot)>,
}

impl Pods {
    /// True when this version of a pod of ours is old news.
    pub(crate) fn has_later(&self, pod: &ObservedPod) -> bool {
        let Some(task) = &pod.task else { return false };
        let slot = Slot { index: task.index, attempt: task.attempt, launch: task.launch };
        self.get(task.job, slot)
            .is_some_and(|known| known.uid == pod.uid && known.resource_version >= pod.resource_version)
    }

    /// Takes a pod in; `None` when it is not one of ours, or when this version of it is old news.
    pub(crate) fn put(&mut self, pod: ObservedPod) -> Option<(Uid, Slot)> {
        if self.has_later(&pod) {
            return None;
        }
        let task = pod.task.as_ref()?;
        let place = (task.job, Slot { index: task.index, attempt: task.attempt, launch: task.launch });
        self.remove(&pod.key);
        self.by_key.insert(pod.key.clone(), place);
        self.by_job.entry(place.0).or_default().insert(place.1, pod);
        Some(place)
    }

    /// Takes a pod out; tells whose it was.
    pub(crate) fn remove(&mut self, key: &ObjectKey) -> Option<(Uid, Slot)> {
        let (job, slot) = self.by_key.remove(key)?;
        if let Some(pods) = self.by_job.get_mut(&job) {
            pods.remove(&slot);
            if pods.is_empty() {
                self.by_job.remove(&job);
            }
        }
        Some((job, slot))
    }

    /// One pod of a job.
    pub(crate) fn get(&self, job: Uid, slot: Slot) -> Option<&ObservedPod> {
        self.by_job.get(&job)?.get(&slot)
    }

    /// The pod of this name, when it is one of ours.
    pub(crate) fn by_key(&self, key: &ObjectKey) -> Option<&ObservedPod> {
        let (job, slot) = self.by_key.get(key)?;
        self.get(*job, *slot)
    }

    /// All pods of a job, by task.
    pub(crate) fn of(&self, job: Uid) -> impl Iterator<Item = (Slot, &ObservedPod)> {
        self.by_job.get(&job).into_iter().flatten().map(|(slot, pod)| (*slot, pod))
    }

    /// The pods of one task.
    pub(crate) fn of_task(&self, job: Uid, index: u32) -> impl Iterator<Item = (Slot, &ObservedPod)> {
        let range =
            Slot { index, attempt: 0, launch: 0 }..=Slot { index, attempt: u8::MAX, launch: u16::MAX };
        let pods = self.by_job.get(&job);
        pods.into_iter().flat_map(move |pods| pods.range(range.clone())).map(|(slot, pod)| (*slot, pod))
    }

    /// Our pods on a host, or admitted to it.
    pub(crate) fn on(&self, host: &Name) -> Vec<(Uid, Slot)> {
        let pods =
            self.by_job.iter().flat_map(|(job, pods)| pods.iter().map(|(slot, pod)| (*job, *slot, pod)));
        pods.filter(|(_, _, pod)| pod.place() == Some(host)).map(|(job, slot, _)| (job, slot)).collect()
    }

    /// Our pods that are not among these.
    pub(crate) fn keys_not_in(&self, listed: &BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
        self.by_key.keys().filter(|key| !listed.contains(*key)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ResourceVersion;
    use crate::objects::TaskPod;

    fn pod(uid: u128, version: u64) -> ObservedPod {
        ObservedPod {
            key: ObjectKey::new("a", "p"),
            uid: Uid::from_u128(uid),
            resource_version: ResourceVersion(version),
            created_at: crate::time::Time::ZERO,
            host: None,
            requests: crate::units::ResourceList::default(),
            phase: crate::objects::PodPhase::Active,
            deleting: false,
            task: Some(TaskPod { attempt: 1, ..TaskPod::default() }),
        }
    }

    #[test]
    fn an_answer_that_comes_after_the_watch_is_old_news_but_not_one_about_another_pod() {
        let mut pods = Pods::default();
        assert!(pods.put(pod(1, 7)).is_some());
        assert!(pods.has_later(&pod(1, 5)));
        assert_eq!(pods.put(pod(1, 7)), None);
        assert!(!pods.has_later(&pod(1, 8)));
        assert!(!pods.has_later(&pod(2, 5)));
    }
}
