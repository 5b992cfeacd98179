//! Watch events, taken into the tables; whoever they concern is put on the agenda.

use crate::action::Outcome;
use crate::agenda::Item;
use crate::catalog::{Definition, Environment, Queue};
use crate::core::Core;
use crate::dependency::Found;
use crate::finding::Finding;
use crate::ids::{Name, ObjectKey, ResourceVersion, Uid};
use crate::job::{Job, note_unknown_nodes, pod_is_gone, take_version};
use crate::limits::RETRY_PAUSE;
use crate::mutant::{self, Mutant};
use crate::objects::{
    Backend, ObservedDefinition, ObservedEnvironment, ObservedHost, ObservedJob, ObservedMachine,
    ObservedMachineDeployment, ObservedNodeClass, ObservedPod, ObservedPolicy, ObservedQueue,
    ObservedRevision,
};
use crate::pool::{claim_machines, machine_goes, machine_is_gone, owner_of};

impl Core {
    pub(crate) fn catalog_changed(&mut self) {
        self.desk.capacity_changed();
        self.desk.tend_catalog();
        for uid in self.jobs_waiting_for_names() {
            self.desk.agenda.mark(Item::Job(uid));
        }
    }

    /// Jobs that are not accepted yet, or whose queue is gone.
    fn jobs_waiting_for_names(&self) -> Vec<Uid> {
        if mutant::is(Mutant::LateCatalogUnnoticed) {
            return Vec::new();
        }
        let unaccepted = |job: &Job| job.verdict.is_none() && (job.pinned.is_none() || job.queue.is_none());
        self.jobs.values().filter(|job| unaccepted(job)).map(|job| job.uid).collect()
    }

    pub(crate) fn take_host(&mut self, host: ObservedHost) {
        let (name, concerns_pods) = (host.name.clone(), host.out_of_service || !host.ready);
        let was_ready = self.desk.hosts.get(&name).and_then(|host| host.node.as_ref()).map(|node| node.ready);
        let came_back = was_ready == Some(false) && host.ready;
        if self.desk.hosts.put(host) {
            self.desk.capacity_changed();
            if concerns_pods || came_back {
                self.touch_pods_on(&name);
            }
        }
    }

    pub(crate) fn host_gone(&mut self, name: &Name) {
        self.desk.hosts.node_gone(name);
        self.desk.capacity_changed();
        self.touch_pods_on(name);
    }

    /// What the API server has of a host to which a pod is bound, and of which no watch has told.
    pub(crate) fn host_looked_for(&mut self, name: &Name, outcome: &Outcome) {
        self.desk.looked_for.remove(name);
        if *outcome == Outcome::NotFound {
            self.desk.hosts.is_not_there(name);
            return self.touch_pods_on(name);
        }
        if let Outcome::Refused(_, words) = outcome {
            let host = ObjectKey { namespace: Name::default(), name: name.clone() };
            let trouble = format!("a job's pod is bound to this host, and it cannot be asked about: {words}");
            self.desk.findings.push(Finding::Trouble(host, Name::from(trouble)));
        }
        // It is there, and will be told of; or nobody knows.
        let again = self.desk.now + RETRY_PAUSE.1;
        for (job, slot) in self.desk.pods.on(name) {
            self.desk.agenda.wake(again, Item::Task(job, slot.index));
        }
    }

    /// Has the tasks on a host looked at: something happened to it.
    fn touch_pods_on(&mut self, host: &Name) {
        for (job, slot) in self.desk.pods.on(host) {
            self.desk.agenda.mark(Item::Task(job, slot.index));
        }
    }

