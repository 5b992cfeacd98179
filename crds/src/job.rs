//! Kind Job: one submission, single, array or multi-node.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema::rule;
use crate::shared::container::ContainerOverrides;
use crate::shared::node_properties::NodeOverrides;
use crate::shared::retry::{JobTimeout, RetryStrategy};
use crate::shared::{names, tags};
use crate::unset::{self, Blank};

mod status;

pub use status::{
    ArrayStatus, Attempt, ChildFailure, ChildrenInState, DependencyOutcome, DependencyStatus, JobStatus,
    NodesStatus, RevisionReference, StatusSummary,
};

/// What AWS's SubmitJob takes. Only `stop` and `stopChildren` can change once the Job was made.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "batch.windlass.dev",
    version = "v1beta1",
    kind = "Job",
    plural = "batchjobs",
    singular = "batchjob",
    shortname = "bj",
    category = "windlass",
    namespaced,
    status = "JobStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A batch job: a container that runs to its end, an array of up to 10,000 of them, or a group of \
           nodes that run together. It is given to a JobQueue and made from a JobDefinition.",
    selectable = ".spec.jobQueue",
    selectable = ".spec.jobName",
    selectable = ".status.status",
    printcolumn = r#"{"name": "Queue", "type": "string", "jsonPath": ".spec.jobQueue",
        "description": "The queue that the job was given to."}"#,
    printcolumn = r#"{"name": "Status", "type": "string", "jsonPath": ".status.status",
        "description": "Where the job stands, in AWS's words."}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.reason",
        "description": "Why, as one word."}"#,
    printcolumn = r#"{"name": "Children", "type": "string", "jsonPath": ".status.arrayProperties.progress",
        "description": "How many children of an array have ended, and how many of them failed."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
        "description": "When the job was submitted."}"#,
    printcolumn = r#"{"name": "Nodes", "type": "string",
        "jsonPath": ".status.nodeProperties.progress", "priority": 1,
        "description": "How many nodes of a multi-node job have ended, and how many of them failed."}"#,
    printcolumn = r#"{"name": "Definition", "type": "string",
        "jsonPath": ".status.jobDefinition", "priority": 1,
        "description": "The definition and its revision."}"#,
    printcolumn = r#"{"name": "Environment", "type": "string",
        "jsonPath": ".status.computeEnvironment", "priority": 1,
        "description": "The compute environment that the job was placed in."}"#,
    printcolumn = r#"{"name": "StatusReason", "type": "string",
        "jsonPath": ".status.statusReason", "priority": 1,
        "description": "Why, in words."}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "!has(self.dependsOn) || self.dependsOn.all(d, !has(d.type) || d.type == '') || \
         (has(self.arrayProperties) && has(self.arrayProperties.size) && \
         self.arrayProperties.size >= 2)",
        "SEQUENTIAL and N_TO_N are about the children of an array: give arrayProperties.size, or \
         leave out the dependency's type"
    ),
    rule(
        "!has(self.stopChildren) || self.stopChildren.size() == 0 || (has(self.arrayProperties) && \
         has(self.arrayProperties.size) && self.arrayProperties.size >= 2)",
        "only an array has children: use stop for this job"
    ),
    rule("!has(oldSelf.stop) || has(self.stop)", "a stop is never taken back: submit the job again"),
    rule(
        "!has(oldSelf.stopChildren) || has(self.stopChildren)",
        "a stop of children is never taken back: add to stopChildren, do not remove from it"
    ),
]))]
pub struct JobSpec {
    /// The job's AWS name: up to 128 letters, digits, `-` and `_`. Other jobs can depend on it by this name.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names::aws_name")]
    pub job_name: Option<String>,
    /// The JobQueue: its name in Kubernetes, its AWS name, or its ARN. Required.
    #[schemars(schema_with = "names::job_queue")]
    pub job_queue: String,
    /// The JobDefinition: its name in Kubernetes, its AWS name, or its ARN. With `:REVISION` that revision is
    /// used, otherwise the latest active one. Required.
    #[schemars(schema_with = "names::job_definition")]
    pub job_definition: String,
    /// Makes the job an array of children.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub array_properties: Option<ArrayProperties>,
    /// Jobs that must succeed before this one starts, up to 20.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub depends_on: Vec<JobDependency>,
    /// Values for `Ref::name` in the command. They win over the definition's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::parameters")]
    pub parameters: BTreeMap<String, String>,
    /// What changes in the definition's container.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub container_overrides: Option<ContainerOverrides>,
    /// What changes in the nodes of a multi-node definition. Such a job has neither arrayProperties nor
    /// containerOverrides.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub node_overrides: Option<NodeOverrides>,
    /// How often the job, or each child, is attempted, in place of the definition's number.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub retry_strategy: Option<RetryStrategy>,
    /// How long an attempt may run, in place of the definition's time.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<JobTimeout>,
    /// The share of a fair-share queue that the job counts against: up to 255 letters and digits. Such a queue
    /// takes only jobs with it, another queue only jobs without.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self.matches('^[A-Za-z0-9]*$')", "use letters and digits (at most 255)"),
    ]))]
    pub share_identifier: Option<String>,
    /// The job's priority within its share, 0 to 9999; higher goes first. In place of the definition's. Only
    /// fair-share queues look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9999))]
    pub scheduling_priority_override: Option<i32>,
    /// Whether the tags of job and definition are shown on the job's pods, as JSON in the annotation
    /// `batch.windlass.dev/tags`; those of the job win. Default: as the definition says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<bool>,
    /// Up to 50 tags of the job.
    #[serde(default, deserialize_with = "unset::tags", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::tags")]
    pub tags: BTreeMap<String, String>,
    /// Seconds that the finished Job is kept before it is deleted with all it owns. Default: 86,400 (24
    /// hours). Not a field of AWS Batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub ttl_seconds_after_finished: Option<i32>,
    /// Ends the job, as AWS's CancelJob and TerminateJob. Never taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Ends children of an array, the others go on. Entries are never removed or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "oldSelf.all(entry, entry in self)",
            "a stop of children is never taken back: add to stopChildren, do not remove from it"
        ),
    ]))]
    pub stop_children: Vec<StopChildren>,
}

