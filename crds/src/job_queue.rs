//! Kind JobQueue: where jobs wait, and for which environments.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::shared::state::{State, Validity};
use crate::shared::{conditions, names, tags, times};
use crate::unset::{self, Blank};

/// What AWS's CreateJobQueue takes.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "batch.windlass.dev",
    version = "v1beta1",
    kind = "JobQueue",
    plural = "jobqueues",
    singular = "jobqueue",
    shortname = "jq",
    category = "windlass",
    status = "JobQueueStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Where jobs wait for capacity: a priority, and the compute environments to try in order.",
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".spec.state",
        "description": "Whether it takes new jobs."}"#,
    printcolumn = r#"{"name": "Status", "type": "string", "jsonPath": ".status.status",
        "description": "Whether it can be used as it is written."}"#,
    printcolumn = r#"{"name": "Priority", "type": "integer", "jsonPath": ".spec.priority",
        "description": "Higher goes first where queues share an environment."}"#,
    printcolumn = r#"{"name": "Runnable", "type": "integer", "jsonPath": ".status.jobs.runnable",
        "description": "Jobs that wait for capacity."}"#,
    printcolumn = r#"{"name": "Running", "type": "integer", "jsonPath": ".status.jobs.running",
        "description": "Jobs that run."}"#,
    printcolumn = r#"{"name": "Oldest", "type": "date", "jsonPath": ".status.oldestWaitSince",
        "description": "How long ago the job was submitted that has waited longest for capacity."}"#,
    printcolumn = r#"{"name": "Head", "type": "string", "jsonPath": ".status.headOfLine.name",
        "description": "The job that waits first."}"#,
    printcolumn = r#"{"name": "Waits-For", "type": "string", "jsonPath": ".status.headOfLine.reason",
        "description": "Why that job waits, as one word."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
        "description": "When it was made."}"#,
    printcolumn = r#"{"name": "HeadReason", "type": "string",
        "jsonPath": ".status.headOfLine.statusReason", "priority": 1,
        "description": "Why the job that waits first waits, in words."}"#,
    printcolumn = r#"{"name": "StatusReason", "type": "string",
        "jsonPath": ".status.statusReason", "priority": 1,
        "description": "Why its status is what it is, in words."}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "(has(self.schedulingPolicyArn) && self.schedulingPolicyArn != '') == \
         (has(oldSelf.schedulingPolicyArn) && oldSelf.schedulingPolicyArn != '')",
        "a queue keeps its kind: a scheduling policy can be replaced by another, but not added or removed; \
         make a new queue"
    ),
]))]
pub struct JobQueueSpec {
    /// The queue's AWS name: up to 128 letters, digits, `-` and `_`. Jobs can refer to it by this name.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names::aws_name")]
    pub job_queue_name: Option<String>,
    /// ENABLED (takes new jobs, the default) or DISABLED (takes none; those that run finish).
    #[serde(default, deserialize_with = "unset::choice_or_default")]
    pub state: State,
    /// The SchedulingPolicy: its name in Kubernetes, its AWS name, or its ARN. With one, the queue is a
    /// fair-share queue, whose jobs must name their share (shareIdentifier); without one, about first in, first
    /// out. It can be replaced by another, but not added or removed.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names::scheduling_policy")]
    pub scheduling_policy_arn: Option<String>,
    /// The queue's priority, from 0. Where queues share an environment the higher one is served first.
    /// Required.
    #[schemars(range(min = 0))]
    pub priority: i32,
    /// The compute environments to try, 1 to 3. Required.
    #[schemars(length(min = 1, max = 3))]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["order"],
        "x-kubernetes-validations" = [
            rule(
                "self.all(a, self.exists_one(b, b.computeEnvironment == a.computeEnvironment))",
                "a compute environment is listed twice: name each once"
            ),
        ]
    ))]
    pub compute_environment_order: Vec<ComputeEnvironmentOrder>,
    /// Up to 50 tags of the queue.
    #[serde(default, deserialize_with = "unset::tags", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::tags")]
    pub tags: BTreeMap<String, String>,
    /// What happens to a job that is stuck at the head of the queue.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub job_state_time_limit_actions: Vec<JobStateTimeLimitAction>,
}

/// An environment of a queue.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ComputeEnvironmentOrder {
    /// Its place: environments are tried in ascending order, each order once.
    #[schemars(range(min = 0))]
    pub order: i32,
    /// The ComputeEnvironment: its name in Kubernetes, its AWS name, or its ARN.
    #[schemars(schema_with = "names::compute_environment")]
    pub compute_environment: String,
}

