//! Names and references: the name that AWS knows, the object's name in Kubernetes, or an ARN that ends in one
//! of both.

use schemars::{Schema, SchemaGenerator, json_schema};

/// The longest AWS name, in characters.
pub const AWS_NAME_LENGTH: u32 = 128;

/// The longest reference: an ARN with a Kubernetes name of 253 characters and a revision.
const REFERENCE_LENGTH: u32 = 512;

/// What an object may be called by: an AWS name, or a name in Kubernetes (which may have dots).
const NAME: &str = "[A-Za-z0-9][A-Za-z0-9._-]{0,252}";

/// An AWS name: 1 to 128 letters, digits, `-` and `_`.
pub(crate) fn aws_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": AWS_NAME_LENGTH,
        "x-kubernetes-validations": [{
            "rule": "self == '' || self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*$')",
            "message": "use letters, digits, - and _ (at most 128, a letter or digit first)",
        }],
    })
}

/// A reference to a JobQueue.
pub(crate) fn job_queue(_: &mut SchemaGenerator) -> Schema {
    reference("job queue", "job-queue", "")
}

/// A reference to a JobDefinition, with or without a revision.
pub(crate) fn job_definition(_: &mut SchemaGenerator) -> Schema {
    reference("job definition", "job-definition", "(:[1-9][0-9]{0,8})?")
}

/// A reference to a ComputeEnvironment.
pub(crate) fn compute_environment(_: &mut SchemaGenerator) -> Schema {
    reference("compute environment", "compute-environment", "")
}

/// A reference to a SchedulingPolicy.
pub(crate) fn scheduling_policy(_: &mut SchemaGenerator) -> Schema {
    reference("scheduling policy", "scheduling-policy", "")
}

/// A reference to a Job, to a child of an array (`:INDEX`) or to a node of a multi-node job (`#NODE`).
pub(crate) fn job(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 160,
        "x-kubernetes-validations": [{
            "rule": "self == '' || self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*([:#][0-9]{1,5})?$')",
            "message": "give a job's ID or name (for one child of an array ID:INDEX or NAME:INDEX)",
        }],
    })
}

fn reference(what: &str, arn_type: &str, revision: &str) -> Schema {
    let with_revision = if revision.is_empty() { "" } else { ", with or without :revision" };
    let arn = format!("arn:[a-z0-9-]+:batch:[a-z0-9-]*:[0-9A-Za-z_-]*:{arn_type}/");
    json_schema!({
        "type": "string",
        "maxLength": REFERENCE_LENGTH,
        "x-kubernetes-validations": [{
            "rule": format!("self == '' || self.matches('^({arn})?{NAME}{revision}$')"),
            "message": format!("give the {what}'s name{with_revision}, or an ARN that ends in {arn_type}/NAME"),
        }],
    })
}
