//! What the API server does with a request of the operator's.

use super::duties::faults_of_transition;
use super::rules::{Holding, conflict, not_ended, refused_status, without_change};
use super::{Cascade, Store, StoredRecord};
use windlass_core::action::{Action, Guard, Held, Outcome, PodOrder, RecordOrder, Refusal};
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::limits::{CLOCKS_APART, TIME_TO_LIVE};
use windlass_core::objects::{
    Ending, EnvironmentStatus, JobStatus, ObservedDefinition, ObservedEnvironment, ObservedJob, ObservedPod,
    ObservedQueue, ObservedRevision, Payload, PodPhase, QueueStatus, TaskPod,
};
use windlass_core::time::Time;
use windlass_core::units::ResourceList;

/// Why pods of a namespace are refused now.
pub type PodRefusal = Option<(Refusal, Name)>;

impl Store {
    /// Carries a request out; `refuse` is what admission says of new pods.
    pub fn apply(&mut self, action: Action, now: Time, refuse: &PodRefusal) -> Outcome {
        self.count(name_of(&action));
        match action {
            Action::ReadDefinition(key) => self
                .definitions
                .get(&key)
                .map_or(Outcome::NotFound, |found| Outcome::Definition(Box::new(found.clone()))),
            Action::ReadJob(key) => {
                self.jobs.get(&key).map_or(Outcome::NotFound, |job| Outcome::Job(Box::new(job.clone())))
            }
            Action::ReadPod(key) => {
                self.pods.get(&key).map_or(Outcome::NotFound, |pod| Outcome::Pod(Box::new(pod.clone())))
            }
            Action::LookForHost(name) => {
                if self.hosts.contains_key(&name) {
                    Outcome::Done
                } else {
                    Outcome::NotFound
                }
            }
            Action::ReadRecord { job_uid, first_index, .. } => {
                match self.records.get(&(job_uid, first_index)) {
                    Some(stored) => Outcome::Record(Box::new(stored.record.clone()), stored.resource_version),
                    None => Outcome::NotFound,
                }
            }
            Action::CreateRevision { definition, definition_uid, number, content } => {
                self.create_revision(&definition, definition_uid, number, content, now)
            }
            Action::ReadRevision(key) => self
                .revisions
                .get(&key)
                .map_or(Outcome::NotFound, |found| Outcome::Revision(Box::new(found.clone()))),
            Action::WriteDefinition(guard, status) => {
                let Some(found) = self.definitions.get(&guard.key).cloned() else {
                    return Outcome::NotFound;
                };
                if let Some(refused) = conflict(&guard, found.uid, found.resource_version) {
                    return refused;
                }
                if found.status == *status {
                    return Outcome::Written(found.resource_version);
                }
                self.put_definition(ObservedDefinition { status: *status, ..found });
                self.written()
            }
            Action::WriteQueue(guard, status) => self.write_queue(&guard, *status),
            Action::WriteEnvironment(guard, status) => self.write_environment(&guard, *status),
            Action::Hold(held, guard, hold) => self.hold(held, &guard, hold),
            Action::WriteJob(guard, status) => self.write_job(&guard, *status),
            Action::WriteRecord(order) => self.write_record(*order),
            Action::CreatePod(order) => self.create_pod(*order, now, refuse),
            Action::MakeNodeSets(order) => self.make_node_sets(*order, refuse),
            Action::DeleteNodeSets { job_uid, attempt, launch, .. } => {
                self.delete_node_sets(&self.node_sets_of(job_uid, (attempt, launch)))
            }
            Action::ReadSetEvents(_) => match refuse {
                Some((refusal, words)) => Outcome::Refused(*refusal, words.clone()),
                None => Outcome::Words(None),
            },
            Action::LetGo(order) => match refuse {
                Some((refusal, words)) if *refusal != Refusal::Quota => {
                    Outcome::Refused(*refusal, words.clone())
                }
                _ => self.let_go(&order),
            },
            Action::DeletePod(key, uid, version) => {
                let Some(pod) = self.pods.get(&key) else { return Outcome::NotFound };
                if pod.uid != uid || version.is_some_and(|version| version != pod.resource_version) {
                    return Outcome::Conflict;
                }
                self.delete_pod(&key);
                Outcome::Done
            }
            Action::StopPod { pod, uid, resource_version, ending } => {
                self.stop_pod(&pod, uid, resource_version, ending)
            }
            Action::ReadMachineEvents(..) => Outcome::Words(None),
            Action::ReadEvents(key, _) => Outcome::Words(self.troubles.get(&key).cloned()),
            Action::DeleteJob(guard) => self.expire_job(&guard, now),
            Action::LaunchMachine(order) => self.launch_machine(*order, now),
            Action::ReadMachine(backend, name) => self.read_machine(backend, &name),
            Action::WriteNodeClass(order) => self.write_node_class(*order),
            Action::RetireMachine(backend, name, uid) => self.retire_machine(backend, &name, uid),
            Action::RemoveMachine(backend, name, uid) => self.delete_machine(backend, &name, uid),
            Action::ReadMachineDeployment(key) => self.read_deployment(&key),
            Action::MakeMachineDeployment(order) => self.make_deployment(*order),
            Action::DeleteMachineDeployment(guard) => self.delete_deployment(&guard),
            Action::Scale(order) => self.scale(&order),
            Action::ReleasePod(key, uid, delete) => self.release_pod(&key, uid, delete),
        }
    }

