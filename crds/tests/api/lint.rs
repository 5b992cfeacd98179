//! Every field is described and bounded, every list says how it is merged, every name is camelCase.

use serde_json::Value;
use windlass_crds::Kind;

use crate::check::{Stage, schema};

/// Fields that break a rule of Kubernetes' API conventions, and why they may.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("float", "spec.fairsharePolicy.shareDistribution[].weightFactor", "AWS's type"),
    ("float", "status.fairShare.shares[].weightFactor", "AWS's type"),
    ("open", "spec.podTemplate", "a PodTemplateSpec's schema is larger than a definition may be"),
    ("open", "spec.computeResources.launchTemplate.launchTemplateData", "EC2's API; the backend checks it"),
    ("open", "spec.backend.karpenter.ec2NodeClass", "Karpenter's API; its own definition checks it"),
    ("name", "status.arrayProperties.statusSummary", "AWS names the counts after the states"),
    ("name", "status.nodeProperties.statusSummary", "AWS names the counts after the states"),
];

fn is_excepted(rule: &str, path: &str) -> bool {
    EXCEPTIONS.iter().any(|(of, excepted, _)| *of == rule && path == *excepted)
}

#[test]
fn every_field_keeps_the_conventions() {
    let mut findings = Vec::new();
    for kind in Kind::ALL {
        let schema = schema(kind, Stage::Types);
        walk(schema, "", &mut |path, field| {
            check(path, field)
                .into_iter()
                .for_each(|finding| findings.push(format!("{kind} {path}: {finding}")));
        });
    }
    assert!(findings.is_empty(), "{findings:#?}");
}

/// Fields that are refused for ever are open: they are described, and have no bounds to keep.
#[test]
fn every_refused_field_is_described() {
    for kind in Kind::ALL {
        walk(schema(kind, Stage::Now), "", &mut |path, field| {
            assert!(path.ends_with("[]") || field["description"].is_string(), "{kind} {path}");
        });
    }
}

#[test]
fn every_exception_is_a_field() {
    for (rule, excepted, reason) in EXCEPTIONS {
        let mut found = false;
        for kind in Kind::ALL {
            walk(schema(kind, Stage::Types), "", &mut |path, _| found |= path == *excepted);
        }
        assert!(found, "{excepted} ({rule}: {reason}) is no field: remove the exception");
    }
}

fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    if !path.is_empty() {
        visit(path, schema);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        walk(field, &path, visit);
    }
    if let Some(items) = schema.get("items") {
        walk(items, &format!("{path}[]"), visit);
    }
}

fn check(path: &str, field: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    let mut require = |holds: bool, what: &str| {
        if !holds {
            findings.push(what.to_owned());
        }
    };
    let is_element = path.ends_with("[]");
    let described = field["description"].as_str();
    require(is_element || described.is_some(), "has no description");
    require(
        described.is_none_or(|text| text.ends_with(['.', ')']) && text.len() < 400),
        "description: one to three sentences",
    );
    require(field.get("nullable").is_none(), "can be null: absent is the one way to leave it out");
    let parent = path.rsplit_once('.').map_or("", |(parent, _)| parent);
    let name = path.rsplit('.').next().unwrap_or(path);
    require(
        is_excepted("name", parent) || name.starts_with(|first: char| first.is_ascii_lowercase()),
        "is not camelCase",
    );
    let has = |keyword: &str| field.get(keyword).is_some();
    match field["type"].as_str() {
        Some("string") => require(has("maxLength") || has("enum"), "has no maxLength"),
        Some("integer") => {
            require(field["format"] == "int32" || field["format"] == "int64", "is neither int32 nor int64");
            require(has("minimum"), "has no minimum");
        }
        Some("number") => require(is_excepted("float", path), "is a float"),
        Some("array") => {
            require(has("maxItems"), "has no maxItems");
            require(has("x-kubernetes-list-type"), "does not say how it is merged");
        }
        Some("object") if has("x-kubernetes-preserve-unknown-fields") => {
            require(is_excepted("open", path), "takes anything");
        }
        Some("object") if has("additionalProperties") => {
            require(has("maxProperties"), "has no maxProperties");
            require(field["additionalProperties"].get("maxLength").is_some(), "its values have no maxLength");
        }
        Some("object") | Some("boolean") => {}
        other => require(false, &format!("has type {other:?}")),
    }
    findings
}
