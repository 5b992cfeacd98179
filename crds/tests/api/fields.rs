//! Fields by path, in schemas and in objects. `[]` in a path stands for each element of a list.

use serde_json::{Value, json};

/// The schema of a field.
pub(crate) fn at<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(schema, |schema, segment| {
        let field = schema.get("properties")?.get(segment.trim_end_matches("[]"))?;
        if segment.ends_with("[]") { field.get("items") } else { Some(field) }
    })
}

/// The paths of all fields below a schema that hold no further fields.
pub(crate) fn fields(schema: &Value, path: &str) -> Vec<String> {
    let items = schema.get("items").filter(|items| items.get("properties").is_some());
    let (schema, path) = items.map_or((schema, path.to_owned()), |items| (items, format!("{path}[]")));
    match schema.get("properties").and_then(Value::as_object) {
        Some(members) => {
            members.iter().flat_map(|(name, member)| fields(member, &format!("{path}.{name}"))).collect()
        }
        None => vec![path],
    }
}

/// Puts a value into an object, with what has to be around it.
pub(crate) fn put(object: &mut Value, path: &str, value: Value) {
    let (segment, rest) = path.split_once('.').unwrap_or((path, ""));
    let name = segment.trim_end_matches("[]");
    let members = object.as_object_mut().unwrap();
    let inner = if segment.ends_with("[]") {
        members.insert(name.to_owned(), json!([{}]));
        &mut members[name][0]
    } else {
        members.entry(name).or_insert_with(|| json!({}))
    };
    if rest.is_empty() { *inner = value } else { put(inner, rest, value) }
}

/// The value at a path without lists.
pub(crate) fn value_at(object: &Value, path: &str) -> Option<Value> {
    object.pointer(&format!("/{}", path.replace('.', "/"))).cloned()
}
