//! Multi-node jobs that are refused, and say why (SPEC.md M1, M6; Points pinned, Refused at apply).

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{self, BUSYBOX, job};
use crate::cluster::{OPERATOR, client_as, kubectl};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::spec::definition;

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

#[tokio::test]
async fn what_does_not_go_together_ends_the_job_at_once_with_the_reason() {
    let scene = Scene::new("mismatch").await;
    let queue = scene.queue("main", catalog::REAL).await;
    scene.create(definition("nodes", 2, 0, &[("0:1", "true")])).await;
    scene.create(definition("gap", 3, 0, &[("0:0", "true"), ("2:", "true")])).await;
    scene.create(catalog::definition("single", BUSYBOX, &["true"])).await;
    let array = catalog::array("array", &queue, "nodes", 2);
    let mut container = job("container", &queue, "nodes");
    container["spec"]["containerOverrides"] = json!({"vcpus": 2});
    let mut more = job("more", &queue, "nodes");
    more["spec"]["nodeOverrides"] = json!({"numNodes": 3});
    let mut beyond = job("beyond", &queue, "nodes");
    let changes = json!({"targetNodes": "1:2", "containerOverrides": {"vcpus": 2}});
    beyond["spec"]["nodeOverrides"] = json!({"nodePropertyOverrides": [changes]});
    let mut single = job("single", &queue, "single");
    single["spec"]["nodeOverrides"] = json!({"numNodes": 2});
    let gap = job("gap", &queue, "gap");
    for (object, code, told) in [
        (array, "ArrayOfMultiNodeJobs", "leave arrayProperties out"),
        (container, "InvalidSubmission", "use nodeOverrides"),
        (more, "InvalidSubmission", "targetNodes is open"),
        (beyond, "InvalidSubmission", "targetNodes 1:2 names nodes that a job of 2 nodes"),
        (gap, "InvalidDefinition", "node 1 of 3 is in no nodeRangeProperties"),
        (single, "InvalidSubmission", "has no nodeProperties"),
    ] {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        scene.create(object).await;
        let job = scene.job(&name, "ends", has_ended).await;
        assert_eq!((state(&job), reason(&job)), (JobState::Failed, code), "{name}: {:#?}", job.status);
        assert!(words(&job).contains(told), "{name}: {}", words(&job));
    }
    scene.leave().await;
}

#[tokio::test]
async fn pods_that_the_namespaces_security_level_forbids_fail_the_job_with_the_servers_words() {
    let scene = Scene::new("restricted").await;
    let pool = scene.unique("pool");
    for name in ["h0", "h1"] {
        hosts::add(&scene, name, &pool, FOUR, FOUR).await;
    }
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    let labels = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces = Api::<Namespace>::all(scene.client.clone());
    namespaces.patch(&scene.namespace, &PatchParams::default(), &Patch::Merge(labels)).await.unwrap();
    scene.create(definition("nodes", 2, 0, &[("0:", "true")])).await;
    scene.create(job("nodes", &queue, "nodes")).await;
    let job = scene.job("nodes", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "PodRefused"), "{:#?}", job.status);
    assert!(words(&job).contains("violates PodSecurity \"restricted:latest\""), "{}", words(&job));
    assert!(status(&job).attempts.is_empty());
    scene.leave().await;
}

#[tokio::test]
async fn a_stolen_token_of_the_operator_makes_no_pods_that_run_at_once() {
    let scene = Scene::new("jail").await;
    let operator = client_as(Some(OPERATOR)).await;
    let labels = json!({"batch.windlass.dev/job-uid": "1a2b3c4d-0000-4000-8000-000000000001"});
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "stolen", "labels": labels},
        "spec": {
            "serviceName": "stolen",
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "default", "image": BUSYBOX}]},
            },
        },
    });
    let refused = scene.try_create(&operator, set).await.unwrap_err();
    assert!(refused.to_string().contains("windlass-operator-jail-node-sets"), "{refused}");
    let user = format!("--as={OPERATOR}");
    for verb in ["patch", "update", "delete"] {
        let answer =
            kubectl(&["--namespace", &scene.namespace, &user, "auth", "can-i", verb, "statefulsets"]);
        assert!(answer.failed().starts_with("no"), "{verb}");
    }
    scene.leave().await;
}
