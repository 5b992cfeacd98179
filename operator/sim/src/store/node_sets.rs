//! The StatefulSets of multi-node jobs: one entry for all those of a launch, and their Services. Their controller makes the pods
//! (`crate::node_sets`).

use super::rules::conflict;
use super::{PodRefusal, Store};
use windlass_core::action::{LetGoOrder, NodeSetsOrder, Outcome, Refusal};
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::objects::{ObservedPod, PodPhase, TaskPod};
use windlass_core::time::Time;
use windlass_core::units::ResourceList;
use windlass_core::{node_pod_name, node_sets_name};

/// The StatefulSets of one launch of a multi-node job.
#[derive(Clone, Debug)]
pub struct StoredNodeSets {
    /// Their identity.
    pub uid: Uid,
    /// When they were made.
    pub version: ResourceVersion,
    /// As what they were made.
    pub order: NodeSetsOrder,
    /// Their job was deleted without them: they have no owner any more.
    pub is_orphan: bool,
}

impl StoredNodeSets {
    /// Namespace and name of a node's pod.
    pub fn pod(&self, index: u32) -> ObjectKey {
        let name = node_pod_name(&key_of(&self.order).name, &self.order.nodes, index);
        ObjectKey { namespace: self.order.job.namespace.clone(), name }
    }
}

fn key_of(order: &NodeSetsOrder) -> ObjectKey {
    let name = node_sets_name(&order.job.name, order.job_uid, order.attempt, order.launch);
    ObjectKey { namespace: order.job.namespace.clone(), name }
}

impl Store {
    /// Their owner is not looked for: those of a job that is gone are made, and collected.
    pub(super) fn make_node_sets(&mut self, order: NodeSetsOrder, refuse: &PodRefusal) -> Outcome {
        let missing = Outcome::Refused(Refusal::Other, Name::from("the namespace does not exist"));
        if let Some(refused) = self.refused_in(&order.job.namespace, missing) {
            return refused;
        }
        if let Some((refusal, words)) = refuse {
            return Outcome::Refused(*refusal, words.clone());
        }
        let key = key_of(&order);
        if !self.node_sets.contains_key(&key) {
            let (uid, version) = (self.next_uid(), self.next_version());
            self.node_sets.insert(key, StoredNodeSets { uid, version, order, is_orphan: false });
        }
        Outcome::Done
    }

    /// The sets of one launch of a job, if they were there when they were listed.
    pub fn node_sets_of(&self, job: Uid, launch: (u8, u16)) -> Vec<ObjectKey> {
        let listed_at = self.listed_at.unwrap_or(self.version());
        let goes = |sets: &StoredNodeSets| {
            let order = &sets.order;
            order.job_uid == job && launch == (order.attempt, order.launch) && sets.version <= listed_at
        };
        self.node_sets.iter().filter(|(_, sets)| goes(sets)).map(|(key, _)| key.clone()).collect()
    }

    /// Deletes these sets, in the background.
    pub(super) fn delete_node_sets(&mut self, keys: &[ObjectKey]) -> Outcome {
        for key in keys {
            self.remove_node_sets(key, false);
        }
        Outcome::Done
    }

    /// Sets go; their pods are left to the garbage collector, or to nobody.
    pub fn remove_node_sets(&mut self, key: &ObjectKey, leaves_pods: bool) {
        let Some(sets) = self.node_sets.remove(key) else { return };
        self.revision += 1;
        let mine = |pod: &&ObservedPod| self.sets_of.get(&pod.uid) == Some(&sets.uid);
        let pods: Vec<ObservedPod> = self.pods.values().filter(mine).cloned().collect();
        for pod in pods.into_iter().filter(|_| leaves_pods) {
            self.sets_of.remove(&pod.uid);
            self.orphans.insert(pod.uid);
            self.put_pod(pod);
        }
    }

