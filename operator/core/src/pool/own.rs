//! MachineDeployments of an environment's own, where it says what its machines are like: those that it names are their patterns,
//! and are left alone (decision 0008). What it says now, and what its pattern is now, is in the name of each: none is ever
//! changed, so that nothing is done to machines that are there.

use super::class::ClassState;
use super::deployments::{open_launches, owner_of};
use crate::action::{Action, DeploymentOrder, Guard, Outcome};
use crate::agenda::Item;
use crate::backoff::Backoff;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{Name, ObjectKey, Uid};
use crate::limits::{NODE_CLASS_PATIENCE, RETRY_PAUSE};
use crate::mutant::{self, Mutant};
use crate::objects::{Backend, Made, Managed, NodeClassContent, ObservedMachineDeployment};
use crate::outbox::Purpose;
use crate::world::Registered as _;
use std::collections::BTreeSet;

/// Letters of the pattern's name in the name of what is made: with the rest it stays a label's value, which has up to 63.
const NAME_KEPT: usize = 34;

/// Letters of the digests of what the environment and the pattern say.
const DIGEST_KEPT: usize = 8;

/// A MachineDeployment that machines are to come from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Its name.
    pub(super) name: Name,
    /// The one that the environment names: itself, or its pattern.
    pub(super) named: Name,
}

/// True for an environment that has its own made; also while nobody can tell what they would be like.
pub(super) fn has_own(managed: &Managed) -> bool {
    managed.backend == Backend::ClusterApi && (managed.node_class.is_some() || managed.fault.is_some())
}

/// The MachineDeployments that an environment's next machines come from, as far as their patterns are seen.
pub(super) fn sources(environment: &Environment, managed: &Managed, desk: &Desk) -> Vec<Source> {
    let named = managed.instance_types.iter();
    let sources = named.filter_map(|named| {
        let name = match &managed.node_class {
            Some(content) => own_name(desk.deployments.get(named)?, content, environment.observed.uid),
            None if has_own(managed) => return None,
            None => named.clone(),
        };
        Some(Source { name, named: named.clone() })
    });
    sources.collect()
}

fn own_name(pattern: &ObservedMachineDeployment, content: &NodeClassContent, environment: Uid) -> Name {
    let ObjectKey { namespace, name } = &pattern.key;
    let (kept, uid) = (first(name, NAME_KEPT), environment.prefix());
    let (said, like) = (first(&content.digest, DIGEST_KEPT), first(&pattern.digest, DIGEST_KEPT));
    Name::from(format!("{namespace}/{}-{uid}-{said}-{like}", kept.trim_end_matches(['-', '.'])))
}

/// All MachineDeployments that may have machines of an environment.
pub(super) fn all(environment: &Environment, managed: &Managed, desk: &Desk) -> BTreeSet<Name> {
    let uid = environment.observed.uid;
    let sources = sources(environment, managed, desk).into_iter().map(|source| source.name);
    let own = desk.deployments.made_for(uid).map(ObservedMachineDeployment::machine_type);
    let decided = environment.launches().iter().map(|launch| launch.machine_type.clone());
    let all: BTreeSet<Name> = sources.chain(own).chain(decided).collect();
    let is_unseen_own = |name: &Name| has_own(managed) && desk.deployments.get(name).is_none();
    all.into_iter().filter(|name| is_unseen_own(name) || owner_of(name, desk) == Some(uid)).collect()
}

/// True while an environment has MachineDeployments of its own, or has asked for one.
pub(crate) fn has_own_deployments(environment: &Environment, desk: &Desk) -> bool {
    let is_asked_for = environment.pool.class.is_being_written;
    is_asked_for || desk.deployments.made_for(environment.observed.uid).next().is_some()
}