    fn written(&self) -> Outcome {
        Outcome::Written(ResourceVersion(self.revision))
    }

    fn create_revision(
        &mut self,
        definition: &ObjectKey,
        definition_uid: Uid,
        number: u32,
        content: Payload,
        now: Time,
    ) -> Outcome {
        let name = Name::from(format!("{}-{}-{number}", definition.name, definition_uid.prefix()));
        let key = ObjectKey { namespace: definition.namespace.clone(), name };
        if let Some(refused) = self.refused_in(&definition.namespace, Outcome::NotFound) {
            return refused;
        }
        if let Some(found) = self.revisions.get(&key) {
            return Outcome::Revision(Box::new(found.clone()));
        }
        let revision = ObservedRevision {
            uid: self.next_uid(),
            resource_version: ResourceVersion(0),
            created_at: Store::stamp(now),
            definition: definition_uid,
            number,
            content: super::content(content),
            deleting: false,
            held: true,
            key: key.clone(),
        };
        self.put_revision(revision);
        self.revisions.get(&key).map_or(Outcome::NotFound, |made| Outcome::Revision(Box::new(made.clone())))
    }

    fn write_queue(&mut self, guard: &Guard, status: QueueStatus) -> Outcome {
        let Some(queue) = self.queues.get(&guard.key.name).cloned() else { return Outcome::NotFound };
        if let Some(refused) = conflict(guard, queue.uid, queue.resource_version) {
            return refused;
        }
        if queue.status == status {
            return Outcome::Written(queue.resource_version);
        }
        self.put_queue(ObservedQueue { status, ..queue });
        self.written()
    }

    fn write_environment(&mut self, guard: &Guard, status: EnvironmentStatus) -> Outcome {
        let Some(found) = self.environments.get(&guard.key.name).cloned() else { return Outcome::NotFound };
        if let Some(refused) = conflict(guard, found.uid, found.resource_version) {
            return refused;
        }
        if found.status == status {
            return Outcome::Written(found.resource_version);
        }
        self.put_environment(ObservedEnvironment { status, ..found });
        self.written()
    }

    /// Sets or takes our finalizer on the object as it is now: the shell reads it first, so that its version does not matter.
    fn hold(&mut self, held: Held, guard: &Guard, hold: bool) -> Outcome {
        let before = match held {
            Held::Queue => {
                let found = self.queues.get(&guard.key.name).filter(|found| found.uid == guard.uid);
                let Some(found) = found.cloned() else { return Outcome::NotFound };
                let now =
                    Holding { held: found.held, deleting: found.deleting, version: found.resource_version };
                if let Some(answer) = without_change(&now, hold) {
                    return answer;
                }
                self.put_queue_or_let_it_go(ObservedQueue { held: hold, ..found });
                now
            }
            Held::Environment => {
                let found = self.environments.get(&guard.key.name).filter(|found| found.uid == guard.uid);
                let Some(found) = found.cloned() else { return Outcome::NotFound };
                let now =
                    Holding { held: found.held, deleting: found.deleting, version: found.resource_version };
                if let Some(answer) = without_change(&now, hold) {
                    return answer;
                }
                self.put_environment_or_let_it_go(ObservedEnvironment { held: hold, ..found });
                now
            }
            Held::Revision => {
                let found = self.revisions.get(&guard.key).filter(|found| found.uid == guard.uid);
                let Some(found) = found.cloned() else { return Outcome::NotFound };
                let now =
                    Holding { held: found.held, deleting: found.deleting, version: found.resource_version };
                if let Some(answer) = without_change(&now, hold) {
                    return answer;
                }
                if !hold {
                    self.check_revision_is_unused(found.uid);
                }
                self.put_revision_or_let_it_go(ObservedRevision { held: hold, ..found });
                now
            }
        };
        // The answer for an object that goes with its last finalizer shows it as it was.
        if before.deleting { Outcome::Written(before.version) } else { self.written() }
    }

