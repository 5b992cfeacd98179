//! What the charts give, as a whole.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::helm::{ALL_ON, CRDS, NAMESPACE, WINDLASS, name, objects};
use crate::programs::{checkout, run};

fn names(objects: &[Value]) -> BTreeSet<String> {
    objects.iter().map(name).collect()
}

#[test]
fn both_charts_pass_the_linter() {
    for chart in [WINDLASS, CRDS] {
        let said = run("helm", &["lint", "--strict", chart], "").succeeded();
        assert!(said.contains("0 chart(s) failed"), "{said}");
        assert!(!said.contains("[WARNING]"), "{said}");
    }
}

#[test]
fn every_object_is_one_and_says_whose_it_is() {
    for arguments in [&[][..], &["--values", ALL_ON]] {
        let objects = objects(WINDLASS, arguments);
        assert_eq!(names(&objects).len(), objects.len(), "two objects have one name");
        for object in &objects {
            assert!(object["apiVersion"].is_string(), "{object}");
            assert!(object["metadata"]["name"].is_string(), "{object}");
            let is_plain = matches!(object["kind"].as_str(), Some("CustomResourceDefinition" | "ConfigMap"));
            let label = &object["metadata"]["labels"]["app.kubernetes.io/name"];
            assert!(is_plain || label == "windlass", "{} has no label", name(object));
            assert!(object.get("status").is_none(), "{} has a status: a controller's", name(object));
        }
    }
}

#[test]
fn the_default_objects_are_these() {
    let objects = objects(WINDLASS, &["--set", "crds.enabled=false"]);
    let policies = [
        "node-sets",
        "node-sets-scale",
        "operator-jail",
        "operator-jail-node-sets",
        "operator-jail-others",
        "operator-jail-services",
        "pods",
        "records",
        "revisions",
        "status",
        "use",
    ];
    let mut expected: BTreeSet<String> = policies
        .iter()
        .flat_map(|policy| {
            ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
                .map(|kind| format!("{kind} windlass-{policy}"))
        })
        .collect();
    let others = [
        "ClusterRole windlass",
        "ClusterRole windlass-administrator",
        "ClusterRole windlass-catalog-reader",
        "ClusterRole windlass-editor",
        "ClusterRole windlass-reader",
        "ClusterRole windlass-release",
        "ClusterRole windlass-submitter",
        "ClusterRoleBinding windlass",
        "ClusterRoleBinding windlass-catalog-reader",
        "ClusterRoleBinding windlass-release",
        "Deployment windlass",
        "Job windlass-release",
        "PodDisruptionBudget windlass",
        "Role windlass",
        "RoleBinding windlass",
        "Service windlass-metrics",
        "ServiceAccount windlass",
        "ServiceAccount windlass-release",
    ];
    expected.extend(others.map(str::to_owned));
    assert_eq!(names(&objects), expected);
}

#[test]
fn options_add_their_objects_and_switches_take_theirs_away() {
    let (default, all_on) =
        (names(&objects(WINDLASS, &[])), names(&objects(WINDLASS, &["--values", ALL_ON])));
    let added: Vec<&String> = all_on.difference(&default).collect();
    let expected = [
        "ClusterRole windlass-cluster-api",
        "ClusterRole windlass-karpenter",
        "ClusterRole windlass-simulated",
        "ClusterRoleBinding windlass-cluster-api",
        "ClusterRoleBinding windlass-karpenter",
        "ClusterRoleBinding windlass-simulated",
        "ConfigMap windlass-map",
        "ConfigMap windlass-text",
        "FlowSchema windlass",
        "NetworkPolicy windlass",
        "PodMonitor windlass",
        "PriorityLevelConfiguration windlass",
        "PrometheusRule windlass",
        "ServiceMonitor windlass",
        "ValidatingAdmissionPolicy windlass-operator-jail-cluster-api",
        "ValidatingAdmissionPolicy windlass-operator-jail-machine-deployments",
        "ValidatingAdmissionPolicy windlass-operator-jail-machines",
        "ValidatingAdmissionPolicyBinding windlass-operator-jail-cluster-api",
        "ValidatingAdmissionPolicyBinding windlass-operator-jail-machine-deployments",
        "ValidatingAdmissionPolicyBinding windlass-operator-jail-machines",
    ];
    assert_eq!(added, expected);
    let switches = [
        ("policies.use", 2),
        ("policies.status", 2),
        ("policies.pods", 6),
        ("policies.records", 4),
        ("policies.operatorJail", 8),
        ("releaseOnUninstall", 4),
        ("catalogReadableByAll", 1),
        ("crds.enabled", 6),
    ];
    for (switch, number) in switches {
        let left = names(&objects(WINDLASS, &["--set", &format!("{switch}=false")]));
        assert_eq!(default.len() - left.len(), number, "{switch}=false: {left:?}");
    }
}

