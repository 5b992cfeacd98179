//! From a submission and a definition's revision to pods: pure, checked before anything is created.

mod build;
mod command;
mod container;
mod content;
mod environment;
mod launch;
mod let_go;
mod node_sets;
mod submission;

pub use build::pod;
pub use content::Error;
pub use let_go::let_go;
pub use node_sets::{NodeSets, node_sets};
pub use submission::Submission;
