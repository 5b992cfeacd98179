//! How objects go: at once, or once finalizers, kubelets and collectors are done with them.

use super::Store;
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{
    ObservedEnvironment, ObservedJob, ObservedPod, ObservedQueue, ObservedRevision, PodPhase,
};

/// What becomes of a job's pods and records when it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cascade {
    /// The garbage collector deletes them, some time after the job is gone (the default).
    Background,
    /// The job stays, marked deleted, until the garbage collector has looked at them: none of ours holds it up.
    Foreground,
    /// The job stays, marked deleted, until the garbage collector has made them nobody's.
    Orphan,
    /// The job stays, marked deleted: a finalizer of somebody else's holds it.
    Held,
}

impl Store {
    /// Removes a pod at once, whatever holds it.
    pub fn remove_pod(&mut self, key: &ObjectKey) {
        if let Some(pod) = self.pods.remove(key) {
            self.stopping.remove(&pod.uid);
            self.revision += 1;
            self.tell(Kind::Pod, Event::PodGone(key.clone(), pod.uid));
        }
    }

    /// Deletes a pod as the API does: at once when nothing holds it and no kubelet has to stop it, else it is marked. A second
    /// deletion changes nothing.
    pub fn delete_pod(&mut self, key: &ObjectKey) {
        let Some(pod) = self.pods.get(key).filter(|pod| !pod.deleting).cloned() else { return };
        if pod.host.is_some() && pod.phase == PodPhase::Active {
            self.stopping.insert(pod.uid);
        }
        self.put_pod_or_let_it_go(ObservedPod { deleting: true, ..pod });
    }

    /// The kubelet, or the pod garbage collector in its place, says that a deleted pod has stopped. True when that was news.
    pub fn stopped(&mut self, key: &ObjectKey) -> bool {
        let Some(pod) = self.pods.get(key).cloned() else { return false };
        let is_news = self.stopping.remove(&pod.uid);
        if is_news {
            self.put_pod_or_let_it_go(pod);
        }
        is_news
    }

    /// True while it takes a kubelet, or the pod garbage collector, to say that a deleted pod has stopped.
    pub fn is_stopping(&self, pod: Uid) -> bool {
        self.stopping.contains(&pod)
    }

    /// Stores a pod, or removes it when it is deleted, has stopped, and no finalizer holds it.
    pub(super) fn put_pod_or_let_it_go(&mut self, pod: ObservedPod) {
        let held = pod.task.as_ref().is_some_and(|task| task.held);
        if pod.deleting && !held && !self.stopping.contains(&pod.uid) {
            self.remove_pod(&pod.key);
        } else {
            self.put_pod(pod);
        }
    }

    /// Deletes a job. Its pods and records are left to the garbage collector.
    pub fn delete_job(&mut self, key: &ObjectKey, cascade: Cascade) {
        if self.ending_jobs.contains_key(key) {
            return;
        }
        match (cascade, self.jobs.get(key).cloned()) {
            (_, None) => {}
            (Cascade::Background, Some(_)) => self.remove_job(key),
            (_, Some(job)) => {
                self.ending_jobs.insert(key.clone(), cascade);
                // The deletion time stamp raises the generation.
                self.put_job(ObservedJob { deleting: true, generation: job.generation + 1, ..job });
            }
        }
    }

    /// The garbage collector ends the deletion of a job that waits for it.
    pub fn end_job(&mut self, key: &ObjectKey) {
        if let Some(Cascade::Orphan) = self.ending_jobs.get(key)
            && let Some(uid) = self.jobs.get(key).map(|job| job.uid)
        {
            for sets in self.node_sets.values_mut().filter(|sets| sets.order.job_uid == uid) {
                sets.is_orphan = true;
            }
            let mine = |pod: &&ObservedPod| {
                pod.task.as_ref().is_some_and(|task| task.job == uid) && !self.sets_of.contains_key(&pod.uid)
            };
            let pods: Vec<ObservedPod> = self.pods.values().filter(mine).cloned().collect();
            for pod in pods {
                self.orphans.insert(pod.uid);
                self.put_pod(pod);
            }
            let version = self.next_version();
            for (place, record) in self.records.iter_mut().filter(|((job, _), _)| *job == uid) {
                record.resource_version = version;
                self.orphan_records.insert(*place);
            }
        }
        self.remove_job(key);
    }

