//! Jobs: what was submitted, and what was last written about it.

use super::wire::{Metadata, Wire, kinds};
use super::{Error, name, times};
use super::{nodes, policy};
use crate::pod::Submission;
use std::sync::Arc;
use std::time::Duration;
use windlass_core::array::Intervals;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{
    ArrayStatus, Attempt, Failure, JobSpec, JobStatus, Milestones, ObservedJob, Payload, PinnedRevision,
    Proof, ResourceRequest,
};
use windlass_core::reference::Reference;
use windlass_core::state::State;
use windlass_core::time::Time;
use windlass_crds::job as api;
use windlass_crds::shared::attempt as api_attempt;
use windlass_crds::shared::resources::{ResourceRequirement, ResourceType};

/// The largest submission, in bytes of JSON (SPEC.md J10).
const SUBMISSION_BYTES: usize = 30 * 1024;

/// Reads a Job.
///
/// # Errors
/// When it has no identity, or a status that cannot be read. A spec that cannot be read is a fault of the submission.
pub fn job(wire: &Wire<kinds::Job>) -> Result<ObservedJob, Error> {
    let created_at =
        times::time(&wire.metadata.creation_timestamp).ok_or(Error::Missing("creationTimestamp"))?;
    let (spec, payload) = match wire.spec::<api::JobSpec>() {
        Ok(spec) => job_spec(&spec, wire.spec_bytes())?,
        Err(error) => {
            let fault = Some(name(&error.to_string()));
            (JobSpec { fault, ..JobSpec::default() }, Payload::default())
        }
    };
    Ok(ObservedJob {
        key: wire.metadata.key(),
        uid: wire.metadata.uid()?,
        resource_version: wire.metadata.version()?,
        generation: wire.metadata.generation,
        created_at,
        deleting: wire.metadata.deletion_timestamp.is_some(),
        kept: is_owned_by_git(&wire.metadata),
        spec: Arc::new(spec),
        payload,
        status: status(&wire.status::<api::JobStatus>()?, created_at)?,
    })
}

/// Marks of those that would make the Job again if it were deleted: Argo CD, Flux, Helm.
fn is_owned_by_git(metadata: &Metadata) -> bool {
    let labels =
        ["argocd.argoproj.io/instance", "kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"];
    let annotations = ["argocd.argoproj.io/tracking-id", "meta.helm.sh/release-name"];
    labels.iter().any(|label| metadata.labels.contains_key(*label))
        || annotations.iter().any(|annotation| metadata.annotations.contains_key(*annotation))
}

fn job_spec(spec: &api::JobSpec, bytes: usize) -> Result<(JobSpec, Payload), Error> {
    let overrides = spec.container_overrides.clone().unwrap_or_default();
    let payload = serde_json::to_vec(&Submission::from(spec))
        .map_err(|source| Error::Unreadable { part: "spec", source })?;
    let too_long = (bytes > SUBMISSION_BYTES).then(|| {
        format!(
            "the submission is {bytes} bytes; at most {SUBMISSION_BYTES} are allowed: \
             make parameters or overrides shorter"
        )
    });
    let (node_overrides, fault_of_nodes) =
        match spec.node_overrides.as_ref().map(nodes::overrides).transpose() {
            Ok(overrides) => (overrides, None),
            Err(fault) => (None, Some(fault)),
        };
    let fault = too_long.or(fault_of_nodes).map(Name::from);
    let asked = JobSpec {
        queue: Reference::plain(&spec.job_queue),
        definition: Reference::to_definition(&spec.job_definition),
        size: spec.array_properties.as_ref().and_then(|array| u32::try_from(array.size).ok()),
        aws_name: spec.job_name.as_deref().map(name),
        retry: spec.retry_strategy.as_ref().map(policy::retry),
        timeout: spec.timeout.as_ref().and_then(policy::timeout),
        depends_on: spec.depends_on.iter().map(policy::dependency).collect(),
        stop: spec.stop.as_ref().map(policy::stop),
        stop_children: spec.stop_children.iter().map(policy::stop_children).collect(),
        time_to_live: spec
            .ttl_seconds_after_finished
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs),
        share: spec.share_identifier.as_deref().map(name),
        priority: spec.scheduling_priority_override.and_then(|priority| u32::try_from(priority).ok()),
        overrides: amounts(overrides.vcpus, overrides.memory, &overrides.resource_requirements),
        changes_container: spec.container_overrides.is_some(),
        node_overrides: node_overrides.map(Box::new),
        fault,
    };
    Ok((asked, Payload(Arc::from(payload))))
}

