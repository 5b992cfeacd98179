//! What the core notices and somebody should know: for metrics, logs and Events.

use crate::ids::{Name, ObjectKey, Uid};
use std::time::Duration;

/// One thing noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A task was given to a host, so long after its submission.
    Admitted {
        /// The queue.
        queue: Option<Uid>,
        /// Since the submission.
        waited: Duration,
        /// Room was kept for it: it was not its turn.
        kept: bool,
    },
    /// A container started, so long after the submission.
    Started {
        /// The queue.
        queue: Option<Uid>,
        /// Since the submission.
        waited: Duration,
    },
    /// Something about this job is not as it should be; in words.
    Trouble(ObjectKey, Name),
}
