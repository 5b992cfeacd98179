//! What AWS's skeletons print decodes as not set, and what means something keeps its meaning.

use serde_json::{Value, json};
use windlass_crds::job::ArrayDependency;
use windlass_crds::job_definition::JobDefinitionType;
use windlass_crds::shared::state::State;
use windlass_crds::{ComputeEnvironmentSpec, JobDefinitionSpec, JobQueueSpec, JobSpec};

use crate::sample_files;

fn job(members: &Value) -> JobSpec {
    let mut spec = json!({ "jobQueue": "main", "jobDefinition": "hello" });
    spec.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

fn spec_of(file: &str) -> Value {
    sample_files::object(file)["spec"].clone()
}

#[test]
fn a_job_skeleton_sets_only_what_was_filled_in() {
    let spec: JobSpec = serde_json::from_value(spec_of("valid/job-skeleton.yaml")).unwrap();
    // A priority of 0 and propagateTags: false are values, and so is a parameter of the name that skeletons
    // print.
    let filled = job(&json!({
        "parameters": { "KeyName": "" },
        "schedulingPriorityOverride": 0,
        "propagateTags": false,
    }));
    assert_eq!(spec, filled);
}

#[test]
fn a_definition_skeleton_sets_only_what_was_filled_in() {
    let spec: JobDefinitionSpec =
        serde_json::from_value(spec_of("valid/job-definition-skeleton.yaml")).unwrap();
    let filled: JobDefinitionSpec = serde_json::from_value(json!({
        "jobDefinitionName": "skeleton",
        "type": "container",
        "parameters": { "KeyName": "" },
        "containerProperties": { "image": "busybox", "vcpus": 1, "memory": 128 },
    }))
    .unwrap();
    assert_eq!(spec, filled);
    assert_eq!(spec.kind, Some(JobDefinitionType::Container));
    assert_eq!(spec.node_properties, None);
}

#[test]
fn queue_and_environment_skeletons_set_only_what_was_filled_in() {
    let queue: JobQueueSpec = serde_json::from_value(spec_of("valid/job-queue-skeleton.yaml")).unwrap();
    assert_eq!(queue.state, State::Enabled);
    assert_eq!(queue.scheduling_policy_arn, None);
    assert!(queue.job_state_time_limit_actions.is_empty() && queue.tags.is_empty());
    let environment: ComputeEnvironmentSpec =
        serde_json::from_value(spec_of("valid/compute-environment-skeleton.yaml")).unwrap();
    assert_eq!(environment.compute_resources, None);
    assert_eq!(environment.service_role, None);
}

#[test]
fn an_empty_argument_among_others_is_an_argument() {
    let command = |words: Value| {
        let spec = job(&json!({ "containerOverrides": { "vcpus": 1, "command": words } }));
        spec.container_overrides.unwrap().command
    };
    assert_eq!(command(json!(["myjob.sh", "", "60"])), ["myjob.sh", "", "60"]);
    assert_eq!(command(json!(["", "60"])), ["", "60"]);
    assert!(command(json!([""])).is_empty());
    assert!(command(json!(["", ""])).is_empty());
}

#[test]
fn a_named_variable_keeps_its_empty_value() {
    let environment =
        json!([{ "name": "", "value": "" }, { "name": "VERBOSE", "value": "" }, { "name": "DEBUG" }]);
    let spec = job(&json!({ "containerOverrides": { "environment": environment } }));
    let overrides = spec.container_overrides.unwrap();
    let names: Vec<_> = overrides.environment.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["VERBOSE", "DEBUG"]);
    assert!(overrides.environment.iter().all(|variable| variable.value.is_empty()));
}

#[test]
fn a_dependency_without_a_job_is_one_when_it_is_sequential() {
    let spec =
        job(&json!({ "dependsOn": [{ "jobId": "", "type": "SEQUENTIAL" }, { "jobId": "", "type": "" }] }));
    assert_eq!(spec.depends_on.len(), 1);
    assert_eq!(spec.depends_on[0].kind, Some(ArrayDependency::Sequential));
    assert_eq!(spec.depends_on[0].job_id, None);
}

#[test]
fn numbers_keep_a_zero_that_means_something() {
    assert_eq!(job(&json!({ "ttlSecondsAfterFinished": 0 })).ttl_seconds_after_finished, Some(0));
    assert_eq!(job(&json!({ "retryStrategy": { "attempts": 0 } })).retry_strategy, None);
    assert_eq!(job(&json!({ "timeout": { "attemptDurationSeconds": 0 } })).timeout, None);
    assert_eq!(job(&json!({ "arrayProperties": { "size": 0 } })).array_properties, None);
}

#[test]
fn a_tag_with_an_empty_value_is_a_tag() {
    let tags = job(&json!({ "tags": { "KeyName": "", "spot": "" } })).tags;
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("spot".to_owned(), String::new())]);
    assert_eq!(job(&json!({ "tags": { "KeyName": "x" } })).tags.len(), 1);
}

#[test]
fn a_word_that_is_no_choice_is_an_error() {
    let spec = json!({ "priority": 1, "state": "enabled", "computeEnvironmentOrder": [] });
    let error = serde_json::from_value::<JobQueueSpec>(spec).unwrap_err().to_string();
    assert!(error.contains("enabled") && error.contains("ENABLED"), "{error}");
}

#[test]
fn null_is_absent() {
    let spec =
        job(&json!({ "jobName": null, "arrayProperties": null, "containerOverrides": { "command": null } }));
    assert_eq!(spec, job(&json!({})));
}
