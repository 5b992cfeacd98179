//! A Job's status: where it stands, why, and every attempt that was made.

use std::ops::Not;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

use crate::shared::attempt::{JobState, Proof};
use crate::shared::{conditions, times};

/// What became of a Job. Only the operator writes it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "!(oldSelf.status in ['SUCCEEDED', 'FAILED']) || self.status == oldSelf.status",
        "SUCCEEDED and FAILED are final"
    ),
    rule(
        "!has(oldSelf.attempts) || \
         oldSelf.attempts.filter(a, has(a.startedAt) || has(a.stoppedAt)).size() <= \
         (has(self.attempts) ? self.attempts.size() : 0)",
        "attempts are never forgotten"
    ),
    rule(
        "!has(oldSelf.jobDefinitionRevision) || (has(self.jobDefinitionRevision) && \
         self.jobDefinitionRevision == oldSelf.jobDefinitionRevision)",
        "a job keeps the revision of its definition that it began with"
    ),
    rule(
        "!has(oldSelf.jobId) || (has(self.jobId) && self.jobId == oldSelf.jobId)",
        "a job keeps its ID"
    ),
]))]
pub struct JobStatus {
    /// The metadata.generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// The job's ID: its metadata.uid. A child's is ID:INDEX, a node's is ID#NODE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub job_id: Option<String>,
    /// Where the job stands: SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED or FAILED. An array
    /// shows the most advanced state of its unfinished children, a multi-node job that of its main node.
    #[serde(default)]
    pub status: JobState,
    /// Why it stands there, as one word in CamelCase, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// Why it stands there, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub status_reason: Option<String>,
    /// When the job was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub created_at: Option<String>,
    /// When the container of the last attempt started; of an array, its first child's, of a multi-node job, its
    /// main node's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub started_at: Option<String>,
    /// When the job ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub stopped_at: Option<String>,
    /// The definition and the revision that the job runs, as in `fetch_and_run:3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 272))]
    pub job_definition: Option<String>,
    /// The object that holds that revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_definition_revision: Option<RevisionReference>,
    /// The compute environment that the job was placed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub compute_environment: Option<String>,
    /// The serial in the name of the next pod. Absent unless pods of the attempt were withdrawn before they were
    /// bound to a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub next_launch: Option<i32>,
    /// Every attempt, first to last. The last one may be gone again as long as it has not started: its pod was not
    /// taken. Those of a multi-node job are its main node's. Those of an array's children and of all nodes are in
    /// JobRecords.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub attempts: Vec<Attempt>,
    /// The children of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_properties: Option<ArrayStatus>,
    /// The nodes of a multi-node job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_properties: Option<NodesStatus>,
    /// The jobs that this one waits for, each pinned when it was first seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub dependencies: Vec<DependencyStatus>,
    /// Whether somebody cancelled the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_cancelled: Option<bool>,
    /// Whether somebody terminated the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_terminated: Option<bool>,
    /// Ready (accepted), Complete, Succeeded, Failed, Stalled (can never run as things are), Ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
}

/// The object that holds a revision of a job definition (an `apps/v1` ControllerRevision).
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct RevisionReference {
    /// Its name, in the Job's namespace.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Its UID.
    #[schemars(length(max = 36))]
    pub uid: String,
}