    fn write_job(&mut self, guard: &Guard, status: JobStatus) -> Outcome {
        let Some(job) = self.jobs.get(&guard.key).cloned() else { return Outcome::NotFound };
        if let Some(refused) = conflict(guard, job.uid, job.resource_version) {
            return refused;
        }
        if job.status == status {
            return Outcome::Written(job.resource_version);
        }
        let faults = faults_of_transition(&job.status, &status, self.tasks_of(&job));
        self.breaches.extend(faults.into_iter().map(|fault| format!("job {}: {fault}", job.key)));
        if let Some(refused) = refused_status(&job.status, &status) {
            return refused;
        }
        self.put_job(ObservedJob { status, ..job });
        self.written()
    }

    /// Its owner is not looked for: a record of a job that is gone is made, and collected.
    fn write_record(&mut self, order: RecordOrder) -> Outcome {
        let place = (order.job_uid, order.first_index);
        let known = self.records.get(&place).cloned();
        match (order.resource_version, &known) {
            (Some(_), None) => return Outcome::NotFound,
            (Some(version), Some(stored)) if version != stored.resource_version => return Outcome::Conflict,
            (Some(version), Some(stored)) if stored.record == order.record => {
                return Outcome::Written(version);
            }
            (Some(_), Some(_)) => {}
            (None, _) => {
                if let Some(refused) = self.refused_in(&order.job.namespace, Outcome::NotFound) {
                    return refused;
                }
                if known.is_some() {
                    return Outcome::Conflict;
                }
            }
        }
        for (index, child) in known.iter().flat_map(|stored| &stored.record.children) {
            let now = order.record.children.get(index);
            if !now.is_some_and(|now| now.attempts.starts_with(&child.attempts)) {
                self.breaches.push(format!("record of {}:{index} loses attempts", order.job));
            }
        }
        let resource_version = self.next_version();
        // Its owner is written each time: what somebody had made nobody's has one again.
        self.orphan_records.remove(&place);
        self.records.insert(place, StoredRecord { resource_version, record: order.record });
        Outcome::Written(resource_version)
    }

    fn create_pod(&mut self, order: PodOrder, now: Time, refuse: &PodRefusal) -> Outcome {
        let missing = Outcome::Refused(Refusal::Other, Name::from("the namespace does not exist"));
        if let Some(refused) = self.refused_in(&order.pod.namespace, missing) {
            return refused;
        }
        if let Some((refusal, words)) = refuse {
            return Outcome::Refused(*refusal, words.clone());
        }
        if let Some(found) = self.pods.get(&order.pod) {
            return Outcome::Pod(Box::new(found.clone()));
        }
        let task = TaskPod {
            job: order.job,
            job_name: order.job_name,
            index: order.child.map_or(0, |(index, _)| index),
            attempt: order.attempt,
            launch: order.launch,
            admitted_to: order.host.clone(),
            environment: order.environment,
            held: true,
            ..TaskPod::default()
        };
        let pod = ObservedPod {
            key: order.pod.clone(),
            uid: self.next_uid(),
            resource_version: ResourceVersion(0),
            created_at: Store::stamp(now),
            host: order.direct.then_some(order.host),
            requests: ResourceList::with_gpus(order.need, &order.gpu_resource),
            phase: PodPhase::Active,
            deleting: false,
            task: Some(task),
        };
        if !order.selector.is_empty() {
            self.selectors.insert(pod.uid, order.selector);
        }
        self.put_pod(pod);
        self.pods.get(&order.pod).map_or(Outcome::NotFound, |made| Outcome::Pod(Box::new(made.clone())))
    }