    pub(crate) fn take_machine(&mut self, mut machine: ObservedMachine) {
        if self.desk.gone.has(machine.uid) {
            return;
        }
        if machine.backend == Backend::ClusterApi {
            machine.environment = owner_of(&machine.machine_type, &self.desk).unwrap_or_default();
        }
        let (uid, environment) = (machine.uid, machine.environment);
        let was_going = self.desk.machines.get(uid).is_some_and(|known| known.deleting);
        let goes = machine.deleting && !was_going;
        if self.desk.machines.put(machine) {
            if goes {
                machine_goes(uid, &mut self.desk);
            }
            self.desk.agenda.mark(Item::Environment(environment));
            self.desk.capacity_changed();
        }
    }

    pub(crate) fn machine_gone(&mut self, uid: Uid) {
        self.desk.gone.note(uid);
        if self.desk.machines.get(uid).is_some_and(|machine| !machine.deleting) {
            machine_goes(uid, &mut self.desk);
        }
        if let Some(machine) = self.desk.machines.remove(uid) {
            machine_is_gone(&machine, &mut self.desk);
            self.desk.capacity_changed();
        }
    }

    pub(crate) fn take_node_class(&mut self, class: ObservedNodeClass) {
        let (uid, environment) = (class.uid, class.environment);
        if !self.desk.gone.has(uid) && self.desk.node_classes.put(class) {
            self.desk.agenda.mark(Item::Environment(environment));
            self.desk.capacity_changed();
        }
    }

    pub(crate) fn node_class_gone(&mut self, uid: Uid) {
        self.desk.gone.note(uid);
        if let Some(class) = self.desk.node_classes.remove(uid) {
            self.desk.agenda.mark(Item::Environment(class.environment));
            self.desk.capacity_changed();
        }
    }

    pub(crate) fn take_machine_deployment(&mut self, deployment: ObservedMachineDeployment) {
        let maker = |found: &ObservedMachineDeployment| found.made.as_ref().map(|made| made.environment);
        let known = self.desk.deployments.get(&deployment.machine_type()).map(maker);
        let is_claimed_anew = known.unwrap_or_default() != maker(&deployment);
        if !self.desk.gone.has(deployment.uid) && self.desk.deployments.put(deployment) {
            if is_claimed_anew {
                claim_machines(&mut self.desk);
            }
            self.catalog_changed();
        }
    }

    pub(crate) fn machine_deployment_gone(&mut self, uid: Uid) {
        self.desk.gone.note(uid);
        if self.desk.deployments.remove(uid) {
            self.catalog_changed();
        }
    }

    pub(crate) fn take_environment(&mut self, observed: ObservedEnvironment) {
        let known = self.desk.environments.get(observed.uid);
        if known.is_some_and(|known| known.observed.resource_version >= observed.resource_version) {
            return;
        }
        let environment = match self.desk.environments.remove(observed.uid) {
            Some(known) => known.later(observed),
            None => Environment::new(observed),
        };
        self.desk.environments.put(environment);
        claim_machines(&mut self.desk);
        self.catalog_changed();
    }

    pub(crate) fn take_queue(&mut self, observed: ObservedQueue) {
        let known = self.desk.queues.get(observed.uid);
        if known.is_some_and(|known| known.observed.resource_version >= observed.resource_version) {
            return;
        }
        let queue = match self.desk.queues.remove(observed.uid) {
            Some(known) => known.later(observed),
            None => {
                if let Some(told) = &observed.status.fair_share {
                    self.desk.shares.take_over(observed.uid, told);
                }
                Queue::new(observed)
            }
        };
        self.desk.queues.put(queue);
        self.catalog_changed();
    }

    pub(crate) fn take_policy(&mut self, observed: ObservedPolicy) {
        let known = self.desk.policies.get(observed.uid);
        if known.is_some_and(|known| known.resource_version >= observed.resource_version) {
            return;
        }
        self.desk.policies.put(observed);
        self.catalog_changed();
    }

    pub(crate) fn policy_gone(&mut self, uid: Uid) {
        self.desk.policies.remove(uid);
        self.catalog_changed();
    }

