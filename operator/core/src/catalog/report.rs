//! The status of an object of which there are few: kept whole, written when its meaning changed, its numbers now and then.

use crate::action::Outcome;
use crate::backoff::Backoff;
use crate::ids::ResourceVersion;
use crate::limits::PAUSE_BETWEEN_SURVEYS;
use crate::time::Time;

/// Tells a change of meaning from a change of numbers.
pub(crate) trait Meaning: Clone + PartialEq {
    /// True when only numbers differ, which are written now and then.
    fn means_the_same(&self, other: &Self) -> bool;
}

/// What is to be said about an object, and what the API server has of it.
#[derive(Debug, Default)]
pub(crate) struct StatusReport<S> {
    /// What is to be said.
    pub(crate) current: S,
    stored: S,
    in_flight: Option<S>,
    written_at: Option<Time>,
    /// The version that our last write made.
    version: ResourceVersion,
    backoff: Backoff,
}

/// What to do about a report now.
pub(crate) enum Due<S> {
    /// Write this.
    Write(S),
    /// Look again at this time.
    At(Time),
    /// Nothing.
    Nothing,
}

impl<S: Meaning> StatusReport<S> {
    /// The report of an object whose status was just read.
    pub(crate) fn stored(status: S) -> StatusReport<S> {
        StatusReport {
            current: status.clone(),
            stored: status,
            in_flight: None,
            written_at: None,
            version: ResourceVersion(0),
            backoff: Backoff::default(),
        }
    }

    /// Takes in what the API server had in this version. True when somebody else has written it.
    pub(crate) fn take_stored(&mut self, status: S, version: ResourceVersion) -> bool {
        if version < self.version {
            return false;
        }
        let is_ours = status == self.stored || self.in_flight.as_ref() == Some(&status);
        self.stored = status;
        !is_ours
    }

    /// What the API server is known to have.
    pub(crate) const fn written(&self) -> &S {
        &self.stored
    }

    /// Whether to write now; what is returned to be written counts as sent.
    pub(crate) fn due(&mut self, now: Time) -> Due<S> {
        if self.in_flight.is_some() || self.current == self.stored {
            return Due::Nothing;
        }
        if let Some(until) = self.backoff.wait(now) {
            return Due::At(until);
        }
        let paced = self.written_at.filter(|_| self.current.means_the_same(&self.stored));
        if let Some(at) = paced.map(|written_at| written_at + PAUSE_BETWEEN_SURVEYS).filter(|at| *at > now) {
            return Due::At(at);
        }
        self.written_at = Some(now);
        self.in_flight = Some(self.current.clone());
        Due::Write(self.current.clone())
    }

    /// A write ended; returns when to try again if it was not confirmed. What the API server then has comes with the watch.
    pub(crate) fn answered(&mut self, outcome: &Outcome, now: Time) -> Option<Time> {
        let sent = self.in_flight.take();
        if let Outcome::Written(version) = outcome {
            self.backoff.succeeded();
            self.version = *version;
            if let Some(status) = sent {
                self.stored = status;
            }
            None
        } else {
            Some(self.backoff.failed(now))
        }
    }
}
