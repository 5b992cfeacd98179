//! What somebody's admission policy adds to the pods of a scene.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use crate::catalog::BUSYBOX;
use crate::cluster::kubectl;
use crate::scene::Scene;

const BOUND: Duration = Duration::from_secs(30);

/// Adds to every pod of the scene what `object` has, in CEL, and waits until it is done. `mark` is a text that such a pod has.
pub(crate) async fn add(scene: &Scene, object: &str, mark: &str) {
    let mutation = json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": object}});
    mutate(scene, &mutation, mark).await;
}

/// Changes every pod of the scene as `mutation` has it, and waits until it is done. `mark` is a text that such a pod has.
pub(crate) async fn mutate(scene: &Scene, mutation: &Value, mark: &str) {
    let name = scene.unique("adds");
    scene
        .create(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "reinvocationPolicy": "Never",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
                    "resourceRules": [
                        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
                    ],
                },
                "mutations": [mutation],
            },
        }))
        .await;
    scene
        .create(json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name},
        }))
        .await;
    until_it_acts(scene, mark).await;
}

/// The annotation `key` on every pod of the scene.
pub(crate) async fn annotate(scene: &Scene, key: &str, value: &str) {
    let object = format!("Object{{metadata: Object.metadata{{annotations: {{\"{key}\": \"{value}\"}}}}}}");
    add(scene, &object, key).await;
}

async fn until_it_acts(scene: &Scene, mark: &str) {
    let probe: Pod = serde_json::from_value(json!({
        "metadata": {"name": "probe", "annotations": {"probe": "true"}},
        "spec": {"containers": [{"name": "default", "image": BUSYBOX}]},
    }))
    .unwrap();
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let started = Instant::now();
    let mut again = interval(Duration::from_millis(100));
    loop {
        again.tick().await;
        // A connection may break after the API server was restarted by another test.
        let made = scene.api::<Pod>().create(&dry_run, &probe).await;
        if made.as_ref().is_ok_and(|made| serde_json::to_string(made).unwrap().contains(mark)) {
            return;
        }
        assert!(started.elapsed() < BOUND, "the policy does not act: {made:#?}");
    }
}

/// Removes the policy.
pub(crate) fn remove(scene: &Scene) {
    let name = scene.unique("adds");
    for kind in ["mutatingadmissionpolicybinding", "mutatingadmissionpolicy"] {
        kubectl(&["delete", kind, &name]).succeeded();
    }
}