    /// Two requests: the patch that says why, and the deletion.
    /// The first half of a stop: why, and not yet that. True when it was done.
    pub fn write_ending(
        &mut self,
        key: &ObjectKey,
        uid: Uid,
        version: ResourceVersion,
        ending: Ending,
    ) -> bool {
        let pod = self.pods.get(key).filter(|pod| pod.uid == uid && pod.resource_version == version).cloned();
        let Some(pod) = pod else { return false };
        let task = pod.task.clone().map(|task| TaskPod { ending: Some(ending), ..task });
        self.put_pod(ObservedPod { task, ..pod });
        true
    }

    fn stop_pod(&mut self, key: &ObjectKey, uid: Uid, version: ResourceVersion, ending: Ending) -> Outcome {
        let Some(pod) = self.pods.get(key).cloned() else { return Outcome::NotFound };
        if pod.uid != uid || pod.resource_version != version {
            return Outcome::Conflict;
        }
        let task = pod.task.clone().map(|task| TaskPod { ending: Some(ending), ..task });
        if task != pod.task {
            self.put_pod(ObservedPod { task, ..pod });
        }
        self.delete_pod(key);
        Outcome::Done
    }

    /// Only what has ended long enough ago may expire.
    fn expire_job(&mut self, guard: &Guard, now: Time) -> Outcome {
        let Some(job) = self.jobs.get(&guard.key) else { return Outcome::NotFound };
        if let Some(refused) = conflict(guard, job.uid, job.resource_version) {
            return refused;
        }
        let kept_for = job.spec.time_to_live.unwrap_or(TIME_TO_LIVE);
        let finished = job.status.milestones.finished.filter(|_| job.status.state.is_final());
        if finished.is_none_or(|finished| now + CLOCKS_APART + kept_for / 40 < finished + kept_for) {
            self.breaches.push(format!("job {} expired before its time", job.key));
        }
        if !job.status.state.is_final() {
            return not_ended();
        }
        let key = guard.key.clone();
        self.delete_job(&key, Cascade::Background);
        Outcome::Done
    }

    /// Two requests: the deletion, if it is asked for, and the patch that takes the finalizer.
    fn release_pod(&mut self, key: &ObjectKey, uid: Uid, delete: bool) -> Outcome {
        if delete && self.pods.get(key).is_some_and(|pod| pod.uid == uid) {
            self.delete_pod(key);
        }
        let Some(mut pod) = self.pods.get(key).filter(|pod| pod.uid == uid).cloned() else {
            return Outcome::Done;
        };
        self.check_release(&pod);
        if let Some(task) = pod.task.as_mut().filter(|task| task.held) {
            task.held = false;
            self.put_pod_or_let_it_go(pod);
        }
        Outcome::Done
    }
}

const fn name_of(action: &Action) -> &'static str {
    match action {
        Action::ReadDefinition(_) => "get definition",
        Action::ReadRevision(_) => "get revision",
        Action::CreateRevision { .. } => "create revision",
        Action::WriteDefinition(..) => "put definition status",
        Action::WriteQueue(..) => "put queue status",
        Action::WriteEnvironment(..) => "put environment status",
        Action::Hold(..) => "patch finalizer",
        Action::ReadJob(_) => "get job",
        Action::WriteJob(..) => "put job status",
        Action::ReadRecord { .. } => "get record",
        Action::WriteRecord(_) => "put record",
        Action::CreatePod(_) => "create pod",
        Action::MakeNodeSets(_) => "create statefulsets",
        Action::DeleteNodeSets { .. } => "delete statefulsets",
        Action::LetGo(_) => "patch scheduling gate",
        Action::ReadPod(_) => "get pod",
        Action::LookForHost(_) => "get node",
        Action::DeletePod(..) => "delete pod",
        Action::StopPod { .. } => "stop pod",
        Action::ReadEvents(..) | Action::ReadMachineEvents(..) | Action::ReadSetEvents(_) => "list events",
        Action::DeleteJob(_) => "delete job",
        Action::LaunchMachine(_) => "create machine",
        Action::ReadMachine(..) => "get machine",
        Action::WriteNodeClass(_) => "write node class",
        Action::RetireMachine(..) => "retire machine",
        Action::RemoveMachine(..) => "delete machine",
        Action::ReadMachineDeployment(_) => "get machinedeployment",
        Action::MakeMachineDeployment(_) => "create machinedeployment",
        Action::DeleteMachineDeployment(_) => "delete machinedeployment",
        Action::Scale(_) => "put machinedeployment scale",
        Action::ReleasePod(..) => "release pod",
    }
}