/// True for a MachineDeployment of an environment's own that its machines are not to come from any more. While we know an older
/// version of the environment than the one that had it made, or its pattern is not there, nobody can tell.
pub(super) fn is_outdated(name: &Name, environment: &Environment, desk: &Desk) -> bool {
    let deployment = desk.deployments.get(name).filter(|_| !mutant::is(Mutant::OutdatedDeploymentUsed));
    let Some((deployment, made)) = deployment.and_then(|found| Some((found, found.made.as_ref()?))) else {
        return false;
    };
    let Some(managed) = environment.observed.managed.as_ref().filter(|_| !is_ahead(made, environment)) else {
        return false;
    };
    if managed.fault.is_some() {
        return false;
    }
    let Some(content) =
        managed.node_class.as_ref().filter(|_| managed.instance_types.contains(&made.pattern))
    else {
        return true;
    };
    let pattern = desk.deployments.get(&made.pattern);
    pattern.is_some_and(|pattern| {
        own_name(pattern, content, environment.observed.uid) != deployment.machine_type()
    })
}

/// True for one that is like its pattern as that is now: what that says of its machines' size holds for it.
pub(super) fn is_like(name: &Name, pattern: &ObservedMachineDeployment) -> bool {
    name.as_str().ends_with(&format!("-{}", first(&pattern.digest, DIGEST_KEPT)))
}

fn first(text: &Name, letters: usize) -> String {
    text.as_str().chars().take(letters).collect()
}

const fn is_ahead(made: &Made, environment: &Environment) -> bool {
    made.environment_generation > environment.observed.generation
}

/// Whether all that machines are to come from is there.
pub(super) fn state(environment: &Environment, managed: &Managed, desk: &Desk) -> ClassState {
    let (uid, work) = (environment.observed.uid, &environment.pool.class);
    if let Some(words) = managed.fault.as_ref().or(work.refused.as_ref().map(|(words, _)| words)) {
        return ClassState::Broken(words.clone());
    }
    let mut made = desk.deployments.made_for(uid).filter_map(|found| Some((found, found.made.as_ref()?)));
    if let Some((ahead, _)) = made.find(|(_, made)| is_ahead(made, environment)) {
        let is_overdue = work.waiting_since.is_some_and(|since| desk.now >= since + NODE_CLASS_PATIENCE);
        let words = format!(
            "MachineDeployment {} was made for a later version of the environment than there is: delete it",
            ahead.key
        );
        return if is_overdue { ClassState::Broken(Name::from(words)) } else { ClassState::Pending };
    }
    let sources = sources(environment, managed, desk);
    let is_for_us = |made: &Made, source: &Source| made.environment == uid && made.pattern == source.named;
    let is_foreign = |source: &&Source| {
        let found = desk.deployments.get(&source.name);
        found.is_some_and(|found| !found.made.as_ref().is_some_and(|made| is_for_us(made, source)))
    };
    if let Some(foreign) = sources.iter().find(is_foreign).filter(|_| has_own(managed)) {
        let words =
            format!("MachineDeployment {} exists, and was made for something else: delete it", foreign.name);
        return ClassState::Broken(Name::from(words));
    }
    let is_there = |source: &Source| {
        let found = desk.deployments.get(&source.name);
        found.is_some_and(|found| !found.deleting) && !is_outdated(&source.name, environment, desk)
    };
    let are_there = !has_own(managed) || sources.iter().all(is_there);
    if are_there { ClassState::Ready } else { ClassState::Pending }
}

/// Has those made that are missing, one after another, and those deleted that are of no use any more.
pub(super) fn tend(uid: Uid, managed: &Managed, desk: &mut Desk) {
    retire(uid, desk);
    let now = desk.now;
    let Some(environment) = desk.environments.get(uid) else { return };
    let mut made = desk.deployments.made_for(uid).filter_map(|found| found.made.as_ref());
    let is_ahead = made.any(|made| is_ahead(made, environment));
    // One that was made for an environment that nobody holds could outlive it: Cluster API makes the Cluster an owner, too.
    let may_make = !is_ahead && environment.observed.held && !environment.observed.deleting;
    let order = missing(environment, managed, desk).filter(|_| may_make);
    let generation = environment.observed.generation;
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let work = &mut environment.pool.class;
    work.waiting_since = work.waiting_since.filter(|_| is_ahead).or(is_ahead.then_some(now));
    let overdue_at = work.waiting_since.map(|since| since + NODE_CLASS_PATIENCE);
    if order.is_none() || work.refused.as_ref().is_some_and(|(_, about)| *about != generation) {
        (work.refused, work.backoff) = (None, Backoff::default());
    }
    let wait = work.backoff.wait(now).filter(|_| order.is_some());
    for at in wait.into_iter().chain(overdue_at.filter(|at| *at > now)) {
        desk.agenda.wake(at, Item::Environment(uid));
    }
    if let Some(order) = order.filter(|_| wait.is_none() && !work.is_being_written) {
        work.is_being_written = true;
        desk.outbox.send(Action::MakeMachineDeployment(Box::new(order)), Purpose::NodeClass(uid));
    }
}

