//! Fresh lists: what a complete list of a kind does not name is gone.

use crate::action::Outcome;
use crate::core::Core;
use crate::event::{Event, Kind};
use crate::ids::{Name, ObjectKey, Uid};
use crate::mutant::{self, Mutant};
use crate::objects::Backend;
use crate::world::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// Lists under way or done, by kind.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    complete: BTreeSet<Kind>,
    under_way: BTreeMap<Kind, Listed>,
}

/// What a list under way has named so far.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    names: BTreeSet<Name>,
    uids: BTreeSet<Uid>,
    pods: BTreeSet<ObjectKey>,
}

impl Lists {
    /// True once a list of every kind has arrived.
    pub(crate) fn are_complete(&self) -> bool {
        self.complete.len() == Kind::ALL.len()
    }
}

impl Core {
    /// A list of this kind begins.
    pub(crate) fn start_list(&mut self, kind: Kind) {
        self.lists.under_way.insert(kind, Listed::default());
        self.desk.jobs_are_being_listed |= kind == Kind::Job;
    }

    /// An object was seen in an answer, perhaps made too late to be in the list under way.
    pub(crate) fn note_answer(&mut self, outcome: &Outcome) {
        let (kind, uid, pod) = match outcome {
            Outcome::Pod(pod) => (Kind::Pod, None, Some(pod.key.clone())),
            Outcome::Job(job) => (Kind::Job, Some(job.uid), None),
            Outcome::Definition(definition) => (Kind::Definition, Some(definition.uid), None),
            Outcome::Machine(machine) => (Kind::of_machines(machine.backend), Some(machine.uid), None),
            Outcome::NodeClass(class) => (Kind::NodeClass, Some(class.uid), None),
            Outcome::MachineDeployment(deployment, machines) => {
                if let Some(listed) = self.lists.under_way.get_mut(&Kind::Machine) {
                    listed.uids.extend(machines.iter().map(|machine| machine.uid));
                }
                (Kind::MachineDeployment, Some(deployment.uid), None)
            }
            Outcome::Revision(revision) => (Kind::Revision, Some(revision.uid), None),
            _ => return,
        };
        if let Some(listed) = self.lists.under_way.get_mut(&kind) {
            listed.uids.extend(uid);
            listed.pods.extend(pod);
        }
    }

    pub(crate) fn note_listed(&mut self, event: &Event) {
        let (kind, name, uid, pod): (Kind, Option<&Name>, Option<Uid>, Option<&ObjectKey>) = match event {
            Event::Namespace(name, _) => (Kind::Namespace, Some(name), None, None),
            Event::Host(host) => (Kind::Host, Some(&host.name), None, None),
            Event::Machine(machine) => (Kind::of_machines(machine.backend), None, Some(machine.uid), None),
            Event::NodeClass(class) => (Kind::NodeClass, None, Some(class.uid), None),
            Event::MachineDeployment(deployment) => {
                (Kind::MachineDeployment, None, Some(deployment.uid), None)
            }
            Event::Environment(environment) => (Kind::Environment, None, Some(environment.uid), None),
            Event::Policy(policy) => (Kind::Policy, None, Some(policy.uid), None),
            Event::Queue(queue) => (Kind::Queue, None, Some(queue.uid), None),
            Event::Definition(definition) => (Kind::Definition, None, Some(definition.uid), None),
            Event::Revision(revision) => (Kind::Revision, None, Some(revision.uid), None),
            Event::Job(job) => (Kind::Job, None, Some(job.uid), None),
            Event::Pod(pod) => (Kind::Pod, None, None, Some(&pod.key)),
            _ => return,
        };
        if let Some(listed) = self.lists.under_way.get_mut(&kind) {
            listed.names.extend(name.cloned());
            listed.uids.extend(uid);
            listed.pods.extend(pod.cloned());
        }
    }

    /// What a complete list did not name is gone.
    pub(crate) fn end_list(&mut self, kind: Kind) {
        let Some(listed) = self.lists.under_way.remove(&kind) else { return };
        if mutant::is(Mutant::MissedDeletionKept) && self.lists.complete.contains(&kind) {
            return;
        }
        let absent =
            |uids: Vec<Uid>| uids.into_iter().filter(|uid| !listed.uids.contains(uid)).collect::<Vec<_>>();
        match kind {
            Kind::Namespace => {
                let ending = self.desk.terminating_namespaces.iter();
                let gone: Vec<Name> = ending.filter(|name| !listed.names.contains(*name)).cloned().collect();
                for name in gone {
                    self.namespace_opens(&name);
                }
            }
            Kind::Host => {
                for name in self.desk.hosts.names_not_in(&listed.names) {
                    self.host_gone(&name);
                }
            }
            Kind::NodeClaim => self.end_machine_list(Backend::Karpenter, &listed),
            Kind::SimulatedNode => self.end_machine_list(Backend::Simulated, &listed),
            Kind::NodeClass => {
                for uid in absent(self.desk.node_classes.uids()) {
                    self.node_class_gone(uid);
                }
            }
            Kind::Machine => self.end_machine_list(Backend::ClusterApi, &listed),
            Kind::MachineDeployment => {
                for uid in self.desk.deployments.not_in(&listed.uids) {
                    self.machine_deployment_gone(uid);
                }
            }
            Kind::Environment => {
                for uid in absent(self.desk.environments.uids()) {
                    self.observe(Event::EnvironmentGone(uid));
                }
            }
            Kind::Policy => {
                for uid in absent(self.desk.policies.uids()) {
                    self.policy_gone(uid);
                }
            }
            Kind::Queue => {
                for uid in absent(self.desk.queues.uids()) {
                    self.observe(Event::QueueGone(uid));
                }
            }
            Kind::Definition => {
                for uid in absent(self.desk.definitions.uids()) {
                    self.definition_gone(uid);
                }
            }
            Kind::Revision => {
                for uid in self.desk.revisions.not_in(&listed.uids) {
                    self.revision_gone(uid);
                }
            }
            Kind::Job => {
                self.desk.jobs_are_being_listed = false;
                for uid in absent(self.jobs.keys().copied().collect()) {
                    self.job_gone(uid);
                }
                self.wake_dependents();
            }
            Kind::Pod => {
                self.desk.pods_listed_at = None;
                self.end_pod_list(&listed);
            }
        }
        if self.lists.complete.insert(kind) && self.lists.complete.len() == Kind::ALL.len() {
            self.desk.capacity_changed();
            self.desk.tend_catalog();
        }
    }

    fn end_machine_list(&mut self, backend: Backend, listed: &Listed) {
        for uid in self.desk.machines.not_in(backend, &listed.uids) {
            self.machine_gone(uid);
        }
    }

    /// Pods that claim room on a host only because they were admitted to it are not expected in a list.
    fn end_pod_list(&mut self, listed: &Listed) {
        for key in self.desk.pods.keys_not_in(&listed.pods) {
            self.pod_gone(&key, None);
        }
        let launching: BTreeSet<ObjectKey> = self.launching_pods().collect();
        let claims = self.desk.hosts.pods_not_in(&listed.pods).into_iter();
        for key in claims.chain(self.desk.floating.not_in(&listed.pods)).collect::<Vec<_>>() {
            if !launching.contains(&key) {
                self.desk.give_back(&key);
            }
        }
    }

    fn launching_pods(&self) -> impl Iterator<Item = ObjectKey> + '_ {
        self.desk.launching.iter().filter_map(|(uid, index)| {
            let job = self.jobs.get(uid)?;
            let slot: Slot = job.tasks.live.get(index)?.slot;
            Some(job.pod_key(slot))
        })
    }
}
