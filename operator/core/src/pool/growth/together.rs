//! Machines for all nodes of a multi-node job, or for none: of one type, each for one node alone (SPEC.md M2, M6).

use super::{Coming, Growth};
use crate::ids::{Name, Uid};
use crate::objects::MachineType;
use crate::units::Resources;
use std::collections::BTreeSet;

/// The nodes of a multi-node job that are still to be placed, all at once.
#[derive(Clone, Debug)]
pub(crate) struct Gang {
    pub(crate) job: Uid,
    /// What each needs.
    pub(crate) need: Resources,
    pub(crate) nodes: u32,
    /// The instance type that all hosts are to be of, if the job names one.
    pub(crate) kind: Option<Name>,
}

/// The hosts of an environment that take a node of a job.
#[derive(Clone, Debug, Default)]
pub(crate) struct GangHosts {
    /// Now: no job is on them, and they are kept for nobody else.
    pub(crate) idle: BTreeSet<Name>,
    /// Once all jobs there have ended.
    pub(crate) large_enough: BTreeSet<Name>,
}

/// What there is of one type for all nodes of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GangMachines {
    pub(crate) machine_type: MachineType,
    /// Hosts that can wait with it: no job is on them.
    pub(crate) hosts: Vec<Name>,
    /// Machines on their way that nobody else wants.
    coming: u32,
    /// Machines that have to be made.
    pub(crate) to_make: u32,
    /// vCPUs that others have of those that these machines need.
    pub(crate) lacking: u32,
    /// Such machines are made, if there are vCPUs left: it is the first type that is to be had, and of which there may be enough.
    may_be_made: bool,
    /// How many hosts and machines there are, jobs or not.
    there: u32,
}

impl Gang {
    fn is_of_kind(&self, kind: &Name) -> bool {
        self.kind.as_ref().is_none_or(|mine| mine == kind)
    }
}

impl GangMachines {
    /// vCPUs of the machines that have to be made.
    pub(crate) fn vcpus_to_make(&self) -> u32 {
        self.machine_type.vcpus.saturating_mul(self.to_make)
    }
}

impl Growth {
    /// Sets machines aside for all nodes of a job: hosts without jobs, machines on their way that nobody else wants, and new ones
    /// that are asked for. Nothing is where it cannot come to have that many.
    pub(crate) fn expect_together(&mut self, gang: &Gang, hosts: &GangHosts) -> Option<GangMachines> {
        let found = self.can_have_together(gang, hosts)?;
        let name = &found.machine_type.name;
        let waits = |coming: &Coming| coming.node.as_ref().is_some_and(|node| found.hosts.contains(node));
        for coming in self.gpus_coming.iter_mut().filter(|coming| waits(coming)) {
            coming.fill_alone(gang.job);
        }
        let coming = self.coming.iter_mut();
        let open = coming.filter(|coming| coming.is_open_to(gang.job) && coming.machine_type == *name);
        open.take(found.coming as usize).for_each(|coming| coming.fill_alone(gang.job));
        self.held.retain(|held| held.job != gang.job);
        // More than may be asked for at once come later, from the vCPUs that are set aside for them now.
        self.vcpus_left = self.vcpus_left.saturating_sub(found.vcpus_to_make());
        for _ in 0..found.to_make.min(u32::try_from(self.launches_left).unwrap_or(u32::MAX)) {
            let mut machine = Coming::new(name, found.machine_type.allocatable);
            machine.fill_alone(gang.job);
            self.launches_left -= 1;
            self.launching_vcpus = self.launching_vcpus.saturating_add(found.machine_type.vcpus);
            self.orders.push(name.clone());
            self.coming.push(machine);
        }
        Some(found)
    }

    /// The first type of which there are as many machines for this job alone as it has nodes; else the first of which there can
    /// be. Who has none yet waits while no more may be asked for.
    pub(crate) fn can_have_together(&self, gang: &Gang, hosts: &GangHosts) -> Option<GangMachines> {
        let may_begin = |found: &GangMachines| self.launches_left > 0 || found.to_make < gang.nodes;
        let can_be = |found: &GangMachines| found.may_be_made && found.lacking == 0 && may_begin(found);
        let mut there = self.machines_of_types(gang, hosts);
        there.find(|found| found.to_make == 0).or_else(|| self.machines_of_types(gang, hosts).find(can_be))
    }

