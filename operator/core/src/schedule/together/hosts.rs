//! Hosts for all nodes of a multi-node job on the floor of a pass.

use crate::ids::{Name, Uid};
use crate::job::Job;
use crate::mutant::{self, Mutant};
use crate::pool::{Gang, GangHosts, GangMachines, Growth};
use crate::schedule::closed::Closed;
use crate::schedule::floor::{Floor, Members};
use crate::schedule::obstacle::Obstacle;
use crate::schedule::pass::Choice;
use crate::schedule::place::Place;
use crate::schedule::promise::Site;
use crate::time::Time;
use crate::units::{ResourceList, Resources};
use std::collections::{BTreeMap, BTreeSet};

/// Hosts of one instance type that take a node.
#[derive(Default)]
struct Kind<'a> {
    /// Now.
    idle: Vec<&'a Place>,
    /// Once all jobs there have ended: those that are kept for nobody else, and how many with the others.
    open: Vec<&'a Name>,
    all: usize,
    /// One without jobs that is kept for another job, and that job.
    kept: Option<(Name, Name)>,
}

impl Floor {
    /// The nodes of a job that are still to be placed.
    pub(super) fn gang(&self, job: &Job) -> Gang {
        let shape = &job.terms.shape;
        let kind = shape.instance_type.clone().filter(|_| !mutant::is(Mutant::InstanceTypesMixed));
        Gang { job: job.uid, need: shape.need, nodes: job.tasks.runnable.count(), kind }
    }