    /// A namespace is being deleted: what held its pods and revisions for a while holds them no more.
    pub(crate) fn namespace_ends(&mut self, name: Name) {
        let jobs = self.jobs.values().filter(|job| job.key.namespace == name).map(|job| Item::Job(job.uid));
        let revisions = self.desk.revisions.within(&name).map(Item::Revision);
        let items: Vec<Item> = jobs.chain(revisions).collect();
        if self.desk.terminating_namespaces.insert(name) {
            items.into_iter().for_each(|item| self.desk.agenda.mark(item));
            self.ghosts.wake_all(&mut self.desk);
        }
    }

    /// A namespace is gone, or is there anew: what was told of its new definitions before can be registered now.
    pub(crate) fn namespace_opens(&mut self, name: &Name) {
        if !self.desk.terminating_namespaces.remove(name) {
            return;
        }
        let definitions = self.desk.definitions.iter().map(|definition| &definition.observed);
        let here = definitions.filter(|observed| observed.key.namespace == *name);
        for item in here.map(|observed| Item::Definition(observed.uid)).collect::<Vec<_>>() {
            self.desk.agenda.mark(item);
        }
    }

    pub(crate) fn environment_gone(&mut self, uid: Uid) {
        let removed = self.desk.environments.remove(uid);
        claim_machines(&mut self.desk);
        if let Some(environment) = removed {
            // Nobody adds nodes for them any more.
            let waiting = self.desk.floating.of(environment.display_name());
            let tasks = waiting.filter_map(|(pod, _)| self.desk.pods.by_key(pod)?.task.as_ref());
            for item in tasks.map(|task| Item::Task(task.job, task.index)).collect::<Vec<_>>() {
                self.desk.agenda.mark(item);
            }
        }
        self.catalog_changed();
    }

    pub(crate) fn queue_gone(&mut self, uid: Uid) {
        if self.desk.queues.remove(uid).is_none() {
            return;
        }
        for job in self.jobs.values_mut().filter(|job| job.queue == Some(uid)) {
            self.desk.lines.remove(job.queue, &job.terms.shape, job.order);
            job.queue = None;
        }
        self.desk.shares.forget(uid);
        self.desk.reservations.forget(uid);
        self.catalog_changed();
    }

    pub(crate) fn take_definition(&mut self, observed: ObservedDefinition) {
        let known = self.desk.definitions.get(observed.uid);
        let is_old = known.is_some_and(|known| known.observed.resource_version >= observed.resource_version);
        if is_old || self.desk.gone.has(observed.uid) {
            return;
        }
        let uid = observed.uid;
        // It was made again under its name: the earlier one is gone, whether this tells of that one or of the later. An answer
        // that was long on its way may.
        let namesake = self.desk.definitions.named(&observed.key).map(|found| &found.observed);
        if let Some(other) = namesake.filter(|other| other.uid != uid) {
            let (other_uid, is_later) = (other.uid, other.resource_version >= observed.resource_version);
            self.definition_gone(if is_later { uid } else { other_uid });
            if is_later {
                return;
            }
        }
        let (definition, is_new) = match self.desk.definitions.remove(uid) {
            Some(known) => (known.later(observed), false),
            None => (Definition::new(observed), true),
        };
        self.desk.definitions.put(definition);
        self.desk.agenda.mark(Item::Definition(uid));
        if is_new {
            self.wake_unaccepted_jobs();
        }
    }

    pub(crate) fn definition_gone(&mut self, uid: Uid) {
        self.desk.gone.note(uid);
        let Some(definition) = self.desk.definitions.remove(uid) else { return };
        for job in definition.waiting_jobs() {
            self.desk.agenda.mark(Item::Job(job));
        }
        self.wake_unaccepted_jobs();
    }

    fn wake_unaccepted_jobs(&mut self) {
        for uid in self.jobs_waiting_for_names() {
            self.desk.agenda.mark(Item::Job(uid));
        }
    }

