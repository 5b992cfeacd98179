//! How an attempt's end becomes a task's next state (SPEC.md J4).

use super::ended::STARTED_AGAIN;
use crate::ids::Name;
use crate::mutant::{self, Mutant};
use crate::objects::{Attempt, Cause, Proof, RetryStrategy};
use crate::state::State;

/// AWS Batch's words for an attempt that ran too long.
pub(crate) const TIMED_OUT: &str = "Job attempt duration exceeded timeout";

/// AWS Batch's words for an attempt whose container was never started.
pub(crate) const FAILED_TO_START: &str = "Task failed to start";

/// A final state and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) state: State,
    pub(crate) reason: Name,
    pub(crate) words: Name,
}

impl Verdict {
    /// FAILED, for this reason.
    pub(crate) fn failed(reason: &str, words: impl Into<Name>) -> Verdict {
        Verdict { state: State::Failed, reason: Name::from(reason), words: words.into() }
    }

    /// The final state a record gives a task whose last attempt this is.
    pub(crate) fn recorded(state: State, last: &Attempt) -> Verdict {
        if state == State::Succeeded { succeeded(last) } else { failed_by(last) }
    }
}

/// What follows an attempt that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The task has its final state.
    Final(Verdict),
    /// Another attempt.
    Retry,
}

/// Decides what follows `attempt`, the last of `over` attempts, which the operator stopped for `cause`, if for any.
pub(crate) fn next(attempt: &Attempt, cause: Option<Cause>, over: u8, retry: &RetryStrategy) -> Next {
    match cause {
        Some(Cause::Terminated) => {
            return Next::Final(Verdict::failed(Cause::Terminated.as_str(), attempt.words.clone()));
        }
        Some(Cause::Timeout) if mutant::is(Mutant::TimeoutRetried) => {}
        Some(Cause::Timeout) => return Next::Final(failed_by(attempt)),
        Some(Cause::CannotStart) | None if attempt.succeeded() => {
            if mutant::is(Mutant::SuccessRetried) && over < retry.allowed() {
                return Next::Retry;
            }
            return Next::Final(succeeded(attempt));
        }
        Some(Cause::CannotStart) | None => {}
    }
    let allowed = retry.allowed() + u8::from(mutant::is(Mutant::OneAttemptTooMany));
    if over < allowed && (retry.lets_retry(attempt) || mutant::is(Mutant::ExitRulesIgnored)) {
        Next::Retry
    } else {
        Next::Final(failed_by(attempt))
    }
}

fn succeeded(attempt: &Attempt) -> Verdict {
    Verdict { state: State::Succeeded, reason: Name::from("Completed"), words: attempt.words.clone() }
}

fn failed_by(attempt: &Attempt) -> Verdict {
    Verdict::failed(reason_code(attempt), failure_words(attempt))
}

/// The reason code of a failed attempt; derived from its record, so that it can be found again after a restart.
fn reason_code(attempt: &Attempt) -> &'static str {
    match attempt.proof {
        _ if attempt.words.as_str() == TIMED_OUT => Cause::Timeout.as_str(),
        _ if attempt.words.as_str() == FAILED_TO_START => Cause::CannotStart.as_str(),
        Some(Proof::NodeDeleted | Proof::OutOfServiceTaint) => "HostLost",
        Some(Proof::PodRemoved) => "PodRemoved",
        _ if attempt.reason.as_str().starts_with("OutOfMemoryError") => "OutOfMemory",
        _ if attempt.words.as_str().starts_with("Host EC2") => "HostLost",
        _ if attempt.words.as_str() == STARTED_AGAIN => "ContainerRestarted",
        _ if attempt.words.as_str().contains("preempted") => "Preempted",
        _ if attempt.words.as_str().contains("evicted") || attempt.reason.as_str().starts_with("Evicted") => {
            "Evicted"
        }
        _ if attempt.exit_code.is_some() => "NonZeroExitCode",
        _ => "AttemptFailed",
    }
}

fn failure_words(attempt: &Attempt) -> String {
    let mut words = attempt.words.to_string();
    if let Some(code) = attempt.exit_code {
        words.push_str(&format!(" (exit code {code})"));
    }
    if !attempt.reason.is_empty() {
        words.push_str(&format!(": {}", attempt.reason));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit_code: i32) -> Attempt {
        Attempt {
            number: 1,
            exit_code: Some(exit_code),
            words: "Essential container in task exited".into(),
            proof: Some(Proof::ContainerTerminated),
            ..Attempt::default()
        }
    }

    fn attempts(number: u8) -> RetryStrategy {
        RetryStrategy { attempts: Some(number), ..RetryStrategy::default() }
    }

    #[test]
    fn zero_succeeds_and_anything_else_is_tried_again_while_attempts_are_left() {
        let three = attempts(3);
        assert!(
            matches!(next(&ended(0), None, 1, &three), Next::Final(verdict) if verdict.state == State::Succeeded)
        );
        assert_eq!(next(&ended(1), None, 2, &three), Next::Retry);
        let Next::Final(verdict) = next(&ended(7), None, 3, &three) else {
            panic!("a fourth attempt of three")
        };
        assert_eq!(verdict.reason.as_str(), "NonZeroExitCode");
        assert_eq!(verdict.words.as_str(), "Essential container in task exited (exit code 7)");
    }

    #[test]
    fn exit_code_zero_without_proof_is_no_success() {
        let lost = Attempt { proof: Some(Proof::NodeDeleted), ..ended(0) };
        assert!(
            matches!(next(&lost, None, 1, &attempts(1)), Next::Final(verdict) if verdict.reason.as_str() == "HostLost")
        );
    }

    #[test]
    fn what_was_stopped_in_time_or_by_a_person_is_not_tried_again_whatever_it_exited_with() {
        let late = Attempt { words: TIMED_OUT.into(), ..ended(0) };
        let Next::Final(verdict) = next(&late, Some(Cause::Timeout), 1, &attempts(3)) else {
            panic!("tried again")
        };
        assert_eq!((verdict.state, verdict.reason.as_str()), (State::Failed, "TimedOut"));
        let ended = Attempt { words: "wrong input".into(), ..ended(143) };
        let Next::Final(verdict) = next(&ended, Some(Cause::Terminated), 1, &attempts(3)) else {
            panic!("tried again")
        };
        assert_eq!((verdict.reason.as_str(), verdict.words.as_str()), ("Terminated", "wrong input"));
        let never = Attempt { words: FAILED_TO_START.into(), exit_code: None, ..ended };
        assert_eq!(next(&never, Some(Cause::CannotStart), 1, &attempts(3)), Next::Retry);
    }
}
