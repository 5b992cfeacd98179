//! Telling what is done now, and how long it has taken: one line a step, the same on a terminal and in a log.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Writes a line for people. That nobody reads it (`… | head -1`) is no reason to stop half-way.
pub(crate) fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", line.as_ref());
}

/// A long step says that it is still at work this often.
const REMINDER: Duration = Duration::from_secs(10);

/// The lines of one run, each with the seconds since its start.
pub(crate) struct Progress {
    start: Instant,
}

impl Progress {
    /// Starts counting now.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Says what is done from here on.
    pub(crate) fn step(&self, text: impl AsRef<str>) {
        say(format!("[{:6.1}s] {}", self.start.elapsed().as_secs_f64(), text.as_ref()));
    }

    /// Does `work`, and every few seconds says `text` with the time spent on it.
    pub(crate) fn long_step<T>(&self, text: &str, work: impl FnOnce() -> T) -> T {
        self.step(text);
        let begin = Instant::now();
        let (done, finished) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while finished.recv_timeout(REMINDER) == Err(RecvTimeoutError::Timeout) {
                    self.step(format!("  … {} s: {text}", begin.elapsed().as_secs()));
                }
            });
            let outcome = work();
            drop(done);
            outcome
        })
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
