//! JobRecords.

use super::job::{identity, launch, moment, number, proof, state, text};
use super::{Error, name};
use windlass_core::ids::ResourceVersion;
use windlass_core::objects::{Attempt, ChildRecord, Launched, Record};
use windlass_crds::JobRecord;
use windlass_crds::job_record as api;

/// Reads a JobRecord; its content is beside its metadata, so that it is decoded as a whole.
///
/// # Errors
/// When a part of it cannot be read.
pub fn record(found: &JobRecord) -> Result<(Record, ResourceVersion), Error> {
    let version = found.metadata.resource_version.as_deref().unwrap_or_default();
    let unknown = |_| Error::Unknown { part: "metadata.resourceVersion", value: version.to_owned() };
    let children = found
        .spec
        .children
        .iter()
        .map(|record| Ok((u32::try_from(record.index).unwrap_or(0), child(record)?)));
    let record = Record { children: children.collect::<Result<_, Error>>()? };
    Ok((record, ResourceVersion(version.parse().map_err(unknown)?)))
}

fn child(child: &api::ChildRecord) -> Result<ChildRecord, Error> {
    let launched = child.pod_uid.as_deref().zip(child.node_name.as_deref());
    let launched = launched.map(|(pod, host)| Ok(Launched { pod: identity(pod)?, host: name(host) }));
    Ok(ChildRecord {
        state: state(child.status),
        launch: launch(child.next_launch),
        attempts: child.attempts.iter().map(attempt).collect::<Result<_, _>>()?,
        launched: launched.transpose()?,
    })
}

fn attempt(attempt: &api::AttemptRecord) -> Result<Attempt, Error> {
    Ok(Attempt {
        number: number(attempt.attempt),
        launch: launch(attempt.launch),
        pod_uid: attempt.pod_uid.as_deref().map(identity).transpose()?,
        host: attempt.node_name.as_deref().map(name),
        exit_code: attempt.exit_code,
        reason: text(attempt.reason.as_deref()),
        words: text(attempt.status_reason.as_deref()),
        started_at: moment(attempt.started_at.as_deref()),
        stopped_at: moment(attempt.stopped_at.as_deref()),
        proof: attempt.proof_of_end().map(proof),
    })
}
