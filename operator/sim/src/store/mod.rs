//! The model API server: objects, versions, preconditions, finalizers, watches.

mod requests;
mod watch;

pub use requests::{PodRefusal, resources_in};
pub use watch::Cursor;

use std::collections::{BTreeMap, BTreeSet};
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::objects::{
    ObservedDefinition, ObservedEnvironment, ObservedHost, ObservedJob, ObservedPod, ObservedQueue,
    ObservedRevision, Record,
};
use windlass_core::time::Time;

/// A stored JobRecord.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// Its version.
    pub resource_version: ResourceVersion,
    /// Its content.
    pub record: Record,
}

/// Everything the API server has.
#[derive(Debug, Default)]
pub struct Store {
    revision: u64,
    last_uid: u128,
    /// Namespaces; true when being deleted.
    pub namespaces: BTreeMap<Name, bool>,
    /// Nodes.
    pub hosts: BTreeMap<Name, ObservedHost>,
    /// ComputeEnvironments.
    pub environments: BTreeMap<Name, ObservedEnvironment>,
    /// JobQueues.
    pub queues: BTreeMap<Name, ObservedQueue>,
    /// JobDefinitions.
    pub definitions: BTreeMap<ObjectKey, ObservedDefinition>,
    /// ControllerRevisions.
    pub revisions: BTreeMap<ObjectKey, ObservedRevision>,
    /// Jobs.
    pub jobs: BTreeMap<ObjectKey, ObservedJob>,
    /// JobRecords, by job and first index.
    pub records: BTreeMap<(Uid, u32), StoredRecord>,
    /// Pods.
    pub pods: BTreeMap<ObjectKey, ObservedPod>,
    /// What the cluster tells of pods that do not start.
    pub troubles: BTreeMap<ObjectKey, Name>,
    /// Jobs that existed and are gone.
    pub gone_jobs: BTreeSet<Uid>,
    logs: BTreeMap<Kind, Vec<Event>>,
    /// Requests carried out, by verb and kind.
    pub requests: BTreeMap<&'static str, u64>,
    /// Rules of the API that a request of ours broke: always a bug.
    pub breaches: Vec<String>,
}

impl Store {
    /// A version never given before.
    pub fn next_version(&mut self) -> ResourceVersion {
        self.revision += 1;
        ResourceVersion(self.revision)
    }

    /// An identity never given before.
    pub fn next_uid(&mut self) -> Uid {
        self.last_uid += 1;
        Uid::from_u128((self.last_uid << 96) | self.last_uid)
    }

    /// The Job of this identity.
    pub fn job(&self, uid: Uid) -> Option<&ObservedJob> {
        self.jobs.values().find(|job| job.uid == uid)
    }

    /// Tells all watchers of a kind.
    pub fn tell(&mut self, kind: Kind, event: Event) {
        self.logs.entry(kind).or_default().push(event);
    }

    /// Stores a node.
    pub fn put_host(&mut self, mut host: ObservedHost) {
        host.resource_version = self.next_version();
        self.tell(Kind::Host, Event::Host(Box::new(host.clone())));
        self.hosts.insert(host.name.clone(), host);
    }

    /// Removes a node.
    pub fn remove_host(&mut self, name: &Name) {
        if self.hosts.remove(name).is_some() {
            self.revision += 1;
            self.tell(Kind::Host, Event::HostGone(name.clone()));
        }
    }

    /// Stores an environment.
    pub fn put_environment(&mut self, mut environment: ObservedEnvironment) {
        environment.resource_version = self.next_version();
        self.tell(Kind::Environment, Event::Environment(Box::new(environment.clone())));
        self.environments.insert(environment.name.clone(), environment);
    }

    /// Stores a queue.
    pub fn put_queue(&mut self, mut queue: ObservedQueue) {
        queue.resource_version = self.next_version();
        self.tell(Kind::Queue, Event::Queue(Box::new(queue.clone())));
        self.queues.insert(queue.name.clone(), queue);
    }

    /// Stores a definition.
    pub fn put_definition(&mut self, mut definition: ObservedDefinition) {
        definition.resource_version = self.next_version();
        self.tell(Kind::Definition, Event::Definition(Box::new(definition.clone())));
        self.definitions.insert(definition.key.clone(), definition);
    }

    /// Stores a revision.
    pub fn put_revision(&mut self, mut revision: ObservedRevision) {
        revision.resource_version = self.next_version();
        self.tell(Kind::Revision, Event::Revision(Box::new(revision.clone())));
        self.revisions.insert(revision.key.clone(), revision);
    }