/// One attempt of a job.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The attempt's number, from 1.
    #[schemars(range(min = 1, max = 10))]
    pub attempt: i32,
    /// The pod that the attempt ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub pod_name: Option<String>,
    /// That pod's UID.
    #[serde(rename = "podUID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub pod_uid: Option<String>,
    /// The host that the pod was bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node_name: Option<String>,
    /// The container's exit code. Absent while it runs, and when it was never known (a lost host).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -2147483648, max = 2147483647))]
    pub exit_code: Option<i32>,
    /// Why the container ended, in the runtime's words: `OutOfMemoryError: …`. Absent when it just exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// Why the attempt ended, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub status_reason: Option<String>,
    /// The name of the attempt's log stream, DEFINITION/default/POD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub log_stream_name: Option<String>,
    /// When the container started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub started_at: Option<String>,
    /// When the container ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub stopped_at: Option<String>,
    /// How it is known that nothing of the attempt runs any more. Absent while that is not certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// The children of an array, as a whole. Each child's own record is in a JobRecord.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ArrayStatus {
    /// The number of children.
    #[schemars(range(min = 2, max = 10000))]
    pub size: i32,
    /// How many children are in each state.
    #[serde(default)]
    pub status_summary: StatusSummary,
    /// Whether any child was ever given to a host: JobRecords exist only then.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub has_begun: bool,
    /// How far the array is, in a few words: `5/7, 1 failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub progress: Option<String>,
    /// Which children are in which state; states without children are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7))]
    pub children: Vec<ChildrenInState>,
    /// The first 100 failures of children, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub failures: Vec<ChildFailure>,
}

/// The nodes of a multi-node job, as a whole. Each node's own record is in a JobRecord.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NodesStatus {
    /// The number of nodes.
    #[schemars(range(min = 1, max = 1000))]
    pub num_nodes: i32,
    /// The index of the main node, whose exit ends the job.
    #[schemars(range(min = 0, max = 999))]
    pub main_node: i32,
    /// How many nodes are in each state. One that was stopped because the main node ended has failed, unless it exited with 0:
    /// so some may have in a job that succeeded.
    #[serde(default)]
    pub status_summary: StatusSummary,
    /// Whether any node was ever given to a host: JobRecords exist only then.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub has_begun: bool,
    /// How many nodes have ended, in a few words: `5/7, 1 failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub progress: Option<String>,
    /// Which nodes are in which state; states without nodes are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 7))]
    pub nodes: Vec<ChildrenInState>,
    /// The first 100 failures of nodes, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub failures: Vec<ChildFailure>,
}

/// How many children of an array, or nodes of a multi-node job, are in each state.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub struct StatusSummary {
    /// Children that were not looked at yet.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    pub submitted: i32,
    /// Children that wait for other jobs or children.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    pub pending: i32,
    /// Children that wait for capacity.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    pub runnable: i32,
    /// Children whose container is on its way.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    pub starting: i32,
    /// Children whose container runs.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    pub running: i32,
    /// Children that ended with exit code 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    pub succeeded: i32,
    /// Children that failed, or were cancelled or terminated.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10000))]
    pub failed: i32,
}

/// The children of an array, or the nodes of a multi-node job, that are in one state.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
pub struct ChildrenInState {
    /// The state.
    pub status: JobState,
    /// Their indexes, as numbers and ranges: `0-3,7`. Every second one of 10,000 takes 24,445 characters.
    #[schemars(length(max = 32768))]
    pub indexes: String,
}

/// A child of an array, or a node of a multi-node job, that failed, or neighbours that failed for one reason without having run.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ChildFailure {
    /// The child's index; of several, the first.
    #[schemars(range(min = 0, max = 9999))]
    pub index: i32,
    /// The index of the last of several neighbours. Absent for one child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9999))]
    pub last_index: Option<i32>,
    /// The exit code of its last attempt, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -2147483648, max = 2147483647))]
    pub exit_code: Option<i32>,
    /// Why it failed, as one word in CamelCase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// Why it failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub status_reason: Option<String>,
}

/// A job that this one depends on.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DependencyStatus {
    /// The dependency as the Job names it. Absent for SEQUENTIAL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 160))]
    pub job_id: Option<String>,
    /// SEQUENTIAL or N_TO_N. Absent when the whole job waits for the whole other job.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<super::ArrayDependency>,
    /// The name of the Job that was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub name: Option<String>,
    /// Its UID. From now on this object is meant, also if another takes its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub uid: Option<String>,
    /// How it ended. Absent while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<DependencyOutcome>,
    /// Why it ended so, or what is waited for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub status_reason: Option<String>,
}

/// How a job that was waited for ended.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum DependencyOutcome {
    /// It succeeded.
    Succeeded,
    /// It failed, or disappeared unfinished.
    Failed,
}
