//! The pods of the chart itself keep to the restricted Pod Security Standard, and to what the standard leaves open.

use serde_json::{Value, json};

use crate::helm::{ALL_ON, WINDLASS, name, objects};

/// Name and pod template of every workload.
fn pods(arguments: &[&str]) -> Vec<(String, Value)> {
    let template = |object: &Value| Some((name(object), object.pointer("/spec/template/spec")?.clone()));
    objects(WINDLASS, arguments).iter().filter_map(template).collect()
}

#[test]
fn pods_are_restricted() {
    for arguments in [&[][..], &["--values", ALL_ON]] {
        let pods = pods(arguments);
        assert_eq!(pods.len(), 2, "the operator and what releases");
        for (name, pod) in pods {
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
            assert_eq!(pod["securityContext"]["runAsUser"], 65532, "{name}");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            let volumes = pod["volumes"].as_array().into_iter().flatten();
            let others = volumes.filter(|volume| volume["configMap"]["name"] != "instance-types");
            assert_eq!(others.count(), 0, "{name} has volumes");
            for absent in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
                assert!(pod.get(absent).is_none(), "{name} has {absent}");
            }
            let containers = pod["containers"].as_array().unwrap();
            assert_eq!(containers.len(), 1, "{name}");
            for container in containers {
                let expected = json!({
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "privileged": false,
                    "readOnlyRootFilesystem": true,
                    "runAsNonRoot": true,
                });
                assert_eq!(container["securityContext"], expected, "{name}");
                assert_eq!(container["resources"]["limits"]["memory"], "512Mi", "{name}");
                assert_eq!(container["resources"]["requests"], json!({"cpu": "50m", "memory": "64Mi"}));
            }
        }
    }
}

#[test]
fn the_operator_is_probed_and_stops_in_time() {
    let (_, pod) = pods(&[]).into_iter().find(|(name, _)| name == "Deployment windlass").unwrap();
    assert_eq!(pod["terminationGracePeriodSeconds"], 10);
    assert_eq!(pod["automountServiceAccountToken"], true);
    let container = &pod["containers"][0];
    for (probe, path) in
        [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "http"}));
    }
    assert_eq!(container["ports"], json!([{"name": "http", "containerPort": 8080}]));
}

#[test]
fn services_and_budgets_select_the_operator_alone() {
    let objects = objects(WINDLASS, &["--values", ALL_ON]);
    let labels = |kind: &str| {
        let workload = objects.iter().find(|object| object["kind"] == kind).unwrap();
        workload.pointer("/spec/template/metadata/labels").unwrap().as_object().unwrap().clone()
    };
    let (operator, release) = (labels("Deployment"), labels("Job"));
    for (kind, pointer) in [
        ("Deployment", "/spec/selector/matchLabels"),
        ("NetworkPolicy", "/spec/podSelector/matchLabels"),
        ("PodDisruptionBudget", "/spec/selector/matchLabels"),
        ("PodMonitor", "/spec/selector/matchLabels"),
        ("Service", "/spec/selector"),
    ] {
        let object = objects.iter().find(|object| object["kind"] == kind).unwrap();
        let selector = object.pointer(pointer).unwrap().as_object().unwrap();
        assert!(selector.iter().all(|(key, value)| operator.get(key) == Some(value)), "{kind} {selector:?}");
        assert!(selector.iter().any(|(key, value)| release.get(key) != Some(value)), "{kind} {selector:?}");
    }
}
