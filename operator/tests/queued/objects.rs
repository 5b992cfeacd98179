//! The objects, as an API server sends them.

use serde_json::{Value, json};

/// Children of an array: as many as it can have.
pub(crate) const ARRAY: u32 = 10_000;

/// Queues; each has one environment, which has all hosts.
pub(crate) const QUEUES: u32 = 10;

/// Definitions: each needs something else.
pub(crate) const SHAPES: u32 = 20;

/// Hosts, of 64 vCPUs and 256 GiB.
pub(crate) const HOSTS: u32 = 1_000;

/// The namespace of all that has one.
pub(crate) const NAMESPACE: &str = "team";

/// When everything was made.
pub(crate) const CREATED: &str = "2026-11-23T21:00:00Z";

/// A Job as an API server sent it: names, identity, version, input and status are filled in.
const JOB: &str = include_str!("job.json");

/// Which kind an identity is of: they must not be the same.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    Host = 1,
    Filler,
    Environment,
    Queue,
    Definition,
    Job,
    Made,
}

/// An identity. Its first digits, by which a job's pods are named, are as scattered as an API server's, so that tables grow as
/// they do there.
pub(crate) fn uid(family: Family, number: u64) -> String {
    let scattered = number.wrapping_mul(0x9e37_79b1) & 0xffff_ffff;
    format!("{scattered:08x}-{:04x}-4000-8000-{number:012x}", family as u16)
}

fn object(api_version: &str, kind: &str, name: &str, uid: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name, "uid": uid, "resourceVersion": "1", "generation": 1, "creationTimestamp": CREATED,
        },
    })
}

fn ours(kind: &str, name: &str, uid: &str, spec: Value) -> Value {
    let mut object = object("batch.windlass.dev/v1beta1", kind, name, uid);
    object["spec"] = spec;
    object
}

pub(crate) fn host(number: u32, memory_gib: u32) -> Value {
    let resources = json!({"cpu": "64", "memory": format!("{memory_gib}Gi"), "pods": "110"});
    let mut host = object("v1", "Node", &format!("host-{number}"), &uid(Family::Host, number.into()));
    host["metadata"]["labels"] =
        json!({"pool": "all", "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"});
    host["spec"] = json!({});
    host["status"] = json!({
        "capacity": resources,
        "allocatable": resources,
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": CREATED}],
    });
    host
}

/// A pod of somebody else that leaves no room on its host.
pub(crate) fn filler(number: u32) -> Value {
    let mut pod = object("v1", "Pod", &format!("filler-{number}"), &uid(Family::Filler, number.into()));
    pod["metadata"]["namespace"] = json!("others");
    let requests = json!({"cpu": "63500m", "memory": "1Gi"});
    pod["spec"] = json!({
        "nodeName": format!("host-{number}"),
        "containers": [{"name": "main", "resources": {"requests": requests}}],
    });
    pod["status"] = json!({"phase": "Running"});
    pod
}

pub(crate) fn environment(number: u32) -> Value {
    let spec = json!({"type": "UNMANAGED", "nodeSelector": {"pool": "all"}});
    ours(
        "ComputeEnvironment",
        &format!("environment-{number}"),
        &uid(Family::Environment, number.into()),
        spec,
    )
}

pub(crate) fn queue(number: u32) -> Value {
    let environment = format!("environment-{number}");
    let spec = json!({
        "priority": number,
        "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": environment}],
    });
    ours("JobQueue", &format!("queue-{number}"), &uid(Family::Queue, number.into()), spec)
}

pub(crate) fn definition(number: u32) -> Value {
    let (vcpus, memory) = (1 << (number % 4), 512 << (number / 4));
    let spec = json!({
        "type": "container",
        "containerProperties": {
            "image": "registry.example/team/step:1", "vcpus": vcpus, "memory": memory, "command": ["run", "Ref::input"],
        },
    });
    let mut definition =
        ours("JobDefinition", &format!("definition-{number}"), &uid(Family::Definition, number.into()), spec);
    definition["metadata"]["namespace"] = json!(NAMESPACE);
    definition
}

/// The Job of a number, in a version and with a status: its queue and definition follow from the number.
pub(crate) fn job(number: u32, size: Option<u32>, version: u64, status: &Value) -> anyhow::Result<Value> {
    let mut job: Value = serde_json::from_str(JOB)?;
    job["metadata"]["name"] = json!(format!("job-{number}"));
    job["metadata"]["namespace"] = json!(NAMESPACE);
    job["metadata"]["uid"] = json!(uid(Family::Job, number.into()));
    job["metadata"]["resourceVersion"] = json!(version.to_string());
    job["metadata"]["creationTimestamp"] = json!(CREATED);
    job["spec"]["parameters"]["input"] = json!(format!("s3://bucket/run-17/part-{number:06}"));
    job["spec"]["jobQueue"] = json!(format!("queue-{}", number % QUEUES));
    job["spec"]["jobDefinition"] = json!(format!("definition-{}", number / QUEUES % SHAPES));
    if let Some(size) = size {
        job["spec"]["arrayProperties"] = json!({"size": size});
    }
    job["status"] = status.clone();
    Ok(job)
}