/// A time limit for jobs that are stuck at the head of the queue.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "[has(self.reason) && self.reason != '', has(self.maxTimeSeconds) && self.maxTimeSeconds != 0, \
         has(self.action) && self.action != ''].all(given, given) || \
         ((!has(self.reason) || self.reason == '') && \
         (!has(self.maxTimeSeconds) || self.maxTimeSeconds == 0) && \
         (!has(self.action) || self.action == '') && (!has(self.state) || self.state == ''))",
        "a time limit needs reason, maxTimeSeconds and action"
    ),
]))]
pub struct JobStateTimeLimitAction {
    /// Why the job is stuck, in AWS's words: CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY,
    /// MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE or MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT.
    #[serde(default)]
    #[schemars(length(max = 256))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "self in ['', 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY', \
             'MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE', 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT']",
            "a reason is CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY, \
             MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE or MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
        ),
    ]))]
    pub reason: String,
    /// The state that the job is stuck in: RUNNABLE.
    #[serde(default, deserialize_with = "unset::choice", skip_serializing_if = "Option::is_none")]
    pub state: Option<TimeLimitState>,
    /// Seconds that a job may be stuck, 600 to 86,400.
    #[serde(default)]
    #[schemars(range(min = 0, max = 86400))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self == 0 || self >= 600", "a time limit is 600 to 86,400 seconds"),
    ]))]
    pub max_time_seconds: i32,
    /// What happens then: CANCEL or TERMINATE.
    #[serde(default, deserialize_with = "unset::choice", skip_serializing_if = "Option::is_none")]
    pub action: Option<TimeLimitAction>,
}

impl Blank for JobStateTimeLimitAction {}

/// The state that a time limit is about.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum TimeLimitState {
    /// Waiting for capacity.
    Runnable,
}

/// What happens to a job past a time limit.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum TimeLimitAction {
    /// It is cancelled.
    Cancel,
    /// It is terminated.
    Terminate,
}

/// What the operator knows of a queue.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct JobQueueStatus {
    /// The metadata.generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// VALID when all its environments are, otherwise INVALID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Validity>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub status_reason: Option<String>,
    /// How many of its jobs are in each state, children counted; at most a minute old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<JobCounts>,
    /// When the job was submitted that has waited longest for capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub oldest_wait_since: Option<String>,
    /// The job that waits first, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_of_line: Option<HeadOfLine>,
    /// What its jobs that have a host have reserved there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<QueueUse>,
    /// The first 100 jobs that wait for capacity, in about the order they start; at most a minute old.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub front_of_queue: Vec<WaitingJob>,
    /// What the shares of a fair-share queue use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair_share: Option<FairShareUse>,
    /// Ready, Stalled, Ignored (fields that mean nothing here).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
}

/// The job that waits first in a queue.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct HeadOfLine {
    /// Its namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Its name in Kubernetes.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Why it waits, as one word.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Why it waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub status_reason: Option<String>,
    /// Since when it waits first, for this reason.
    #[schemars(schema_with = "times::time")]
    pub since: String,
}

/// What the jobs of a queue have reserved on hosts.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueUse {
    /// vCPUs, a decimal number with up to three places (`3.5`).
    #[schemars(length(max = 20))]
    pub vcpus: String,
    /// Memory in MiB.
    #[serde(rename = "memoryMiB")]
    #[schemars(range(min = 0))]
    pub memory_mib: i64,
    /// GPUs, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub gpus: Option<i64>,
}

/// What the shares of a queue use. The operator goes on from it after a restart.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct FairShareUse {
    /// When it was so: written when something changed, at most once a minute.
    #[schemars(schema_with = "times::time")]
    pub observed_at: String,
    /// The 100 shares that have used most for their weight, these first: the last is served first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub shares: Vec<ShareUse>,
}

/// What one share uses.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ShareUse {
    /// The share.
    #[schemars(length(max = 255))]
    pub share_identifier: String,
    /// Its weight factor by the policy.
    #[schemars(range(min = 0, max = 1000))]
    pub weight_factor: f64,
    /// vCPUs of its jobs that have a host.
    #[schemars(length(max = 32))]
    pub vcpus: String,
    /// vCPUs that it used before, a mean that forgets over the policy's shareDecaySeconds. The share with the
    /// lowest sum of both, times its weight, is served first.
    #[schemars(length(max = 32))]
    pub recent_vcpus: String,
    /// Its jobs and children that wait for capacity.
    #[schemars(range(min = 0))]
    pub runnable: i32,
}

/// A job that waits for capacity.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WaitingJob {
    /// Its namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Its name in Kubernetes.
    #[schemars(length(max = 63))]
    pub name: String,
    /// When it was submitted.
    #[schemars(schema_with = "times::time")]
    pub created_at: String,
    /// Why it waits, as one word; the Job has the words.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// By when it starts at the latest, if the timeouts of what runs and the machines on their way tell: room is
    /// kept for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub expected_start: Option<String>,
}

/// How many unfinished jobs of a queue are in each state.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Jobs that were not looked at yet.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub submitted: i32,
    /// Jobs that wait for other jobs.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub pending: i32,
    /// Jobs that wait for capacity.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub runnable: i32,
    /// Jobs whose container is on its way.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub starting: i32,
    /// Jobs that run.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub running: i32,
}
