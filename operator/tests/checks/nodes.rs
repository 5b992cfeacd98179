//! Multi-node jobs: what is read of them, and the StatefulSets and Services that are made, as a whole:
//! `tests/checks/golden/nodes.json`. Rewrite with `WINDLASS_UPDATE=1`.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use windlass::convert::{self, Wire, kinds};
use windlass::pod::{let_go, node_sets};
use windlass::render;
use windlass_core::action::{Guard, LetGoOrder, NodeSetsOrder, RecordOrder};
use windlass_core::ids::{ObjectKey, ResourceVersion, Uid};
use windlass_core::node_pod_name;
use windlass_core::node_sets_name;
use windlass_core::objects::{
    Attempt, ChildRecord, JobStatus, Launched, NodeGroup, NodeOverrides, NodeRange, Nodes, ObservedJob,
    ObservedPod, Record, ResourceRequest, RevisionContent,
};
use windlass_core::time::Time;
use windlass_core::units::GPUS;

fn job_uid() -> Uid {
    Uid::parse("1a2b3c4d-0000-4000-8000-000000000001").unwrap()
}

fn metadata() -> Value {
    json!({
        "name": "mpi", "namespace": "team", "uid": job_uid().to_string(), "resourceVersion": "7",
        "generation": 1, "creationTimestamp": "2026-11-28T00:00:00Z",
    })
}

fn job(overrides: &Value) -> ObservedJob {
    let spec = json!({
        "jobName": "MPI_run", "jobQueue": "q", "jobDefinition": "mpi", "parameters": { "steps": "9" },
        "nodeOverrides": overrides,
    });
    let job = json!({ "metadata": metadata(), "spec": spec }).to_string();
    let job: Wire<kinds::Job> = serde_json::from_str(&job).unwrap();
    convert::job(&job).unwrap()
}

fn definition(nodes: &Value) -> RevisionContent {
    let spec = json!({ "type": "multinode", "nodeProperties": nodes });
    let definition = json!({ "metadata": metadata(), "spec": spec }).to_string();
    let definition: Wire<kinds::JobDefinition> = serde_json::from_str(&definition).unwrap();
    convert::definition(&definition).unwrap().content
}

/// With the blank entry that a skeleton prints: it is no group, for those who decide as for those who build.
fn properties() -> Value {
    let container = |image: &str, vcpus: u32| {
        json!({
            "image": image, "vcpus": vcpus, "memory": 250, "command": ["run", "Ref::steps", "$(HOME)"],
            "environment": [{ "name": "A", "value": "$B" }],
        })
    };
    json!({
        "numNodes": 4, "mainNode": 0,
        "nodeRangeProperties": [
            { "targetNodes": "", "container": { "image": "", "vcpus": 0, "command": [""] }, "instanceTypes": [""] },
            { "targetNodes": "0:0", "container": container("main", 1) },
            { "targetNodes": "1:", "container": container("child", 2), "instanceTypes": ["p3.2xlarge"] },
        ],
    })
}

fn overrides() -> Value {
    let changed = json!({
        "command": ["other"], "environment": [{ "name": "A", "value": "new" }],
        "resourceRequirements": [{ "type": "GPU", "value": "1" }, { "type": "MEMORY", "value": "500" }],
    });
    json!({
        "numNodes": 6,
        "nodePropertyOverrides": [
            { "targetNodes": "", "instanceTypes": [] },
            { "targetNodes": "4:", "containerOverrides": changed },
        ],
    })
}

fn order() -> NodeSetsOrder {
    let (job, content) = (job(&overrides()), definition(&properties()));
    let nodes = Nodes::of(&content.nodes.unwrap(), job.spec.node_overrides.as_ref().unwrap()).unwrap();
    NodeSetsOrder {
        job: job.key,
        job_uid: job.uid,
        submission: job.payload,
        revision: content.payload,
        nodes: Arc::new(nodes),
        attempt: 2,
        launch: 1,
        queue: "q".into(),
        environment: "ce".into(),
        definition: ("mpi".into(), 3),
        ours_alone: true,
        gpu_resource: GPUS.into(),
        not_after: Time::ZERO,
    }
}

#[test]
fn nodes_are_read_of_definition_and_submission() {
    let content = definition(&properties());
    assert_eq!(content.fault, None);
    let nodes = content.nodes.unwrap();
    let request = |cpu_millis, gpus, memory_mib| ResourceRequest { cpu_millis, memory_mib, gpus };
    let group = |targets: &str, resources, instance_type: Option<&str>| NodeGroup {
        targets: NodeRange::parse(targets).unwrap(),
        resources,
        instance_type: instance_type.map(Into::into),
    };
    assert_eq!((nodes.count, nodes.main), (4, 0));
    let groups = [
        group("0:0", request(Some(1000), None, Some(250)), None),
        group("1:", request(Some(2000), None, Some(250)), Some("p3.2xlarge")),
    ];
    assert_eq!(nodes.groups, groups);
    let spec = job(&overrides()).spec;
    let changed = vec![group("4:", request(None, Some(1), Some(500)), None)];
    assert_eq!(spec.node_overrides, Some(Box::new(NodeOverrides { count: Some(6), groups: changed })));
    assert!(!spec.changes_container);
    assert_eq!(job(&json!({ "numNodes": 0, "nodePropertyOverrides": [] })).spec.node_overrides, None);
}

