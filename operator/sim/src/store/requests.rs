//! What the API server does with a request of the operator's.

use super::{Store, StoredRecord};
use windlass_core::action::{Action, Guard, Held, Outcome, PodOrder, RecordOrder, Refusal};
use windlass_core::array::Intervals;
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::limits::{CLOCKS_APART, TIME_TO_LIVE};
use windlass_core::objects::{
    Attempt, Ending, JobStatus, ObservedEnvironment, ObservedPod, ObservedQueue, ObservedRevision, Payload,
    PodPhase, ResourceRequest, RevisionContent, TaskPod,
};
use windlass_core::state::State;
use windlass_core::time::Time;

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
                let Some(mut found) = self.definitions.get(&guard.key).cloned() else {
                    return Outcome::NotFound;
                };
                if let Some(refused) = check(&guard, found.uid, found.resource_version) {
                    return refused;
                }
                found.status = *status;
                self.put_definition(found);
                self.written()
            }
            Action::WriteQueue(guard, status) => self.write_queue(&guard, |queue| queue.status = *status),
            Action::WriteEnvironment(guard, status) => {
                self.write_environment(&guard, |found| found.status = *status)
            }
            Action::Hold(held, guard, hold) => self.hold(held, &guard, hold),
            Action::WriteJob(guard, status) => self.write_job(&guard, *status),
            Action::WriteRecord(order) => self.write_record(*order),
            Action::CreatePod(order) => self.create_pod(*order, now, refuse),
            Action::DeletePod(key, uid, version) => {
                let Some(pod) = self.pods.get(&key).filter(|pod| pod.uid == uid) else {
                    return Outcome::NotFound;
                };
                if version.is_some_and(|version| version != pod.resource_version) {
                    return Outcome::Conflict;
                }
                self.delete_pod(&key);
                Outcome::Done
            }
            Action::StopPod { pod, uid, resource_version, ending } => {
                self.stop_pod(&pod, uid, resource_version, ending)
            }
            Action::ReadEvents(key, _) => Outcome::Words(self.troubles.get(&key).cloned()),
            Action::DeleteJob(guard) => self.expire_job(&guard, now),
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
        if let Some(found) = self.revisions.get(&key) {
            return Outcome::Revision(Box::new(found.clone()));
        }
        if self.namespaces.get(&definition.namespace) != Some(&false) {
            return Outcome::Refused(
                Refusal::NamespaceTerminating,
                Name::from("namespace is being terminated"),
            );
        }
        if !self.definitions.contains_key(definition) {
            return Outcome::NotFound;
        }
        let revision = ObservedRevision {
            uid: self.next_uid(),
            resource_version: ResourceVersion(0),
            created_at: Store::stamp(now),
            definition: definition_uid,
            number,
            content: RevisionContent {
                resources: resources_in(&content),
                retry: None,
                timeout: None,
                fault: None,
                payload: content,
            },
            deleting: false,
            held: true,
            key: key.clone(),
        };
        self.put_revision(revision);
        self.revisions.get(&key).map_or(Outcome::NotFound, |made| Outcome::Revision(Box::new(made.clone())))
    }

    fn write_queue(&mut self, guard: &Guard, change: impl FnOnce(&mut ObservedQueue)) -> Outcome {
        let Some(mut queue) = self.queues.get(&guard.key.name).cloned() else { return Outcome::NotFound };
        if let Some(refused) = check(guard, queue.uid, queue.resource_version) {
            return refused;
        }
        change(&mut queue);
        if queue.deleting && !queue.held {
            self.queues.remove(&queue.name);
            self.revision += 1;
            self.tell(Kind::Queue, Event::QueueGone(queue.uid));
        } else {
            self.put_queue(queue);
        }
        self.written()
    }

    fn write_environment(&mut self, guard: &Guard, change: impl FnOnce(&mut ObservedEnvironment)) -> Outcome {
        let Some(mut environment) = self.environments.get(&guard.key.name).cloned() else {
            return Outcome::NotFound;
        };
        if let Some(refused) = check(guard, environment.uid, environment.resource_version) {
            return refused;
        }
        change(&mut environment);
        if environment.deleting && !environment.held {
            self.environments.remove(&environment.name);
            self.revision += 1;
            self.tell(Kind::Environment, Event::EnvironmentGone(environment.uid));
        } else {
            self.put_environment(environment);
        }
        self.written()
    }

    fn hold(&mut self, held: Held, guard: &Guard, hold: bool) -> Outcome {
        match held {
            Held::Queue => self.write_queue(guard, |queue| queue.held = hold),
            Held::Environment => self.write_environment(guard, |environment| environment.held = hold),
            Held::Revision => {
                let Some(revision) = self.revisions.get(&guard.key).cloned() else {
                    return Outcome::NotFound;
                };
                if let Some(refused) = check(guard, revision.uid, revision.resource_version) {
                    return refused;
                }
                if revision.deleting && !hold {
                    self.check_revision_is_unused(revision.uid);
                    self.revisions.remove(&guard.key);
                    self.revision += 1;
                    self.tell(Kind::Revision, Event::RevisionGone(revision.uid));
                } else {
                    self.put_revision(ObservedRevision { held: hold, ..revision });
                }
                self.written()
            }
        }
    }

    fn check_revision_is_unused(&mut self, uid: Uid) {
        let uses = |status: &JobStatus| {
            !status.state.is_final() && status.pinned.as_ref().is_some_and(|pin| pin.uid == uid)
        };
        if let Some(job) = self.jobs.values().find(|job| uses(&job.status)) {
            self.breaches.push(format!("revision {uid} was released although job {} runs with it", job.key));
        }
    }

    fn write_job(&mut self, guard: &Guard, status: JobStatus) -> Outcome {
        let Some(job) = self.jobs.get(&guard.key).filter(|job| job.uid == guard.uid) else {
            return Outcome::NotFound;
        };
        if job.resource_version != guard.resource_version {
            return Outcome::Conflict;
        }
        if job.status == status {
            return Outcome::Written(job.resource_version);
        }
        let mut faults = faults_of_transition(&job.status, &status, job.spec.size);
        let mut job = job.clone();
        self.breaches.extend(faults.drain(..).map(|fault| format!("job {}: {fault}", job.key)));
        if job.status.state.is_final() && status.state != job.status.state {
            return Outcome::Refused(
                Refusal::Invalid,
                Name::from("status.status: a final state never changes"),
            );
        }
        let begun = |attempt: &&Attempt| attempt.started_at.is_some() || attempt.stopped_at.is_some();
        if status.attempts.len() < job.status.attempts.iter().filter(begun).count() {
            return Outcome::Refused(Refusal::Invalid, Name::from("status: attempts are never forgotten"));
        }
        job.status = status;
        self.put_job(job);
        self.written()
    }

    fn write_record(&mut self, order: RecordOrder) -> Outcome {
        let place = (order.job_uid, order.first_index);
        let known = self.records.get(&place).map(|stored| stored.resource_version);
        if known.is_some() && order.resource_version.is_none() {
            return Outcome::Conflict;
        }
        if order.resource_version.is_some() && known.is_none() {
            return Outcome::NotFound;
        }
        if known != order.resource_version {
            return Outcome::Conflict;
        }
        if self.job(order.job_uid).is_none() {
            return Outcome::Refused(Refusal::Other, Name::from("its owner is gone"));
        }
        if let Some(before) = self.records.get(&place) {
            for (index, child) in &before.record.children {
                let kept = order
                    .record
                    .children
                    .get(index)
                    .is_some_and(|now| now.attempts.starts_with(&child.attempts));
                if !kept {
                    self.breaches.push(format!("record of {}:{index} loses attempts", order.job));
                }
            }
        }
        let resource_version = self.next_version();
        self.records.insert(place, StoredRecord { resource_version, record: order.record });
        Outcome::Written(resource_version)
    }

    fn create_pod(&mut self, order: PodOrder, now: Time, refuse: &PodRefusal) -> Outcome {
        if let Some(found) = self.pods.get(&order.pod) {
            return Outcome::Pod(Box::new(found.clone()));
        }
        if self.namespaces.get(&order.pod.namespace) != Some(&false) {
            return Outcome::Refused(
                Refusal::NamespaceTerminating,
                Name::from("namespace is being terminated"),
            );
        }
        if let Some((refusal, words)) = refuse {
            return Outcome::Refused(*refusal, words.clone());
        }
        let task = TaskPod {
            job: order.job,
            job_name: order.job_name,
            index: order.child.map_or(0, |(index, _)| index),
            attempt: order.attempt,
            launch: order.launch,
            admitted_to: order.host,
            environment: order.environment,
            held: true,
            ..TaskPod::default()
        };
        let pod = ObservedPod {
            key: order.pod.clone(),
            uid: self.next_uid(),
            resource_version: ResourceVersion(0),
            created_at: Store::stamp(now),
            host: None,
            requests: order.need,
            phase: PodPhase::Active,
            deleting: false,
            task: Some(task),
        };
        self.put_pod(pod);
        self.pods.get(&order.pod).map_or(Outcome::NotFound, |made| Outcome::Pod(Box::new(made.clone())))
    }

    fn stop_pod(&mut self, key: &ObjectKey, uid: Uid, version: ResourceVersion, ending: Ending) -> Outcome {
        let Some(pod) = self.pods.get(key).filter(|pod| pod.uid == uid).cloned() else {
            return Outcome::NotFound;
        };
        if pod.resource_version != version {
            return Outcome::Conflict;
        }
        let task = pod.task.clone().map(|task| TaskPod { ending: Some(ending), ..task });
        self.put_pod(ObservedPod { task, ..pod });
        self.delete_pod(key);
        Outcome::Done
    }

    /// Only what has ended long enough ago may expire.
    fn expire_job(&mut self, guard: &Guard, now: Time) -> Outcome {
        let Some(job) = self.jobs.get(&guard.key).filter(|job| job.uid == guard.uid) else {
            return Outcome::NotFound;
        };
        if job.resource_version != guard.resource_version {
            return Outcome::Conflict;
        }
        let kept_for = job.spec.time_to_live.unwrap_or(TIME_TO_LIVE);
        let finished = job.status.milestones.finished.filter(|_| job.status.state.is_final());
        if finished.is_none_or(|finished| now + CLOCKS_APART + kept_for / 40 < finished + kept_for) {
            self.breaches.push(format!("job {} expired before its time", job.key));
        }
        let key = guard.key.clone();
        self.delete_job(&key);
        Outcome::Done
    }

    fn release_pod(&mut self, key: &ObjectKey, uid: Uid, delete: bool) -> Outcome {
        let Some(mut pod) = self.pods.get(key).filter(|pod| pod.uid == uid).cloned() else {
            return Outcome::NotFound;
        };
        self.check_release(&pod);
        if let Some(task) = &mut pod.task {
            task.held = false;
        }
        pod.deleting |= delete;
        let over = pod.phase != PodPhase::Active || pod.host.is_none();
        self.put_pod(pod.clone());
        if pod.deleting && over {
            self.remove_pod(key);
        }
        Outcome::Done
    }

    /// A pod may be released only when the end of its attempt is in the Job (DESIGN.md, rule 5).
    fn check_release(&mut self, pod: &ObservedPod) {
        let Some(task) = &pod.task else { return };
        let Some(job) = self.job(task.job) else { return };
        let single = job.spec.size.is_none();
        let mut records = self.records.iter();
        let record = records.rfind(|((owner, first), _)| *owner == task.job && *first <= task.index);
        let child = record.and_then(|(_, stored)| stored.record.children.get(&task.index));
        let (attempts, launch) = if single {
            (job.status.attempts.as_slice(), job.status.launch)
        } else {
            (child.map_or(&[][..], |child| &child.attempts), child.map_or(0, |child| child.launch))
        };
        let recorded = attempts.iter().any(|attempt| attempt.number == task.attempt && attempt.is_over());
        let over = attempts.iter().filter(|attempt| attempt.is_over()).count();
        let withdrawn = over + 1 == usize::from(task.attempt) && launch > task.launch;
        if !recorded && !withdrawn && !job.status.state.is_final() {
            let (index, attempt) = (task.index, task.attempt);
            self.breaches.push(format!(
                "pod {} is released, but attempt {attempt} of task {index} is not recorded",
                pod.key
            ));
        }
    }
}

