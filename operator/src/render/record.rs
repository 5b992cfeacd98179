//! JobRecords.

use super::job::{job_state, proof, stream_prefix};
use super::{number, text};
use crate::convert::timestamp;
use crate::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::BTreeMap;
use windlass_core::action::RecordOrder;
use windlass_core::objects::{Attempt, ChildRecord, Nodes, Proof};
use windlass_core::{node_set_suffix, node_sets_name, pod_name_prefix};
use windlass_crds::job_record::{self as api, FORMAT_VERSION};
use windlass_crds::{GROUP, JobRecord, JobRecordContent, VERSION};

/// The name of a Job's record that begins with this index.
pub fn record_name(
    order_job: &windlass_core::ids::Name,
    job: windlass_core::ids::Uid,
    first_index: u32,
) -> String {
    format!("{}-{first_index}", pod_name_prefix(order_job, job))
}

/// The record as the API has it.
pub fn job_record(order: &RecordOrder) -> JobRecord {
    let children = order.record.children.iter();
    let nodes = order.nodes.as_deref();
    JobRecord {
        metadata: ObjectMeta {
            name: Some(record_name(&order.job.name, order.job_uid, order.first_index)),
            namespace: Some(order.job.namespace.to_string()),
            labels: Some(BTreeMap::from([
                (names::JOB_UID.to_owned(), order.job_uid.to_string()),
                (names::JOB_NAME.to_owned(), order.job.name.to_string()),
            ])),
            owner_references: Some(vec![owner(&order.job.name, order.job_uid)]),
            resource_version: order.resource_version.map(|version| version.0.to_string()),
            ..ObjectMeta::default()
        },
        spec: JobRecordContent {
            format_version: FORMAT_VERSION,
            job_uid: order.job_uid.to_string(),
            first_index: number(order.first_index),
            pod_name_prefix: prefix_of_pods(order),
            log_stream_prefix: stream_prefix(&order.definition),
            children: children.map(|(index, record)| child(*index, record, nodes)).collect(),
        },
    }
}

/// `JOB-UID8`. The names of nodes' pods begin with those of their StatefulSets, which have fewer of the job's letters.
fn prefix_of_pods(order: &RecordOrder) -> String {
    let (job, uid) = (&order.job.name, order.job_uid);
    let of_nodes = order.nodes.as_ref().map(|_| node_sets_name(job, uid, 1, 0));
    let of_nodes = of_nodes.and_then(|name| name.as_str().strip_suffix("-1").map(str::to_owned));
    of_nodes.unwrap_or_else(|| pod_name_prefix(job, uid))
}

/// A Job as the owner of what is made for it; it goes when the Job goes, and never holds the Job up.
pub fn owner(name: &windlass_core::ids::Name, uid: windlass_core::ids::Uid) -> OwnerReference {
    OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: "Job".to_owned(),
        name: name.to_string(),
        uid: uid.to_string(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    }
}

fn child(index: u32, child: &ChildRecord, nodes: Option<&Nodes>) -> api::ChildRecord {
    api::ChildRecord {
        index: number(index),
        status: job_state(child.state),
        node_set: nodes.map(|nodes| node_set_suffix(nodes, index)),
        next_launch: Some(child.launch).filter(|launch| *launch > 0).map(i32::from),
        pod_uid: child.launched.as_ref().map(|launched| launched.pod.to_string()),
        node_name: child.launched.as_ref().and_then(|launched| text(&launched.host)),
        attempts: child.attempts.iter().map(attempt).collect(),
    }
}

fn attempt(attempt: &Attempt) -> api::AttemptRecord {
    let told_by_exit_code = attempt.exit_code.is_some() && attempt.proof == Some(Proof::ContainerTerminated);
    api::AttemptRecord {
        attempt: i32::from(attempt.number),
        launch: Some(attempt.launch).filter(|launch| *launch > 0).map(i32::from),
        pod_uid: attempt.pod_uid.map(|uid| uid.to_string()),
        node_name: attempt.host.as_ref().and_then(text),
        exit_code: attempt.exit_code,
        reason: text(&attempt.reason),
        status_reason: text(&attempt.words),
        started_at: attempt.started_at.map(timestamp),
        stopped_at: attempt.stopped_at.map(timestamp),
        proof: attempt.proof.filter(|_| !told_by_exit_code).map(proof),
    }
}