    /// True when the job of these sets is gone, so that the garbage collector deletes them.
    pub fn sets_have_lost_their_owner(&self, sets: &StoredNodeSets) -> bool {
        self.gone_jobs.contains(&sets.order.job_uid) && !sets.is_orphan
    }

    /// True for a pod whose StatefulSet is there.
    pub fn has_sets(&self, pod: Uid) -> bool {
        self.sets_of.get(&pod).is_some_and(|uid| self.node_sets.values().any(|sets| sets.uid == *uid))
    }

    /// True for a node's pod that nobody owns, as a StatefulSet of its name takes it over.
    pub fn is_ownerless(&self, pod: &ObservedPod) -> bool {
        self.orphans.contains(&pod.uid) && pod.task.as_ref().is_some_and(|task| task.alone)
    }

    /// What GPUs are called whose taint a pod tolerates: of a multi-node job all do if any node has some, as all are on hosts of
    /// one type.
    pub fn gpus_tolerated_by(&self, pod: &ObservedPod) -> Option<Name> {
        let sets = self.node_sets.values().find(|sets| self.sets_of.get(&pod.uid) == Some(&sets.uid));
        match sets.map(|sets| &sets.order) {
            Some(order) => Some(order.gpu_resource.clone()).filter(|_| order.nodes.largest_need().gpus > 0),
            None => pod.requests.extended.keys().next().cloned(),
        }
    }

    /// A StatefulSet takes a pod over that is nobody's.
    pub fn adopt(&mut self, sets: &ObjectKey, pod: &ObjectKey) {
        let Some(owner) = self.node_sets.get(sets).map(|sets| sets.uid) else { return };
        if let Some(pod) = self.pods.get(pod).cloned() {
            self.orphans.remove(&pod.uid);
            self.sets_of.insert(pod.uid, owner);
            self.put_pod(pod);
        }
    }

    /// A StatefulSet's controller makes a node's pod, behind its gate.
    pub fn make_node_pod(&mut self, sets: &ObjectKey, index: u32, now: Time) {
        let Some(sets) = self.node_sets.get(sets).cloned() else { return };
        let order = &sets.order;
        let Some(need) = order.nodes.set_of(index).map(|set| set.need) else { return };
        let uid = self.next_uid();
        let task = TaskPod {
            job: order.job_uid,
            job_name: order.job.name.clone(),
            index,
            attempt: order.attempt,
            launch: order.launch,
            environment: order.environment.clone(),
            alone: true,
            held: true,
            gated: true,
            ..TaskPod::default()
        };
        self.sets_of.insert(uid, sets.uid);
        self.put_pod(ObservedPod {
            key: sets.pod(index),
            uid,
            resource_version: ResourceVersion(0),
            created_at: Store::stamp(now),
            host: None,
            requests: ResourceList::with_gpus(need, &order.gpu_resource),
            phase: PodPhase::Active,
            deleting: false,
            task: Some(task),
        });
    }

    /// The patch that takes the gate away and names the host, for one version of the pod. The API server takes it also for a
    /// pod that is being deleted, to no use.
    pub(super) fn let_go(&mut self, order: &LetGoOrder) -> Outcome {
        let Some(pod) = self.pods.get(&order.guard.key).cloned() else { return Outcome::NotFound };
        if let Some(refused) = conflict(&order.guard, pod.uid, pod.resource_version) {
            return refused;
        }
        let Some(task) = pod.task.clone().filter(|task| task.gated) else {
            self.breaches.push(format!("pod {} is let go, and has no gate", pod.key));
            let words = "the server rejected our request due to an error in our request";
            return Outcome::Refused(Refusal::Invalid, Name::from(words));
        };
        if pod.deleting || pod.phase != PodPhase::Active {
            self.breaches.push(format!("pod {} is let go, and is over", pod.key));
        }
        let task = TaskPod { gated: false, admitted_to: order.host.clone(), ..task };
        self.put_pod(ObservedPod { task: Some(task), ..pod });
        Outcome::Done
    }
}
