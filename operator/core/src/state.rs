//! The states of a job, in AWS Batch's words (SPEC.md J1).

use std::fmt;

/// Where a job, or one child of an array, is in its life. Ordered from first to last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Applied, not evaluated yet, or its queue or definition does not exist yet.
    #[default]
    Submitted,
    /// Waits for the jobs it depends on.
    Pending,
    /// Ready; waits for capacity.
    Runnable,
    /// Given to a host; its image is pulled and its container started.
    Starting,
    /// Its container runs.
    Running,
    /// Its container exited with 0. Final.
    Succeeded,
    /// It failed for good; the reason says why. Final.
    Failed,
}

impl State {
    /// Every state, first to last.
    pub const ALL: [State; 7] = [
        State::Submitted,
        State::Pending,
        State::Runnable,
        State::Starting,
        State::Running,
        State::Succeeded,
        State::Failed,
    ];

    /// AWS Batch's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Submitted => "SUBMITTED",
            State::Pending => "PENDING",
            State::Runnable => "RUNNABLE",
            State::Starting => "STARTING",
            State::Running => "RUNNING",
            State::Succeeded => "SUCCEEDED",
            State::Failed => "FAILED",
        }
    }

    /// Reads AWS Batch's spelling.
    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// True for a state that never changes again.
    pub const fn is_final(self) -> bool {
        matches!(self, State::Succeeded | State::Failed)
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
