//! The room on all hosts, as one pass fills it.

use super::promise::Site;
use super::reserve::Reservation;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::mutant::{self, Mutant};
use crate::pool::{Growth, nodes_that_leave};
use crate::time::Time;
use crate::units::Resources;
use crate::world::Hosts;
use std::collections::{BTreeMap, BTreeSet};

/// One host that takes jobs.
#[derive(Clone, Debug)]
struct Place {
    name: Name,
    whole: Resources,
    /// What jobs can have of it: not what pods of others use.
    for_jobs: Resources,
    free: Resources,
    /// The job it is kept free for.
    kept: Option<Reservation>,
}

impl Place {
    /// True when it is kept free for another job, and one that ends by then may be in its way.
    fn is_kept_from(&self, job: Uid, ends_by: Option<Time>) -> bool {
        let in_time = |until: Option<Time>| ends_by.zip(until).is_some_and(|(end, until)| end <= until);
        let is_kept = self.kept.as_ref().is_some_and(|kept| kept.job != job && !in_time(kept.until));
        is_kept && !mutant::is(Mutant::KeptHostTaken)
    }
}

/// All hosts that take jobs, and which of them each environment has. A host may be in several environments: its room is
/// counted once.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    places: Vec<Place>,
    environments: BTreeMap<Uid, Vec<usize>>,
    growths: BTreeMap<Uid, Growth>,
    /// What tasks in line need, of all queues.
    needs: BTreeSet<Resources>,
}

/// What an environment's hosts have for one need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Hosts that take jobs.
    pub(crate) hosts: usize,
    /// The most of each amount that one host has when empty.
    pub(crate) largest: Resources,
    /// True when some host, empty, is large enough.
    pub(crate) one_is_large_enough: bool,
    /// The free room of the host that comes closest.
    pub(crate) most_free: Resources,
    /// A host that has the room, but is kept free for another job: that job's name.
    pub(crate) kept: Option<(Name, Name)>,
}

impl Floor {
    /// Measures all hosts, and what managed environments can still come to have.
    pub(crate) fn of(desk: &Desk) -> Floor {
        let leave = nodes_that_leave(desk);
        let selectors = desk
            .environments
            .iter()
            .map(|environment| (environment.observed.uid, &environment.observed.selector));
        let mut floor = Floor::measure(&desk.hosts, &leave, selectors);
        let growth = |found: &Environment| Some((found.observed.uid, Growth::measure(found, desk)?));
        floor.needs = desk.lines.needs();
        floor.growths = desk.environments.iter().filter_map(growth).collect();
        floor
    }

    /// Sets room aside for up to `count` pods of a job on machines that an environment has on their way, or may still add. How
    /// many found some.
    pub(crate) fn expect(&mut self, environment: Uid, need: &Resources, job: Uid, count: u32) -> u32 {
        self.growths.get_mut(&environment).map_or(0, |growth| growth.expect(job, need, count))
    }

    /// What a managed environment can still come to have.
    pub(crate) fn growth(&self, environment: Uid) -> Option<&Growth> {
        self.growths.get(&environment)
    }

    /// The machines to be added, by environment, and what is lacking nevertheless.
    pub(crate) fn into_orders(self) -> impl Iterator<Item = (Uid, (Vec<Name>, u32))> {
        self.growths.into_iter().map(|(uid, growth)| (uid, growth.into_orders()))
    }

    /// Measures all hosts but those that `leave`; `environments` are identities and label selectors.
    pub(crate) fn measure<'a>(
        hosts: &Hosts,
        leave: &[Name],
        environments: impl Iterator<Item = (Uid, &'a BTreeMap<Name, Name>)>,
    ) -> Floor {
        let mut floor = Floor::default();
        let mut labels = Vec::new();
        for (name, host) in hosts.iter().filter(|(name, _)| !leave.contains(name)) {
            if let (Some(node), Some(free), Some(for_jobs)) =
                (host.usable(), host.free(), host.room_for_jobs())
            {
                let (name, whole) = (name.clone(), node.allocatable);
                floor.places.push(Place { name, whole, for_jobs, free, kept: None });
                labels.push(&node.labels);
            }
        }
        for (environment, selector) in environments {
            let matches = |labels: &BTreeMap<Name, Name>| {
                !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            };
            let members =
                (0..floor.places.len()).filter(|at| labels.get(*at).is_some_and(|labels| matches(labels)));
            floor.environments.insert(environment, members.collect());
        }
        floor
    }

