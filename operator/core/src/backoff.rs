//! Pauses between tries of a request that fails.

use crate::limits::RETRY_PAUSE;
use crate::time::Time;

/// How often in a row a request failed, and until when to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
    until: Option<Time>,
}

impl Backoff {
    /// Notes a failure; returns when to try again. Pauses double up to the longest.
    pub(crate) fn failed(&mut self, now: Time) -> Time {
        let pause = RETRY_PAUSE.0.saturating_mul(1 << self.failures.min(16)).min(RETRY_PAUSE.1);
        self.failures += 1;
        let until = now + pause;
        self.until = Some(until);
        until
    }

    /// Notes a success.
    pub(crate) fn succeeded(&mut self) {
        *self = Backoff::default();
    }

    /// The moment to wait for, if it lies ahead.
    pub(crate) fn wait(&self, now: Time) -> Option<Time> {
        self.until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn pauses_double_up_to_a_bound_and_start_anew_after_success() {
        let now = Time::from_seconds(100);
        let mut backoff = Backoff::default();
        let pauses: Vec<Duration> = (0..8).map(|_| backoff.failed(now).since(now)).collect();
        assert_eq!(pauses.first(), Some(&RETRY_PAUSE.0));
        assert_eq!(pauses.get(2), Some(&(RETRY_PAUSE.0 * 4)));
        assert_eq!(pauses.last(), Some(&RETRY_PAUSE.1));
        assert!(backoff.wait(now).is_some());
        assert!(backoff.wait(now + RETRY_PAUSE.1).is_none());
        backoff.succeeded();
        assert_eq!(backoff.failed(now).since(now), RETRY_PAUSE.0);
    }
}
