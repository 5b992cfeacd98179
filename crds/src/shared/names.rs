//! Names and references: the name that AWS knows, the object's name in Kubernetes, or an ARN that ends in one
//! of both.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::schema::rule;

/// The longest AWS name, in characters.
pub const AWS_NAME_LENGTH: u32 = 128;

/// The longest reference: an ARN with a Kubernetes name of 253 characters and a revision.
const REFERENCE_LENGTH: u32 = 512;

/// The longest reference to a job: an AWS name or a job's ID, and an index.
const JOB_REFERENCE_LENGTH: u32 = 160;

/// What an object may be called by: an AWS name, or a name in Kubernetes (which may have dots).
const NAME: &str = "[A-Za-z0-9][A-Za-z0-9._-]{0,252}";

/// An AWS name: 1 to 128 letters, digits, `-` and `_`.
pub(crate) fn aws_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": AWS_NAME_LENGTH,
        "x-kubernetes-validations": [rule(
            "self == '' || self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*$')",
            "use letters, digits, - and _ (at most 128, a letter or digit first)",
        )],
    })
}

/// A reference to a JobQueue.
pub(crate) fn job_queue(_: &mut SchemaGenerator) -> Schema {
    reference("job queue", "job-queue", "", Needed::Yes)
}

/// A reference to a JobDefinition, with or without a revision.
pub(crate) fn job_definition(_: &mut SchemaGenerator) -> Schema {
    reference("job definition", "job-definition", "(:[1-9][0-9]{0,8})?", Needed::Yes)
}

/// A reference to a ComputeEnvironment.
pub(crate) fn compute_environment(_: &mut SchemaGenerator) -> Schema {
    reference("compute environment", "compute-environment", "", Needed::Yes)
}

/// A reference to a SchedulingPolicy.
pub(crate) fn scheduling_policy(_: &mut SchemaGenerator) -> Schema {
    reference("scheduling policy", "scheduling-policy", "", Needed::No)
}

/// A reference to a Job or to a child of an array (`:INDEX`). Not to a node of a multi-node job (`#NODE`): nobody waits for one,
/// because the job goes by its main node, and the others are stopped then.
pub(crate) fn job(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": JOB_REFERENCE_LENGTH,
        "x-kubernetes-validations": [rule(
            "self == '' || self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]{1,5})?$')",
            "give a job's ID or name (for one child of an array ID:INDEX or NAME:INDEX; of a multi-node job the job, not a node)",
        )],
    })
}

/// Whether a reference may be left empty.
#[derive(Clone, Copy)]
enum Needed {
    Yes,
    No,
}

fn reference(what: &str, arn_type: &str, revision: &str, needed: Needed) -> Schema {
    let arn = format!("arn:[a-z0-9-]+:batch:[a-z0-9-]*:[0-9A-Za-z_-]*:{arn_type}/");
    let matches = format!("self.matches('^({arn})?{NAME}{revision}$')");
    let expression = match needed {
        Needed::Yes => matches,
        Needed::No => format!("self == '' || {matches}"),
    };
    let with = if revision.is_empty() { "" } else { ", with or without :revision" };
    json_schema!({
        "type": "string",
        "maxLength": REFERENCE_LENGTH,
        "x-kubernetes-validations": [rule(
            expression,
            format!("give the {what}'s name{with}, or an ARN that ends in {arn_type}/NAME"),
        )],
    })
}