/// The rule for a Job's own name, which its pods' names begin with.
pub(crate) fn name_rule() -> Value {
    rule(
        "self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",
        "a Job's metadata.name is at most 63 letters, digits and -, without dots: shorten it, and put the \
         AWS name into spec.jobName",
    )
}

/// How many children an array has.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct ArrayProperties {
    /// The number of children, 2 to 10,000. Each sees its index, from 0, in `AWS_BATCH_JOB_ARRAY_INDEX`.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self != 1", "an array has 2 to 10,000 children: for one job leave arrayProperties out"),
    ]))]
    pub size: i32,
}

impl Blank for ArrayProperties {}

/// A job that must succeed first.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "!has(self.type) || self.type != 'N_TO_N' || (has(self.jobId) && self.jobId != '')",
        "N_TO_N needs the jobId of an array of the same size"
    ),
    rule(
        "!has(self.type) || self.type != 'SEQUENTIAL' || !has(self.jobId) || self.jobId == ''",
        "SEQUENTIAL is about this array's own children and takes no jobId: make it two entries"
    ),
]))]
pub struct JobDependency {
    /// The job: its ID or its name. `ID:3` and `NAME:3` are one child of an array.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names::job")]
    pub job_id: Option<String>,
    /// How children depend on children: SEQUENTIAL (no jobId) starts each child after the one before it;
    /// N_TO_N starts child n after child n of the named array. Without it the whole job waits for the whole
    /// other job.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "unset::choice",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<ArrayDependency>,
}

impl Blank for JobDependency {}

/// How the children of an array depend on other children.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ArrayDependency {
    /// Child n waits for child n of another array.
    NToN,
    /// Child n waits for child n - 1 of the same array.
    Sequential,
}

/// A person's decision to end a job.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "self.type == oldSelf.type || self.type == 'TERMINATE'",
        "TERMINATE cannot become CANCEL: a stop is never taken back"
    ),
    rule(
        "self.type != oldSelf.type || (has(self.reason) ? self.reason : '') == (has(oldSelf.reason) ? \
         oldSelf.reason : '')",
        "the reason of a stop does not change"
    ),
]))]
pub struct Stop {
    /// CANCEL ends the job if it has not reached STARTING; TERMINATE ends it in any state. CANCEL may become
    /// TERMINATE.
    #[serde(rename = "type")]
    pub kind: StopType,
    /// Why, for the job's statusReason: up to 1,024 characters.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
}

/// A person's decision to end children of an array.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
pub struct StopChildren {
    /// The children, by index: numbers and ranges, as in `4,7-9`.
    #[schemars(length(min = 1, max = 4096))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "self.matches('^[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*$')",
            "give indexes and ranges of indexes, as in 4,7-9"
        ),
    ]))]
    pub indexes: String,
    /// CANCEL ends those that have not reached STARTING; TERMINATE ends them in any state.
    #[serde(rename = "type")]
    pub kind: StopType,
    /// Why, for the children's statusReason: up to 1,024 characters.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
}

/// How a job is ended.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopType {
    /// Only if it has not reached STARTING.
    Cancel,
    /// In any state; a running container is stopped.
    Terminate,
}
