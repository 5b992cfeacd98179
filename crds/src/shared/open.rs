//! Objects that are kept as they are: their members are another project's API, and are checked where they are
//! used.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// An object whose members are kept as given.
pub type OpenObject = Map<String, Value>;

/// The schema of an [`OpenObject`].
pub(crate) fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