    /// Takes room for one pod of a job in an environment: on the fullest host that has it, so that large jobs find whole hosts;
    /// on one that is kept for another job only if the pod is sure to have ended in time.
    pub(crate) fn take(
        &mut self,
        environment: Uid,
        need: &Resources,
        job: Uid,
        ends_by: Option<Time>,
    ) -> Option<Name> {
        let members = self.environments.get(&environment)?;
        let fits = |place: &Place| place.free.covers(need) && !place.is_kept_from(job, ends_by);
        let fitting = members.iter().filter(|at| self.places.get(**at).is_some_and(fits));
        let best = *fitting.min_by_key(|at| self.places.get(**at).map(|place| place.free))?;
        let place = self.places.get_mut(best)?;
        if !mutant::is(Mutant::OverAdmission) {
            place.free = place.free.minus(need);
        }
        Some(place.name.clone())
    }

    /// Takes room for one pod of a job on one host, if it has any now.
    pub(crate) fn take_at(&mut self, host: &Name, need: &Resources) -> bool {
        let place = self.places.iter_mut().find(|place| place.name == *host && place.free.covers(need));
        place.is_some_and(|place| {
            place.free = place.free.minus(need);
            true
        })
    }

    /// True when something waits, or did before this pass, that has room where this need has none.
    pub(crate) fn has_smaller(&self, need: &Resources) -> bool {
        self.needs.iter().any(|other| !other.covers(need))
    }

    /// The vCPUs of these environments, in thousandths: what shares are reckoned from. Of a managed one all that it may have,
    /// else the shares of what is about to be made would be reckoned from next to nothing.
    pub(crate) fn vcpus(&self, environments: &[Uid]) -> u64 {
        let members = |managed: bool| {
            let environments =
                environments.iter().filter(move |uid| self.growths.contains_key(uid) == managed);
            environments
                .filter_map(|uid| self.environments.get(uid))
                .flatten()
                .copied()
                .collect::<BTreeSet<_>>()
        };
        let hosts = &members(false) - &members(true);
        let hosts: u64 =
            hosts.iter().filter_map(|at| self.places.get(*at)).map(|place| place.whole.cpu_millis).sum();
        let growths = environments.iter().filter_map(|uid| self.growths.get(uid));
        hosts + growths.map(|growth| u64::from(growth.max_vcpus) * 1000).sum::<u64>()
    }

    /// Keeps room for a job.
    pub(crate) fn keep(&mut self, reservation: &Reservation) {
        let is_it = |place: &&mut Place| match &reservation.promise.site {
            Site::Host(host) => place.name == *host,
            Site::Machine(_) => false,
            Site::NewMachine { leaving, .. } => leaving.contains(&place.name),
        };
        for place in self.places.iter_mut().filter(is_it) {
            place.kept = Some(reservation.clone());
        }
        let Some(growth) = self.growths.get_mut(&reservation.environment) else { return };
        match &reservation.promise.site {
            Site::Host(_) => {}
            Site::Machine(machine) => growth.keep(machine, reservation.job, reservation.need),
            Site::NewMachine { vcpus, .. } => growth.hold(reservation.job, *vcpus),
        }
    }

    /// Nothing is kept for this job any more.
    pub(crate) fn release(&mut self, job: Uid) {
        for place in &mut self.places {
            place.kept.take_if(|kept| kept.job == job);
        }
        self.growths.values_mut().for_each(|growth| growth.release(job));
    }

    /// True when a host is kept free for another job.
    pub(crate) fn is_kept_from(&self, host: &Name, job: Uid) -> bool {
        let place = self.places.iter().find(|place| place.name == *host);
        place.is_some_and(|place| place.kept.as_ref().is_some_and(|kept| kept.job != job))
    }

