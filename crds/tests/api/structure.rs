//! The part of the API server's check that is no rule: types, required and unknown fields, choices, bounds.

use serde_json::Value;

/// What is wrong with an object, as `PATH: MESSAGE`.
pub(crate) fn errors(schema: &Value, object: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let mut object = object.clone();
    for known in ["apiVersion", "kind", "metadata"] {
        object.as_object_mut().unwrap().remove(known);
    }
    check(schema, &object, "", &mut errors);
    errors
}

fn check(schema: &Value, value: &Value, path: &str, errors: &mut Vec<String>) {
    let kind = schema["type"].as_str().unwrap_or_else(|| panic!("{path} has no type"));
    let fits = match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{path} has type {other}"),
    };
    if !fits {
        errors.push(format!("{path}: Invalid value: {path} in body must be of type {kind}: {value}"));
        return;
    }
    if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.contains(value)) {
        let choices: Vec<String> = choices.iter().map(ToString::to_string).collect();
        errors.push(format!("{path}: Unsupported value: {value}: supported values: {}", choices.join(", ")));
    }
    match value {
        Value::String(text) => check_text(schema, text, path, errors),
        Value::Number(number) => check_number(schema, number.as_f64().unwrap(), path, errors),
        Value::Array(elements) => check_list(schema, elements, path, errors),
        Value::Object(_) => check_object(schema, value, path, errors),
        _ => {}
    }
}

fn check_text(schema: &Value, text: &str, path: &str, errors: &mut Vec<String>) {
    let length = text.chars().count() as u64;
    if let Some(maximum) = schema["maxLength"].as_u64().filter(|maximum| length > *maximum) {
        errors.push(format!("{path}: Too long: may not be more than {maximum} bytes"));
    }
    if let Some(minimum) = schema["minLength"].as_u64().filter(|minimum| length < *minimum) {
        errors.push(format!("{path}: Invalid value: should be at least {minimum} chars long"));
    }
}

fn check_number(schema: &Value, number: f64, path: &str, errors: &mut Vec<String>) {
    if let Some(minimum) = schema["minimum"].as_f64().filter(|minimum| number < *minimum) {
        let bound = format!("should be greater than or equal to {minimum}");
        errors.push(format!("{path}: Invalid value: {number}: {path} in body {bound}"));
    }
    if let Some(maximum) = schema["maximum"].as_f64().filter(|maximum| number > *maximum) {
        let bound = format!("should be less than or equal to {maximum}");
        errors.push(format!("{path}: Invalid value: {number}: {path} in body {bound}"));
    }
}

fn check_list(schema: &Value, elements: &[Value], path: &str, errors: &mut Vec<String>) {
    let length = elements.len() as u64;
    if let Some(maximum) = schema["maxItems"].as_u64().filter(|maximum| length > *maximum) {
        errors.push(format!("{path}: Too many: {length}: must have at most {maximum} items"));
    }
    if let Some(minimum) = schema["minItems"].as_u64().filter(|minimum| length < *minimum) {
        errors.push(format!("{path}: Invalid value: should have at least {minimum} items"));
    }
    let key = |element: &Value| match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => {
            let names = schema["x-kubernetes-list-map-keys"].as_array().unwrap();
            Some(names.iter().map(|name| element[name.as_str().unwrap()].clone()).collect::<Vec<_>>())
        }
        Some("set") => Some(vec![element.clone()]),
        _ => None,
    };
    for (index, element) in elements.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let keyed = key(element);
        if keyed.is_some() && elements.iter().take(index).any(|earlier| key(earlier) == keyed) {
            errors.push(format!("{path}: Duplicate value: {element}"));
        }
        check(&schema["items"], element, &path, errors);
    }
}

fn check_object(schema: &Value, object: &Value, path: &str, errors: &mut Vec<String>) {
    let members = object.as_object().unwrap();
    let length = members.len() as u64;
    if let Some(maximum) = schema["maxProperties"].as_u64().filter(|maximum| length > *maximum) {
        errors.push(format!("{path}: Too many: {length}: must have at most {maximum} items"));
    }
    if let Some(minimum) = schema["minProperties"].as_u64().filter(|minimum| length < *minimum) {
        errors.push(format!("{path}: Invalid value: should have at least {minimum} properties"));
    }
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for name in schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap()) {
        if !members.contains_key(name) {
            errors.push(format!("{}: Required value", join(name)));
        }
    }
    for (name, member) in members {
        let known = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        match known {
            Some(known) => check(known, member, &join(name), errors),
            None if schema["x-kubernetes-preserve-unknown-fields"] == true => {}
            None => errors.push(format!("unknown field \"{}\"", join(name))),
        }
    }
}
