//! The wall clock as of the start, moved on by the monotonic clock: it never jumps.

use jiff::Timestamp;
use std::time::Instant;
use windlass_core::time::Time;

/// The time of this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started_at: Time,
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(super) fn start() -> Clock {
        Clock { started_at: Time::from_millis(Timestamp::now().as_millisecond()), started: Instant::now() }
    }

    /// Now.
    pub(super) fn now(&self) -> Time {
        self.started_at + self.started.elapsed()
    }
}
