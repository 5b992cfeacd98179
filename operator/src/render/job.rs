//! A Job's status.

use super::conditions::{Holds, Kind, condition};
use super::{number, text};
use crate::convert::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use windlass_core::array::Intervals;
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{ArrayStatus, Attempt, Dependency, DependencyStatus, Failure, JobStatus, Proof};
use windlass_core::state::State;
use windlass_core::{node_sets_name, pod_name};
use windlass_crds::job as api;
use windlass_crds::shared::attempt as api_attempt;

/// The status of this Job as the API has it.
pub fn job_status(key: &ObjectKey, uid: Uid, status: &JobStatus) -> api::JobStatus {
    let streams = status.pinned.as_ref().map(|pinned| format!("{}/default/", pinned.definition));
    let attempts = status.attempts.iter().map(|done| {
        let pod = pod_of(done, key, uid, status.main_node);
        attempt(done, &pod, streams.as_deref())
    });
    api::JobStatus {
        observed_generation: Some(status.observed_generation),
        job_id: Some(uid.to_string()),
        status: job_state(status.state),
        reason: text(&status.reason),
        status_reason: text(&status.words),
        created_at: Some(timestamp(status.created_at)),
        started_at: status.started_at.map(timestamp),
        stopped_at: status.stopped_at.map(timestamp),
        job_definition: status
            .pinned
            .as_ref()
            .map(|pinned| format!("{}:{}", pinned.definition, pinned.number)),
        job_definition_revision: status.pinned.as_ref().map(|pinned| api::RevisionReference {
            name: pinned.name.to_string(),
            uid: pinned.uid.to_string(),
        }),
        compute_environment: status.environment.as_ref().and_then(text),
        next_launch: Some(status.launch).filter(|launch| *launch > 0).map(i32::from),
        attempts: attempts.collect(),
        array_properties: status.array.as_ref().filter(|_| status.main_node.is_none()).map(array),
        node_properties: status.array.as_ref().zip(status.main_node).map(|(array, main)| nodes(array, main)),
        dependencies: status.dependencies.iter().map(dependency).collect(),
        is_cancelled: ended_as(status, "Cancelled"),
        is_terminated: ended_as(status, "Terminated"),
        conditions: conditions(status),
    }
}

/// True for a job that somebody ended in this way; left out for all others.
fn ended_as(status: &JobStatus, reason: &str) -> Option<bool> {
    (status.state == State::Failed && status.reason.as_str() == reason).then_some(true)
}

fn dependency(dependency: &DependencyStatus) -> api::DependencyStatus {
    let kind = match dependency.on {
        Dependency::Whole(_) => None,
        Dependency::NToN(_) => Some(api::ArrayDependency::NToN),
        Dependency::Sequential => Some(api::ArrayDependency::Sequential),
    };
    let outcome = |state: &State| match state {
        State::Succeeded => api::DependencyOutcome::Succeeded,
        _ => api::DependencyOutcome::Failed,
    };
    api::DependencyStatus {
        job_id: dependency.on.job().map(|job| job.text.to_string()),
        kind,
        name: dependency.pinned.as_ref().map(|(name, _)| name.to_string()),
        uid: dependency.pinned.as_ref().map(|(_, uid)| uid.to_string()),
        outcome: dependency.outcome.as_ref().map(|(state, _)| outcome(state)),
        status_reason: dependency.outcome.as_ref().and_then(|(_, words)| text(words)),
    }
}

/// The name of an attempt's pod: of a multi-node job, its main node's ([`windlass_core::node_pod_name`]).
fn pod_of(attempt: &Attempt, key: &ObjectKey, uid: Uid, main_node: Option<u32>) -> Name {
    match main_node {
        None => pod_name(&key.name, uid, None, attempt.number, attempt.launch),
        Some(main) => {
            let sets = node_sets_name(&key.name, uid, attempt.number, attempt.launch);
            Name::from(format!("{sets}-main-{main}"))
        }
    }
}

fn attempt(attempt: &Attempt, pod: &Name, streams: Option<&str>) -> api::Attempt {
    api::Attempt {
        attempt: i32::from(attempt.number),
        log_stream_name: streams.map(|streams| format!("{streams}{pod}")),
        pod_name: Some(pod.to_string()),
        pod_uid: attempt.pod_uid.map(|uid| uid.to_string()),
        node_name: attempt.host.as_ref().and_then(text),
        exit_code: attempt.exit_code,
        reason: text(&attempt.reason),
        status_reason: text(&attempt.words),
        started_at: attempt.started_at.map(timestamp),
        stopped_at: attempt.stopped_at.map(timestamp),
        proof: attempt.proof.map(proof),
    }
}

