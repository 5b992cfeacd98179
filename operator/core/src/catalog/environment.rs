//! Compute environments: their validity, capacity and deletion (SPEC.md C1, C4, C6).

use super::architecture::{Hosting, architectures};
use super::report::{Due, Meaning, StatusReport};
use super::{as_reported, name_taken, some_are_unknown, validity};
use crate::action::{Action, Guard, Held};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::{Name, ObjectKey, Uid};
use crate::job::Jobs;
use crate::mutant::{self, Mutant};
use crate::objects::{EnvironmentStatus, ObservedEnvironment, PoolStatus};
use crate::outbox::Purpose;
use crate::pool::{
    ClassState, Pool, class_state, has_own_deployments, members, tend_autoscaled, tend_pool, types_fault,
};
use crate::text::list;
use crate::time::Time;
use crate::units::Resources;
use crate::world::{Hosts, Registered};

/// One compute environment.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) observed: ObservedEnvironment,
    pub(crate) report: StatusReport<EnvironmentStatus>,
    /// Its finalizer is being set or taken, until the watch shows it.
    pub(crate) holding: bool,
    /// What is known of its machines beside what is written.
    pub(crate) pool: Pool,
}

impl Registered for Environment {
    fn key(&self) -> ObjectKey {
        ObjectKey::new("", self.observed.name.clone())
    }
    fn uid(&self) -> Uid {
        self.observed.uid
    }
    fn aws_name(&self) -> Option<&Name> {
        self.observed.aws_name.as_ref()
    }
    fn created_at(&self) -> Time {
        self.observed.created_at
    }
}

impl Meaning for EnvironmentStatus {
    fn means_the_same(&self, other: &EnvironmentStatus) -> bool {
        let pool = PoolStatus {
            desired_vcpus: other.pool.desired_vcpus,
            launching_vcpus: other.pool.launching_vcpus,
            launching_memory: other.pool.launching_memory,
            launching_gpus: other.pool.launching_gpus,
            ..self.pool.clone()
        };
        let numbers = (other.hosts, other.total, other.used);
        let (hosts, total, used) = numbers;
        EnvironmentStatus { hosts, total, used, pool, ..self.clone() } == *other
    }
}

impl Environment {
    pub(crate) fn new(observed: ObservedEnvironment) -> Environment {
        let mut report = StatusReport::stored(observed.status.clone());
        if mutant::is(Mutant::LaunchesForgotten) {
            report.current.pool.launches.clear();
        }
        Environment { report, observed, holding: false, pool: Pool::default() }
    }

    pub(crate) fn later(self, observed: ObservedEnvironment) -> Environment {
        let (mut report, mut pool) = (self.report, self.pool);
        let is_foreign = report.take_stored(observed.status.clone(), observed.resource_version);
        let is_changed = observed.generation != self.observed.generation;
        // Another process may have decided the very same, after what we had in mind was void.
        let is_behind = observed.status.pool.last_serial > report.current.pool.last_serial;
        if is_foreign || is_behind || is_changed && !mutant::is(Mutant::OldMaximumBought) {
            // Another process decided, or what was decided may not be allowed any more: what was not written is void.
            report.current.pool = observed.status.pool.clone();
        }
        if is_changed {
            pool.forget_offers();
        }
        Environment { observed, report, holding: false, pool }
    }

    /// What is wrong with it as it is written, or with its hosts: code and words.
    pub(crate) fn static_fault(&self, desk: &Desk) -> Option<(&'static str, String)> {
        let managed = self.observed.managed.as_ref();
        let fault = managed.and_then(|managed| managed.fault.as_ref());
        fault
            .map(|words| ("InvalidComputeResources", words.to_string()))
            .or_else(|| types_fault(self, desk))
            .or_else(|| mixed_architectures(&Hosting::of(&self.observed, &desk.machines), &desk.hosts))
    }

    /// What is wrong with it until somebody mends it, here or at the backend: code and words.
    pub(crate) fn lasting_fault(&self, desk: &Desk) -> Option<(&'static str, String)> {
        self.static_fault(desk).or_else(|| match class_state(self, desk) {
            ClassState::Broken(words) => Some(("NodeClassNotReady", words.to_string())),
            ClassState::Ready | ClassState::Pending => None,
        })
    }

    /// The name its owner calls it.
    pub(crate) fn display_name(&self) -> &Name {
        self.observed.aws_name.as_ref().unwrap_or(&self.observed.name)
    }
}

