//! Hosts and what uses them. Use is derived from the pods there, never counted up and down (DESIGN.md, rule 7).

use crate::ids::{Name, ObjectKey, Uid};
use crate::mutant::{self, Mutant};
use crate::objects::ObservedHost;
use crate::time::Time;
use crate::units::ResourceList;
use std::collections::{BTreeMap, BTreeSet};

/// One host: the node, and the pods that claim room on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// The node as last seen; `None` when only pods speak of it, or once it is gone.
    pub(crate) node: Option<ObservedHost>,
    /// Since when the node is known to be gone.
    pub(crate) gone_since: Option<Time>,
    /// The node was seen, or the API server has said that there is none.
    is_known: bool,
    claims: BTreeMap<ObjectKey, Claim>,
    used: ResourceList,
    used_by_others: ResourceList,
}

/// A host without a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Since when its node is known to be gone.
    Since(Time),
    /// Pods speak of it, and no watch has told of its node yet: it may be new.
    Unheard,
}

/// Room that one pod takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) need: ResourceList,
    /// The job and the task it is for; without one it is a pod of others, which may stay for ever.
    pub(crate) task: Option<(Uid, u32)>,
    /// No other task comes to the host while it is there.
    pub(crate) alone: bool,
}

impl Host {
    /// What its pods use: those bound to it that are not over, and those admitted to it, whoever owns them.
    pub(crate) const fn used(&self) -> &ResourceList {
        &self.used
    }

    /// The room that pods claim here.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values()
    }

    /// True while pods of jobs use it, or were given to it.
    pub(crate) fn has_jobs(&self) -> bool {
        self.claims.values().any(|claim| claim.task.is_some())
    }

    /// True while one of its pods has the host for itself, as far as jobs are concerned.
    pub(crate) fn is_taken_whole(&self) -> bool {
        self.claims.values().any(|claim| claim.alone) && !mutant::is(Mutant::HostOfNodeShared)
    }

    /// The room there is for jobs, once all that run here have ended.
    pub(crate) fn room_for_jobs(&self) -> Option<ResourceList> {
        self.open().map(|node| node.allocatable.clone().minus(&self.used_by_others))
    }

    /// The room left for more pods: none unless the node is there, ready and schedulable, and nobody's alone.
    pub(crate) fn free(&self) -> Option<ResourceList> {
        let left = |node: &ObservedHost| node.allocatable.clone().minus(&self.used);
        self.open().map(|node| if self.is_taken_whole() { ResourceList::default() } else { left(node) })
    }

    /// The node, when it is ready and not cordoned.
    pub(crate) fn open(&self) -> Option<&ObservedHost> {
        self.node.as_ref().filter(|node| node.ready && !node.unschedulable)
    }

    /// The node, when it takes jobs: at least those with GPUs of this name.
    pub(crate) fn usable(&self, gpus: &Name) -> Option<&ObservedHost> {
        self.open().filter(|node| node.taints.iter().all(|taint| taint.is_tolerated(Some(gpus))))
    }

    fn derive_used(&mut self) {
        let sum = |ours_too: bool| {
            let counted = self.claims.values().filter(|claim| ours_too || claim.task.is_none());
            counted.fold(ResourceList::default(), |sum, claim| sum.plus(&claim.need))
        };
        (self.used, self.used_by_others) = (sum(true), sum(false));
    }

    fn is_blank(&self) -> bool {
        self.node.is_none() && self.claims.is_empty()
    }
}

/// All hosts.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    hosts: BTreeMap<Name, Host>,
    places: BTreeMap<ObjectKey, Name>,
}

impl Hosts {
    /// The host of this name.
    pub(crate) fn get(&self, name: &Name) -> Option<&Host> {
        self.hosts.get(name)
    }

