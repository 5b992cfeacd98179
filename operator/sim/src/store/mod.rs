//! The model API server: objects, versions, preconditions, finalizers, watches.

mod content;
mod deletion;
mod deployments;
mod duties;
mod machines;
mod node_classes;
mod node_sets;
mod nodes;
mod requests;
mod rules;
mod watch;

pub use content::{content, group};
pub use deletion::Cascade;
pub use machines::selector;
pub use node_sets::StoredNodeSets;
pub use requests::PodRefusal;
pub use watch::{Cursor, Heard};

use std::collections::{BTreeMap, BTreeSet};
use windlass_core::action::DeploymentOrder;
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::objects::{
    Backend, ObservedDefinition, ObservedEnvironment, ObservedHost, ObservedJob, ObservedMachine,
    ObservedMachineDeployment, ObservedNodeClass, ObservedPod, ObservedPolicy, ObservedQueue,
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
    /// The nodes of machines that are made now have kubelets that may run a node's container twice.
    pub old_kubelets: bool,
    /// Machines of managed environments.
    pub machines: BTreeMap<(Backend, Name), ObservedMachine>,
    /// Node classes of environments.
    pub node_classes: BTreeMap<Name, ObservedNodeClass>,
    /// MachineDeployments of Cluster API, by the name of their machines' type.
    pub deployments: BTreeMap<Name, ObservedMachineDeployment>,
    /// How those were asked for that were made for environments.
    pub made_as: BTreeMap<Uid, DeploymentOrder>,
    /// Those that were made for an environment that was let go by then.
    pub made_late: BTreeSet<Uid>,
    /// Why nobody may make machines now.
    pub machine_refusal: Option<Name>,
    /// ComputeEnvironments.
    pub environments: BTreeMap<Name, ObservedEnvironment>,
    /// SchedulingPolicies.
    pub policies: BTreeMap<Name, ObservedPolicy>,
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
    /// StatefulSets of multi-node jobs, by the name that those of a launch have in common.
    pub node_sets: BTreeMap<ObjectKey, StoredNodeSets>,
    /// Whose the pods of nodes are.
    sets_of: BTreeMap<Uid, Uid>,
    /// Labels of the hosts that will do for pods that are pinned to none.
    pub selectors: BTreeMap<Uid, BTreeMap<Name, Name>>,
    /// What the cluster tells of pods that do not start.
    pub troubles: BTreeMap<ObjectKey, Name>,
    /// Jobs that existed and are gone.
    pub gone_jobs: BTreeSet<Uid>,
    /// Environments that existed and are gone.
    pub gone_environments: BTreeSet<Uid>,
    /// Definitions that existed and are gone.
    pub gone_definitions: BTreeSet<Uid>,
    /// Jobs whose deletion waits for the garbage collector.
    pub ending_jobs: BTreeMap<ObjectKey, Cascade>,
    /// Pods whose job, or whose StatefulSet, was deleted without them: they have no owner any more.
    orphans: BTreeSet<Uid>,
    /// Records whose job was deleted without them.
    orphan_records: BTreeSet<(Uid, u32)>,
    /// Pods that were deleted while a kubelet had them: only it can say that they have stopped.
    stopping: BTreeSet<Uid>,
    /// What happened to each kind, and the version it brought.
    logs: BTreeMap<Kind, Vec<(u64, Event)>>,
    /// Watches cannot go on from a version before this one.
    compacted: u64,
    /// Requests carried out, by verb and kind.
    pub requests: BTreeMap<&'static str, u64>,
    /// The version of the lists that a late request goes by.
    pub listed_at: Option<ResourceVersion>,
    /// Rules of the API that a request of ours broke: always a bug.
    pub breaches: Vec<String>,
}

impl Store {
    /// The newest version.
    pub const fn version(&self) -> ResourceVersion {
        ResourceVersion(self.revision)
    }

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

    /// Tells all watchers of a kind what the newest version brought.
    pub fn tell(&mut self, kind: Kind, event: Event) {
        self.logs.entry(kind).or_default().push((self.revision, event));
    }

    /// Stores a namespace; true when it is being deleted.
    pub fn put_namespace(&mut self, name: &Name, ends: bool) {
        self.revision += 1;
        self.tell(Kind::Namespace, Event::Namespace(name.clone(), ends));
        self.namespaces.insert(name.clone(), ends);
    }

    /// Stores a node.
    pub fn put_host(&mut self, mut host: ObservedHost) {
        host.resource_version = self.next_version();
        self.tell(Kind::Host, Event::Host(Box::new(host.clone())));
        self.hosts.insert(host.name.clone(), host);
    }

    /// Removes a node; one that stands for itself is the machine, too.
    pub fn remove_host(&mut self, name: &Name) {
        if self.hosts.remove(name).is_some() {
            self.revision += 1;
            self.tell(Kind::Host, Event::HostGone(name.clone()));
            self.remove_machine(Backend::Simulated, name);
        }
    }

    /// Stores an environment.
    pub fn put_environment(&mut self, mut environment: ObservedEnvironment) {
        environment.resource_version = self.next_version();
        self.tell(Kind::Environment, Event::Environment(Box::new(environment.clone())));
        self.environments.insert(environment.name.clone(), environment);
    }

    /// Stores a policy.
    pub fn put_policy(&mut self, mut policy: ObservedPolicy) {
        policy.resource_version = self.next_version();
        self.tell(Kind::Policy, Event::Policy(Box::new(policy.clone())));
        self.policies.insert(policy.name.clone(), policy);
    }

    /// Deletes a policy.
    pub fn delete_policy(&mut self, name: &Name) {
        if let Some(policy) = self.policies.remove(name) {
            self.revision += 1;
            self.tell(Kind::Policy, Event::PolicyGone(policy.uid));
        }
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

    /// Counts a request.
    fn count(&mut self, request: &'static str) {
        *self.requests.entry(request).or_default() += 1;
    }

    /// The time stamp of an object made now.
    pub const fn stamp(now: Time) -> Time {
        now.to_second()
    }
}
