//! Pods that were admitted without a host: each asks for a node that somebody else's autoscaler is to add. Which they are is
//! derived from the pods, as what uses a host is.

use crate::ids::{Name, ObjectKey};
use crate::time::Time;
use crate::units::ResourceList;
use std::collections::{BTreeMap, BTreeSet};

/// A pod that waits for a node.
#[derive(Debug)]
struct Floater {
    pod: ObjectKey,
    environment: Name,
    need: ResourceList,
    /// Since when this process knows.
    since: Time,
}

/// All of them, in the order in which they were admitted or first seen.
#[derive(Debug, Default)]
pub(crate) struct Floating {
    floaters: BTreeMap<u64, Floater>,
    numbers: BTreeMap<ObjectKey, u64>,
    last: u64,
    /// Pods that were given a host which was kept free for their job, and are not bound to it yet: the host and the job's name.
    awaited: BTreeMap<ObjectKey, (Name, Name)>,
}

impl Floating {
    /// A pod waits for a node of an environment; one that is known keeps its place among the others.
    pub(crate) fn put(&mut self, pod: &ObjectKey, environment: &Name, need: ResourceList, now: Time) {
        let next = self.last + 1;
        let number = *self.numbers.entry(pod.clone()).or_insert(next);
        self.last = self.last.max(number);
        let since = self.floaters.get(&number).map_or(now, |floater| floater.since);
        let floater = Floater { pod: pod.clone(), environment: environment.clone(), need, since };
        self.floaters.insert(number, floater);
    }

    /// A pod does not wait for a node any more. True when it did.
    pub(crate) fn remove(&mut self, pod: &ObjectKey) -> bool {
        let number = self.numbers.remove(pod);
        number.is_some_and(|number| self.floaters.remove(&number).is_some())
    }

    /// The pods that wait for nodes of an environment, and what each needs.
    pub(crate) fn of(&self, environment: &Name) -> impl Iterator<Item = (&ObjectKey, &ResourceList)> {
        let theirs = self.floaters.values().filter(move |floater| floater.environment == *environment);
        theirs.map(|floater| (&floater.pod, &floater.need))
    }

    /// Since when this process knows that a pod waits.
    pub(crate) fn since(&self, pod: &ObjectKey) -> Option<Time> {
        Some(self.floaters.get(self.numbers.get(pod)?)?.since)
    }

    /// A pod was given a host that was kept free for its job: until it is bound there, one that floats might be.
    pub(crate) fn await_binding(&mut self, pod: ObjectKey, host: Name, job_name: Name) {
        self.awaited.insert(pod, (host, job_name));
    }

    /// A pod was bound, or is not to be any more. True when it was waited for.
    pub(crate) fn end_binding(&mut self, pod: &ObjectKey) -> bool {
        self.awaited.remove(pod).is_some()
    }

    /// The hosts that such pods were given, each with the name of the job.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = &(Name, Name)> {
        self.awaited.values()
    }

    /// Those that are not among these.
    pub(crate) fn not_in(&self, listed: &BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
        self.numbers.keys().filter(|pod| !listed.contains(*pod)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Resources;

    #[test]
    fn a_pod_waits_once_and_keeps_its_place() {
        let (first, second) = (ObjectKey::new("a", "z"), ObjectKey::new("a", "b"));
        let need = |vcpus: u64| ResourceList::from(Resources::of_job(vcpus * 1000, 64, 0));
        let mut floating = Floating::default();
        let at = Time::from_seconds;
        floating.put(&first, &"auto".into(), need(1), at(1));
        floating.put(&second, &"auto".into(), need(2), at(2));
        floating.put(&first, &"auto".into(), need(3), at(3));
        assert_eq!(floating.since(&first), Some(at(1)));
        let waits = |floating: &Floating| {
            let environment = Name::from("auto");
            let all = floating.of(&environment);
            all.map(|(pod, need)| (pod.name.to_string(), need.amounts.cpu_millis)).collect::<Vec<_>>()
        };
        assert_eq!(waits(&floating), [("z".to_owned(), 3000), ("b".to_owned(), 2000)]);
        assert_eq!(floating.of(&"other".into()).count(), 0);
        assert_eq!(floating.not_in(&BTreeSet::from([first.clone()])), std::slice::from_ref(&second));
        assert!(floating.remove(&first) && !floating.remove(&first));
        floating.put(&first, &"auto".into(), need(1), at(4));
        assert_eq!(waits(&floating), [("b".to_owned(), 2000), ("z".to_owned(), 1000)]);
    }
}
