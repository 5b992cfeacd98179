//! From the API's objects to what the core knows. Total: an object that cannot be read is set aside with a reason, the rest goes
//! on.

mod catalog;
mod deployment;
mod host;
mod job;
mod machine;
mod node_class;
mod nodes;
mod pod;
mod policy;
pub(crate) mod quantity;
mod record;
mod share;
mod times;
mod wire;

pub use catalog::{definition, definition_content, environment, queue, revision};
pub use deployment::machine_deployment;
pub use host::host;
pub use job::job;
pub use machine::{cluster_api_machine, node_claim, simulated_node};
pub use node_class::node_class;
pub use pod::pod;
pub use record::record;
pub use share::scheduling_policy;
pub use times::{time, timestamp};
pub use wire::{Described, Metadata, Wire, kinds};

use windlass_core::ids::Name;

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part that every object of the API has is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// A part is not of the form it should have.
    #[error("its {part} cannot be read: {source}")]
    Unreadable {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A value is none of those there are.
    #[error("its {part} is '{value}', which means nothing here")]
    Unknown {
        /// Which part.
        part: &'static str,
        /// The value.
        value: String,
    },
}

/// The text as a name the core shares.
fn name(text: &str) -> Name {
    Name::from(text)
}
