//! What a definition or a submission says about a job's life: retries, stops, dependencies.

use crate::array::Intervals;
use crate::ids::{Name, Uid};
use crate::objects::Attempt;
use std::time::Duration;

/// A text, or with a `*` at its end, the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(pub Name);

impl Pattern {
    /// True when `text` is as the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        match self.0.as_str().strip_suffix('*') {
            Some(beginning) => text.starts_with(beginning),
            None => text == self.0.as_str(),
        }
    }
}

/// A rule of `evaluateOnExit`: applies when all the patterns it has match; one about the exit code never applies to an attempt
/// without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExitRule {
    /// `onExitCode`.
    pub exit_code: Option<Pattern>,
    /// `onReason`.
    pub reason: Option<Pattern>,
    /// `onStatusReason`.
    pub words: Option<Pattern>,
    /// `action`: true for RETRY, false for EXIT.
    pub retry: bool,
}

impl ExitRule {
    fn applies(&self, attempt: &Attempt) -> bool {
        let code = attempt.exit_code.map(|code| code.to_string());
        let matches = |pattern: &Option<Pattern>, text: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| text.is_some_and(|text| pattern.matches(text)))
        };
        matches(&self.exit_code, code.as_deref())
            && matches(&self.reason, Some(attempt.reason.as_str()))
            && matches(&self.words, Some(attempt.words.as_str()))
    }
}

/// `retryStrategy`: the submission's as a whole, else the definition's.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryStrategy {
    /// 1 to 10; 1 when not given.
    pub attempts: Option<u8>,
    /// At most 5; the first that applies decides.
    pub rules: Vec<ExitRule>,
}

impl RetryStrategy {
    /// How many attempts there may be.
    pub fn allowed(&self) -> u8 {
        self.attempts.unwrap_or(1).max(1)
    }

    /// Whether a failed attempt may be followed by another; without a rule that applies it may, as AWS has it.
    pub fn lets_retry(&self, attempt: &Attempt) -> bool {
        self.rules.iter().find(|rule| rule.applies(attempt)).is_none_or(|rule| rule.retry)
    }
}

/// How a person ends a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopKind {
    /// Only what has not reached STARTING.
    Cancel,
    /// In any state before the end.
    Terminate,
}

/// A person's decision to end a job or some of its children.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stop {
    /// How.
    pub kind: StopKind,
    /// Why; empty when nothing was said.
    pub reason: Name,
}

/// Why a job is stuck at the head of its queue, as `jobStateTimeLimitActions` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StuckReason {
    /// Hosts are large enough, but none has the room, nor can one be had.
    InsufficientCapacity,
    /// The job is larger than its environments may become.
    MaximumResource,
    /// No host is large enough.
    ResourceRequirement,
}

impl StuckReason {
    /// Every reason.
    pub const ALL: [StuckReason; 3] =
        [StuckReason::InsufficientCapacity, StuckReason::MaximumResource, StuckReason::ResourceRequirement];

    /// AWS Batch's words.
    pub const fn as_str(self) -> &'static str {
        match self {
            StuckReason::InsufficientCapacity => "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
            StuckReason::MaximumResource => "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
            StuckReason::ResourceRequirement => "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        }
    }

    /// Reads those words.
    pub fn parse(text: &str) -> Option<StuckReason> {
        StuckReason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// An entry of `jobStateTimeLimitActions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// For which reason.
    pub reason: StuckReason,
    /// After how long.
    pub after: Duration,
    /// What becomes of the job then.
    pub kind: StopKind,
}

/// `stopChildren`: an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StopChildren {
    /// Which; some may be beyond the array's size.
    pub indexes: Intervals,
    /// How and why.
    pub stop: Stop,
}

/// A job, or one child of an array, as a dependency names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobReference {
    /// As it was written.
    pub text: Name,
    /// The job's ID, when the text begins with one.
    pub uid: Option<Uid>,
    /// The job's name in Kubernetes or AWS name, without index.
    pub name: Name,
    /// The child.
    pub index: Option<u32>,
}