fn check(guard: &Guard, uid: Uid, version: ResourceVersion) -> Option<Outcome> {
    if guard.uid != uid {
        return Some(Outcome::NotFound);
    }
    (guard.resource_version != version).then_some(Outcome::Conflict)
}

/// What a change of a status must not do.
fn faults_of_transition(before: &JobStatus, after: &JobStatus, size: Option<u32>) -> Vec<String> {
    let mut faults = Vec::new();
    if before.state.is_final() && (after.state, &after.attempts) != (before.state, &before.attempts) {
        faults.push(format!("final state {} changes to {}", before.state, after.state));
    }
    let over = |status: &JobStatus| {
        status.attempts.iter().filter(|attempt| attempt.is_over()).cloned().collect::<Vec<_>>()
    };
    if !over(after).starts_with(&over(before)) {
        faults.push(format!("attempts that are over change: {:?} to {:?}", over(before), over(after)));
    }
    if before.pinned.is_some() && before.pinned != after.pinned {
        faults.push("the pinned revision changes".to_owned());
    }
    if let (Some(size), Some(array)) = (size, &after.array) {
        let mut all = Intervals::default();
        let mut total = 0;
        for indexes in array.children.values() {
            all.extend(indexes);
            total += indexes.count();
        }
        if total != size || all != Intervals::below(size) {
            faults.push(format!("{total} children of {size} are counted"));
        }
        for state in [State::Succeeded, State::Failed] {
            let of = |status: &JobStatus| {
                status
                    .array
                    .as_ref()
                    .and_then(|array| array.children.get(&state))
                    .cloned()
                    .unwrap_or_default()
            };
            if of(before).intersection(&of(after)) != of(before) {
                faults.push(format!("children leave the final state {state}"));
            }
        }
    }
    faults
}

/// The simulator's definitions carry their numbers in the content: thousandths of a vCPU, MiB, both in decimal.
pub fn resources_in(content: &Payload) -> ResourceRequest {
    let text = String::from_utf8_lossy(&content.0);
    let mut numbers = text.split(' ').map(|number| number.parse().ok());
    ResourceRequest { cpu_millis: numbers.next().flatten(), memory_mib: numbers.next().flatten(), gpus: None }
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
        Action::ReadPod(_) => "get pod",
        Action::DeletePod(..) => "delete pod",
        Action::StopPod { .. } => "stop pod",
        Action::ReadEvents(..) => "list events",
        Action::DeleteJob(_) => "delete job",
        Action::ReleasePod(..) => "release pod",
    }
}