/// Looks at an environment: whether it is valid, what its hosts have; holds it while a queue names it or tasks are in it.
pub(crate) fn tend_environment(uid: Uid, jobs: &Jobs, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let rival = desk.environments.rival(environment).zip(environment.aws_name());
    let name_taken =
        rival.map(|(rival, aws_name)| name_taken("compute environment", aws_name, &rival.observed.name));
    let users = users(environment, desk);
    let is_unused = users.is_empty() && !some_are_unknown(jobs);
    tend_pool(uid, is_unused, desk);
    tend_autoscaled(uid, desk);
    let Some(environment) = desk.environments.get(uid) else { return };
    let fault = environment.lasting_fault(desk).or_else(|| environment.pool.fault());
    let (hosts, total, used) = capacity(&Hosting::of(&environment.observed, &desk.machines), &desk.hosts);
    let now = desk.now;
    let has_machines = !members(environment, desk).is_empty();
    let has_deployments = has_own_deployments(environment, desk);
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let observed = &environment.observed;
    let in_use = (observed.deleting && !users.is_empty())
        .then(|| Name::from(format!("deleted, but kept while it is used by {}", list(&users))));
    let was_valid = environment.report.current.validity.fault.is_none();
    environment.report.current = EnvironmentStatus {
        observed_generation: observed.generation,
        validity: validity(fault, &environment.report.current.validity, now),
        hosts,
        total,
        used,
        max_vcpus: observed.max_vcpus(),
        pool: environment.report.current.pool.clone(),
        launch_failure: environment.pool.shortage(now),
        name_taken,
        in_use,
        ignored: observed.ignored.clone(),
    };
    if was_valid != environment.report.current.validity.fault.is_none() {
        desk.agenda.mark(Item::Schedule);
    }
    let guard = Guard { key: environment.key(), uid, resource_version: observed.resource_version };
    let wants_hold = !observed.deleting;
    let may_let_go = || is_unused && environment.launches().is_empty() && !has_machines && !has_deployments;
    if environment.holding {
        // What it is about to become is not known: a status written now would be refused.
        return;
    }
    if observed.held != wants_hold && (wants_hold || may_let_go()) {
        environment.holding = true;
        desk.outbox.send(Action::Hold(Held::Environment, guard, wants_hold), Purpose::HoldEnvironment(uid));
        return;
    }
    match environment.report.due(now) {
        Due::Nothing => {}
        Due::At(at) => desk.agenda.wake(at, Item::Environment(uid)),
        Due::Write(status) => {
            desk.outbox
                .send(Action::WriteEnvironment(guard, Box::new(status)), Purpose::WriteEnvironment(uid));
        }
    }
}

/// The hosts that take jobs, what they have, and what pods use of it.
fn capacity(hosting: &Hosting<'_>, hosts: &Hosts) -> (u32, Resources, Resources) {
    let gpus = &hosting.environment.gpu_resource;
    let mut number = 0;
    let (mut total, mut used) = (Resources::default(), Resources::default());
    for (_, host) in hosts.iter() {
        let Some(node) = host.usable(gpus) else { continue };
        if hosting.has(node) {
            number += 1;
            total = total.plus(&node.allocatable.seen_with(gpus));
            used = used.plus(&host.used().seen_with(gpus));
        }
    }
    (number, as_reported(&total), as_reported(&used))
}

/// An image runs on one architecture: an environment of several would fail jobs by chance.
fn mixed_architectures(hosting: &Hosting<'_>, hosts: &Hosts) -> Option<(&'static str, String)> {
    let found: Vec<String> = architectures(hosting, hosts).iter().map(ToString::to_string).collect();
    (found.len() > 1).then(|| {
        let words =
            format!("its hosts are {}: choose one with kubernetes.io/arch in its nodeSelector", list(&found));
        ("MixedArchitectures", words)
    })
}

/// Queues that name the environment, and tasks that were given to a host of it.
fn users(environment: &Environment, desk: &Desk) -> Vec<String> {
    let uid = environment.observed.uid;
    let names_it = |reference: &crate::reference::Reference| {
        desk.environments.find(&Name::default(), reference).is_some_and(|found| found.observed.uid == uid)
    };
    let queues = desk.queues.iter().filter(|queue| queue.observed.environments.iter().any(names_it));
    let mut users: Vec<String> = queues.map(|queue| format!("job queue {}", queue.observed.name)).collect();
    if let Some(tasks) = desk.placed.get(environment.display_name()).filter(|tasks| **tasks > 0) {
        users.push(format!("{tasks} running jobs and children"));
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ResourceVersion;

    #[test]
    fn what_was_decided_is_never_behind_the_books_that_are_stored() {
        let observed = |version, last_serial| {
            let pool = PoolStatus { last_serial, ..PoolStatus::default() };
            let status = EnvironmentStatus { pool, ..EnvironmentStatus::default() };
            let resource_version = ResourceVersion(version);
            ObservedEnvironment { resource_version, status, ..ObservedEnvironment::default() }
        };
        let mut environment = Environment::new(observed(1, 3));
        // What this process had in mind was void, and another has decided the very same since.
        environment.report.current.pool.last_serial = 2;
        let environment = environment.later(observed(2, 3));
        assert_eq!(environment.report.current.pool.last_serial, 3);
        // What is not written yet stays decided.
        let mut environment = environment;
        environment.report.current.pool.last_serial = 4;
        assert_eq!(environment.later(observed(3, 3)).report.current.pool.last_serial, 4);
    }
}