/// vCPUs and memory, whether given as numbers or as `resourceRequirements`.
pub(super) fn amounts(
    vcpus: Option<i32>,
    memory: Option<i32>,
    requirements: &[ResourceRequirement],
) -> ResourceRequest {
    let required = |kind: ResourceType| {
        requirements
            .iter()
            .find(|required| required.kind == kind)
            .and_then(|required| required.value.parse::<u64>().ok())
    };
    let number = |value: Option<i32>| value.and_then(|value| u64::try_from(value).ok());
    ResourceRequest {
        cpu_millis: number(vcpus)
            .or_else(|| required(ResourceType::Vcpu))
            .map(|vcpus| vcpus.saturating_mul(1000)),
        memory_mib: number(memory).or_else(|| required(ResourceType::Memory)),
        gpus: required(ResourceType::Gpu),
    }
}

fn status(status: &api::JobStatus, created_at: Time) -> Result<JobStatus, Error> {
    let condition = |kind: &str| {
        let found =
            status.conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True");
        found.map(|condition| Time::from_millis(condition.last_transition_time.0.as_millisecond()))
    };
    let attempts = status.attempts.iter().map(attempt).collect::<Result<_, _>>()?;
    Ok(JobStatus {
        observed_generation: status.observed_generation.unwrap_or(0),
        state: state(status.status),
        reason: text(status.reason.as_deref()),
        words: text(status.status_reason.as_deref()),
        created_at: moment(status.created_at.as_deref()).unwrap_or(created_at),
        started_at: moment(status.started_at.as_deref()),
        stopped_at: moment(status.stopped_at.as_deref()),
        pinned: pinned(status)?,
        environment: status.compute_environment.as_deref().map(name),
        launch: launch(status.next_launch),
        attempts,
        dependencies: status.dependencies.iter().map(policy::dependency_status).collect::<Result<_, _>>()?,
        array: children(status)?,
        main_node: status.node_properties.as_ref().map(|nodes| index(nodes.main_node)),
        milestones: Milestones {
            accepted: condition("Ready"),
            stalled: condition("Stalled"),
            finished: condition("Complete").or_else(|| condition("Failed")),
        },
    })
}

fn pinned(status: &api::JobStatus) -> Result<Option<Arc<PinnedRevision>>, Error> {
    let Some((revision, shown)) =
        status.job_definition_revision.as_ref().zip(status.job_definition.as_deref())
    else {
        return Ok(None);
    };
    let unknown = || Error::Unknown { part: "status.jobDefinition", value: shown.to_owned() };
    let (definition, number) = shown.rsplit_once(':').ok_or_else(unknown)?;
    Ok(Some(Arc::new(PinnedRevision {
        definition: name(definition),
        number: number.parse().map_err(|_| unknown())?,
        name: name(&revision.name),
        uid: identity(&revision.uid)?,
    })))
}

fn attempt(attempt: &api::Attempt) -> Result<Attempt, Error> {
    let launch_in_name = attempt.pod_name.as_deref().and_then(|pod| launch_of(pod, attempt.attempt));
    Ok(Attempt {
        number: number(attempt.attempt),
        launch: launch_in_name.unwrap_or(0),
        pod_uid: attempt.pod_uid.as_deref().map(identity).transpose()?,
        host: attempt.node_name.as_deref().map(name),
        exit_code: attempt.exit_code,
        reason: text(attempt.reason.as_deref()),
        words: text(attempt.status_reason.as_deref()),
        started_at: moment(attempt.started_at.as_deref()),
        stopped_at: moment(attempt.stopped_at.as_deref()),
        proof: attempt.proof.map(proof),
    })
}

/// The launch serial in the pod's name of a single job, `JOB-UID8-ATTEMPT-LAUNCH`, or of a main node, which has `-main-INDEX`
/// behind it. Without one, UID8 stands before the attempt.
fn launch_of(pod: &str, attempt: i32) -> Option<u16> {
    let of_main_node = pod.rsplit_once('-').and_then(|(set, _)| set.strip_suffix("-main"));
    let (rest, launch) = of_main_node.unwrap_or(pod).rsplit_once('-')?;
    let (_, before) = rest.rsplit_once('-')?;
    if before == attempt.to_string() { launch.parse().ok() } else { None }
}

