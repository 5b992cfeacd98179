//! Values made from a schema: blank ones, as AWS's skeletons print them, and ones that differ from those in
//! one place.

use serde_json::{Map, Value, json};

/// Booleans that skeletons print as true.
const PRINTED_TRUE: [&str; 3] = ["readOnly", "readonlyRootFilesystem", "privileged"];

/// The blank value of a schema; `None` for an open object, which is never blank.
pub(crate) fn blank(schema: &Value, name: &str) -> Option<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return words.first().cloned();
    }
    match schema["type"].as_str().unwrap() {
        "string" if schema.get("minLength").is_some() => Some(json!("x")),
        "string" => Some(json!("")),
        "integer" | "number" => Some(json!(0)),
        "boolean" => Some(json!(PRINTED_TRUE.contains(&name))),
        "array" => Some(Value::Array(vec![blank(&schema["items"], name)?])),
        "object" if schema.get("additionalProperties").is_some() => Some(json!({ "KeyName": "" })),
        "object" if schema.get("properties").is_some() => {
            let members = schema["properties"].as_object().unwrap();
            let members =
                members.iter().filter_map(|(name, member)| Some((name.clone(), blank(member, name)?)));
            Some(Value::Object(members.collect()))
        }
        "object" => None,
        other => panic!("{name} has type {other}"),
    }
}

/// Values that set something: the blank one with one place changed, for each place that can be.
pub(crate) fn set(schema: &Value, name: &str) -> Vec<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().skip(1).cloned().collect();
    }
    match schema["type"].as_str().unwrap() {
        "string" => vec![json!("x")],
        "integer" | "number" => vec![json!(schema["minimum"].as_i64().unwrap_or(0).max(1))],
        "boolean" if PRINTED_TRUE.contains(&name) => Vec::new(),
        "boolean" => vec![json!(true)],
        "array" => set(&schema["items"], name).into_iter().map(|element| json!([element])).collect(),
        "object" if schema.get("additionalProperties").is_some() => vec![json!({ "key": "x" })],
        "object" if schema.get("properties").is_some() => set_objects(schema),
        "object" if schema["x-kubernetes-preserve-unknown-fields"] == true => vec![json!({ "x": 1 })],
        "object" => vec![json!({})],
        other => panic!("{name} has type {other}"),
    }
}

fn set_objects(schema: &Value) -> Vec<Value> {
    let members = schema["properties"].as_object().unwrap();
    let required = schema["required"].as_array();
    let is_choice = |name: &str, member: &Value| {
        member.get("enum").is_some() && required.is_some_and(|names| names.contains(&json!(name)))
    };
    let blank = blank(schema, "").and_then(|blank| blank.as_object().cloned()).unwrap_or_default();
    let with = |name: &str, value: Value| -> Value {
        let mut object: Map<String, Value> = blank.clone();
        object.insert(name.to_owned(), value);
        object.into()
    };
    let changed = members.iter().filter(|(name, member)| !is_choice(name, member));
    changed.flat_map(|(name, member)| set(member, name).into_iter().map(|value| with(name, value))).collect()
}
