//! Where a job that is too large for what is free could find room: on hosts once jobs there have ended, on machines on their
//! way, and on machines that are made once others have gone. By when, is known as far as timeouts tell.

use super::floor::Floor;
use super::promise::Site;
use super::reserve::Reservation;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::job::{Job, Jobs, ends_by};
use crate::limits::{REMOVAL_PATIENCE, TOMBSTONE};
use crate::pool::{Growth, Machine};
use crate::time::Time;
use crate::units::ResourceList;

/// Room that could be kept for a job.
pub(super) struct Offer {
    pub(super) environment: Uid,
    pub(super) site: Site,
    /// By when others have left it.
    pub(super) until: Option<Time>,
    /// By when the job can start there.
    pub(super) start: Option<Time>,
    /// Machines that go to leave their vCPUs.
    pub(super) going: Vec<Name>,
    /// Hosts without jobs that wait with it.
    pub(super) waiting: Vec<Name>,
    /// vCPUs that are held for machines that it lacks.
    pub(super) hold: u32,
    /// How many hosts others have to leave, of those for the nodes of a multi-node job.
    pub(super) busy: usize,
}

impl Offer {
    /// Room that is kept, where nothing more is known of it.
    pub(super) fn at(environment: Uid, site: Site) -> Offer {
        let (going, waiting) = (Vec::new(), Vec::new());
        Offer { environment, site, until: None, start: None, going, waiting, hold: 0, busy: 0 }
    }

    /// The earliest comes first, what is not known last.
    pub(super) fn key(&self) -> (bool, Option<Time>, usize) {
        (self.start.is_none(), self.start, self.busy)
    }
}

/// Machines that make way for others, the hosts on them, and by when the last has no jobs any more.
pub(super) struct Way {
    pub(super) going: Vec<Name>,
    pub(super) leaving: Vec<Name>,
    pub(super) until: Option<Time>,
}

/// A search for room.
pub(super) struct Search<'a> {
    pub(super) job: &'a Job,
    /// Environments where it may be placed.
    pub(super) open: &'a [Uid],
    pub(super) floor: &'a Floor,
    pub(super) jobs: &'a Jobs,
    pub(super) desk: &'a Desk,
}