    /// The hosts of an environment that take a node once no job is there, by instance type. Not those that kube-scheduler may
    /// give to pods that wait for any node.
    fn kinds(&self, environment: Uid, gang: &Gang, ends_by: Option<Time>) -> BTreeMap<Name, Kind<'_>> {
        let of_machines: BTreeMap<&Name, &Name> =
            self.growths.get(&environment).into_iter().flat_map(Growth::kinds).collect();
        let mut kinds: BTreeMap<Name, Kind<'_>> = BTreeMap::new();
        if self.is_spot(environment) {
            return kinds;
        }
        let takes_nodes = |place: &Place| !place.is_shared && !place.old_kubelet;
        for (place, gpus) in self.fitting(environment, &gang.need).filter(|(place, _)| takes_nodes(place)) {
            let mut kind = of_machines.get(&place.name).copied().unwrap_or(&place.kind).clone();
            if mutant::is(Mutant::InstanceTypesMixed) {
                kind = Name::default();
            }
            if gang.kind.as_ref().is_some_and(|mine| *mine != kind) {
                continue;
            }
            let entry = kinds.entry(kind).or_default();
            let is_kept = place.kept_from(gang.job, ends_by).is_some();
            let is_idle = !place.has_jobs && place.free.seen_with(gpus).covers(&gang.need);
            if is_idle && is_kept {
                entry.kept = place.kept.as_ref().map(|kept| (place.name.clone(), kept.job_name.clone()));
            }
            entry.idle.extend((is_idle && !is_kept).then_some(place));
            entry.open.extend(place.kept_from(gang.job, None).is_none().then_some(&place.name));
            entry.all += 1;
        }
        kinds
    }

    /// Takes a host for each node, if there are enough: those that were kept for it first, and none that is kept for another job
    /// while there are others.
    pub(super) fn take_together(
        &mut self,
        environment: Uid,
        gang: &Gang,
        ends_by: Option<Time>,
    ) -> Option<Vec<Name>> {
        let gpus = self.environments.get(&environment).map(|members| &members.gpus)?;
        // Hosts with GPUs last, if it needs none.
        let size = |kind: &Kind<'_>| {
            let whole = kind.idle.iter().map(|place| place.whole.seen_with(gpus)).max();
            (whole.filter(|_| gang.need.gpus == 0).map(|whole| whole.gpus), whole)
        };
        let kinds = self.kinds(environment, gang, ends_by).into_values();
        let enough = kinds.filter(|kind| kind.idle.len() >= gang.nodes as usize).min_by_key(size)?;
        let mut idle = enough.idle;
        idle.sort_by_key(|place| match &place.kept {
            Some(kept) if kept.job == gang.job => 0,
            None => 1,
            Some(_) => 2,
        });
        let hosts: Vec<Name> =
            idle.into_iter().take(gang.nodes as usize).map(|place| place.name.clone()).collect();
        self.take_whole(&hosts, &gang.need);
        Some(hosts)
    }

    /// The same on these hosts only.
    pub(super) fn take_these(&mut self, environment: Uid, hosts: &[Name], gang: &Gang) -> Option<Vec<Name>> {
        let those: BTreeSet<&Name> = hosts.iter().collect();
        let kinds = self.kinds(environment, gang, None).into_values();
        let idle =
            kinds.map(|kind| kind.idle.into_iter().filter(|place| those.contains(&place.name)).collect());
        let idle = idle.max_by_key(|idle: &Vec<&Place>| idle.len()).unwrap_or_default();
        let hosts: Vec<Name> =
            idle.into_iter().take(gang.nodes as usize).map(|place| place.name.clone()).collect();
        if hosts.len() < gang.nodes as usize {
            return None;
        }
        self.take_whole(&hosts, &gang.need);
        Some(hosts)
    }

    fn take_whole(&mut self, hosts: &[Name], need: &Resources) {
        let hosts: BTreeSet<&Name> = hosts.iter().collect();
        for place in self.places.iter_mut().filter(|place| hosts.contains(&place.name)) {
            place.free = ResourceList::default();
            place.has_jobs = true;
            self.growths.values_mut().for_each(|growth| growth.take(&place.name, need));
        }
    }

    /// No node of a multi-node job comes where the cloud may take hosts away at any time (SPEC.md M6).
    pub(super) fn is_spot(&self, environment: Uid) -> bool {
        self.environments.get(&environment).is_some_and(|members| members.is_spot)
    }

    /// The machines that come for a multi-node job, where it may have some: not for its sake where they would not take it.
    pub(super) fn growth_for_nodes(&self, environment: Uid) -> Option<&Growth> {
        let may_be_added = |members: &&Members| !members.is_spot && !members.old_kubelets;
        self.environments.get(&environment).filter(may_be_added)?;
        self.growths.get(&environment)
    }

    /// Hosts that wait with a job, and machines that come, so that it has one for each node.
    pub(super) fn expect_together(&mut self, environment: Uid, gang: &Gang) -> Option<GangMachines> {
        self.growth_for_nodes(environment)?;
        let hosts = self.gang_hosts(environment, gang);
        self.growths.get_mut(&environment)?.expect_together(gang, &hosts)
    }

    /// The hosts that may wait with a job: nobody knows by when it has ended then.
    pub(super) fn gang_hosts(&self, environment: Uid, gang: &Gang) -> GangHosts {
        let mut hosts = GangHosts::default();
        for kind in self.kinds(environment, gang, None).into_values() {
            hosts.idle.extend(kind.idle.into_iter().map(|place| place.name.clone()));
            hosts.large_enough.extend(kind.open.into_iter().cloned());
        }
        hosts
    }

    /// Hosts that take a node once all jobs there have ended, and are kept for nobody else, by instance type.
    pub(super) fn large_enough_by_kind(
        &self,
        environment: Uid,
        gang: &Gang,
    ) -> impl Iterator<Item = Vec<&Name>> {
        self.kinds(environment, gang, None).into_values().map(|kind| kind.open)
    }

    /// The machines of an environment that wait with multi-node jobs until all of each job's are there.
    pub(in crate::schedule) fn waiting(&self, environment: Uid) -> BTreeSet<Name> {
        let waits = |place: &&Place| {
            let kept = place.kept.as_ref().filter(|_| !place.has_jobs);
            kept.is_some_and(|kept| {
                matches!(kept.promise.site, Site::Hosts(_)) || kept.waiting.contains(&place.name)
            })
        };
        let Some(growth) = self.growths.get(&environment) else { return BTreeSet::new() };
        growth.waiting(&self.members(environment).filter(waits).map(|place| place.name.clone()).collect())
    }

    /// Why an environment does not take all nodes of a job now.
    pub(super) fn obstacle_together(&self, choice: &Choice, gang: &Gang) -> Obstacle {
        let (uid, environment) = match choice {
            Ok((uid, environment)) => (*uid, environment.clone()),
            Err(obstacle) => return obstacle.clone(),
        };
        if self.is_spot(uid) {
            return Obstacle::SpotOnly { environment };
        }
        if self.awaited.contains_key(&uid) {
            return Obstacle::HostsShared { environment };
        }
        let room = self.room(uid, &gang.need);
        let kinds = self.kinds(uid, gang, None).into_values();
        let kind = kinds.max_by_key(|kind| (kind.all, kind.idle.len())).unwrap_or_default();
        let is_enough = kind.all >= gang.nodes as usize;
        let (hosts, idle, kept, closed) = (kind.all, kind.idle.len(), kind.kept, room.closed);
        if hosts == 0 && self.members(uid).any(|place| place.is_shared) {
            return Obstacle::HostsShared { environment };
        }
        if is_enough {
            return Obstacle::NodesWait { environment, idle, hosts, closed, kept };
        }
        let old = self.members(uid).filter(|place| place.old_kubelet).count();
        if old > 0 || self.environments.get(&uid).is_some_and(|members| members.old_kubelets) {
            return Obstacle::OldKubelets { environment, hosts, old };
        }
        if let Some((growth, prospect)) = self.growth(uid).zip(self.prospect(uid, &gang.need)) {
            if let Some(words) = prospect.failure {
                return Obstacle::CannotLaunch { environment, words };
            }
            if prospect.smallest.is_none() {
                let largest = room.largest.max_each(&prospect.largest);
                return Obstacle::TooSmall { environment, largest, closed };
            }
            let hosts = hosts.max(growth.most_together(gang));
            if hosts < gang.nodes as usize {
                return Obstacle::TooFewHosts { environment, hosts, closed: Closed::default() };
            }
            let (max_vcpus, launching_vcpus) = (prospect.max_vcpus, prospect.launching_vcpus);
            return Obstacle::AtMaximum { environment, max_vcpus, launching_vcpus };
        }
        if room.hosts == 0 {
            Obstacle::NoHosts { environment, closed }
        } else if !room.one_is_large_enough {
            Obstacle::TooSmall { environment, largest: room.largest, closed }
        } else {
            Obstacle::TooFewHosts { environment, hosts, closed }
        }
    }
}
