//! How an attempt's end becomes a task's next state (SPEC.md J4).

use crate::ids::Name;
use crate::objects::{Attempt, Proof};
use crate::state::State;

/// A final state and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) state: State,
    pub(crate) reason: Name,
    pub(crate) words: Name,
}

/// What follows an attempt that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The task has its final state.
    Final(Verdict),
    /// Another attempt.
    Retry,
}

/// Decides what follows `attempt`, the last of `over` attempts, when `allowed` are.
pub(crate) fn next(attempt: &Attempt, over: u8, allowed: u8) -> Next {
    if attempt.succeeded() {
        return Next::Final(Verdict {
            state: State::Succeeded,
            reason: Name::from("Completed"),
            words: attempt.words.clone(),
        });
    }
    if over < allowed {
        return Next::Retry;
    }
    Next::Final(Verdict {
        state: State::Failed,
        reason: Name::from(reason_code(attempt)),
        words: Name::from(failure_words(attempt)),
    })
}

/// The reason code of a failed attempt; derived from its record, so that it can be found again after a restart.
pub(crate) fn reason_code(attempt: &Attempt) -> &'static str {
    match attempt.proof {
        Some(Proof::NodeDeleted | Proof::OutOfServiceTaint) => "HostLost",
        Some(Proof::PodRemoved) => "PodRemoved",
        _ if attempt.reason.as_str().starts_with("OutOfMemoryError") => "OutOfMemory",
        _ if attempt.reason.as_str().starts_with("Evicted") => "Evicted",
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

    #[test]
    fn zero_succeeds_and_anything_else_is_tried_again_while_attempts_are_left() {
        assert!(matches!(next(&ended(0), 1, 3), Next::Final(verdict) if verdict.state == State::Succeeded));
        assert_eq!(next(&ended(1), 2, 3), Next::Retry);
        let Next::Final(verdict) = next(&ended(7), 3, 3) else { panic!("a fourth attempt of three") };
        assert_eq!(verdict.reason.as_str(), "NonZeroExitCode");
        assert_eq!(verdict.words.as_str(), "Essential container in task exited (exit code 7)");
    }

    #[test]
    fn exit_code_zero_without_proof_is_no_success() {
        let lost = Attempt { proof: Some(Proof::NodeDeleted), ..ended(0) };
        assert!(matches!(next(&lost, 1, 1), Next::Final(verdict) if verdict.reason.as_str() == "HostLost"));
    }
}
