//! From what the core says to the API's statuses.

mod catalog;
mod conditions;
mod job;
mod record;

pub use catalog::{definition_status, environment_status, queue_status};
pub use job::job_status;
pub use record::{job_record, owner, record_name};

use windlass_core::ids::Name;

/// A text, unless it is empty.
fn text(name: &Name) -> Option<String> {
    Some(name.to_string()).filter(|text| !text.is_empty())
}

/// A number as the API has it.
fn number(value: impl TryInto<i32>) -> i32 {
    value.try_into().unwrap_or(i32::MAX)
}
