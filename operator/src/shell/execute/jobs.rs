//! Jobs and their records.

use super::{Written, json, preconditions, read as outcome, write_status};
use crate::convert::{self, kinds};
use crate::render::{job_record, job_status, record_name};
use crate::shell::api::{Api, Failure, url};
use kube::api::{GetParams, PostParams};
use kube::core::Request;
use serde::de::IgnoredAny;
use windlass_core::action::{Guard, Outcome, RecordOrder};
use windlass_core::ids::{ObjectKey, Uid};
use windlass_core::objects::JobStatus;
use windlass_crds::JobRecord;

pub(super) async fn read(api: &Api, key: &ObjectKey) -> Result<Outcome, Failure> {
    let found = api.get::<kinds::Job>(key).await?;
    outcome(convert::job(&found), |job| Outcome::Job(Box::new(job)))
}

pub(super) async fn write(api: &Api, guard: &Guard, status: &JobStatus) -> Result<Outcome, Failure> {
    write_status::<kinds::Job, _>(api, guard, job_status(&guard.key, guard.uid, status)).await
}

/// Deletes a Job that has expired, if it is still as it was seen; all it owns goes with it.
pub(super) async fn delete(api: &Api, guard: &Guard) -> Result<Outcome, Failure> {
    let parameters = preconditions(guard.uid, Some(guard.resource_version));
    let request =
        Request::new(url::<kinds::Job>(&guard.key.namespace)).delete(guard.key.name.as_str(), &parameters);
    api.send::<kinds::Job, IgnoredAny>("delete", request).await?;
    Ok(Outcome::Done)
}

pub(super) async fn read_record(
    api: &Api,
    job: &ObjectKey,
    uid: Uid,
    first_index: u32,
) -> Result<Outcome, Failure> {
    let name = record_name(&job.name, uid, first_index);
    let request = Request::new(url::<kinds::JobRecord>(&job.namespace)).get(&name, &GetParams::default());
    let found: JobRecord = api.send::<kinds::JobRecord, _>("get", request).await?;
    outcome(convert::record(&found), |(record, version)| Outcome::Record(Box::new(record), version))
}

pub(super) async fn write_record(api: &Api, order: &RecordOrder) -> Result<Outcome, Failure> {
    let body = json(&job_record(order))?;
    let url = url::<kinds::JobRecord>(&order.job.namespace);
    let (verb, request) = if order.resource_version.is_some() {
        let name = record_name(&order.job.name, order.job_uid, order.first_index);
        ("put", Request::new(url).replace(&name, &PostParams::default(), body))
    } else {
        ("post", Request::new(url).create(&PostParams::default(), body))
    };
    api.send::<kinds::JobRecord, Written>(verb, request).await?.try_into()
}
