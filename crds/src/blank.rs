//! "Not set" in CEL: an expression that is true when a value says nothing, made from the value's schema.
//!
//! The API server cannot decode with [`crate::unset`], so a rule that refuses a field must itself let the
//! values pass that AWS's skeletons print.

use serde_json::Value;

use crate::schema::{is_required, properties};
use crate::unset::SKELETON_KEY;

/// Booleans that AWS's skeletons print as `true` inside objects that are otherwise empty. Alone they set
/// nothing.
const PRINTED_TRUE: [&str; 3] = ["readOnly", "readonlyRootFilesystem", "privileged"];

/// The expression that is true when the value called `name`, of the given schema, is blank.
///
/// An object of which nothing is known (`podTemplate`) is never blank: that it is there sets it.
pub(crate) fn expression(schema: &Value, name: &str) -> String {
    at_depth(schema, name, 0)
}

/// `depth`: how many lists are around the value; each gives its elements a name of their own.
fn at_depth(schema: &Value, name: &str, depth: usize) -> String {
    match schema.get("type").and_then(Value::as_str) {
        // Skeletons print computeResources with type EC2, also for environments that have none.
        Some("string") if is_choice_of(schema, "EC2") => format!("{name} in ['', 'EC2']"),
        Some("string") => format!("{name} == ''"),
        Some("integer") => format!("{name} == 0"),
        Some("number") => format!("{name} == 0.0"),
        Some("boolean") => format!("!{name}"),
        Some("array") => list(schema, name, depth),
        Some("object") if schema.get("additionalProperties").is_some() => {
            format!("{name}.all(key, key == '{SKELETON_KEY}' && {name}[key] == '')")
        }
        Some("object") => object(schema, name, depth),
        _ => "false".into(),
    }
}

fn is_choice_of(schema: &Value, word: &str) -> bool {
    schema
        .get("enum")
        .and_then(Value::as_array)
        .is_some_and(|words| words.iter().any(|choice| choice == word))
}

fn list(schema: &Value, name: &str, depth: usize) -> String {
    let element = format!("e{depth}");
    match schema.get("items") {
        Some(items) => format!("{name}.all({element}, {})", at_depth(items, &element, depth + 1)),
        None => format!("{name}.size() == 0"),
    }
}

fn object(schema: &Value, name: &str, depth: usize) -> String {
    let members: Vec<String> = properties(schema)
        .filter(|(member, _)| !PRINTED_TRUE.contains(&member.as_str()))
        // A choice that has to be made says nothing alone: a skeleton prints any of the words.
        .filter(|(member, field)| field.get("enum").is_none() || !is_required(schema, member))
        .map(|(member, schema)| {
            let path = format!("{name}.{member}");
            format!("(!has({path}) || {})", at_depth(schema, &path, depth))
        })
        .collect();
    if members.is_empty() { "false".into() } else { members.join(" && ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_blank_when_its_members_are() {
        let schema = json!({"type": "object", "properties": {
            "name": {"type": "string"},
            "readOnly": {"type": "boolean"},
            "sizes": {"type": "array", "items": {"type": "integer"}},
        }});
        assert_eq!(
            expression(&schema, "self"),
            "(!has(self.name) || self.name == '') && (!has(self.sizes) || self.sizes.all(e0, e0 == 0))"
        );
    }

    #[test]
    fn an_object_of_which_nothing_is_known_is_never_blank() {
        assert_eq!(expression(&json!({"type": "object"}), "self"), "false");
    }

    #[test]
    fn a_map_is_blank_with_the_pair_that_skeletons_print() {
        let schema = json!({"type": "object", "additionalProperties": {"type": "string"}});
        assert_eq!(expression(&schema, "self"), "self.all(key, key == 'KeyName' && self[key] == '')");
    }
}
