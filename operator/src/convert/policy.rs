//! Retries, timeouts, stops and dependencies, as submissions and definitions give them.

use super::job::{identity, text};
use super::{Error, name};
use std::time::Duration;
use windlass_core::array::Intervals;
use windlass_core::objects::{
    Dependency, DependencyStatus, ExitRule, JobReference, Pattern, RetryStrategy, Stop, StopChildren,
    StopKind, StuckReason, TimeLimit,
};
use windlass_core::state::State;
use windlass_crds::job as api;
use windlass_crds::job_queue as api_queue;
use windlass_crds::shared::retry as api_retry;

/// `retryStrategy`.
pub(super) fn retry(strategy: &api_retry::RetryStrategy) -> RetryStrategy {
    let pattern = |text: &Option<String>| text.as_deref().map(|text| Pattern(name(text)));
    let rule = |rule: &api_retry::EvaluateOnExit| {
        Some(ExitRule {
            exit_code: pattern(&rule.on_exit_code),
            reason: pattern(&rule.on_reason),
            words: pattern(&rule.on_status_reason),
            retry: rule.action? == api_retry::RetryAction::Retry,
        })
    };
    RetryStrategy {
        attempts: strategy.attempts.and_then(|attempts| u8::try_from(attempts).ok()),
        rules: strategy.evaluate_on_exit.iter().filter_map(rule).collect(),
    }
}

/// `timeout`; 0 is not set.
pub(super) fn timeout(timeout: &api_retry::JobTimeout) -> Option<Duration> {
    let seconds = u64::try_from(timeout.attempt_duration_seconds).ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// An entry of `dependsOn`.
pub(super) fn dependency(dependency: &api::JobDependency) -> Dependency {
    on(dependency.job_id.as_deref(), dependency.kind)
}

fn on(job: Option<&str>, kind: Option<api::ArrayDependency>) -> Dependency {
    match (kind, job) {
        (Some(api::ArrayDependency::NToN), Some(job)) => Dependency::NToN(JobReference::parse(job)),
        (None, Some(job)) => Dependency::Whole(JobReference::parse(job)),
        (Some(_), _) | (None, None) => Dependency::Sequential,
    }
}

/// What was last written about an entry of `dependsOn`.
pub(super) fn dependency_status(status: &api::DependencyStatus) -> Result<DependencyStatus, Error> {
    let outcome = status.outcome.map(|outcome| match outcome {
        api::DependencyOutcome::Succeeded => State::Succeeded,
        api::DependencyOutcome::Failed => State::Failed,
    });
    let uid = status.uid.as_deref().map(identity).transpose()?;
    Ok(DependencyStatus {
        on: on(status.job_id.as_deref(), status.kind),
        pinned: status.name.as_deref().map(name).zip(uid),
        outcome: outcome.map(|state| (state, text(status.status_reason.as_deref()))),
    })
}

/// `stop`.
pub(super) fn stop(stop: &api::Stop) -> Stop {
    Stop { kind: kind(stop.kind), reason: text(stop.reason.as_deref()) }
}

/// An entry of `stopChildren`.
pub(super) fn stop_children(entry: &api::StopChildren) -> StopChildren {
    StopChildren {
        indexes: indexes(&entry.indexes),
        stop: Stop { kind: kind(entry.kind), reason: text(entry.reason.as_deref()) },
    }
}

/// `4,7-9`. The schema lets nothing else pass, but ranges that are the wrong way round, which mean the same.
fn indexes(text: &str) -> Intervals {
    let mut indexes = Intervals::default();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.trim().parse::<u32>(), last.trim().parse::<u32>()) {
            indexes.insert_run(first.min(last), first.max(last));
        }
    }
    indexes
}

/// An entry of `jobStateTimeLimitActions`; a blank one says nothing.
pub(super) fn time_limit(limit: &api_queue::JobStateTimeLimitAction) -> Option<TimeLimit> {
    Some(TimeLimit {
        reason: StuckReason::parse(&limit.reason)?,
        after: Duration::from_secs(
            u64::try_from(limit.max_time_seconds).ok().filter(|seconds| *seconds > 0)?,
        ),
        kind: match limit.action? {
            api_queue::TimeLimitAction::Cancel => StopKind::Cancel,
            api_queue::TimeLimitAction::Terminate => StopKind::Terminate,
        },
    })
}

const fn kind(kind: api::StopType) -> StopKind {
    match kind {
        api::StopType::Cancel => StopKind::Cancel,
        api::StopType::Terminate => StopKind::Terminate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_numbers_and_ranges_either_way_round() {
        assert_eq!(indexes("4,7-9,12-11").to_string(), "4,7-9,11-12");
    }
}
