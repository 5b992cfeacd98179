//! The rights that the chart gives, against a written budget.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::helm::{ALL_ON, NAMESPACE, WINDLASS, name, objects};
use crate::programs::checkout;

/// Verbs by `group/resource`, with ` named NAME` where the right is for one object.
type Rights = BTreeMap<String, BTreeSet<String>>;

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn rights(role: &Value) -> Rights {
    let mut rights = Rights::new();
    for rule in role["rules"].as_array().unwrap() {
        assert!(rule.get("nonResourceURLs").is_none(), "{}", name(role));
        let names = match texts(&rule["resourceNames"]) {
            names if names.is_empty() => vec![String::new()],
            names => names.iter().map(|name| format!(" named {name}")).collect(),
        };
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for name in &names {
                    let key = if group.is_empty() {
                        format!("{resource}{name}")
                    } else {
                        format!("{group}/{resource}{name}")
                    };
                    let verbs = texts(&rule["verbs"]);
                    rights.entry(key).or_default().extend(verbs.into_iter().map(str::to_owned));
                }
            }
        }
    }
    rights
}

fn rendered() -> BTreeMap<String, Rights> {
    let is_role = |object: &&Value| matches!(object["kind"].as_str(), Some("Role" | "ClusterRole"));
    let objects = objects(WINDLASS, &["--values", ALL_ON]);
    objects.iter().filter(is_role).map(|role| (name(role), rights(role))).collect()
}

#[test]
fn the_roles_are_those_of_the_budget() {
    let text = fs::read_to_string(checkout().join("e2e/tests/chart/rights.yaml")).unwrap();
    let budget: BTreeMap<String, Rights> = serde_saphyr::from_str(&text).unwrap();
    let rendered = rendered();
    let roles: BTreeSet<&String> = budget.keys().chain(rendered.keys()).collect();
    for role in roles {
        assert_eq!(rendered.get(role), budget.get(role), "{role}: rendered, and in rights.yaml");
    }
}

#[test]
fn nothing_is_given_that_nobody_needs() {
    for (role, rights) in rendered() {
        for (resource, verbs) in rights {
            let right = format!("{role}: {resource} {verbs:?}");
            assert!(!resource.contains('*') && !verbs.contains("*"), "{right}");
            for never in
                ["secrets", "configmaps", "serviceaccounts", "pods/exec", "customresourcedefinitions"]
            {
                assert!(!resource.contains(never), "{right}");
            }
            assert!(!resource.starts_with("rbac."), "{right}");
            assert!(!verbs.contains("impersonate") && !verbs.contains("escalate"), "{right}");
            assert!(!resource.ends_with("/status") || role == "ClusterRole windlass", "{right}");
            assert!(!verbs.contains("use") || role == "ClusterRole windlass-administrator", "{right}");
        }
    }
}

#[test]
fn built_in_roles_get_only_what_they_should() {
    let objects = objects(WINDLASS, &[]);
    let aggregated = |to: &str| -> BTreeSet<String> {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{to}");
        objects.iter().filter(|object| object["metadata"]["labels"][&label] == "true").map(name).collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| format!("ClusterRole windlass-{name}")).collect();
    assert_eq!(aggregated("view"), set(&["reader"]));
    assert_eq!(aggregated("edit"), set(&["editor", "reader"]));
    assert_eq!(aggregated("admin"), set(&["editor", "reader"]));
}

#[test]
fn roles_are_bound_to_whom_they_are_for() {
    let objects = objects(WINDLASS, &["--values", ALL_ON]);
    let is_binding =
        |object: &&Value| object["kind"].as_str().is_some_and(|kind| kind.ends_with("RoleBinding"));
    let bound: BTreeSet<String> = objects
        .iter()
        .filter(is_binding)
        .map(|binding| {
            let (role, subjects) = (&binding["roleRef"], binding["subjects"].as_array().unwrap());
            assert_eq!(subjects.len(), 1, "{binding}");
            let subject = &subjects[0];
            let of_namespace =
                subject["namespace"].as_str().map(|name| format!("{name}/")).unwrap_or_default();
            format!(
                "{} {} to {} {of_namespace}{}",
                role["kind"].as_str().unwrap(),
                role["name"].as_str().unwrap(),
                subject["kind"].as_str().unwrap(),
                subject["name"].as_str().unwrap()
            )
        })
        .collect();
    let expected = [
        format!("ClusterRole windlass to ServiceAccount {NAMESPACE}/windlass"),
        format!("ClusterRole windlass-cluster-api to ServiceAccount {NAMESPACE}/windlass"),
        format!("ClusterRole windlass-karpenter to ServiceAccount {NAMESPACE}/windlass"),
        format!("ClusterRole windlass-simulated to ServiceAccount {NAMESPACE}/windlass"),
        format!("ClusterRole windlass-release to ServiceAccount {NAMESPACE}/windlass-release"),
        format!("Role windlass to ServiceAccount {NAMESPACE}/windlass"),
        "ClusterRole windlass-catalog-reader to Group system:authenticated".to_owned(),
    ];
    assert_eq!(bound, expected.into());
}