#[test]
fn what_is_wrong_with_nodes_is_told() {
    let fault = |pointer: &str, value: Value| {
        let mut nodes = properties();
        *nodes.pointer_mut(pointer).unwrap() = value;
        definition(&nodes).fault.unwrap_or_default().to_string()
    };
    assert!(
        fault("/nodeRangeProperties/1/targetNodes", json!("3:2"))
            .contains("targetNodes in nodeRangeProperties is '3:2'")
    );
    assert!(
        fault("/nodeRangeProperties/1/targetNodes", json!("0:9")).contains("nodes that a job of 4 nodes")
    );
    assert!(fault("/nodeRangeProperties/2/targetNodes", json!("2:")).contains("node 1 of 4"));
    let two_types = json!({ "image": "i", "vcpus": 1, "memory": 4, "instanceType": "c5.large" });
    assert!(fault("/nodeRangeProperties/2/container", two_types).contains("instanceTypes is p3.2xlarge"));
    let other_type = json!({ "image": "i", "vcpus": 1, "memory": 4, "instanceType": "c5.large" });
    let words = fault("/nodeRangeProperties/1/container", other_type);
    assert!(words.contains("the instance types c5.large and p3.2xlarge"), "{words}");
    let words = fault("/nodeRangeProperties/0/instanceTypes", json!(["c5.large"]));
    assert!(words.contains("targetNodes in nodeRangeProperties is ''"), "{words}");
}

/// Nothing of an override is passed over because it names no nodes, and no words of a blank one count.
#[test]
fn what_is_to_change_in_nodes_without_saying_which_is_refused() {
    let fault = |change: Value| {
        let job = job(&json!({ "numNodes": 6, "nodePropertyOverrides": [change] }));
        job.spec.fault.clone().unwrap_or_default().to_string()
    };
    for change in [
        json!({ "instanceTypes": ["c5.large"] }),
        json!({ "containerOverrides": { "instanceType": "c5.large" } }),
        json!({ "containerOverrides": { "vcpus": 2 } }),
        json!({ "containerOverrides": { "memory": 64 } }),
        json!({ "containerOverrides": { "command": ["other"] } }),
        json!({ "containerOverrides": { "environment": [{ "name": "A", "value": "b" }] } }),
        json!({ "containerOverrides": { "resourceRequirements": [{ "type": "GPU", "value": "1" }] } }),
    ] {
        let words = fault(change.clone());
        assert!(words.contains("targetNodes in nodePropertyOverrides is ''"), "{change}: {words}");
    }
    let backwards = fault(json!({ "targetNodes": "3:2", "instanceTypes": ["c5.large"] }));
    assert!(backwards.contains("targetNodes in nodePropertyOverrides is '3:2'"), "{backwards}");
    let blank = json!({ "vcpus": 0, "environment": [{ "name": "", "value": "" }], "instanceType": "" });
    assert_eq!(fault(json!({ "containerOverrides": blank, "instanceTypes": [""] })), "");
}

/// Seen only with the definition.
#[test]
fn changes_of_nodes_that_there_are_not_or_to_another_type_are_refused() {
    let nodes = definition(&properties()).nodes.unwrap();
    let fault = |change: Value| {
        let job = job(&json!({ "nodePropertyOverrides": [change] }));
        Nodes::of(&nodes, job.spec.node_overrides.as_ref().unwrap()).unwrap_err()
    };
    for beyond in ["0:4", "4:", ":9"] {
        let words = fault(json!({ "targetNodes": beyond, "containerOverrides": { "vcpus": 2 } }));
        assert!(words.contains("nodes that a job of 4 nodes, 0 to 3, does not have"), "{beyond}: {words}");
    }
    let words = fault(json!({ "targetNodes": "1:2", "instanceTypes": ["c5.large"] }));
    assert!(words.contains("all nodes of a job have one type"), "{words}");
}

#[test]
fn the_sets_and_services_of_a_launch() {
    let built = node_sets(&order()).unwrap();
    let all = json!({
        "services": serde_json::to_value(&built.services).unwrap(),
        "statefulSets": serde_json::to_value(&built.stateful_sets).unwrap(),
    });
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checks/golden/nodes.json");
    if std::env::var_os("WINDLASS_UPDATE").is_some() {
        fs::write(&file, format!("{all:#}\n")).unwrap();
    }
    let golden: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(all == golden, "{}: built is {all:#}", file.display());
}

