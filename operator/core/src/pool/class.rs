//! The node class of an environment: it says what is wanted before a machine is asked for, and the backend has found it good
//! (decision 0004). It is one object, changed in place: machines that are there are not touched by that, and go when idle.

use super::own;
use crate::action::{Action, NodeClassOrder, Outcome};
use crate::agenda::Item;
use crate::backoff::Backoff;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{Name, Uid};
use crate::limits::{NODE_CLASS_PATIENCE, RETRY_PAUSE};
use crate::mutant::{self, Mutant};
use crate::objects::{Backend, NodeClassContent, ObservedMachine, ObservedNodeClass, Readiness};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::{NodeClasses, Registered as _};

/// What this process knows of a node class beside what the API server has.
#[derive(Debug, Default)]
pub(crate) struct ClassWork {
    pub(super) is_being_written: bool,
    /// The API server's words on what it would not take, and the generation of the environment that they are about.
    pub(super) refused: Option<(Name, i64)>,
    pub(super) backoff: Backoff,
    /// Since when somebody else has to do something: the backend has to look at the class, or we have to hear of the version of
    /// the environment that it was written for.
    pub(super) waiting_since: Option<Time>,
}

/// Whether machines can be asked for, as far as the node class goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClassState {
    /// They can.
    Ready,
    /// Not yet: it is being written, or looked at.
    Pending,
    /// Not as it is, in words.
    Broken(Name),
}

/// Whether machines of an environment can be asked for, as far as its node class goes.
pub(crate) fn class_state(environment: &Environment, desk: &Desk) -> ClassState {
    let (observed, work) = (&environment.observed, &environment.pool.class);
    if let Some(managed) = observed.managed.as_ref().filter(|managed| managed.backend == Backend::ClusterApi)
    {
        return own::state(environment, managed, desk);
    }
    let Some(wanted) = wanted(environment).filter(|_| !mutant::is(Mutant::ClassNotAwaited)) else {
        return match observed.managed.as_ref().and_then(|managed| managed.fault.clone()) {
            Some(words) => ClassState::Broken(words),
            None => ClassState::Ready,
        };
    };
    if let Some((words, _)) = &work.refused {
        return ClassState::Broken(words.clone());
    }
    let Some(class) = desk.node_classes.of(observed) else { return ClassState::Pending };
    let broken = |words: &str| ClassState::Broken(Name::from(format!("node class {} {words}", class.name)));
    let is_overdue = work.waiting_since.is_some_and(|since| desk.now >= since + NODE_CLASS_PATIENCE);
    match &class.readiness {
        _ if class.deleting => broken("is being deleted, and made again once its machines are gone"),
        _ if is_ahead(class, environment) && is_overdue => {
            broken("was written for a later version of the environment than there is: delete it")
        }
        _ if !says(class, wanted, environment) => ClassState::Pending,
        Readiness::Ready => ClassState::Ready,
        Readiness::Broken(words) => broken(&format!("is not ready: {words}")),
        Readiness::Unknown if is_overdue => {
            broken("is found neither good nor bad by anybody: does Karpenter's AWS provider run?")
        }
        Readiness::Unknown => ClassState::Pending,
    }
}

fn wanted(environment: &Environment) -> Option<&NodeClassContent> {
    environment.observed.managed.as_ref()?.node_class.as_ref()
}

/// True for a class that says what is wanted. One that was written for a later version of the environment than we know does not:
/// what we want is out of date.
fn says(class: &ObservedNodeClass, wanted: &NodeClassContent, environment: &Environment) -> bool {
    class.digest == wanted.digest && !is_ahead(class, environment)
}

fn is_ahead(class: &ObservedNodeClass, environment: &Environment) -> bool {
    class.environment_generation > environment.observed.generation && !mutant::is(Mutant::OlderClassWritten)
}

