//! The simulator's side.

use crate::actions::{action, object};
use crate::known::Known;
use crate::setting::{CHILDREN, Object, Setting};
use crate::steps::{Ask, Which};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_core::ids::{Name, ObjectKey, ResourceVersion};
use windlass_core::objects::{
    DefinitionStatus, EnvironmentStatus, JobSpec, JobStatus, ObservedDefinition, ObservedEnvironment,
    ObservedHost, ObservedJob, ObservedPod, ObservedQueue, Payload, PodPhase, QueueStatus, RevisionContent,
    TaskPod,
};
use windlass_core::reference::Reference;
use windlass_core::time::Time;
use windlass_core::units::{GPUS, ResourceList};
use windlass_sim::Faults;
use windlass_sim::cluster::Cluster;
use windlass_sim::store::Store;

/// A model cluster in which nobody works but its API server and its collectors.
pub(crate) struct Model {
    pub(crate) cluster: Cluster,
    pub(crate) known: Known,
}

impl Model {
    /// A model that has what the real server has.
    pub(crate) fn new(setting: &Setting) -> Model {
        let mut cluster = Cluster::bare(Rng::with_seed(0), Faults::none(), false);
        cluster.store.put_namespace(&setting.namespace, false);
        furnish(&mut cluster.store, setting);
        keep_ending(&mut cluster.store, &setting.ending);
        Model { cluster, known: Known::default() }
    }

    /// Carries a request out, and tells how.
    pub(crate) fn ask(&mut self, ask: &Ask, setting: &Setting) -> String {
        let now = self.cluster.now;
        let refusal = self.cluster.refusal.clone();
        let outcome = self.cluster.store.apply(action(ask, setting, &self.known), now, &refusal);
        let told = self.known.told(&object(ask), &outcome);
        if let Ask::CreatePod(task, _) = ask {
            self.look_for_room(&setting.pod(*task));
        }
        told
    }

    /// kube-scheduler finds no room for a pod on a host that does not exist.
    fn look_for_room(&mut self, key: &ObjectKey) {
        let pod = self.cluster.store.pods.get(key);
        let Some(pod) = pod.filter(|pod| pod.host.is_none() && !pod.deleting).cloned() else { return };
        let task = pod.task.clone().filter(|task| task.unschedulable.is_none());
        if let Some(task) = task.filter(|_| pod.phase == PodPhase::Active) {
            let task = TaskPod { unschedulable: Some("no room".into()), ..task };
            self.cluster.store.put_pod(ObservedPod { task: Some(task), ..pod });
        }
    }

    /// What is there and what is being deleted of what collectors look after.
    pub(crate) fn shape(&self) -> BTreeMap<String, &'static str> {
        let store = &self.cluster.store;
        let state = |deleting: bool| if deleting { "deleting" } else { "there" };
        let mut shape = BTreeMap::new();
        let pods = store.pods.values().filter(|pod| pod.task.as_ref().is_some_and(|task| task.attempt > 0));
        shape.extend(pods.map(|pod| (format!("pod {}", pod.key.name), state(pod.deleting))));
        shape.extend(
            store
                .jobs
                .keys()
                .map(|key| (format!("job {}", key.name), state(store.ending_jobs.contains_key(key)))),
        );
        let revisions = store.revisions.values();
        shape.extend(revisions.map(|found| (format!("revision {}", found.key.name), state(found.deleting))));
        shape.extend(store.records.keys().map(|(_, first)| (format!("record {first}"), "there")));
        shape
    }

    /// The queue and the environment, as a watch would tell them.
    pub(crate) fn catalog(&mut self) -> Vec<String> {
        let queue = self.cluster.store.queues.values().next().cloned();
        let environment = self.cluster.store.environments.values().next().cloned();
        told_of_catalog(&mut self.known, queue, environment)
    }
}

/// A queue and an environment in a form in which both sides can be compared.
pub(crate) fn told_of_catalog(
    known: &mut Known,
    queue: Option<ObservedQueue>,
    environment: Option<ObservedEnvironment>,
) -> Vec<String> {
    let queue = queue.map(|queue| {
        let version = known.note(&Object::Queue, queue.resource_version);
        let (generation, deleting, held) = (queue.generation, queue.deleting, queue.held);
        let priority = queue.priority;
        format!("queue {version} {generation} {deleting} {held} {priority} {:?}", queue.status)
    });
    let environment = environment.map(|found| {
        let version = known.note(&Object::Environment, found.resource_version);
        let (generation, deleting, held) = (found.generation, found.deleting, found.held);
        format!("environment {version} {generation} {deleting} {held} {:?}", found.status)
    });
    [queue, environment].into_iter().map(|told| told.unwrap_or_else(|| "gone".to_owned())).collect()
}

fn furnish(store: &mut Store, setting: &Setting) {
    for which in [Which::Single, Which::Array] {
        let (key, uid) = setting.job(which);
        let size = (which == Which::Array).then_some(CHILDREN);
        store.put_job(ObservedJob {
            key,
            uid,
            resource_version: ResourceVersion(0),
            generation: 1,
            created_at: Time::ZERO,
            spec: Arc::new(JobSpec { size, ..JobSpec::default() }),
            payload: Payload::default(),
            status: JobStatus::default(),
            deleting: false,
            kept: false,
        });
    }
    store.put_definition(ObservedDefinition {
        key: setting.definition(),
        uid: setting.definition,
        resource_version: ResourceVersion(0),
        generation: 1,
        created_at: Time::ZERO,
        aws_name: None,
        active: true,
        inactive_revisions: std::collections::BTreeSet::new(),
        content: RevisionContent::default(),
        status: DefinitionStatus::default(),
    });
    store.put_queue(ObservedQueue {
        name: setting.global().name,
        uid: setting.queue,
        resource_version: ResourceVersion(0),
        generation: 1,
        created_at: Time::ZERO,
        aws_name: None,
        enabled: true,
        priority: 1,
        policy: None,
        environments: vec![Reference::plain(&setting.name)],
        time_limits: Vec::new(),
        deleting: false,
        held: false,
        status: QueueStatus::default(),
    });
    store.put_environment(ObservedEnvironment {
        name: setting.global().name,
        uid: setting.environment,
        resource_version: ResourceVersion(0),
        generation: 1,
        created_at: Time::ZERO,
        aws_name: None,
        enabled: false,
        selector: BTreeMap::new(),
        gpu_resource: GPUS.into(),
        managed: None,
        autoscaled: None,
        ignored: None,
        deleting: false,
        held: false,
        status: EnvironmentStatus::default(),
    });
    // It stands for a host that the pod garbage collector has not missed yet.
    store.put_host(ObservedHost { name: setting.host(), ..ObservedHost::default() });
}

/// A namespace that is being deleted for as long as something is held in it.
fn keep_ending(store: &mut Store, namespace: &Name) {
    let uid = store.next_uid();
    store.put_namespace(namespace, true);
    store.put_pod(ObservedPod {
        key: ObjectKey::new(namespace.clone(), "held"),
        uid,
        resource_version: ResourceVersion(0),
        created_at: Time::ZERO,
        host: None,
        requests: ResourceList::default(),
        phase: PodPhase::Active,
        deleting: true,
        task: Some(TaskPod { held: true, ..TaskPod::default() }),
    });
}