    /// The first type of which there can be as many once others have left it their vCPUs. Where enough hosts of it are there, it
    /// is enough that the jobs on them end: unless machines were promised.
    pub(crate) fn lacks_together(
        &self,
        gang: &Gang,
        hosts: &GangHosts,
        is_promised: bool,
    ) -> Option<GangMachines> {
        let mut there_may_be =
            self.machines_of_types(gang, hosts).filter(|found| found.to_make == 0 || found.may_be_made);
        there_may_be.find(|found| is_promised || found.there < gang.nodes)
    }

    /// How many machines of one type there may be at most.
    pub(crate) fn most_together(&self, gang: &Gang) -> usize {
        let kinds = self.fitting(&gang.need).filter(|found| gang.is_of_kind(&found.name));
        kinds.map(|found| self.max_vcpus / found.vcpus.max(1)).max().unwrap_or(0) as usize
    }

    /// Machines that wait with multi-node jobs until all of each job's are there: those on their way, and those of these hosts.
    pub(crate) fn waiting(&self, hosts: &BTreeSet<Name>) -> BTreeSet<Name> {
        let there = self
            .machines
            .iter()
            .filter(|machine| machine.node.as_ref().is_some_and(|node| hosts.contains(node)));
        let coming =
            self.coming.iter().filter(|coming| coming.waits).filter_map(|coming| coming.machine.as_ref());
        there.map(|machine| &machine.name).chain(coming).cloned().collect()
    }

    fn first_to_be_had(&self, gang: &Gang) -> Option<Name> {
        let mut of_kind = self.fitting(&gang.need).filter(|found| gang.is_of_kind(&found.name));
        let first = of_kind.find(|found| {
            let all = found.vcpus.checked_mul(gang.nodes);
            let is_allowed = all.is_some_and(|all| all <= self.max_vcpus);
            is_allowed && self.failure.is_none() && !self.lacking.contains_key(&found.name)
        });
        first.map(|found| found.name.clone())
    }

    fn machines_of_types<'a>(
        &'a self,
        gang: &'a Gang,
        hosts: &'a GangHosts,
    ) -> impl Iterator<Item = GangMachines> + 'a {
        let left = self.vcpus_left.saturating_sub(self.held_for_others(gang.job));
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let first = self.first_to_be_had(gang);
        self.fitting(&gang.need).filter(|found| gang.is_of_kind(&found.name)).map(move |found| {
            let of_type = |name: &Name| *name == found.name;
            let nodes_in = |those: &'a BTreeSet<Name>| {
                let kinds = self.kinds().filter(move |(node, kind)| of_type(kind) && those.contains(*node));
                kinds.map(|(node, _)| node)
            };
            let but_for_gpus = self.gpus_coming.iter().filter(|coming| {
                let fits = gang.need.gpus > 0 && !coming.has_jobs && coming.room.covers(&gang.need);
                fits && of_type(&coming.machine_type) && coming.is_open_to(gang.job)
            });
            let idle = nodes_in(&hosts.idle).chain(but_for_gpus.filter_map(|coming| coming.node.as_ref()));
            let hosts_idle: Vec<Name> = idle.take(gang.nodes as usize).cloned().collect();
            let open = self.coming.iter().filter(|coming| of_type(&coming.machine_type));
            let open = number(open.filter(|coming| coming.is_open_to(gang.job)).count());
            let left_over = gang.nodes.saturating_sub(number(hosts_idle.len()));
            let (coming, to_make) = (open.min(left_over), left_over.saturating_sub(open));
            let needs = found.vcpus.saturating_mul(to_make).saturating_add(self.vcpus_over);
            GangMachines {
                machine_type: found.clone(),
                coming,
                to_make,
                lacking: if to_make == 0 { 0 } else { needs.saturating_sub(left) },
                may_be_made: first.as_ref() == Some(&found.name),
                there: number(nodes_in(&hosts.large_enough).count()).saturating_add(open),
                hosts: hosts_idle,
            }
        })
    }
}

impl Coming {
    /// True while nobody but this job has set anything of it aside.
    fn is_open_to(&self, job: Uid) -> bool {
        let is_kept = self.kept.is_some_and(|(kept_for, _)| kept_for != job);
        !is_kept && self.taken_by.iter().all(|taken_by| *taken_by == job)
    }