    /// Stores a job.
    pub fn put_job(&mut self, mut job: ObservedJob) {
        job.resource_version = self.next_version();
        self.tell(Kind::Job, Event::Job(Box::new(job.clone())));
        self.jobs.insert(job.key.clone(), job);
    }

    /// Stores a pod.
    pub fn put_pod(&mut self, mut pod: ObservedPod) {
        pod.resource_version = self.next_version();
        self.tell(Kind::Pod, Event::Pod(Box::new(pod.clone())));
        self.pods.insert(pod.key.clone(), pod);
    }

    /// Removes a pod at once, whatever holds it.
    pub fn remove_pod(&mut self, key: &ObjectKey) {
        if let Some(pod) = self.pods.remove(key) {
            self.revision += 1;
            self.tell(Kind::Pod, Event::PodGone(key.clone(), pod.uid));
        }
    }

    /// Deletes a pod as the API does: at once when nothing holds it and no kubelet has to stop it, else it is marked.
    pub fn delete_pod(&mut self, key: &ObjectKey) {
        let Some(pod) = self.pods.get(key) else { return };
        let held = pod.task.as_ref().is_some_and(|task| task.held);
        let kubelet_has_it = pod.host.is_some() && pod.phase == windlass_core::objects::PodPhase::Active;
        if !held && !kubelet_has_it {
            self.remove_pod(key);
        } else if !pod.deleting {
            let pod = ObservedPod { deleting: true, ..pod.clone() };
            self.put_pod(pod);
        }
    }

    /// Deletes a job; its records go with it, its pods are left to the garbage collector.
    pub fn delete_job(&mut self, key: &ObjectKey) {
        if let Some(job) = self.jobs.remove(key) {
            self.revision += 1;
            self.gone_jobs.insert(job.uid);
            self.records.retain(|(owner, _), _| *owner != job.uid);
            self.tell(Kind::Job, Event::JobGone(job.uid));
        }
    }

    /// Deletes a definition; its revisions are marked deleted, our finalizer holds them.
    pub fn delete_definition(&mut self, key: &ObjectKey) {
        let Some(definition) = self.definitions.remove(key) else { return };
        self.revision += 1;
        self.tell(Kind::Definition, Event::DefinitionGone(definition.uid));
        let owned: Vec<ObservedRevision> = self
            .revisions
            .values()
            .filter(|revision| revision.definition == definition.uid)
            .cloned()
            .collect();
        for revision in owned {
            self.put_revision(ObservedRevision { deleting: true, ..revision });
        }
    }

    /// Deletes a queue, or marks it deleted while our finalizer holds it.
    pub fn delete_queue(&mut self, name: &Name) {
        let Some(queue) = self.queues.get(name).cloned() else { return };
        if queue.held {
            self.put_queue(ObservedQueue { deleting: true, ..queue });
        } else {
            self.queues.remove(name);
            self.revision += 1;
            self.tell(Kind::Queue, Event::QueueGone(queue.uid));
        }
    }

    /// Deletes an environment, or marks it deleted while our finalizer holds it.
    pub fn delete_environment(&mut self, name: &Name) {
        let Some(environment) = self.environments.get(name).cloned() else { return };
        if environment.held {
            self.put_environment(ObservedEnvironment { deleting: true, ..environment });
        } else {
            self.environments.remove(name);
            self.revision += 1;
            self.tell(Kind::Environment, Event::EnvironmentGone(environment.uid));
        }
    }

    /// Starts the deletion of a namespace: all in it is deleted, nothing can be created.
    pub fn delete_namespace(&mut self, name: &Name) {
        self.namespaces.insert(name.clone(), true);
        self.tell(Kind::Namespace, Event::Namespace(name.clone(), true));
        let jobs: Vec<ObjectKey> = self.jobs.keys().filter(|key| key.namespace == *name).cloned().collect();
        for key in jobs {
            self.delete_job(&key);
        }
        let definitions: Vec<ObjectKey> =
            self.definitions.keys().filter(|key| key.namespace == *name).cloned().collect();
        for key in definitions {
            self.delete_definition(&key);
        }
        let pods: Vec<ObjectKey> = self.pods.keys().filter(|key| key.namespace == *name).cloned().collect();
        for key in pods {
            self.delete_pod(&key);
        }
    }

    /// Counts a request.
    fn count(&mut self, request: &'static str) {
        *self.requests.entry(request).or_default() += 1;
    }

    /// The time stamp of an object made now.
    pub const fn stamp(now: Time) -> Time {
        now.to_second()
    }
}