/// The pods as the StatefulSets make them, with this status: by name.
fn pods(status: &Value) -> BTreeMap<String, ObservedPod> {
    let built = node_sets(&order()).unwrap();
    let mut pods = BTreeMap::new();
    for set in &built.stateful_sets {
        let set = serde_json::to_value(set).unwrap();
        let (first, number) = (&set["spec"]["ordinals"]["start"], &set["spec"]["replicas"]);
        for index in first.as_u64().unwrap()..first.as_u64().unwrap() + number.as_u64().unwrap() {
            let mut pod = set["spec"]["template"].clone();
            let name = format!("{}-{index}", set["metadata"]["name"].as_str().unwrap());
            let mut all = metadata();
            all["name"] = json!(name);
            all["labels"] = pod["metadata"]["labels"].clone();
            all["labels"]["apps.kubernetes.io/pod-index"] = json!(index.to_string());
            for part in ["annotations", "finalizers"] {
                all[part] = pod["metadata"][part].clone();
            }
            pod["metadata"] = all;
            pod["status"] = status.clone();
            pods.insert(name, convert::pod(&serde_json::from_value(pod).unwrap()).unwrap());
        }
    }
    pods
}

#[test]
fn the_pods_of_nodes_are_read_as_what_they_are() {
    let (order, pods) = (order(), pods(&json!({ "podIP": "10.0.0.7" })));
    assert_eq!(pods.len(), 6);
    let sets = node_sets_name(&order.job.name, order.job_uid, order.attempt, order.launch);
    for index in 0..6 {
        let task = pods[node_pod_name(&sets, &order.nodes, index).as_str()].task.clone().unwrap();
        assert_eq!((task.job, task.index, task.attempt, task.launch), (order.job_uid, index, 2, 1));
        assert!(task.alone && task.gated && task.held, "{task:?}");
        assert_eq!(task.address, Some("10.0.0.7".into()));
        assert_eq!((task.admitted_to.as_str(), task.environment.as_str()), ("", "ce"));
    }
    assert!(pods.values().all(|pod| pod.floats_in().is_none()), "a gated pod waits for no autoscaler");
}

#[test]
fn the_trial_pods_are_those_of_the_sets_and_never_restarted() {
    let (order, built) = (order(), node_sets(&order()).unwrap());
    let sets = node_sets_name(&order.job.name, order.job_uid, order.attempt, order.launch);
    for (sample, set) in built.samples.iter().zip(&order.nodes.sets) {
        assert_eq!(sample.metadata.name, Some(node_pod_name(&sets, &order.nodes, set.last).to_string()));
        let spec = sample.spec.as_ref().unwrap();
        assert_eq!(spec.restart_policy.as_deref(), Some("Never"));
        assert_eq!(spec.containers[0].restart_policy.as_deref(), Some("Never"));
    }
    assert_eq!(built.samples.len(), built.stateful_sets.len());
}

#[test]
fn a_pod_is_let_go_in_one_patch() {
    let order = |main_address: Option<&str>| LetGoOrder {
        guard: Guard {
            key: ObjectKey::new("team", "mpi-1a2b3c4d-1-1-1"),
            uid: job_uid(),
            resource_version: ResourceVersion(9),
        },
        host: "node-1".into(),
        main_address: main_address.map(Into::into),
    };
    let patch = let_go(&order(Some("10.0.0.7")), Vec::new());
    assert_eq!(
        patch["metadata"],
        json!({
            "uid": job_uid().to_string(), "resourceVersion": "9",
            "annotations": {
                "batch.windlass.dev/host": "node-1", "batch.windlass.dev/main-node-address": "10.0.0.7",
            },
        })
    );
    assert_eq!(
        patch["spec"]["schedulingGates"],
        json!([{ "$patch": "delete", "name": "batch.windlass.dev/host" }])
    );
    let required = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    assert_eq!(
        patch.pointer(required).unwrap()["nodeSelectorTerms"],
        json!([{ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["node-1"] }] }])
    );
    assert_eq!(let_go(&order(None), Vec::new())["metadata"]["annotations"].as_object().unwrap().len(), 1);
}

#[test]
fn names_in_status_and_records_are_those_of_the_pods() {
    let (order, pods) = (order(), pods(&json!({})));
    let attempt = Attempt { number: 2, launch: 1, ..Attempt::default() };
    let status = JobStatus { attempts: vec![attempt.clone()], main_node: Some(0), ..JobStatus::default() };
    let written = render::job_status(&order.job, order.job_uid, &status);
    assert!(pods.contains_key(written.attempts[0].pod_name.as_ref().unwrap()), "{written:?}");
    let child = ChildRecord {
        attempts: vec![attempt],
        launched: Some(Launched { pod: job_uid(), host: "node-1".into() }),
        ..ChildRecord::default()
    };
    let record = render::job_record(&RecordOrder {
        job: order.job.clone(),
        job_uid: order.job_uid,
        definition: "mpi".into(),
        nodes: Some(order.nodes.clone()),
        first_index: 0,
        resource_version: Some(ResourceVersion(1)),
        record: Record { children: (0..6).map(|index| (index, child.clone())).collect() },
    });
    let named: Vec<String> = (record.spec.children.iter())
        .map(|child| {
            let (prefix, set) = (&record.spec.pod_name_prefix, child.node_set.as_ref().unwrap());
            format!("{prefix}-2-1-{set}-{}", child.index)
        })
        .collect();
    assert_eq!(named.len(), 6);
    assert!(named.iter().all(|name| pods.contains_key(name)), "{named:?} {:?}", pods.keys());
    assert_eq!(convert::record(&record).unwrap().0.children[&3], child);
}