    fn remove_job(&mut self, key: &ObjectKey) {
        self.ending_jobs.remove(key);
        if let Some(job) = self.jobs.remove(key) {
            self.revision += 1;
            self.gone_jobs.insert(job.uid);
            self.tell(Kind::Job, Event::JobGone(job.uid));
        }
    }

    /// True when the pod's job is gone, or its StatefulSet, so that the garbage collector deletes it.
    pub fn has_lost_its_owner(&self, pod: &ObservedPod) -> bool {
        if self.sets_of.contains_key(&pod.uid) {
            return !self.has_sets(pod.uid);
        }
        let owner_is_gone = pod.task.as_ref().is_some_and(|task| self.gone_jobs.contains(&task.job));
        owner_is_gone && !self.orphans.contains(&pod.uid)
    }

    /// The same of a record.
    pub fn record_has_lost_its_owner(&self, record: (Uid, u32)) -> bool {
        self.gone_jobs.contains(&record.0) && !self.orphan_records.contains(&record)
    }

    /// Deletes a definition. Its revisions are left to the garbage collector.
    pub fn delete_definition(&mut self, key: &ObjectKey) {
        let Some(definition) = self.definitions.remove(key) else { return };
        self.revision += 1;
        self.gone_definitions.insert(definition.uid);
        self.tell(Kind::Definition, Event::DefinitionGone(definition.uid));
    }

    /// Deletes a revision, or marks it deleted while our finalizer holds it.
    pub fn delete_revision(&mut self, key: &ObjectKey) {
        let Some(revision) = self.revisions.get(key).filter(|revision| !revision.deleting).cloned() else {
            return;
        };
        self.put_revision_or_let_it_go(ObservedRevision { deleting: true, ..revision });
    }

    pub(super) fn put_revision_or_let_it_go(&mut self, revision: ObservedRevision) {
        if revision.held || !revision.deleting {
            return self.put_revision(revision);
        }
        self.revisions.remove(&revision.key);
        self.revision += 1;
        self.tell(Kind::Revision, Event::RevisionGone(revision.uid));
    }

    /// Deletes a queue, or marks it deleted while our finalizer holds it.
    pub fn delete_queue(&mut self, name: &Name) {
        if let Some(queue) = self.queues.get(name).filter(|queue| !queue.deleting).cloned() {
            let generation = queue.generation + 1;
            self.put_queue_or_let_it_go(ObservedQueue { deleting: true, generation, ..queue });
        }
    }

    pub(super) fn put_queue_or_let_it_go(&mut self, queue: ObservedQueue) {
        if queue.held || !queue.deleting {
            return self.put_queue(queue);
        }
        self.queues.remove(&queue.name);
        self.revision += 1;
        self.tell(Kind::Queue, Event::QueueGone(queue.uid));
    }

    /// Deletes an environment, or marks it deleted while our finalizer holds it.
    pub fn delete_environment(&mut self, name: &Name) {
        if let Some(environment) = self.environments.get(name).filter(|found| !found.deleting).cloned() {
            let generation = environment.generation + 1;
            self.put_environment_or_let_it_go(ObservedEnvironment {
                deleting: true,
                generation,
                ..environment
            });
        }
    }

    pub(super) fn put_environment_or_let_it_go(&mut self, environment: ObservedEnvironment) {
        if environment.held || !environment.deleting {
            return self.put_environment(environment);
        }
        self.environments.remove(&environment.name);
        self.gone_environments.insert(environment.uid);
        self.revision += 1;
        self.tell(Kind::Environment, Event::EnvironmentGone(environment.uid));
    }

    /// Starts the deletion of a namespace: nothing can be created in it any more, its collector deletes what is there.
    pub fn delete_namespace(&mut self, name: &Name) {
        if self.namespaces.get(name) == Some(&false) {
            self.put_namespace(name, true);
        }
    }

    /// Removes a namespace in which nothing is left.
    pub fn remove_namespace(&mut self, name: &Name) {
        if self.namespaces.remove(name).is_some() {
            self.revision += 1;
            self.tell(Kind::Namespace, Event::NamespaceGone(name.clone()));
        }
    }
}
