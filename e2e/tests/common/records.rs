//! What a job's status and its JobRecords say.

use std::collections::BTreeMap;

use kube::Api;
use kube::api::ListParams;
use windlass_crds::job_record::ChildRecord;
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{Job, JobRecord, JobStatus};

/// The status of a job that has one.
pub(crate) fn status(job: &Job) -> &JobStatus {
    job.status.as_ref().unwrap()
}

/// Where a job stands.
pub(crate) fn state(job: &Job) -> JobState {
    job.status.as_ref().map_or(JobState::Submitted, |status| status.status)
}

/// Why it stands there, as one word.
pub(crate) fn reason(job: &Job) -> &str {
    job.status.as_ref().and_then(|status| status.reason.as_deref()).unwrap_or_default()
}

/// Why it stands there, in words.
pub(crate) fn words(job: &Job) -> &str {
    job.status.as_ref().and_then(|status| status.status_reason.as_deref()).unwrap_or_default()
}

/// Whether a job has its final state.
pub(crate) fn has_ended(job: &Job) -> bool {
    matches!(state(job), JobState::Succeeded | JobState::Failed)
}

/// The record of each child of an array.
pub(crate) async fn children(records: &Api<JobRecord>, job: &Job) -> BTreeMap<i32, ChildRecord> {
    let uid = job.metadata.uid.as_deref().unwrap();
    let selector = ListParams::default().labels(&format!("batch.windlass.dev/job-uid={uid}"));
    let mut children = BTreeMap::new();
    for record in records.list(&selector).await.unwrap() {
        for child in record.spec.children {
            let twice = children.insert(child.index, child);
            assert!(twice.is_none(), "two records of one child: {twice:?}");
        }
    }
    children
}
