//! Values that are none are refused, with their name.

use std::fs;

use serde_json::Value;

use crate::helm::{CRDS, WINDLASS, template};
use crate::programs::checkout;

#[test]
fn unknown_keys_and_wrong_types_are_refused() {
    let refused = [
        (WINDLASS, "pauseAdmision=true", "pauseAdmision"),
        (WINDLASS, "image.repo=x", "repo"),
        (WINDLASS, "image.digest=latest", "/image/digest"),
        (WINDLASS, "image.pullPolicy=Sometimes", "/image/pullPolicy"),
        (WINDLASS, "replicas=two", "/replicas"),
        (WINDLASS, "replicas=-1", "/replicas"),
        (WINDLASS, "pauseAdmission=yes", "/pauseAdmission"),
        (WINDLASS, "listenAddress=localhost", "/listenAddress"),
        (WINDLASS, "resources.limit.memory=1Gi", "limit"),
        (WINDLASS, "nodeSelector.pool=1", "/nodeSelector/pool"),
        (WINDLASS, "tolerations.key=x", "/tolerations"),
        (WINDLASS, "policies.all=false", "all"),
        (WINDLASS, "jail.allowEverything=true", "allowEverything"),
        (WINDLASS, "metrics.podMonitor.interval=often", "/metrics/podMonitor/interval"),
        (WINDLASS, "networkPolicy.apiServerPorts={https}", "/networkPolicy/apiServerPorts"),
        (WINDLASS, "flowControl.nominalConcurrencyShares=0", "/flowControl"),
        // It adds to clusterApi, and would do nothing without.
        (WINDLASS, "backends.awsMachineTemplates=true", "clusterApi"),
        (WINDLASS, "crds.install=true", "install"),
        (CRDS, "kept=true", "kept"),
        (CRDS, "keep=1", "/keep"),
    ];
    for (chart, value, named) in refused {
        let said = template(chart, &["--set", value]).failed();
        assert!(said.contains("specifications of the schema") && said.contains(named), "{value}: {said}");
    }
}

#[test]
fn an_older_kubernetes_is_refused() {
    for chart in [WINDLASS, CRDS] {
        let said = template(chart, &["--kube-version", "1.34.9"]).failed();
        assert!(said.contains(">=1.35.0-0"), "{said}");
        template(chart, &["--kube-version", "1.36.3-eks-1"]).succeeded();
    }
}

/// A value that the schema does not know would be refused at once; one that it alone knows is in no template.
#[test]
fn the_schema_knows_the_values_and_no_more() {
    for chart in [WINDLASS, CRDS] {
        let read = |file: &str| fs::read_to_string(checkout().join(chart).join(file)).unwrap();
        let values: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
        let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
        compare(chart, &values, &schema, &schema["$defs"]);
    }
}

fn compare(path: &str, values: &Value, schema: &Value, shared: &Value) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => &shared[reference.trim_start_matches("#/$defs/")],
        None => schema,
    };
    let Some(properties) = schema["properties"].as_object() else { return };
    assert_eq!(schema["additionalProperties"], false, "{path} takes unknown keys");
    let values = values.as_object().unwrap();
    // Given by Helm, and by the chart that has this one inside.
    let given = ["global", "enabled"];
    for key in properties.keys().filter(|key| !given.contains(&key.as_str())) {
        assert!(values.contains_key(key), "{path}.{key} has no default in values.yaml");
    }
    for (key, value) in values {
        compare(&format!("{path}.{key}"), value, &properties[key], shared);
    }
}

/// helm-docs, and people, read what a value is for above it.
#[test]
fn every_value_is_explained() {
    for chart in [WINDLASS, CRDS] {
        let text = fs::read_to_string(checkout().join(chart).join("values.yaml")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_leaf = line.contains(": ") && !line.trim_start().starts_with('#') && indent <= 4;
            let is_inside_of_explained = line.starts_with("    cpu:")
                || line.starts_with("    memory:")
                || line.starts_with("  kubernetes.io/os:");
            if is_leaf && !is_inside_of_explained {
                let above = lines[..index].iter().rev().take_while(|line| line.trim_start().starts_with('#'));
                assert!(above.into_iter().any(|line| line.contains("# -- ")), "{chart}: {line}");
            }
        }
    }
}