/// True for a machine that is not what is wanted any more: it takes no more jobs, and goes once it is idle.
pub(crate) fn is_outdated(machine: &ObservedMachine, environment: &Environment, desk: &Desk) -> bool {
    let Some(managed) = &environment.observed.managed else { return false };
    if managed.backend == Backend::ClusterApi {
        return own::is_outdated(&machine.machine_type, environment, desk);
    }
    let class = desk.node_classes.of(&environment.observed);
    // What is wanted is not known, or not by us.
    if managed.fault.is_some() || class.is_some_and(|class| is_ahead(class, environment)) {
        return false;
    }
    let wanted = managed.node_class.as_ref().map(|wanted| &wanted.digest);
    let class_goes = machine.node_class.is_some() && class.is_some_and(|class| class.deleting);
    machine.node_class.as_ref() != wanted || class_goes
}

/// Has the node class of an environment say what is wanted. When the environment goes it is collected with it.
pub(super) fn tend_class(uid: Uid, desk: &mut Desk) {
    let now = desk.now;
    let Some(environment) = desk.environments.get(uid) else { return };
    let Some(wanted) = wanted(environment) else { return };
    let observed = &environment.observed;
    let class = desk.node_classes.of(observed);
    let is_said = class.is_some_and(|class| says(class, wanted, environment));
    let is_ahead = class.is_some_and(|class| is_ahead(class, environment));
    let is_unread = is_said && class.is_some_and(|class| class.readiness == Readiness::Unknown);
    let order = NodeClassOrder {
        name: NodeClasses::name(observed),
        replaces: class.map(|class| (class.uid, class.resource_version)),
        environment: observed.name.clone(),
        environment_uid: uid,
        environment_generation: observed.generation,
        content: wanted.clone(),
    };
    let may_write = !is_said && !is_ahead && !class.is_some_and(|class| class.deleting) && !observed.deleting;
    let generation = observed.generation;
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let work = &mut environment.pool.class;
    let waits = is_unread || is_ahead;
    work.waiting_since = work.waiting_since.filter(|_| waits).or(waits.then_some(now));
    let overdue_at = work.waiting_since.map(|since| since + NODE_CLASS_PATIENCE);
    if let Some(at) = overdue_at.filter(|at| *at > now) {
        desk.agenda.wake(at, Item::Environment(uid));
    }
    if is_said || work.refused.as_ref().is_some_and(|(_, about)| *about != generation) {
        (work.refused, work.backoff) = (None, Backoff::default());
    }
    if let Some(until) = work.backoff.wait(now).filter(|_| may_write) {
        desk.agenda.wake(until, Item::Environment(uid));
    } else if may_write && !work.is_being_written {
        work.is_being_written = true;
        desk.outbox.send(Action::WriteNodeClass(Box::new(order)), Purpose::NodeClass(uid));
    }
}

