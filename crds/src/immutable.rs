//! Fields that never change once an object was made, as rules of the schema. The rules are made from the
//! schema's own list of fields, so that a new field of a Job cannot be forgotten.

use serde_json::{Value, json};

use crate::Kind;
use crate::schema::{self, properties};

/// The fields of a Job that may change: how a job is ended.
const JOB_MUTABLE: [&str; 2] = ["stop", "stopChildren"];

fn is_immutable(kind: Kind, field: &str) -> bool {
    match kind {
        Kind::Job => !JOB_MUTABLE.contains(&field),
        Kind::JobDefinition => field == "jobDefinitionName",
        Kind::JobQueue => field == "jobQueueName",
        // Which backend it is cannot change either: that rule is with the type.
        Kind::ComputeEnvironment => matches!(field, "computeEnvironmentName" | "type" | "backend"),
        Kind::SchedulingPolicy => field == "name",
        Kind::JobRecord => false,
    }
}

/// Adds a rule for each immutable field of the kind's spec.
pub(crate) fn add_rules(kind: Kind, schema: &mut Value) {
    let Some(spec) = schema::at(schema, "spec") else { return };
    let fields: Vec<String> =
        properties(spec).map(|(name, _)| name).filter(|name| is_immutable(kind, name)).cloned().collect();
    for field in fields {
        schema::add_rule(spec, rule(kind, &field));
    }
}

fn rule(kind: Kind, field: &str) -> Value {
    let advice = match kind {
        Kind::Job => "submit a new Job (of this one only stop and stopChildren can change)".to_owned(),
        _ => format!("make a new {kind}"),
    };
    // A backend's own settings may change, but not that there is one.
    let same = match field {
        "backend" => "true".to_owned(),
        _ => format!("(!has(self.{field}) || self.{field} == oldSelf.{field})"),
    };
    json!({
        "rule": format!("has(self.{field}) == has(oldSelf.{field}) && {same}"),
        "message": format!("{field} cannot change: {advice}"),
        "fieldPath": format!(".{field}"),
    })
}
