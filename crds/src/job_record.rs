//! Kind JobRecord (internal): the attempts of up to 250 children of an array, or nodes of a multi-node job.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::attempt::{JobState, Proof};
use crate::shared::times;

/// The format that this version writes.
pub const FORMAT_VERSION: i32 = 1;

/// The most children that one record holds: with 10 attempts each it stays under 1 MiB.
pub const CHILDREN_IN_A_RECORD: usize = 250;

/// Keeps what a Job's own status has no room for. It is owned by the Job and goes with it; only the operator
/// writes it.
///
/// Names that can be derived are not stored. With INDEX, ATTEMPT and, where there is one, LAUNCH: the pod of a child is
/// `podNamePrefix-INDEX-ATTEMPT[-LAUNCH]`, that of a node `podNamePrefix-ATTEMPT[-LAUNCH]-nodeSet-INDEX`; the log stream is
/// `logStreamPrefix` followed by the pod's name. To list the pod, exit code and reason of every attempt of the children or
/// nodes of Job `rainbow`:
///
/// ```sh
/// kubectl get jobrecords -o json | jq -r --arg job "$(kubectl get bj rainbow -o jsonpath={.metadata.uid})" '
///   .items[] | select(.jobUID == $job) | . as $record
///   | .children[] | .index as $index | .nodeSet as $set
///   | .attempts[]? | (if $set then [.attempt, .launch, $set, $index] else [$index, .attempt, .launch] end) as $rest
///   | ([$record.podNamePrefix] + $rest) as $name
///   | [($name | map(select(. != null)) | join("-")), .exitCode, .statusReason] | @tsv'
/// ```
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "batch.windlass.dev",
    version = "v1beta1",
    kind = "JobRecord",
    plural = "jobrecords",
    singular = "jobrecord",
    namespaced,
    no_spec,
    derive = "PartialEq",
    derive = "Default",
    doc = "Internal: the attempts of up to 250 children of an array job, or nodes of a multi-node job. Owned \
           by the Job, written by the operator only. The pod of a child's attempt is \
           podNamePrefix-INDEX-ATTEMPT, followed by -LAUNCH where there is one; that of a node's is \
           podNamePrefix-ATTEMPT, followed by -LAUNCH where there is one, and then by -nodeSet-INDEX. Its log \
           stream is logStreamPrefix followed by the pod's name.",
    printcolumn = r#"{"name": "Job", "type": "string", "jsonPath": ".metadata.ownerReferences[0].name",
        "description": "The Job that it belongs to."}"#,
    printcolumn = r#"{"name": "First", "type": "integer", "jsonPath": ".firstIndex",
        "description": "The index of its first child."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
        "description": "When it was made."}"#
)]
#[serde(rename_all = "camelCase")]
pub struct JobRecordContent {
    /// The format of the record: 1.
    #[schemars(range(min = 1))]
    pub format_version: i32,
    /// The UID of the Job.
    #[serde(rename = "jobUID")]
    #[schemars(length(max = 36))]
    pub job_uid: String,
    /// The index of the first child that the record may hold; the last is 249 higher.
    #[schemars(range(min = 0, max = 9999))]
    pub first_index: i32,
    /// What the names of the pods begin with, as in `rainbow-1a2b3c4d`. For nodes the job's name is cut shorter than for
    /// children.
    #[schemars(length(max = 253))]
    pub pod_name_prefix: String,
    /// What the names of their log streams begin with, as in `rainbow/default/`.
    #[schemars(length(max = 272))]
    pub log_stream_prefix: String,
    /// The children that have left SUBMITTED, by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 250))]
    pub children: Vec<ChildRecord>,
}

/// A child of an array, or a node of a multi-node job.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ChildRecord {
    /// Its index, from 0.
    #[schemars(range(min = 0, max = 9999))]
    pub index: i32,
    /// Where it stands.
    pub status: JobState,
    /// Of a node: what its pods' names have before its index. `main` for the main node, else the index of the first of the
    /// neighbours that run the same. Absent for children of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    pub node_set: Option<String>,
    /// The serial in the name of its next pod. Absent unless pods of the attempt were withdrawn before they were
    /// bound to a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub next_launch: Option<i32>,
    /// Of a node: the UID of the pod of its attempt under way, in the launch that nextLaunch says. In this attempt no
    /// other pod may run.
    #[serde(rename = "podUID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub pod_uid: Option<String>,
    /// Of a node: the host that this pod may be let go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node_name: Option<String>,
    /// Its attempts, first to last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub attempts: Vec<AttemptRecord>,
}

/// One attempt of a child.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// The attempt's number, from 1.
    #[schemars(range(min = 1, max = 10))]
    pub attempt: i32,
    /// The launch serial in the pod's name. Absent unless a pod of this attempt was withdrawn before it was
    /// bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub launch: Option<i32>,
    /// The pod's UID.
    #[serde(rename = "podUID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    pub pod_uid: Option<String>,
    /// The host that the pod was bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub node_name: Option<String>,
    /// The container's exit code. It is the proof that the attempt is over; `proof` is then left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -2147483648, max = 2147483647))]
    pub exit_code: Option<i32>,
    /// Why the container ended, in the runtime's words. Cut to 64 bytes, so that the record stays small. Absent when
    /// it just exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// Why the attempt ended, in words. Cut to 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub status_reason: Option<String>,
    /// When the container started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub started_at: Option<String>,
    /// When the container ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "times::time")]
    pub stopped_at: Option<String>,
    /// How it is known that nothing of the attempt runs any more, where no exit code says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

impl AttemptRecord {
    /// How it is known that the attempt is over; `None` while it is not certain.
    pub fn proof_of_end(&self) -> Option<Proof> {
        self.proof.or(self.exit_code.map(|_| Proof::ContainerTerminated))
    }
}