    /// Hosts of an environment that are large enough once all jobs there have ended, and kept for nobody.
    pub(crate) fn large_enough(&self, environment: Uid, need: &Resources) -> impl Iterator<Item = &Name> {
        self.candidates(environment, need).map(|place| &place.name)
    }

    /// The one of them that comes nearest to having the room now.
    pub(crate) fn nearest(&self, environment: Uid, need: &Resources) -> Option<&Name> {
        let nearest = self.candidates(environment, need).max_by_key(|place| closeness(&place.free, need))?;
        Some(&nearest.name)
    }

    fn candidates(&self, environment: Uid, need: &Resources) -> impl Iterator<Item = &Place> {
        let members = self.environments.get(&environment).into_iter().flatten();
        let places = members.filter_map(|at| self.places.get(*at));
        places.filter(|place| place.for_jobs.covers(need) && place.kept.is_none())
    }

    /// What an environment has for this need.
    pub(crate) fn room(&self, environment: Uid, need: &Resources) -> Room {
        let mut room = Room::default();
        let members = self.environments.get(&environment).into_iter().flatten();
        for place in members.filter_map(|at| self.places.get(*at)) {
            room.hosts += 1;
            room.largest = room.largest.max_each(&place.whole);
            room.one_is_large_enough |= place.whole.covers(need);
            if let Some(kept) = place.kept.as_ref().filter(|_| place.free.covers(need)) {
                room.kept = Some((place.name.clone(), kept.job_name.clone()));
                continue;
            }
            if closeness(&place.free, need) >= closeness(&room.most_free, need) {
                room.most_free = place.free;
            }
        }
        room
    }
}

/// How near free room comes to a need: the amount most lacking, in thousandths of what is needed.
fn closeness(free: &Resources, need: &Resources) -> u64 {
    let share = |have: u64, need: u64| have.min(need).saturating_mul(1000).checked_div(need).unwrap_or(1000);
    share(free.cpu_millis, need.cpu_millis)
        .min(share(free.memory_bytes, need.memory_bytes))
        .min(share(free.gpus, need.gpus))
        .min(share(free.pods, need.pods))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ResourceVersion;
    use crate::objects::ObservedHost;

    fn floor(free_cpus: &[u64]) -> Floor {
        let mut hosts = Hosts::default();
        for (number, cpus) in free_cpus.iter().enumerate() {
            hosts.put(ObservedHost {
                name: format!("n{number}").into(),
                uid: Uid::from_u128(1),
                resource_version: ResourceVersion(1),
                labels: BTreeMap::from([("pool".into(), if number < 3 { "a".into() } else { "b".into() })]),
                allocatable: Resources { cpu_millis: cpus * 1000, memory_bytes: 8 << 30, gpus: 0, pods: 110 },
                ready: true,
                ..ObservedHost::default()
            });
        }
        let selector = BTreeMap::from([("pool".into(), "a".into())]);
        Floor::measure(&hosts, &[], [(Uid::from_u128(7), &selector)].into_iter())
    }

    #[test]
    fn the_fullest_host_with_room_is_taken_and_only_hosts_of_the_environment() {
        let mut floor = floor(&[4, 2, 8, 1]);
        let environment = Uid::from_u128(7);
        let need = Resources::of_job(1000, 64, 0);
        let taken: Vec<String> = std::iter::from_fn(|| floor.take(environment, &need, Uid::default(), None))
            .map(|name| name.to_string())
            .collect();
        assert_eq!(taken.len(), 14);
        assert_eq!(taken[..3], ["n1", "n1", "n0"]);
        assert!(!taken.contains(&"n3".to_owned()));
    }

    #[test]
    fn room_tells_why_nothing_fits() {
        let floor = floor(&[4, 2, 3]);
        let room = floor.room(Uid::from_u128(7), &Resources::of_job(64_000, 64, 0));
        assert_eq!((room.hosts, room.largest.cpu_millis, room.one_is_large_enough), (3, 4000, false));
        assert!(floor.room(Uid::from_u128(7), &Resources::of_job(4000, 64, 0)).one_is_large_enough);
        assert_eq!(floor.room(Uid::from_u128(8), &Resources::default()).hosts, 0);
    }
}