    /// Sets all of it aside for one node of a job.
    fn fill_alone(&mut self, job: Uid) {
        self.taken_by.insert(job);
        self.waits = true;
        self.room = Resources::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Machine;
    use super::super::tests::{growth, machine_type};
    use super::*;

    fn gang(job: u128, cpu_millis: u64, nodes: u32) -> Gang {
        Gang { job: Uid::from_u128(job), need: Resources::of_job(cpu_millis, 64, 0), nodes, kind: None }
    }

    fn machine(name: &str, vcpus: u32) -> Machine {
        Machine {
            name: name.into(),
            node: Some(name.into()),
            machine_type: machine_type(vcpus).name,
            vcpus,
            failed: false,
            is_to_come: false,
        }
    }

    #[test]
    fn all_machines_are_asked_for_or_none_and_nobody_else_is_put_on_them() {
        let mut growth = growth(6, 0);
        let none = GangHosts::default();
        assert_eq!(growth.expect_together(&gang(1, 1500, 4), &none), None);
        assert_eq!((growth.orders.len(), growth.vcpus_left), (0, 6));
        assert_eq!(growth.expect_together(&gang(1, 1500, 5), &none), None, "ten vCPUs, of eight at most");
        assert_eq!(growth.most_together(&gang(1, 1500, 5)), 4);
        assert_eq!(growth.expect_together(&gang(1, 1500, 3), &none).map(|found| found.to_make), Some(3));
        assert_eq!(growth.orders, vec![Name::from("t2"); 3]);
        assert_eq!(growth.vcpus_left, 0);
        assert_eq!(growth.expect(Uid::from_u128(2), &Resources::of_job(100, 64, 0), 1), 0);
    }

    #[test]
    fn machines_on_their_way_count_if_nobody_else_wants_them_and_only_of_one_type() {
        let (mut growth, none) = (growth(0, 0), GangHosts::default());
        for vcpus in [2, 2, 4] {
            let found = machine_type(vcpus);
            growth.coming.push(Coming::new(&found.name, found.allocatable));
        }
        assert_eq!(growth.can_have_together(&gang(1, 1500, 3), &none), None);
        let found = growth.can_have_together(&gang(1, 1500, 2), &none).unwrap();
        assert_eq!((found.machine_type.vcpus, found.to_make), (2, 0));
        growth.expect(Uid::from_u128(2), &Resources::of_job(1500, 64, 0), 1);
        assert_eq!(growth.can_have_together(&gang(1, 1500, 2), &none), None);
        assert!(growth.expect_together(&gang(1, 1500, 1), &none).is_some());
        assert_eq!(growth.expect(Uid::from_u128(2), &Resources::of_job(3000, 64, 0), 2), 1, "the large one");
    }

    #[test]
    fn hosts_of_another_type_are_in_the_way_and_those_without_jobs_of_the_right_one_wait() {
        let mut growth = growth(0, 0);
        growth.max_vcpus = 12;
        growth.machines = vec![machine("a", 2), machine("b", 2), machine("c", 4), machine("d", 4)];
        let large_enough: BTreeSet<Name> = ["a", "b", "c", "d"].map(Name::from).into();
        let hosts = GangHosts { idle: ["a".into()].into(), large_enough };
        let found = growth.lacks_together(&gang(1, 1500, 4), &hosts, false).unwrap();
        assert_eq!((found.machine_type.vcpus, found.to_make, found.lacking), (2, 3, 6));
        assert_eq!(found.hosts, [Name::from("a")]);
        assert_eq!(
            growth.lacks_together(&gang(1, 1500, 2), &hosts, false),
            None,
            "their jobs only have to end"
        );
        let on_large_ones = Gang { kind: Some("t4".into()), ..gang(1, 1500, 3) };
        let found = growth.lacks_together(&on_large_ones, &hosts, false).unwrap();
        assert_eq!((found.machine_type.vcpus, found.to_make), (4, 3));
    }

    #[test]
    fn a_type_that_is_too_large_for_all_nodes_is_passed_over_and_so_is_one_that_is_short() {
        let (mut growth, none) = (growth(0, 0), GangHosts::default());
        growth.types.reverse();
        let lacks = |growth: &Growth| {
            growth.lacks_together(&gang(1, 1500, 3), &none, false).map(|found| found.machine_type.vcpus)
        };
        assert_eq!(lacks(&growth), Some(2), "three of four vCPUs are more than eight");
        growth.lacking.insert("t2".into(), "no capacity".into());
        assert_eq!(lacks(&growth), None);
    }
}
