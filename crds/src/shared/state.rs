//! Whether a queue or an environment takes work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a queue or an environment takes new work.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// It takes work.
    #[default]
    Enabled,
    /// It takes no new work; what runs goes on.
    Disabled,
}

/// Whether a queue or an environment can be used as it is written.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum Validity {
    /// It can be used.
    Valid,
    /// It cannot be used; `statusReason` says why.
    Invalid,
}

/// Whether a job definition, or one revision of it, may be used for new jobs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum Activity {
    /// New jobs may use it.
    #[default]
    Active,
    /// New jobs may not use it; those that have it go on.
    Inactive,
}