impl JobReference {
    /// Reads `ID`, `NAME`, `ID:3` or `NAME:3`.
    pub fn parse(text: &str) -> JobReference {
        let (name, index) = match text.rsplit_once(':').map(|(name, index)| (name, index.parse())) {
            Some((name, Ok(index))) => (name, Some(index)),
            _ => (text, None),
        };
        JobReference { text: text.into(), uid: Uid::parse(name), name: name.into(), index }
    }
}

/// An entry of `dependsOn`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// The whole job waits for a whole job, or for one child of an array.
    Whole(JobReference),
    /// Child n waits for child n of an array of the same size.
    NToN(JobReference),
    /// Child n waits for child n - 1 of this array.
    Sequential,
}

impl Dependency {
    /// The job it names.
    pub const fn job(&self) -> Option<&JobReference> {
        match self {
            Dependency::Whole(job) | Dependency::NToN(job) => Some(job),
            Dependency::Sequential => None,
        }
    }
}

/// Why the operator itself stops an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// It ran longer than its timeout allows.
    Timeout,
    /// A person terminated the job.
    Terminated,
    /// Its container could not be started in time.
    CannotStart,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 3] = [Cause::Timeout, Cause::Terminated, Cause::CannotStart];

    /// The word for it, in annotations of pods and as a reason code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::Timeout => "TimedOut",
            Cause::Terminated => "Terminated",
            Cause::CannotStart => "CannotStart",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.as_str() == text)
    }
}

/// What the operator wrote on a pod before it had it stopped, so that its end is understood also by a process that starts later.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ending {
    /// Why.
    pub cause: Cause,
    /// A person's reason, or the runtime's words.
    pub words: Name,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Option<Pattern> {
        Some(Pattern(text.into()))
    }

    #[test]
    fn a_star_stands_for_any_end() {
        assert!(Pattern("Host EC2*".into()).matches("Host EC2 (i-1) terminated."));
        assert!(Pattern("*".into()).matches(""));
        assert!(Pattern("137".into()).matches("137"));
        assert!(!Pattern("13".into()).matches("137"));
        assert!(!Pattern("Host EC2*".into()).matches("a Host EC2"));
    }

    #[test]
    fn the_first_rule_that_applies_decides_and_without_one_there_is_another_attempt() {
        let strategy = RetryStrategy {
            attempts: Some(3),
            rules: vec![
                ExitRule { words: pattern("Host EC2*"), retry: true, ..ExitRule::default() },
                ExitRule { exit_code: pattern("4*"), reason: pattern("x*"), ..ExitRule::default() },
                ExitRule { exit_code: pattern("1"), ..ExitRule::default() },
            ],
        };
        let ended = |exit_code, words: &str| Attempt { exit_code, words: words.into(), ..Attempt::default() };
        assert!(strategy.lets_retry(&ended(None, "Host EC2 (n) terminated.")));
        assert!(!strategy.lets_retry(&ended(Some(1), "Essential container in task exited")));
        assert!(strategy.lets_retry(&ended(Some(42), "Essential container in task exited")));
        assert!(strategy.lets_retry(&ended(None, "Task failed to start")));
        assert_eq!((strategy.allowed(), RetryStrategy::default().allowed()), (3, 1));
    }

    #[test]
    fn references_name_jobs_and_children() {
        let by_id = JobReference::parse("1a2b3c4d-0000-4000-8000-000000000001:3");
        assert_eq!((by_id.uid.is_some(), by_id.index), (true, Some(3)));
        let by_name = JobReference::parse("JobA");
        assert_eq!((by_name.uid, by_name.name.as_str(), by_name.index), (None, "JobA", None));
        assert_eq!(JobReference::parse("job-a:12").index, Some(12));
    }
}