    /// All hosts, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Host)> {
        self.hosts.iter()
    }

    /// Takes a node in; true when that may change where pods can go.
    pub(crate) fn put(&mut self, node: ObservedHost) -> bool {
        let host = self.hosts.entry(node.name.clone()).or_default();
        if host
            .node
            .as_ref()
            .is_some_and(|known| known.uid == node.uid && known.resource_version >= node.resource_version)
        {
            return false;
        }
        let changed = host.node.as_ref().is_none_or(|known| {
            let beside = |of: &ObservedHost| {
                (of.ready, of.unschedulable, of.out_of_service, of.made_for, of.old_kubelet)
            };
            (&known.labels, &known.allocatable, &known.taints, beside(known))
                != (&node.labels, &node.allocatable, &node.taints, beside(&node))
        });
        host.node = Some(node);
        host.gone_since = None;
        host.is_known = true;
        changed
    }

    /// Notes that a node is gone. Its pods still claim room there until they are over.
    pub(crate) fn node_gone(&mut self, name: &Name) {
        if let Some(host) = self.hosts.get_mut(name) {
            host.node = None;
        }
        self.forget_if_blank(name);
    }

    /// Notes since when the node of a host is missing; `None` while it is there.
    pub(crate) fn missing(&mut self, name: &Name, now: Time) -> Option<Missing> {
        let host = self.hosts.entry(name.clone()).or_default();
        if host.node.is_some() {
            return None;
        }
        if !host.is_known && !mutant::is(Mutant::UnheardHostIsGone) {
            return Some(Missing::Unheard);
        }
        Some(Missing::Since(*host.gone_since.get_or_insert(now)))
    }

    /// The API server has no node of this name.
    pub(crate) fn is_not_there(&mut self, name: &Name) {
        if let Some(host) = self.hosts.get_mut(name) {
            host.is_known = true;
        }
    }

    /// Claims room on a host for a pod, in place of what it claimed before. True when that frees room.
    pub(crate) fn claim(&mut self, host: &Name, pod: &ObjectKey, claim: &Claim) -> bool {
        let moved = self.places.get(pod).is_some_and(|place| place != host) && self.unclaim(pod);
        let entry = self.hosts.entry(host.clone()).or_default();
        let before = entry.claims.insert(pod.clone(), claim.clone());
        if mutant::is(Mutant::UsageCounted) {
            entry.used = entry.used.clone().plus(&claim.need);
        } else if before.as_ref() != Some(claim) {
            entry.derive_used();
        }
        self.places.insert(pod.clone(), host.clone());
        moved || before.is_some_and(|before| !claim.need.covers(&before.need))
    }

    /// Gives a pod's room back; true when it claimed some.
    pub(crate) fn unclaim(&mut self, pod: &ObjectKey) -> bool {
        let Some(place) = self.places.remove(pod) else { return false };
        if let Some(host) = self.hosts.get_mut(&place) {
            let claim = host.claims.remove(pod);
            if let Some(claim) = claim.filter(|_| mutant::is(Mutant::UsageCounted)) {
                host.used = host.used.clone().minus(&claim.need);
            } else {
                host.derive_used();
            }
        }
        self.forget_if_blank(&place);
        true
    }

    /// The nodes of these names are all there are.
    pub(crate) fn names_not_in(&self, listed: &BTreeSet<Name>) -> Vec<Name> {
        let known = self.hosts.iter().filter(|(_, host)| host.node.is_some());
        known.map(|(name, _)| name).filter(|name| !listed.contains(*name)).cloned().collect()
    }

    /// Pods that claim room and are not among these.
    pub(crate) fn pods_not_in(&self, listed: &BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
        self.places.keys().filter(|pod| !listed.contains(*pod)).cloned().collect()
    }

    /// Hosts whose use, added up anew from the claims, is not what was kept: always none.
    pub(crate) fn drift(&self) -> usize {
        let adds_up = |host: &Host| {
            host.claims.values().fold(ResourceList::default(), |sum, claim| sum.plus(&claim.need))
                == host.used
        };
        self.hosts.values().filter(|host| !adds_up(host)).count()
    }

    fn forget_if_blank(&mut self, name: &Name) {
        if self.hosts.get(name).is_some_and(Host::is_blank) {
            self.hosts.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ResourceVersion;
    use crate::objects::Taint;
    use crate::units::{GPUS, Resources};

    const TASK: Option<(Uid, u32)> = Some((Uid::from_u128(1), 0));

    fn claim(cpu_millis: u64) -> Claim {
        let task = TASK.filter(|_| cpu_millis != 1000);
        Claim { need: Resources::of_job(cpu_millis, 64, 0).into(), task, alone: false }
    }

    fn node(name: &str, version: u64) -> ObservedHost {
        ObservedHost {
            name: name.into(),
            uid: Uid::from_u128(1),
            resource_version: ResourceVersion(version),
            allocatable: Resources { cpu_millis: 4000, memory_bytes: 1 << 33, gpus: 2, pods: 110 }.into(),
            ready: true,
            ..ObservedHost::default()
        }
    }

    #[test]
    fn use_follows_the_pods() {
        let mut hosts = Hosts::default();
        let (first, second) = (ObjectKey::new("a", "pod-1"), ObjectKey::new("a", "pod-2"));
        hosts.claim(&"n1".into(), &first, &claim(1000));
        assert!(hosts.put(node("n1", 1)));
        hosts.claim(&"n1".into(), &second, &claim(2000));
        hosts.claim(&"n1".into(), &second, &claim(2500));
        assert_eq!(hosts.get(&"n1".into()).unwrap().used().amounts.cpu_millis, 3500);
        assert_eq!(hosts.get(&"n1".into()).unwrap().room_for_jobs().unwrap().amounts.cpu_millis, 3000);
        hosts.claim(&"n2".into(), &second, &claim(2500));
        assert_eq!(hosts.get(&"n1".into()).unwrap().free().unwrap().amounts.cpu_millis, 3000);
        assert!(hosts.unclaim(&second));
        assert!(!hosts.unclaim(&second));
        assert!(hosts.get(&"n2".into()).is_none());
        assert_eq!(hosts.drift(), 0);
    }

    #[test]
    fn an_old_version_of_a_node_is_ignored_and_a_heartbeat_is_no_change() {
        let mut hosts = Hosts::default();
        assert!(hosts.put(node("n1", 5)));
        assert!(!hosts.put(ObservedHost { ready: false, ..node("n1", 4) }));
        assert!(!hosts.put(node("n1", 6)));
        assert!(hosts.put(ObservedHost { ready: false, ..node("n1", 7) }));
        assert_eq!(hosts.get(&"n1".into()).unwrap().free(), None);
    }

    #[test]
    fn gpus_are_used_under_the_name_that_a_pod_asks_for() {
        let mut hosts = Hosts::default();
        hosts.put(node("n1", 1));
        let need = ResourceList::from(Resources::of_job(1000, 64, 1));
        hosts.claim(&"n1".into(), &ObjectKey::new("a", "pod-1"), &Claim { need, task: None, alone: false });
        let need = ResourceList::with_gpus(Resources::of_job(1000, 64, 1), &"amd.com/gpu".into());
        hosts.claim(&"n1".into(), &ObjectKey::new("a", "pod-2"), &Claim { need, task: TASK, alone: false });
        let host = hosts.get(&"n1".into()).unwrap();
        assert_eq!(host.free().unwrap().seen_with(&GPUS.into()).gpus, 1);
        assert_eq!(host.room_for_jobs().unwrap().seen_with(&GPUS.into()).gpus, 1);
        assert_eq!(hosts.drift(), 0);
    }

    #[test]
    fn a_taint_that_is_added_later_is_news_and_one_named_as_gpus_leaves_room_for_their_jobs() {
        let mut hosts = Hosts::default();
        hosts.put(node("n1", 1));
        let taint = |key: &str, evicts| Taint { key: key.into(), value: "".into(), evicts };
        assert!(hosts.put(ObservedHost { taints: vec![taint(GPUS, false)], ..node("n1", 2) }));
        let is_usable = |hosts: &Hosts| hosts.get(&"n1".into()).unwrap().usable(&GPUS.into()).is_some();
        assert!(is_usable(&hosts));
        assert!(hosts.put(ObservedHost { taints: vec![taint(GPUS, true)], ..node("n1", 3) }));
        assert!(!is_usable(&hosts));
        assert!(hosts.put(ObservedHost { taints: vec![taint("other", false)], ..node("n1", 4) }));
        assert!(!is_usable(&hosts));
        assert!(!hosts.put(ObservedHost { taints: vec![taint("other", false)], ..node("n1", 5) }));
    }
}
