//! Times in a status.

use schemars::{Schema, SchemaGenerator, json_schema};

/// The schema of a time: RFC 3339, UTC (`2026-11-23T21:27:00Z`).
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "maxLength": 40 })
}