#[test]
fn policies_fail_closed_and_are_in_force() {
    let objects = objects(WINDLASS, &[]);
    let of_kind = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).collect::<Vec<_>>();
    let policies = of_kind("ValidatingAdmissionPolicy");
    assert!(policies.iter().all(|policy| policy["spec"]["failurePolicy"] == "Fail"));
    let bound: BTreeSet<&str> = of_kind("ValidatingAdmissionPolicyBinding")
        .iter()
        .filter(|binding| binding["spec"]["validationActions"][0] == "Deny")
        .filter_map(|binding| binding["spec"]["policyName"].as_str())
        .collect();
    let named: BTreeSet<&str> = policies.iter().filter_map(|it| it["metadata"]["name"].as_str()).collect();
    assert_eq!(bound, named);
}

#[test]
fn the_definitions_are_those_of_the_api_and_are_kept() {
    let mut files: Vec<_> =
        fs::read_dir(checkout().join("crds/manifests")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for (arguments, kept) in [(&[][..], true), (&["--set", "keep=false"], false)] {
        let mut given = objects(CRDS, arguments);
        given.sort_by_key(name);
        for definition in &mut given {
            let policy = definition.pointer("/metadata/annotations/helm.sh~1resource-policy").cloned();
            assert_eq!(policy, kept.then(|| "keep".into()), "{}", name(definition));
            definition["metadata"].as_object_mut().unwrap().remove("annotations");
        }
        let expected: Vec<Value> = files
            .iter()
            .map(|file| serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap())
            .collect();
        assert_eq!(given, expected);
    }
}

#[test]
fn the_catalogue_of_charts_lists_every_definition() {
    let text = fs::read_to_string(checkout().join(WINDLASS).join("Chart.yaml")).unwrap();
    let chart: Value = serde_saphyr::from_str(&text).unwrap();
    let listed: Vec<Value> =
        serde_saphyr::from_str(chart["annotations"]["artifacthub.io/crds"].as_str().unwrap()).unwrap();
    let told = |of: &Value| (of["name"].clone(), of["kind"].clone(), of["version"].clone());
    let mut listed: Vec<String> = listed.iter().map(|entry| format!("{:?}", told(entry))).collect();
    let mut given: Vec<String> = objects(CRDS, &[])
        .iter()
        .map(|definition| {
            let (spec, name) = (&definition["spec"], &definition["metadata"]["name"]);
            format!("{:?}", (name, &spec["names"]["kind"], &spec["versions"][0]["name"]))
        })
        .collect();
    listed.sort();
    given.sort();
    assert_eq!(listed, given);
}

#[test]
fn the_operator_is_told_its_options_and_its_namespace() {
    let objects = objects(WINDLASS, &["--values", ALL_ON]);
    let deployment = objects.iter().find(|object| name(object) == "Deployment windlass").unwrap();
    assert_eq!(deployment["metadata"]["namespace"], NAMESPACE);
    assert_eq!(deployment["spec"]["replicas"], 3);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["args"][0], "run");
    assert!(container["image"].as_str().unwrap().starts_with("windlass.dev/windlass@sha256:"));
    let variable = |name: &str| {
        container["env"].as_array().unwrap().iter().find(|variable| variable["name"] == name).unwrap().clone()
    };
    assert_eq!(variable("WINDLASS_NAMESPACE")["valueFrom"]["fieldRef"]["fieldPath"], "metadata.namespace");
    assert_eq!(variable("WINDLASS_IDENTITY")["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name");
    assert_eq!(variable("WINDLASS_LISTEN")["value"], "[::]:8080");
    assert_eq!(variable("WINDLASS_PAUSE_ADMISSION")["value"], "true");
    assert_eq!(variable("WINDLASS_LOG")["value"], "info,windlass=debug");
}
