//! Conditions, as every Kubernetes API has them, and the status that an object has before it was looked at.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// The most conditions an object has. The operator sets at most 8; the rest is room for others' readiness
/// gates.
const MAXIMUM: u32 = 16;

/// The schema of a list of `metav1.Condition`, with the bounds of Kubernetes' own.
pub(crate) fn list(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": MAXIMUM,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": condition(),
    })
}

fn condition() -> Value {
    json!({
        "type": "object",
        "description": "One thing that is known about the object.",
        "required": ["type", "status", "lastTransitionTime", "reason", "message"],
        "properties": {
            "type": {
                "type": "string",
                "maxLength": 316,
                "description": "What the condition is about, in CamelCase (Ready, Failed, Stalled, …).",
            },
            "status": {
                "type": "string",
                "enum": ["True", "False", "Unknown"],
                "description": "Whether it holds.",
            },
            "reason": {
                "type": "string",
                "maxLength": 1024,
                "description": "Why, as one word in CamelCase, for programs.",
            },
            "message": {
                "type": "string",
                "maxLength": 32768,
                "description": "Why, in a sentence, for people. May be empty.",
            },
            "lastTransitionTime": {
                "type": "string",
                "format": "date-time",
                "maxLength": 40,
                "description": "When `status` last changed (RFC 3339). 1970: not looked at yet.",
            },
            "observedGeneration": {
                "type": "integer",
                "format": "int64",
                "minimum": 0,
                "description": "The metadata.generation that the condition was set for.",
            },
        },
    })
}

/// The conditions of an object that was not looked at yet, so that nobody takes it for a finished one.
/// The API server cannot default to the current time; Gateway API uses the same constant.
pub(crate) fn pending() -> Value {
    json!([{
        "type": "Ready",
        "status": "Unknown",
        "reason": "Pending",
        "message": "Not processed yet",
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    }])
}
