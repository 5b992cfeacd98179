//! StatefulSets in the model do what they were seen to do on a real API server: their pods wait behind gates, stay with their
//! finalizers once they are over, and are then made anew.

use fastrand::Rng;
use std::sync::Arc;
use windlass_core::action::{Action, Guard, LetGoOrder, NodeSetsOrder, Outcome};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{
    Container, NodeGroup, NodeOverrides, NodeProperties, NodeRange, Nodes, ObservedHost, ObservedPod,
    Payload, PodPhase, ResourceRequest, TaskPod,
};
use windlass_core::units::{GPUS, Resources};
use windlass_sim::Faults;
use windlass_sim::cluster::Cluster;
use windlass_sim::users::add_host;

const JOB: Uid = Uid::from_u128(7 << 96);

/// Two nodes, the second the main one, and nobody who decides.
fn cluster() -> Cluster {
    let mut cluster = Cluster::bare(Rng::with_seed(7), Faults::none(), false);
    cluster.operators.clear();
    for _ in 0..2 {
        add_host(&mut cluster);
    }
    let resources = ResourceRequest { cpu_millis: Some(1000), memory_mib: Some(64), gpus: None };
    let groups = vec![NodeGroup { targets: NodeRange::parse("0:").unwrap(), resources, instance_type: None }];
    let properties = NodeProperties { count: 2, main: 1, groups };
    let order = NodeSetsOrder {
        job: ObjectKey::new("default", "mpi"),
        job_uid: JOB,
        submission: Payload::default(),
        revision: Payload::default(),
        nodes: Arc::new(Nodes::of(&properties, &NodeOverrides::default()).unwrap()),
        attempt: 1,
        launch: 0,
        queue: "q".into(),
        environment: "ce".into(),
        definition: ("mpi".into(), 1),
        ours_alone: false,
        gpu_resource: GPUS.into(),
        not_after: cluster.now,
    };
    for _ in 0..2 {
        let made = Action::MakeNodeSets(Box::new(order.clone()));
        assert_eq!(cluster.store.apply(made, cluster.now, &None), Outcome::Done);
    }
    rest(&mut cluster);
    cluster
}

fn rest(cluster: &mut Cluster) {
    assert!(cluster.settle(1000), "no rest");
}

fn pod(cluster: &Cluster, index: u32) -> (ObservedPod, TaskPod) {
    let mut pods = cluster.store.pods.values().filter_map(|pod| Some((pod.clone(), pod.task.clone()?)));
    pods.find(|(_, task)| task.index == index).unwrap()
}

fn let_go(cluster: &mut Cluster, pod: &ObservedPod, host: usize) -> Outcome {
    let host = cluster.store.hosts.values().map(|host: &ObservedHost| host.name.clone()).nth(host).unwrap();
    let guard = Guard { key: pod.key.clone(), uid: pod.uid, resource_version: pod.resource_version };
    let order = LetGoOrder { guard, host, main_address: None };
    cluster.store.apply(Action::LetGo(Box::new(order)), cluster.now, &None)
}

#[test]
fn pods_wait_behind_their_gates_until_they_are_let_go() {
    let mut cluster = cluster();
    let names: Vec<&str> = cluster.store.pods.keys().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["mpi-00000007-1-0-0", "mpi-00000007-1-main-1"]);
    let ((main, task), (other, _)) = (pod(&cluster, 1), pod(&cluster, 0));
    assert!(task.gated && task.alone && task.held && main.host.is_none() && main.place().is_none());
    let seen_before = ObservedPod { resource_version: other.resource_version, ..main.clone() };
    assert_eq!(let_go(&mut cluster, &seen_before, 0), Outcome::Conflict);
    cluster.held_jobs.insert(Name::from("mpi:1"));
    assert_eq!(let_go(&mut cluster, &main, 0), Outcome::Done);
    rest(&mut cluster);
    let (main, task) = pod(&cluster, 1);
    assert!(matches!(task.container, Container::Running { .. }) && task.address.is_some(), "{task:?}");
    assert_eq!(main.host, Some(task.admitted_to));
    assert!(pod(&cluster, 0).1.gated);
    assert_eq!(cluster.store.breaches, Vec::<String>::new());
    assert!(matches!(let_go(&mut cluster, &main, 0), Outcome::Refused(..)));
    assert_eq!(cluster.store.breaches.len(), 1);
}

#[test]
fn a_pod_that_is_over_stays_until_it_is_released_and_is_then_made_anew() {
    let mut cluster = cluster();
    let (first, _) = pod(&cluster, 1);
    let_go(&mut cluster, &first, 0);
    rest(&mut cluster);
    let (over, _) = pod(&cluster, 1);
    assert_eq!((over.uid, over.phase, over.deleting), (first.uid, PodPhase::Succeeded, true));
    cluster.store.apply(Action::ReleasePod(over.key, over.uid, false), cluster.now, &None);
    rest(&mut cluster);
    let (next, task) = pod(&cluster, 1);
    assert!(next.uid != first.uid && task.gated && !next.deleting);
    assert_eq!(next.requests.amounts, Resources::of_job(1000, 64, 0));
}

#[test]
fn pods_go_with_their_sets_once_they_are_released() {
    let mut cluster = cluster();
    let job = ObjectKey::new("default", "mpi");
    let delete = |launch| Action::DeleteNodeSets { job: job.clone(), job_uid: JOB, attempt: 1, launch };
    cluster.store.apply(delete(1), cluster.now, &None);
    assert_eq!(cluster.store.node_sets.len(), 1, "of another launch");
    cluster.store.apply(delete(0), cluster.now, &None);
    rest(&mut cluster);
    let pods: Vec<ObservedPod> = cluster.store.pods.values().cloned().collect();
    assert!(pods.len() == 2 && pods.iter().all(|pod| pod.deleting));
    for pod in pods {
        cluster.store.apply(Action::ReleasePod(pod.key, pod.uid, false), cluster.now, &None);
    }
    rest(&mut cluster);
    assert!(cluster.store.pods.is_empty());
}

#[test]
fn a_pod_that_sets_left_behind_is_taken_over_by_the_next_of_their_name() {
    let mut cluster = cluster();
    let (key, sets) =
        cluster.store.node_sets.first_key_value().map(|(key, sets)| (key.clone(), sets.clone())).unwrap();
    let (before, _) = pod(&cluster, 1);
    cluster.store.remove_node_sets(&key, true);
    rest(&mut cluster);
    assert!(!pod(&cluster, 1).0.deleting);
    cluster.store.apply(Action::MakeNodeSets(Box::new(sets.order)), cluster.now, &None);
    rest(&mut cluster);
    assert!(cluster.store.has_sets(before.uid) && pod(&cluster, 1).0.uid == before.uid);
}
