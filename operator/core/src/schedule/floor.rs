//! The room on all hosts, as one pass fills it.

use super::closed::Closed;
use super::place::Place;
use super::promise::Site;
use super::reserve::Reservation;
use crate::catalog::{Environment, Hosting};
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::mutant::{self, Mutant};
use crate::objects::ObservedHost;
use crate::pool::{Awaited, Growth, Prospect, TYPE_LABEL, nodes_that_leave, pack};
use crate::time::Time;
use crate::units::{ResourceList, Resources};
use crate::world::Hosts;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The hosts of one environment.
#[derive(Debug, Default)]
pub(super) struct Members {
    places: Vec<usize>,
    /// What GPUs are called there.
    pub(super) gpus: Name,
    /// Its machines are SPOT capacity.
    pub(super) is_spot: bool,
    /// Its machines come with kubelets that may run a node's container twice.
    pub(super) old_kubelets: bool,
    /// Those that take no pods at all.
    pub(super) not_ready: usize,
    pub(super) cordoned: usize,
}

/// All hosts, and which of them each environment has. A host may be in several environments: its room is counted once.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    pub(super) places: Vec<Place>,
    pub(super) environments: BTreeMap<Uid, Members>,
    pub(super) growths: BTreeMap<Uid, Growth>,
    /// What autoscalers of others may add.
    pub(super) awaited: BTreeMap<Uid, Awaited>,
    /// What tasks in line need, of all queues.
    needs: BTreeSet<Resources>,
}

