//! From a submission and a definition's revision to a pod: pure, checked before anything is created.

mod build;
mod command;
mod environment;
mod submission;

pub use build::{Error, pod};
pub use submission::Submission;