impl Search<'_> {
    /// What was kept before, while it is of use.
    pub(super) fn same(&self, before: &Reservation, may_move: bool) -> Option<Offer> {
        let environment = Some(before.environment).filter(|uid| self.open.contains(uid))?;
        if self.job.nodes.is_some() {
            return self.same_together(before, environment, may_move);
        }
        match &before.promise.site {
            Site::Host(host) => self.on_host(environment, host),
            Site::Machine(machine) => self.on_machine(environment, machine),
            Site::NewMachine { .. } => self.on_promised_machine(environment, before.promise.start),
            Site::Hosts(_) => None,
        }
    }

    /// What is free first, as far as is known; else the host that comes nearest to having the room now.
    pub(super) fn best(&self) -> Option<Offer> {
        if self.job.nodes.is_some() {
            return self.best_together();
        }
        let hosts = self.open.iter().flat_map(|environment| {
            let hosts = self.floor.large_enough(*environment, &self.job.terms.shape.need);
            hosts.map(|host| self.host(*environment, host)).collect::<Vec<_>>()
        });
        let new = self.open.iter().filter_map(|environment| self.on_new_machine(*environment, false));
        let first = hosts.chain(self.machines()).chain(new).min_by_key(Offer::key)?;
        if first.start.is_some() {
            return Some(first);
        }
        let nearest = self.open.iter().find_map(|environment| {
            let host = self.floor.nearest(*environment, &self.job.terms.shape.need)?;
            Some(self.host(*environment, host))
        });
        Some(nearest.unwrap_or(first))
    }

    fn on_host(&self, environment: Uid, host: &Name) -> Option<Offer> {
        let mut hosts = self.floor.large_enough(environment, &self.job.terms.shape.need);
        hosts.any(|fitting| fitting == host).then(|| self.host(environment, host))
    }

    /// Where a pod that waits for any node might be bound, nobody can say by when the room is there.
    fn host(&self, environment: Uid, host: &Name) -> Offer {
        let is_sure = !self.floor.may_be_bound_to(host);
        let start = is_sure.then(|| self.free_by(environment, host)).flatten();
        Offer { until: start, start, ..Offer::at(environment, Site::Host(host.clone())) }
    }

    /// On a machine that was on its way: it may be there now.
    fn on_machine(&self, environment: Uid, machine: &Name) -> Option<Offer> {
        let is_it =
            |offer: &Offer| offer.environment == environment && offer.site == Site::Machine(machine.clone());
        let there = || self.desk.machines.of(environment).find(|found| found.name == *machine)?.node.as_ref();
        self.machines().find(is_it).or_else(|| self.on_host(environment, there()?))
    }

    /// On machines that are on their way.
    pub(super) fn machines(&self) -> impl Iterator<Item = Offer> {
        let of = |environment: &Uid| {
            let coming =
                self.floor.growth(*environment)?.on_their_way(self.job.uid, &self.job.terms.shape.need);
            let offer = |(machine, ready_by): (&Name, Option<Time>)| Offer {
                start: ready_by.filter(|ready_by| *ready_by >= self.desk.now),
                ..Offer::at(*environment, Site::Machine(machine.clone()))
            };
            Some(coming.map(offer).collect::<Vec<_>>())
        };
        self.open.iter().filter_map(of).flatten()
    }

    /// On the machine that was to be made: it may be on its way now, or another one, of whichever environment, that is there in
    /// time.
    fn on_promised_machine(&self, environment: Uid, told: Option<Time>) -> Option<Offer> {
        let in_time = |offer: &Offer| match told {
            Some(told) => offer.start.is_some_and(|start| start <= told),
            None => offer.environment == environment,
        };
        let coming = self.machines().filter(in_time).min_by_key(Offer::key);
        coming.or_else(|| self.on_new_machine(environment, true))
    }

    /// On a machine that is made once others have left it their vCPUs: those whose jobs have ended first.
    fn on_new_machine(&self, environment: Uid, is_promised: bool) -> Option<Offer> {
        let growth = self.floor.growth(environment)?;
        let (vcpus, lacking) = growth.lacks(self.job.uid, &self.job.terms.shape.need, is_promised)?;
        let way = self.make_way(growth, lacking, |_| false)?;
        let gone =
            if way.leaving.is_empty() { way.until } else { way.until.map(|until| until + REMOVAL_PATIENCE) };
        let start = gone.and_then(|gone| growth.would_be_ready_by(gone));
        let environment_name = self.desk.environments.get(environment)?.display_name().clone();
        let site =
            Site::NewMachine { environment: environment_name, machines: 1, vcpus, leaving: way.leaving };
        Some(Offer { until: way.until, start, going: way.going, hold: vcpus, ..Offer::at(environment, site) })
    }

    /// Those that leave the vCPUs that are lacking, but for those that `stay`.
    pub(super) fn make_way(
        &self,
        growth: &Growth,
        mut lacking: u32,
        stays: impl Fn(&Machine) -> bool,
    ) -> Option<Way> {
        let mut way = Way { until: Some(self.desk.now), leaving: Vec::new(), going: Vec::new() };
        if lacking == 0 {
            return Some(way);
        }
        let kept = self.floor.kept_for_others(self.job.uid);
        let is_open = |machine: &&Machine| machine.node.as_ref().is_none_or(|node| !kept.contains(node));
        let may_go = growth.may_go_for(self.job.uid).filter(is_open).filter(|machine| !stays(machine));
        let mut others: Vec<(Option<Time>, &Machine)> =
            may_go.map(|machine| (self.idle_by(machine), machine)).collect();
        others.sort_by_key(|(idle_by, machine)| (idle_by.is_none(), *idle_by, machine.vcpus));
        for (idle_by, machine) in others {
            if lacking == 0 {
                break;
            }
            lacking = lacking.saturating_sub(machine.vcpus);
            way.until = way.until.zip(idle_by).map(|(until, idle_by)| until.max(idle_by));
            way.leaving.extend(machine.node.clone());
            way.going.push(machine.name.clone());
        }
        (lacking == 0).then_some(way)
    }

    /// By when a machine has no jobs any more. One on its way was asked for by somebody who takes it then: nobody can say.
    fn idle_by(&self, machine: &Machine) -> Option<Time> {
        if machine.failed {
            return Some(self.desk.now + TOMBSTONE);
        }
        self.empty_by(machine.node.as_ref().filter(|_| !machine.is_to_come)?)
    }

    /// By when no job is on a host any more.
    pub(super) fn empty_by(&self, host: &Name) -> Option<Time> {
        let host = self.desk.hosts.get(host)?;
        host.claims().filter_map(|claim| claim.task).try_fold(self.desk.now, |latest, (job, index)| {
            Some(latest.max(ends_by(self.jobs.get(&job)?, index, self.desk)?))
        })
    }

    /// By when a host of an environment has the room: from what is free, and what is sure to end. GPUs go by the name that they
    /// have there.
    fn free_by(&self, environment: Uid, host: &Name) -> Option<Time> {
        let gpus = &self.desk.environments.get(environment)?.observed.gpu_resource;
        let need = ResourceList::with_gpus(self.job.terms.shape.need, gpus);
        let (name, host) = (host, self.desk.hosts.get(host)?);
        if host.is_taken_whole() {
            return self.empty_by(name);
        }
        let mut free = host.free()?;
        let mut ends: Vec<(Time, &ResourceList)> = host
            .claims()
            .filter_map(|claim| {
                let (job, index) = claim.task?;
                Some((ends_by(self.jobs.get(&job)?, index, self.desk)?, &claim.need))
            })
            .collect();
        ends.sort();
        let mut free_by = self.desk.now;
        for (end, claim) in ends {
            if free.covers(&need) {
                break;
            }
            free = free.plus(claim);
            free_by = end;
        }
        free.covers(&need).then_some(free_by)
    }
}