/// What an environment's hosts have for one need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Hosts that take such jobs.
    pub(crate) hosts: usize,
    /// Those that take none.
    pub(crate) closed: Closed,
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
        let hosting = desk.environments.iter().map(|found| Hosting::of(&found.observed, &desk.machines));
        let mut floor = Floor::measure(&desk.hosts, &leave, hosting);
        let growth = |found: &Environment| Some((found.observed.uid, Growth::measure(found, desk)?));
        floor.needs = desk.lines.needs();
        floor.growths = desk.environments.iter().filter_map(growth).collect();
        for environment in desk.environments.iter() {
            if let Some(members) = floor.environments.get_mut(&environment.observed.uid) {
                members.is_spot = environment.observed.managed.as_ref().is_some_and(|managed| managed.spot);
                members.old_kubelets = environment.pool.old_kubelets;
            }
            if let Some(packing) = pack(environment, desk) {
                packing.placed.iter().for_each(|(host, need)| floor.set_aside(host, need));
                floor.share(environment.observed.uid);
                floor.awaited.insert(environment.observed.uid, packing.awaited);
            }
        }
        floor
    }

    /// The hosts of an environment.
    pub(super) fn members(&self, environment: Uid) -> impl Iterator<Item = &Place> {
        let members = self.environments.get(&environment).into_iter().flat_map(|members| &members.places);
        members.filter_map(|at| self.places.get(*at))
    }

    /// What can be told of what an environment can still come to have; `None` where nothing is ever added.
    pub(crate) fn prospect(&self, environment: Uid, need: &Resources) -> Option<Prospect> {
        let growth = self.growths.get(&environment).map(|growth| growth.prospect(need));
        growth.or_else(|| self.awaited.get(&environment).map(|awaited| awaited.prospect(need)))
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

    /// Pods that wait for any node of this environment may be bound to its hosts.
    fn share(&mut self, environment: Uid) {
        let members = self.environments.get(&environment).into_iter().flat_map(|members| &members.places);
        for at in members.copied().collect::<Vec<_>>() {
            if let Some(place) = self.places.get_mut(at) {
                place.is_shared = true;
            }
        }
    }

    /// Measures all hosts but those that `leave`, for environments with these hosts.
    pub(crate) fn measure<'a>(
        hosts: &Hosts,
        leave: &[Name],
        environments: impl Iterator<Item = Hosting<'a>>,
    ) -> Floor {
        let (mut floor, label) = (Floor::default(), Name::from(TYPE_LABEL));
        let (mut open, mut closed): (Vec<&ObservedHost>, Vec<&ObservedHost>) = (Vec::new(), Vec::new());
        for (name, host) in hosts.iter().filter(|(name, _)| !leave.contains(name)) {
            if let (Some(node), Some(free), Some(for_jobs)) = (host.open(), host.free(), host.room_for_jobs())
            {
                let (name, whole, taints) = (name.clone(), node.allocatable.clone(), node.taints.clone());
                let (kind, has_jobs) =
                    (node.labels.get(&label).cloned().unwrap_or_default(), host.has_jobs());
                floor.places.push(Place {
                    name,
                    kind,
                    taints,
                    whole,
                    for_jobs,
                    free,
                    has_jobs,
                    is_shared: false,
                    old_kubelet: node.old_kubelet,
                    kept: None,
                });
                open.push(node);
            } else {
                closed.extend(&host.node);
            }
        }
        for hosting in environments {
            let environment = hosting.environment;
            let is_in = |node: &&&ObservedHost| hosting.has(node);
            let members = open.iter().enumerate().filter(|(_, node)| is_in(node)).map(|(at, _)| at);
            let mine = || closed.iter().filter(is_in);
            let members = Members {
                is_spot: false,
                old_kubelets: false,
                places: members.collect(),
                gpus: environment.gpu_resource.clone(),
                not_ready: mine().filter(|node| !node.ready).count(),
                cordoned: mine().filter(|node| node.ready).count(),
            };
            floor.environments.insert(environment.uid, members);
        }
        floor
    }

    /// Takes room for one pod of a job in an environment: on the fullest host that has it, so that large jobs find whole hosts,
    /// and on one with GPUs last if the job needs none; on one that is kept for another job only if the pod is sure to have
    /// ended in time.
    pub(crate) fn take(
        &mut self,
        environment: Uid,
        need: &Resources,
        job: Uid,
        ends_by: Option<Time>,
    ) -> Option<Name> {
        let Members { places, gpus, .. } = self.environments.get(&environment)?;
        let fits = |place: &Place| {
            place.taint_against(need, gpus).is_none() && place.free_for(job, ends_by, gpus).covers(need)
        };
        let fullness = |place: &Place| {
            let free = place.free.seen_with(gpus);
            let of_gpus = if need.gpus > 0 { free.gpus } else { place.whole.seen_with(gpus).gpus };
            (of_gpus, free)
        };
        let members = places.iter().filter_map(|at| Some((*at, self.places.get(*at)?)));
        let (best, _) = members.filter(|(_, place)| fits(place)).min_by_key(|(_, place)| fullness(place))?;
        let list = ResourceList::with_gpus(*need, gpus);
        let place = self.places.get_mut(best)?;
        if !mutant::is(Mutant::OverAdmission) {
            place.free = std::mem::take(&mut place.free).minus(&list);
            place.has_jobs = true;
            self.growths.values_mut().for_each(|growth| growth.take(&place.name, need));
        }
        Some(place.name.clone())
    }

    /// Takes room for one pod of a job on one host of an environment, if it has any now.
    pub(crate) fn take_at(&mut self, environment: Uid, host: &Name, need: &Resources) -> bool {
        let Some(members) = self.environments.get(&environment) else { return false };
        let list = ResourceList::with_gpus(*need, &members.gpus);
        let place = self.places.iter_mut().find(|place| place.name == *host && place.free.covers(&list));
        let Some(place) = place else { return false };
        place.free = std::mem::take(&mut place.free).minus(&list);
        place.has_jobs = true;
        self.growths.values_mut().for_each(|growth| growth.take(host, need));
        true
    }

    /// True when something waits, or did before this pass, that has room where this need has none.
    pub(crate) fn has_smaller(&self, need: &Resources) -> bool {
        self.needs.iter().any(|other| !other.covers(need))
    }

    /// The vCPUs of these environments, in thousandths: what shares are reckoned from. Of all hosts that take jobs, but of a
    /// managed environment all that it may have, else the shares of what is about to be made would be reckoned from next to
    /// nothing.
    pub(crate) fn vcpus(&self, environments: &[Uid]) -> u64 {
        let with_gpus = Resources { gpus: 1, ..Resources::default() };
        let mut open: BTreeMap<usize, u64> = BTreeMap::new();
        let (mut managed, mut of_managed): (BTreeSet<usize>, u64) = (BTreeSet::new(), 0);
        for uid in environments {
            let Some(members) = self.environments.get(uid) else { continue };
            let awaited = self.awaited.get(uid).map(|awaited| awaited.max_vcpus);
            if let Some(most) = self.growths.get(uid).map(|growth| growth.max_vcpus).or(awaited) {
                of_managed += u64::from(most) * 1000;
                managed.extend(&members.places);
                continue;
            }
            for at in &members.places {
                let place = self.places.get(*at);
                let place = place.filter(|place| place.taint_against(&with_gpus, &members.gpus).is_none());
                open.extend(place.map(|place| (*at, place.whole.amounts.cpu_millis)));
            }
        }
        open.retain(|at, _| !managed.contains(at));
        open.values().sum::<u64>() + of_managed
    }

    /// Keeps room for a job.
    pub(crate) fn keep(&mut self, reservation: &Reservation) {
        let (job, growth) = (reservation.job, self.growths.get_mut(&reservation.environment));
        let mut hosts: BTreeSet<Name> = reservation.waiting.iter().cloned().collect();
        match &reservation.promise.site {
            Site::Host(host) => hosts.extend([host.clone()]),
            Site::Hosts(all) => hosts.extend(all.iter().cloned()),
            Site::Machine(machine) => {
                hosts.extend(growth.and_then(|growth| growth.keep(machine, job, reservation.need)));
            }
            Site::NewMachine { leaving, .. } => {
                if let Some(growth) = growth {
                    growth.hold(job, reservation.hold, &reservation.going);
                }
                hosts.extend(leaving.iter().cloned());
            }
        }
        let reservation = Arc::new(reservation.clone());
        for place in self.places.iter_mut().filter(|place| hosts.contains(&place.name)) {
            place.kept = Some(reservation.clone());
        }
    }

    /// Nothing is kept for this job any more.
    pub(crate) fn release(&mut self, job: Uid) {
        for place in &mut self.places {
            place.kept.take_if(|kept| kept.job == job);
        }
        self.growths.values_mut().for_each(|growth| growth.release(job));
    }

    /// Hosts that are kept free for other jobs.
    pub(crate) fn kept_for_others(&self, job: Uid) -> BTreeSet<&Name> {
        let kept = |place: &&Place| place.kept.as_ref().is_some_and(|kept| kept.job != job);
        self.places.iter().filter(kept).map(|place| &place.name).collect()
    }

    /// Hosts of an environment that are large enough once all jobs there have ended, and kept for nobody.
    pub(crate) fn large_enough(&self, environment: Uid, need: &Resources) -> impl Iterator<Item = &Name> {
        self.candidates(environment, need).map(|(place, _)| &place.name)
    }

    /// The one of them that comes nearest to having the room now.
    pub(crate) fn nearest(&self, environment: Uid, need: &Resources) -> Option<&Name> {
        let candidates = self.candidates(environment, need);
        let nearest = candidates.max_by_key(|(place, gpus)| closeness(&place.free.seen_with(gpus), need))?;
        Some(&nearest.0.name)
    }

    /// With what GPUs are called there.
    fn candidates(&self, environment: Uid, need: &Resources) -> impl Iterator<Item = (&Place, &Name)> {
        self.fitting(environment, need).filter(|(place, _)| place.kept.is_none())
    }

    /// The same, also those that are kept for somebody.
    pub(super) fn fitting(
        &self,
        environment: Uid,
        need: &Resources,
    ) -> impl Iterator<Item = (&Place, &Name)> {
        let members = self.environments.get(&environment).into_iter();
        let places = members.flat_map(|members| {
            members.places.iter().filter_map(|at| Some((self.places.get(*at)?, &members.gpus)))
        });
        places.filter(|(place, gpus)| {
            place.for_jobs.seen_with(gpus).covers(need) && place.taint_against(need, gpus).is_none()
        })
    }

    /// What an environment has for this need.
    pub(crate) fn room(&self, environment: Uid, need: &Resources) -> Room {
        let mut room = Room::default();
        let Some(members) = self.environments.get(&environment) else { return room };
        (room.closed.not_ready, room.closed.cordoned) = (members.not_ready, members.cordoned);
        for place in members.places.iter().filter_map(|at| self.places.get(*at)) {
            if let Some(taint) = place.taint_against(need, &members.gpus) {
                room.closed.add(taint, &place.name);
                continue;
            }
            let (whole, free) = (place.whole.seen_with(&members.gpus), place.free.seen_with(&members.gpus));
            room.hosts += 1;
            room.largest = room.largest.max_each(&whole);
            room.one_is_large_enough |= whole.covers(need);
            if let Some(kept) = place.kept.as_ref().filter(|_| free.covers(need)) {
                room.kept = Some((place.name.clone(), kept.job_name.clone()));
                continue;
            }
            if closeness(&free, need) >= closeness(&room.most_free, need) {
                room.most_free = free;
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
    use crate::objects::{ObservedEnvironment, Taint};
    use crate::schedule::Promise;
    use crate::units::GPUS;
    use crate::world::Machines;

    fn host(number: usize, amounts: Resources) -> ObservedHost {
        ObservedHost {
            name: format!("n{number}").into(),
            uid: Uid::from_u128(1),
            resource_version: ResourceVersion(1),
            labels: BTreeMap::from([("pool".into(), if number < 3 { "a".into() } else { "b".into() })]),
            allocatable: amounts.into(),
            ready: true,
            ..ObservedHost::default()
        }
    }

    fn measure(nodes: impl IntoIterator<Item = ObservedHost>, gpus: &str) -> Floor {
        let mut hosts = Hosts::default();
        for node in nodes {
            hosts.put(node);
        }
        let environment = ObservedEnvironment {
            uid: ENVIRONMENT,
            selector: BTreeMap::from([("pool".into(), "a".into())]),
            gpu_resource: gpus.into(),
            ..ObservedEnvironment::default()
        };
        Floor::measure(&hosts, &[], std::iter::once(Hosting::of(&environment, &Machines::default())))
    }

    fn floor(free_cpus: &[u64]) -> Floor {
        let sized = |cpus: &u64| Resources { pods: 110, ..Resources::of_job(cpus * 1000, 8192, 0) };
        measure(free_cpus.iter().map(sized).enumerate().map(|(at, amounts)| host(at, amounts)), GPUS)
    }

    const ENVIRONMENT: Uid = Uid::from_u128(7);

    #[test]
    fn the_fullest_host_with_room_is_taken_and_only_hosts_of_the_environment() {
        let mut floor = floor(&[4, 2, 8, 1]);
        let need = Resources::of_job(1000, 64, 0);
        let taken: Vec<String> = std::iter::from_fn(|| floor.take(ENVIRONMENT, &need, Uid::default(), None))
            .map(|name| name.to_string())
            .collect();
        assert_eq!(taken.len(), 14);
        assert_eq!(taken[..3], ["n1", "n1", "n0"]);
        assert!(!taken.contains(&"n3".to_owned()));
    }

    #[test]
    fn room_tells_why_nothing_fits() {
        let floor = floor(&[4, 2, 3]);
        let room = floor.room(ENVIRONMENT, &Resources::of_job(64_000, 64, 0));
        assert_eq!((room.hosts, room.largest.cpu_millis, room.one_is_large_enough), (3, 4000, false));
        assert!(floor.room(ENVIRONMENT, &Resources::of_job(4000, 64, 0)).one_is_large_enough);
        assert_eq!(floor.room(Uid::from_u128(8), &Resources::default()).hosts, 0);
    }

    fn with_gpus(numbers: &[u64]) -> Vec<ObservedHost> {
        let sized = |gpus: &u64| Resources { pods: 110, ..Resources::of_job(4000, 8192, *gpus) };
        numbers.iter().map(sized).enumerate().map(|(at, amounts)| host(at, amounts)).collect()
    }

    #[test]
    fn jobs_without_gpus_go_to_hosts_without_and_those_with_where_fewest_are_free() {
        let mut floor = measure(with_gpus(&[4, 0, 1]), GPUS);
        let mut take = |cpu_millis: u64, gpus: u64| {
            let need = Resources::of_job(cpu_millis, 64, gpus);
            floor.take(ENVIRONMENT, &need, Uid::default(), None).map(|name| name.to_string())
        };
        assert_eq!(take(3000, 0).as_deref(), Some("n1"));
        assert_eq!(take(2000, 0).as_deref(), Some("n2"), "the one with a single GPU, where no other fits");
        assert_eq!(take(500, 1).as_deref(), Some("n2"));
        assert_eq!(take(500, 1).as_deref(), Some("n0"));
        assert_eq!(take(500, 4), None);
        assert_eq!(take(500, 3).as_deref(), Some("n0"));
        assert_eq!(take(500, 1), None);
    }

    #[test]
    fn gpus_are_those_of_the_name_that_the_environment_gives() {
        let need = Resources::of_job(1000, 64, 1);
        let mut floor = measure(with_gpus(&[2]), "amd.com/gpu");
        assert_eq!(floor.take(ENVIRONMENT, &need, Uid::default(), None), None);
        assert_eq!(floor.room(ENVIRONMENT, &need).largest.gpus, 0);
    }

    #[test]
    fn a_host_is_kept_as_a_whole_and_one_that_lacks_only_its_gpus_for_what_the_job_needs() {
        let is_free = |site: Site, cpu_millis: u64| {
            let mut floor = measure(with_gpus(&[0]), GPUS);
            floor.places[0].kept = Some(Arc::new(Reservation {
                queue: Uid::default(),
                job: Uid::from_u128(1),
                job_name: "large".into(),
                need: Resources::of_job(3000, 64, 2),
                environment: ENVIRONMENT,
                promise: Promise { site, start: None },
                told: None,
                until: None,
                going: Vec::new(),
                waiting: Vec::new(),
                hold: 0,
            }));
            let need = Resources::of_job(cpu_millis, 64, 0);
            floor.take(ENVIRONMENT, &need, Uid::from_u128(2), None).is_some()
        };
        assert!(!is_free(Site::Host("n0".into()), 1000));
        assert!(is_free(Site::Machine("m0".into()), 1000));
        assert!(!is_free(Site::Machine("m0".into()), 2000));
    }

    #[test]
    fn a_host_with_a_taint_is_not_chosen_and_is_told_of() {
        let taint = |key: &str| Taint { key: key.into(), value: "ml".into(), evicts: false };
        let mut nodes = with_gpus(&[1, 1, 1]);
        nodes[0].taints = vec![taint("dedicated")];
        nodes[1].taints = vec![taint(GPUS)];
        nodes[2].unschedulable = true;
        let mut floor = measure(nodes, GPUS);
        let mut take = |gpus| {
            let need = Resources::of_job(1000, 64, gpus);
            floor.take(ENVIRONMENT, &need, Uid::default(), None).map(|name| name.to_string())
        };
        assert_eq!(take(0), None);
        assert_eq!(take(1).as_deref(), Some("n1"), "a job with GPUs tolerates the taint of their name");
        let room = floor.room(ENVIRONMENT, &Resources::of_job(1000, 64, 0));
        assert_eq!(room.hosts, 0);
        assert_eq!(
            room.closed.to_string(),
            "host n0 has the taint dedicated=ml:NoSchedule, host n1 has the taint nvidia.com/gpu=ml:NoSchedule, 1 host is \
             cordoned"
        );
        assert_eq!(floor.vcpus(&[ENVIRONMENT]), 4000);
    }
}
