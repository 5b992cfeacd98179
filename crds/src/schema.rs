//! From the schema that the types give to the one that Kubernetes is given: general clean-up, and helpers for
//! the tables that add rules.

use serde_json::{Map, Value, json};

use crate::shared::conditions;

/// A validation rule: a CEL expression, and what to tell the person whose value it does not hold for.
pub(crate) fn rule(expression: impl Into<String>, message: impl Into<String>) -> Value {
    json!({ "rule": expression.into(), "message": message.into() })
}

/// The members of an object's schema.
pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Whether an object must have a member.
pub(crate) fn is_required(schema: &Value, member: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|members| members.iter().any(|required| required == member))
}

/// The schema of the field at a path such as `spec.volumes[].host.sourcePath`; `[]` stands for each element
/// of a list.
pub(crate) fn at<'a>(schema: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(schema, |schema, segment| {
        let name = segment.trim_end_matches("[]");
        let field = schema.get_mut("properties")?.get_mut(name)?;
        if name == segment { Some(field) } else { field.get_mut("items") }
    })
}

/// Adds a validation rule to a schema.
pub(crate) fn add_rule(schema: &mut Value, rule: Value) {
    if let Some(schema) = schema.as_object_mut() {
        let rules = schema.entry("x-kubernetes-validations").or_insert_with(|| json!([]));
        if let Some(rules) = rules.as_array_mut() {
            rules.push(rule);
        }
    }
}

/// Brings what the derive macros give into the shape of a Kubernetes API.
pub(crate) fn normalise(schema: &mut Value) {
    clean(schema);
    if let Some(spec) = at(schema, "spec") {
        allow_no_choice(spec);
    }
    if let Some(status) = at(schema, "status").and_then(Value::as_object_mut) {
        let mut default = Map::from_iter([("conditions".to_owned(), conditions::pending())]);
        let state = status.get("properties").and_then(|fields| fields.get("status")?.get("default"));
        default.extend(state.map(|state| ("status".to_owned(), state.clone())));
        status.insert("default".into(), default.into());
    }
}

fn clean(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut() {
        // Absent is the one way to leave a field out.
        schema.remove("nullable");
        schema.remove("title");
        // Only words are defaults; what serde assumes for absent numbers, lists and objects is not for users
        // to see.
        if schema.get("default").is_some_and(|default| default.as_str().is_none_or(str::is_empty)) {
            schema.remove("default");
        }
        // Source lines end where they do for the source's sake.
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description.replace('\n', " ");
        }
        if schema.get("type").is_some_and(|kind| kind == "array") {
            schema.entry("x-kubernetes-list-type").or_insert_with(|| json!("atomic"));
        }
    }
    for_each_subschema(schema, clean);
}

/// An empty word means that none was chosen, wherever a choice is not required.
fn allow_no_choice(schema: &mut Value) {
    let optional: Vec<String> =
        properties(schema).map(|(name, _)| name).filter(|name| !is_required(schema, name)).cloned().collect();
    for name in optional {
        let place = if schema.pointer(&format!("/properties/{name}/items")).is_some() {
            "/items/enum"
        } else {
            "/enum"
        };
        let words = schema.pointer_mut(&format!("/properties/{name}{place}")).and_then(Value::as_array_mut);
        words.into_iter().for_each(|words| words.insert(0, json!("")));
    }
    for_each_subschema(schema, allow_no_choice);
}

fn for_each_subschema(schema: &mut Value, visit: fn(&mut Value)) {
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        fields.values_mut().for_each(visit);
    }
    for subschema in ["items", "additionalProperties"] {
        schema.get_mut(subschema).into_iter().for_each(visit);
    }
}
