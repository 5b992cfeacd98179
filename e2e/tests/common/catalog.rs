//! Objects as tests write them: short, and like those of a person.

use serde_json::{Value, json};

const VERSION: &str = "batch.windlass.dev/v1beta1";

/// An image with a shell that every real node has.
pub(crate) const BUSYBOX: &str = "windlass.dev/busybox:1";

/// The label of the nodes that run real containers.
pub(crate) const REAL: (&str, &str) = ("windlass.dev/pool", "real");

/// An UNMANAGED environment of the nodes with one label.
pub(crate) fn environment(name: &str, label: (&str, &str)) -> Value {
    let (key, value) = label;
    json!({
        "apiVersion": VERSION,
        "kind": "ComputeEnvironment",
        "metadata": {"name": name},
        "spec": {"type": "UNMANAGED", "nodeSelector": {key: value}},
    })
}

/// A queue of one environment.
pub(crate) fn queue(name: &str, environment: &str) -> Value {
    json!({
        "apiVersion": VERSION,
        "kind": "JobQueue",
        "metadata": {"name": name},
        "spec": {
            "priority": 1,
            "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": environment}],
        },
    })
}

/// A definition of 1 vCPU and 64 MiB.
pub(crate) fn definition(name: &str, image: &str, command: &[&str]) -> Value {
    json!({
        "apiVersion": VERSION,
        "kind": "JobDefinition",
        "metadata": {"name": name},
        "spec": {
            "type": "container",
            "containerProperties": {"image": image, "vcpus": 1, "memory": 64, "command": command},
        },
    })
}

/// A job of a queue and a definition.
pub(crate) fn job(name: &str, queue: &str, definition: &str) -> Value {
    json!({
        "apiVersion": VERSION,
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"jobQueue": queue, "jobDefinition": definition},
    })
}

/// An array job.
pub(crate) fn array(name: &str, queue: &str, definition: &str, size: u32) -> Value {
    let mut array = job(name, queue, definition);
    array["spec"]["arrayProperties"] = json!({"size": size});
    array
}
