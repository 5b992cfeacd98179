//! Whether the definition of a resource, as its project ships it, accepts an object.

use crate::environments::yaml;
use crate::structure;
use kube::core::cel::{Validator, compile_schema};
use serde_json::{Value, json};

/// What a definition finds wrong with an object of its first version.
pub(crate) fn errors(definition: &str, object: &Value) -> Vec<String> {
    let definition = yaml(definition);
    let mut schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap().clone();
    // Patterns too are rules, which the check of rules understands.
    add_patterns(&mut schema);
    let structural = structure::errors(&schema, object);
    if !structural.is_empty() {
        return structural;
    }
    let compiled = compile_schema(&schema);
    assert!(compiled.compilation_errors().is_empty(), "{:#?}", compiled.compilation_errors());
    let validated = Validator::new().validate_compiled(&compiled, object, None);
    validated.err().into_iter().flatten().map(|error| error.to_string()).collect()
}

fn add_patterns(schema: &mut Value) {
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        let rule = json!({ "rule": format!("self.matches(r'{pattern}')"), "message": format!("does not match {pattern}") });
        let rules =
            schema.as_object_mut().unwrap().entry("x-kubernetes-validations").or_insert_with(|| json!([]));
        rules.as_array_mut().unwrap().push(rule);
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(add_patterns),
        Value::Array(elements) => elements.iter_mut().for_each(add_patterns),
        _ => {}
    }
}