fn array(array: &ArrayStatus) -> api::ArrayStatus {
    api::ArrayStatus {
        size: number(array.size),
        status_summary: summary(array),
        has_begun: array.has_begun,
        progress: Some(progress(array)),
        children: in_states(array),
        failures: array.failures.iter().map(failure).collect(),
    }
}

fn nodes(nodes: &ArrayStatus, main: u32) -> api::NodesStatus {
    api::NodesStatus {
        num_nodes: number(nodes.size),
        main_node: number(main),
        status_summary: summary(nodes),
        has_begun: nodes.has_begun,
        progress: Some(progress(nodes)),
        nodes: in_states(nodes),
        failures: nodes.failures.iter().map(failure).collect(),
    }
}

fn summary(array: &ArrayStatus) -> api::StatusSummary {
    let count = |state| number(array.count(state));
    api::StatusSummary {
        submitted: count(State::Submitted),
        pending: count(State::Pending),
        runnable: count(State::Runnable),
        starting: count(State::Starting),
        running: count(State::Running),
        succeeded: count(State::Succeeded),
        failed: count(State::Failed),
    }
}

fn in_states(array: &ArrayStatus) -> Vec<api::ChildrenInState> {
    let in_state = |(state, indexes): (&State, &Intervals)| api::ChildrenInState {
        status: job_state(*state),
        indexes: indexes.to_string(),
    };
    array.children.iter().map(in_state).collect()
}

fn failure(failure: &Failure) -> api::ChildFailure {
    api::ChildFailure {
        index: number(failure.index),
        last_index: (failure.last > failure.index).then(|| number(failure.last)),
        exit_code: failure.exit_code,
        reason: text(&failure.reason),
        status_reason: text(&failure.words),
    }
}

/// How far an array or a multi-node job is, for the printer column: `5/7, 1 failed`.
fn progress(array: &ArrayStatus) -> String {
    let (succeeded, failed) = (array.count(State::Succeeded), array.count(State::Failed));
    let ended = format!("{}/{}", succeeded + failed, array.size);
    if failed == 0 { ended } else { format!("{ended}, {failed} failed") }
}

fn conditions(status: &JobStatus) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let generation = status.observed_generation;
    let (reason, words) = (status.reason.as_str(), status.words.as_str());
    if let Some(since) = status.milestones.accepted {
        conditions.push(condition(
            Kind::Ready,
            Holds::True,
            since,
            "Accepted",
            "the job was accepted",
            generation,
        ));
    }
    let (succeeded, since) = match status.state {
        State::Succeeded => (Holds::True, status.milestones.finished),
        State::Failed => (Holds::False, status.milestones.finished),
        _ => (Holds::Unknown, Some(status.created_at)),
    };
    let since = since.unwrap_or(status.created_at);
    // A job that waits says here, too, what it waits for.
    let is_under_way = matches!(status.state, State::Starting | State::Running);
    let told = if is_under_way { ("Unfinished", "the job has not ended") } else { (reason, words) };
    conditions.push(condition(Kind::Succeeded, succeeded, since, told.0, told.1, generation));
    match status.state {
        State::Succeeded => {
            conditions.push(condition(Kind::Complete, Holds::True, since, reason, words, generation));
        }
        State::Failed => {
            conditions.push(condition(Kind::Failed, Holds::True, since, reason, words, generation));
        }
        _ => {}
    }
    if let Some(since) = status.milestones.stalled {
        conditions.push(condition(Kind::Stalled, Holds::True, since, reason, words, generation));
    }
    conditions
}

/// The core's state as the API's.
pub(super) const fn job_state(state: State) -> api_attempt::JobState {
    match state {
        State::Submitted => api_attempt::JobState::Submitted,
        State::Pending => api_attempt::JobState::Pending,
        State::Runnable => api_attempt::JobState::Runnable,
        State::Starting => api_attempt::JobState::Starting,
        State::Running => api_attempt::JobState::Running,
        State::Succeeded => api_attempt::JobState::Succeeded,
        State::Failed => api_attempt::JobState::Failed,
    }
}

/// The core's proof as the API's.
pub(super) const fn proof(proof: Proof) -> api_attempt::Proof {
    match proof {
        Proof::ContainerTerminated => api_attempt::Proof::ContainerTerminated,
        Proof::NeverBound => api_attempt::Proof::NeverBound,
        Proof::NodeDeleted => api_attempt::Proof::NodeDeleted,
        Proof::OutOfServiceTaint => api_attempt::Proof::OutOfServiceTaint,
        Proof::PodRemoved => api_attempt::Proof::PodRemoved,
    }
}

/// The name of a definition, as log streams begin with it.
pub(super) fn stream_prefix(definition: &Name) -> String {
    format!("{definition}/default/")
}