/// What became of a node class that was to be written.
pub(crate) fn class_outcome(uid: Uid, outcome: &Outcome, desk: &mut Desk) {
    let now = desk.now;
    let Some(environment) = desk.environments.get_mut(uid) else { return };
    let (name, generation) = (environment.key(), environment.observed.generation);
    let work = &mut environment.pool.class;
    work.is_being_written = false;
    match outcome {
        Outcome::NodeClass(_) | Outcome::MachineDeployment(..) => work.backoff.succeeded(),
        Outcome::Refused(_, words) => {
            work.backoff.failed(now);
            work.refused = Some((words.clone(), generation));
            let words = Name::from(format!("what machines are to be like is not written: {words}"));
            desk.findings.push(Finding::Trouble(name, words));
        }
        _ => return desk.agenda.wake(now + RETRY_PAUSE.0, Item::Environment(uid)),
    }
    desk.agenda.mark(Item::Environment(uid));
    desk.capacity_changed();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ResourceVersion;
    use crate::objects::{Backend, EnvironmentStatus, Managed, ObservedEnvironment, Payload, Strategy};
    use std::collections::BTreeMap;

    const UID: Uid = Uid::from_u128(7);

    fn content(digest: &str) -> NodeClassContent {
        NodeClassContent { digest: digest.into(), payload: Payload::default() }
    }

    fn environment(wanted: Option<&str>) -> Environment {
        let managed = Managed {
            spot: false,
            backend: Backend::Karpenter,
            min_vcpus: 0,
            desired_vcpus: 0,
            max_vcpus: 8,
            instance_types: Vec::new(),
            strategy: Strategy::BestFit,
            idle_limit: None,
            node_class: wanted.map(content),
            fault: None,
            payload: Payload::default(),
        };
        Environment::new(ObservedEnvironment {
            gpu_resource: "nvidia.com/gpu".into(),
            name: "ce".into(),
            uid: UID,
            resource_version: ResourceVersion(1),
            generation: 5,
            created_at: Time::ZERO,
            aws_name: None,
            enabled: true,
            selector: BTreeMap::new(),
            managed: Some(managed),
            autoscaled: None,
            ignored: None,
            deleting: false,
            held: true,
            status: EnvironmentStatus::default(),
        })
    }

    fn class() -> ObservedNodeClass {
        ObservedNodeClass {
            name: "ce-00000000".into(),
            uid: Uid::from_u128(9),
            resource_version: ResourceVersion(1),
            environment: UID,
            environment_generation: 5,
            digest: "a".into(),
            readiness: Readiness::Ready,
            deleting: false,
        }
    }

    fn desk(class: ObservedNodeClass) -> Desk {
        let mut desk = Desk::default();
        desk.node_classes.put(class);
        desk
    }

    fn machine(digest: Option<&str>) -> ObservedMachine {
        ObservedMachine {
            name: "ce-00000000-1".into(),
            uid: Uid::from_u128(8),
            resource_version: ResourceVersion(1),
            backend: Backend::Karpenter,
            environment: UID,
            machine_type: "c5.large".into(),
            node_class: digest.map(Name::from),
            created_at: Time::ZERO,
            node: None,
            fault: None,
            leaving: false,
            marked: false,
            deleting: false,
        }
    }

    #[test]
    fn machines_wait_until_the_class_says_what_is_wanted_and_is_found_good() {
        let state =
            |wanted: Option<&str>, class: ObservedNodeClass| class_state(&environment(wanted), &desk(class));
        assert_eq!(state(None, class()), ClassState::Ready);
        assert_eq!(state(Some("a"), class()), ClassState::Ready);
        assert_eq!(class_state(&environment(Some("a")), &Desk::default()), ClassState::Pending);
        assert_eq!(state(Some("b"), class()), ClassState::Pending);
        let unread = ObservedNodeClass { readiness: Readiness::Unknown, ..class() };
        assert_eq!(state(Some("a"), unread), ClassState::Pending);
        let broken = ObservedNodeClass { readiness: Readiness::Broken("no subnet".into()), ..class() };
        let words = "node class ce-00000000 is not ready: no subnet";
        assert_eq!(state(Some("a"), broken), ClassState::Broken(words.into()));
        // Whoever wrote that knows more than we do.
        let later = ObservedNodeClass { environment_generation: 6, ..class() };
        assert_eq!(state(Some("a"), later), ClassState::Pending);
    }

    #[test]
    fn a_machine_is_out_of_date_when_its_class_said_something_else() {
        let is_old = |wanted: Option<&str>, of: Option<&str>, class: ObservedNodeClass| {
            is_outdated(&machine(of), &environment(wanted), &desk(class))
        };
        assert!(!is_old(Some("a"), Some("a"), class()));
        assert!(is_old(Some("b"), Some("a"), class()));
        assert!(is_old(None, Some("a"), class()), "a class that exists is named since");
        assert!(is_old(Some("a"), Some("a"), ObservedNodeClass { deleting: true, ..class() }));
        let later = ObservedNodeClass { environment_generation: 6, ..class() };
        assert!(!is_old(Some("b"), Some("a"), later), "what is wanted now is not known");
    }
}