/// The children of an array, or the nodes of a multi-node job.
fn children(status: &api::JobStatus) -> Result<Option<ArrayStatus>, Error> {
    let of_array = status.array_properties.as_ref().map(|array| {
        family(
            array.size,
            &array.children,
            &array.failures,
            array.has_begun,
            "status.arrayProperties.children",
        )
    });
    let of_nodes = status.node_properties.as_ref().map(|nodes| {
        family(nodes.num_nodes, &nodes.nodes, &nodes.failures, nodes.has_begun, "status.nodeProperties.nodes")
    });
    of_array.or(of_nodes).transpose()
}

fn family(
    size: i32,
    children: &[api::ChildrenInState],
    failures: &[api::ChildFailure],
    has_begun: bool,
    part: &'static str,
) -> Result<ArrayStatus, Error> {
    let children = children.iter().map(|children| {
        let unknown = || Error::Unknown { part, value: children.indexes.clone() };
        Ok((state(children.status), Intervals::parse(&children.indexes).map_err(|_| unknown())?))
    });
    let failure = |failure: &api::ChildFailure| Failure {
        index: index(failure.index),
        last: index(failure.last_index.unwrap_or(failure.index)),
        exit_code: failure.exit_code,
        reason: text(failure.reason.as_deref()),
        words: text(failure.status_reason.as_deref()),
    };
    Ok(ArrayStatus {
        size: u32::try_from(size).unwrap_or(0),
        children: children.collect::<Result<_, _>>()?,
        failures: failures.iter().map(failure).collect(),
        has_begun,
    })
}

/// The API's state as the core's.
pub(super) const fn state(state: api_attempt::JobState) -> State {
    match state {
        api_attempt::JobState::Submitted => State::Submitted,
        api_attempt::JobState::Pending => State::Pending,
        api_attempt::JobState::Runnable => State::Runnable,
        api_attempt::JobState::Starting => State::Starting,
        api_attempt::JobState::Running => State::Running,
        api_attempt::JobState::Succeeded => State::Succeeded,
        api_attempt::JobState::Failed => State::Failed,
    }
}

/// The API's proof as the core's.
pub(super) const fn proof(proof: api_attempt::Proof) -> Proof {
    match proof {
        api_attempt::Proof::ContainerTerminated => Proof::ContainerTerminated,
        api_attempt::Proof::NeverBound => Proof::NeverBound,
        api_attempt::Proof::NodeDeleted => Proof::NodeDeleted,
        api_attempt::Proof::OutOfServiceTaint => Proof::OutOfServiceTaint,
        api_attempt::Proof::PodRemoved => Proof::PodRemoved,
    }
}

pub(super) fn identity(uid: &str) -> Result<Uid, Error> {
    Uid::parse(uid).ok_or_else(|| Error::Unknown { part: "status", value: uid.to_owned() })
}

pub(super) fn moment(text: Option<&str>) -> Option<Time> {
    text.and_then(times::time)
}

pub(super) fn text(text: Option<&str>) -> Name {
    text.map(name).unwrap_or_default()
}

fn index(index: i32) -> u32 {
    u32::try_from(index).unwrap_or(0)
}

pub(super) fn number(number: i32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

pub(super) fn launch(launch: Option<i32>) -> u16 {
    launch.and_then(|launch| u16::try_from(launch).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launch_is_read_from_the_pods_name() {
        assert_eq!(launch_of("hello-1a2b3c4d-1", 1), None);
        assert_eq!(launch_of("hello-1a2b3c4d-2-7", 2), Some(7));
        assert_eq!(launch_of("hello-1-1a2b3c4d-1", 1), None);
        assert_eq!(launch_of("a-1-00000001-1-1", 1), Some(1));
        assert_eq!(launch_of("mpi-1a2b3c4d-2-main-0", 2), None);
        assert_eq!(launch_of("mpi-1a2b3c4d-2-7-main-12", 2), Some(7));
        assert_eq!(launch_of("main-1-1a2b3c4d-1-main-1", 1), None);
    }
}