    pub(crate) fn take_revision(&mut self, revision: ObservedRevision) {
        let (uid, definition) = (revision.uid, revision.definition);
        if !self.desk.gone.has(uid) && self.desk.revisions.put(revision) {
            self.desk.agenda.mark(Item::Definition(definition));
            self.desk.agenda.mark(Item::Revision(uid));
        }
    }

    pub(crate) fn revision_gone(&mut self, uid: Uid) {
        self.desk.gone.note(uid);
        if let Some(definition) = self.desk.revisions.remove(uid) {
            self.desk.agenda.mark(Item::Definition(definition));
        }
    }

    pub(crate) fn take_job(&mut self, mut observed: ObservedJob) {
        let uid = observed.uid;
        if self.desk.gone.has(uid) {
            return;
        }
        match self.jobs.get_mut(&uid) {
            Some(job) if job.resource_version >= observed.resource_version => return,
            Some(job) => take_version(job, observed, &mut self.desk),
            None => {
                note_unknown_nodes(uid, &observed.status, &mut self.desk);
                observed.key.namespace = self.desk.dependents.namespace(&observed.key.namespace);
                let aws_name = observed.spec.aws_name.clone();
                for waiting in self.desk.dependents.arrived(&observed.key, aws_name.as_ref(), uid) {
                    self.desk.agenda.mark(Item::Job(waiting));
                }
                observed.spec = self.desk.specs.one(observed.spec);
                self.jobs.insert(uid, Box::new(Job::new(observed, &self.desk.settings)));
            }
        }
        self.desk.agenda.mark(Item::Job(uid));
    }

    /// The watch has told of a job in this version, and so of all that was before. Answers run ahead of it.
    pub(crate) fn job_watched(&mut self, uid: Uid, version: ResourceVersion) {
        let Some(job) = self.jobs.get_mut(&uid) else { return };
        job.watched = job.watched.max(version);
        if job.watched >= job.resource_version && job.waits_for_others() {
            self.desk.agenda.mark(Item::Job(uid));
        }
    }

    /// Has those looked at that wait for jobs of which a list under way may not have told yet.
    pub(crate) fn wake_dependents(&mut self) {
        for job in self.jobs.values().filter(|job| job.waits_for_others()) {
            self.desk.agenda.mark(Item::Job(job.uid));
        }
    }

    pub(crate) fn job_gone(&mut self, uid: Uid) {
        self.desk.gone.note(uid);
        let Some(job) = self.jobs.remove(&uid) else { return };
        let (aws_name, found) = (job.spec.aws_name.as_ref(), Found::of(&job, true));
        for waiting in self.desk.dependents.departed(&job.key, aws_name, uid, found) {
            self.desk.agenda.mark(Item::Job(waiting));
        }
        self.desk.forget_job(&job);
        self.ghosts.add(uid, &mut self.desk);
        self.desk.capacity_changed();
    }

    pub(crate) fn pod_gone(&mut self, key: &ObjectKey, uid: Option<Uid>) {
        let known = self.desk.pods.by_key(key).map(|known| known.uid);
        if known.is_some_and(|known| uid.is_some_and(|uid| uid != known)) {
            return;
        }
        if let Some(uid) = uid.or(known) {
            self.desk.gone.note(uid);
        }
        self.desk.deleting.retain(|deleting| Some(*deleting) != uid);
        // What a node was given is kept for it until its launch is over.
        let is_gated = |pod: &ObservedPod| pod.task.as_ref().is_some_and(|task| task.gated);
        if !self.desk.pods.by_key(key).is_some_and(is_gated) {
            self.desk.give_back(key);
        }
        let Some((job, slot)) = self.desk.pods.remove(key) else { return };
        match self.jobs.get_mut(&job) {
            Some(job) => pod_is_gone(job, slot, &mut self.desk),
            None => self.desk.agenda.mark(Item::Ghost(job)),
        }
    }
}
