//! The environment of a job's container (SPEC.md J3).

use super::command::verbatim;
use super::launch::{Launch, Task};
use crate::names;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector};
use windlass_core::objects::{NodeSet, Nodes};
use windlass_crds::shared::container::EnvironmentVariable;

const NODE_INDEX: &str = "AWS_BATCH_JOB_NODE_INDEX";

/// The user's variables, those of the submission in place of the definition's, then ours.
pub(super) fn variables(
    launch: &Launch,
    definition: &[EnvironmentVariable],
    submission: &[EnvironmentVariable],
) -> Vec<EnvVar> {
    let replaced =
        |variable: &&EnvironmentVariable| submission.iter().any(|given| given.name == variable.name);
    let users = definition.iter().filter(|variable| !replaced(variable)).chain(submission);
    let mut all: Vec<EnvVar> = users.map(|variable| env(&variable.name, verbatim(&variable.value))).collect();
    all.push(env("AWS_BATCH_CE_NAME", verbatim(launch.environment.as_str())));
    all.push(env("AWS_BATCH_JQ_NAME", verbatim(launch.queue.as_str())));
    let job = launch.job;
    match launch.task {
        Task::Single => all.push(env("AWS_BATCH_JOB_ID", job.to_string())),
        Task::Child(index) => all.push(env("AWS_BATCH_JOB_ID", format!("{job}:{index}"))),
        Task::Node(..) => {
            // All nodes of a set have one template. Kubernetes fills in what stands before.
            all.push(field(NODE_INDEX, &format!("metadata.labels['{}']", names::POD_INDEX)));
            all.push(env("AWS_BATCH_JOB_ID", format!("{job}#$({NODE_INDEX})")));
        }
    }
    all.push(env("AWS_BATCH_JOB_ATTEMPT", launch.attempt.to_string()));
    match launch.task {
        Task::Single => {}
        Task::Child(index) => all.push(env("AWS_BATCH_JOB_ARRAY_INDEX", index.to_string())),
        Task::Node(nodes, set) => all.extend(of_node(nodes, set)),
    }
    all
}

fn of_node(nodes: &Nodes, set: &NodeSet) -> Vec<EnvVar> {
    let mut told = vec![
        env("AWS_BATCH_JOB_NUM_NODES", nodes.count.to_string()),
        env("AWS_BATCH_JOB_MAIN_NODE_INDEX", nodes.main.to_string()),
    ];
    if set.first != nodes.main {
        let path = format!("metadata.annotations['{}']", names::MAIN_NODE_ADDRESS);
        told.push(field("AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS", &path));
    }
    told
}

fn env(name: &str, value: String) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value), value_from: None }
}

/// What the pod itself says, when its container starts.
fn field(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { api_version: None, field_path: path.to_owned() };
    let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}
