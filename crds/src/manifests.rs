//! The CustomResourceDefinitions, as they are given to Kubernetes.
//!
//! Use these, not `Job::crd()`: that one has the types' own rules only, and none of the tables of this crate.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::Value;

use crate::unsupported::Refusal;
use crate::{Kind, exclusive, immutable, job, machine_fields, schema, unsupported};

/// Why the definitions could not be made: always a mistake in this crate, which its tests find.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table names a field that the kind does not have.
    #[error("{kind} has no field {path}: correct the table that names it")]
    NoSuchField {
        /// The kind.
        kind: Kind,
        /// The path in the table.
        path: String,
    },
    /// The derived definition has no schema.
    #[error("{0} has no schema")]
    NoSchema(Kind),
    /// A definition does not survive JSON.
    #[error("the definition cannot be converted to or from JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The definition cannot be written as YAML.
    #[error("the definition cannot be written as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// The definition of a kind.
pub fn definition(kind: Kind) -> Result<CustomResourceDefinition, Error> {
    definition_refusing(kind, unsupported::refusals())
}

/// The definition of a kind with only some of the fields refused. Without those that are "not supported yet"
/// it is what the kind will be once all is built; tests use it to prove rules about such fields.
pub fn definition_refusing(
    kind: Kind,
    refusals: impl IntoIterator<Item = Refusal>,
) -> Result<CustomResourceDefinition, Error> {
    let mut definition = serde_json::to_value(kind.derived())?;
    let schema =
        definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema").ok_or(Error::NoSchema(kind))?;
    finish(kind, schema, refusals)?;
    Ok(serde_json::from_value(definition)?)
}

fn finish(kind: Kind, schema: &mut Value, refusals: impl IntoIterator<Item = Refusal>) -> Result<(), Error> {
    schema::normalise(schema);
    let refusals: Vec<Refusal> = refusals.into_iter().filter(|refusal| refusal.kind == kind).collect();
    // First every field, then the rules: a rule about an object knows all its members.
    for refusal in &refusals {
        refusal.add_field(schema)?;
    }
    for refusal in &refusals {
        refusal.add_rule(schema)?;
    }
    immutable::add_rules(kind, schema);
    exclusive::add_rules(kind, schema);
    if kind == Kind::ComputeEnvironment {
        machine_fields::add_rules(schema);
    }
    if kind == Kind::Job {
        schema::add_rule(schema, job::name_rule());
    }
    Ok(())
}

/// A definition as YAML, as it is committed in `manifests/`.
pub fn yaml(definition: &CustomResourceDefinition) -> Result<String, Error> {
    let generated =
        "# Generated from the types of windlass-crds: WINDLASS_UPDATE=1 cargo test -p windlass-crds\n";
    let mut definition = serde_json::to_value(definition)?;
    write_whole_numbers(&mut definition);
    Ok(generated.to_owned() + &serde_saphyr::to_string(&definition)?)
}

/// Kubernetes' types hold every bound as a float; `10000.0` is written as people do.
fn write_whole_numbers(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(write_whole_numbers),
        Value::Array(elements) => elements.iter_mut().for_each(write_whole_numbers),
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|float| float.fract() == 0.0) {
                // Exact: the schema's bounds are 32 bit integers.
                *value = Value::from(whole as i64);
            }
        }
        _ => {}
    }
}