/// The first that is to be there and is not.
fn missing(environment: &Environment, managed: &Managed, desk: &Desk) -> Option<DeploymentOrder> {
    let content = managed.node_class.as_ref()?;
    let sources = sources(environment, managed, desk);
    // One of that name may be on its way out, with its template.
    let is_free = |name: &Name| !environment.pool.scaling.contains(name);
    let is_missing = |source: &Source| desk.deployments.get(&source.name).is_none() && is_free(&source.name);
    let source = sources.into_iter().find(is_missing)?;
    let pattern = desk.deployments.get(&source.named).filter(|pattern| !pattern.deleting)?;
    let name = source.name.as_str().split_once('/').map_or("", |(_, name)| name);
    Some(DeploymentOrder {
        key: ObjectKey { namespace: pattern.key.namespace.clone(), name: Name::from(name) },
        pattern: pattern.key.clone(),
        pattern_digest: pattern.digest.clone(),
        environment: environment.observed.name.clone(),
        environment_uid: environment.observed.uid,
        environment_generation: environment.observed.generation,
        content: content.clone(),
    })
}

/// Deletes those that are of no use any more, or whose environment goes, once no machine is there and none can come.
fn retire(uid: Uid, desk: &mut Desk) {
    let Some(environment) = desk.environments.get(uid) else { return };
    let is_over = |found: &&ObservedMachineDeployment| {
        let name = found.machine_type();
        let is_empty =
            found.replicas == 0 && desk.machines.of(uid).all(|machine| machine.machine_type != name);
        let is_growing = open_launches(environment.launches(), environment, &name, desk.now).next().is_some();
        let is_free = !found.deleting && !environment.pool.scaling.contains(&name);
        // Cluster API makes the Cluster an owner, too: none is collected with its environment.
        let is_over = environment.observed.deleting || is_outdated(&name, environment, desk);
        is_free && !is_growing && is_over && is_empty
    };
    let over: Vec<ObservedMachineDeployment> =
        desk.deployments.made_for(uid).filter(is_over).cloned().collect();
    for found in over {
        let name = found.machine_type();
        let ObservedMachineDeployment { key, uid: identity, resource_version, .. } = found;
        let guard = Guard { key, uid: identity, resource_version };
        let purpose = Purpose::DeleteMachineDeployment(uid, (name.clone(), identity));
        desk.outbox.send(Action::DeleteMachineDeployment(guard), purpose);
        if let Some(environment) = desk.environments.get_mut(uid) {
            environment.pool.scaling.insert(name);
        }
    }
}

/// What became of one that was to be deleted. The watch tells that it is gone.
pub(crate) fn deployment_deleted(uid: Uid, name: &Name, outcome: &Outcome, desk: &mut Desk) {
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    environment.pool.scaling.remove(name);
    if let Outcome::Refused(_, words) = outcome {
        let trouble = format!("MachineDeployment {name} not deleted: {words}");
        desk.findings.push(Finding::Trouble(environment.key(), Name::from(trouble)));
    }
    let pause = if *outcome == Outcome::Conflict { RETRY_PAUSE.0 } else { RETRY_PAUSE.1 };
    desk.agenda.wake(desk.now + pause, Item::Environment(uid));
}
