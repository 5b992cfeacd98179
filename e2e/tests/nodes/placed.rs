//! All nodes are placed at once, or none, on hosts of their own (SPEC.md M2, M6).

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod, ResourceQuota};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use windlass_crds::shared::attempt::JobState;

use crate::acts::delete;
use crate::admission;
use crate::catalog::job;
use crate::gang;
use crate::hosts::{self, LABEL, Size};
use crate::managed::simulated;
use crate::records::{reason, state, status, words};
use crate::scene::Scene;
use crate::spec::{definition, ends, nodes};
use crate::wait::gone;

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

/// A queue of hosts that exist only in the API, of this instance type each.
async fn stage(topic: &str, types: &[&str]) -> (Scene, String, String) {
    let scene = Scene::new(topic).await;
    let pool = scene.unique("pool");
    for (number, kind) in types.iter().enumerate() {
        host(&scene, &format!("h{number}"), &pool, kind).await;
    }
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    // So that no main node has ended before the others are let go.
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "5000").await;
    (scene, pool, queue)
}

async fn host(scene: &Scene, name: &str, pool: &str, kind: &str) {
    hosts::add(scene, name, pool, FOUR, FOUR).await;
    let labels = json!({"metadata": {"labels": {"node.kubernetes.io/instance-type": kind}}});
    let nodes = Api::<Node>::all(scene.client.clone());
    nodes.patch(&scene.unique(name), &PatchParams::default(), &Patch::Merge(labels)).await.unwrap();
}

#[tokio::test]
async fn nothing_of_a_job_starts_before_there_is_a_host_for_each_node() {
    let (scene, pool, queue) = stage("gang", &["m4", "m4", "c5"]).await;
    scene.create(definition("gang", 3, 0, &[("0:", "true")])).await;
    scene.create(job("gang", &queue, "gang")).await;
    let waits = scene.job("gang", "is told", |job| reason(job) == "TooFewHosts").await;
    assert_eq!(state(&waits), JobState::Runnable);
    assert!(words(&waits).contains("needs 3 hosts of its own at once"), "{}", words(&waits));
    assert!(words(&waits).contains("2 hosts of one instance type"), "{}", words(&waits));
    let there = scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items;
    let sets = scene.api::<StatefulSet>().list(&ListParams::default()).await.unwrap().items;
    assert!(there.is_empty() && sets.is_empty(), "{there:?} {sets:?}");

    host(&scene, "h3", &pool, "m4").await;
    let done = ends(&scene, "gang").await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    let records = nodes(&scene, &done).await;
    let hosts: BTreeSet<String> =
        records.values().filter_map(|node| node.attempts[0].node_name.clone()).collect();
    let expected = ["h0", "h1", "h3"].map(|name| scene.unique(name));
    assert_eq!(hosts, BTreeSet::from(expected), "{records:#?}");
    admission::remove(&scene);
    scene.leave().await;
}

/// Has a host's kubelet tell this version.
async fn report(scene: &Scene, name: &str, version: &str) {
    let told = json!({"status": {"nodeInfo": {"kubeletVersion": version}}});
    let nodes = Api::<Node>::all(scene.client.clone());
    let patch = Patch::Strategic(told);
    nodes.patch_status(&scene.unique(name), &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test]
async fn no_node_comes_where_a_kubelet_might_run_its_container_twice() {
    let (scene, _, queue) = stage("old", &["m4", "m4"]).await;
    report(&scene, "h0", "v1.34.3").await;
    scene.create(definition("pair", 2, 0, &[("0:", "true")])).await;
    scene.create(job("pair", &queue, "pair")).await;
    let waits = scene.job("pair", "is told", |job| reason(job) == "KubeletsTooOld").await;
    assert_eq!(state(&waits), JobState::Runnable);
    assert!(words(&waits).contains("1 whose kubelet is older than 1.35"), "{}", words(&waits));
    report(&scene, "h0", "v1.35.0").await;
    let done = ends(&scene, "pair").await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn a_quota_that_takes_only_some_pods_of_a_job_is_told_and_holds_no_hosts() {
    let (scene, _, queue) = stage("quota", &["m4", "m4", "m4"]).await;
    let quota = |pods: &str| {
        json!({
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few", "namespace": scene.namespace},
            "spec": {"hard": {"pods": pods}},
        })
    };
    scene.create(quota("2")).await;
    scene.create(definition("trio", 3, 0, &[("0:", "true")])).await;
    scene.create(job("trio", &queue, "trio")).await;
    let waits = scene.job("trio", "is told", |job| reason(job) == "QuotaUsedUp").await;
    assert_eq!(state(&waits), JobState::Runnable);
    assert!(words(&waits).contains("exceeded quota: few"), "{}", words(&waits));
    let quotas = scene.api::<ResourceQuota>();
    quotas.patch("few", &PatchParams::default(), &Patch::Merge(quota("20"))).await.unwrap();
    let done = ends(&scene, "trio").await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn what_others_ask_of_a_nodes_host_is_kept() {
    let (scene, pool, queue) = stage("asks", &["m4", "m4"]).await;
    admission::remove(&scene);
    let required = "Object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
    let label = format!("{{key: \"{LABEL}\", operator: \"In\", values: [\"{pool}\"]}}");
    let term = format!(
        "{required}.nodeSelectorTerms{{matchExpressions: [{required}.nodeSelectorTerms.matchExpressions{label}]}}"
    );
    let affinity = format!(
        "Object.spec.affinity{{nodeAffinity: Object.spec.affinity.nodeAffinity{{\
         requiredDuringSchedulingIgnoredDuringExecution: {required}{{nodeSelectorTerms: [{term}]}}}}}}"
    );
    let patch = format!(
        "[JSONPatch{{op: \"add\", path: \"/metadata/annotations/windlass.dev~1kwok-run-ms\", value: \"5000\"}}, \
         JSONPatch{{op: \"add\", path: \"/spec/affinity\", value: {affinity}}}]"
    );
    let mutation = json!({"patchType": "JSONPatch", "jsonPatch": {"expression": patch}});
    admission::mutate(&scene, &mutation, LABEL).await;
    scene.create(definition("asks", 2, 0, &[("0:", "true")])).await;
    scene.create(job("asks", &queue, "asks")).await;
    let done = ends(&scene, "asks").await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn a_named_instance_type_and_more_nodes_at_submission_are_kept_to() {
    let (scene, _, queue) = stage("typed", &["m4", "c5", "c5", "c5"]).await;
    let mut typed = definition("typed", 2, 0, &[("0:0", "true"), ("1:", "true")]);
    typed["spec"]["nodeProperties"]["nodeRangeProperties"][0]["instanceTypes"] = json!(["c5"]);
    scene.create(typed).await;
    let mut wide = job("wide", &queue, "typed");
    wide["spec"]["nodeOverrides"] = json!({"numNodes": 3});
    scene.create(wide).await;
    let done = ends(&scene, "wide").await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    let told = status(&done).node_properties.as_ref().unwrap();
    assert_eq!((told.num_nodes, told.main_node), (3, 0));
    let records = nodes(&scene, &done).await;
    let hosts: BTreeSet<String> =
        records.values().filter_map(|node| node.attempts[0].node_name.clone()).collect();
    assert_eq!(hosts, BTreeSet::from(["h1", "h2", "h3"].map(|name| scene.unique(name))));
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn a_job_that_is_deleted_takes_all_it_made_with_it() {
    let (scene, _, queue) = stage("leaves", &["m4", "m4"]).await;
    scene.create(definition("leaves", 2, 0, &[("0:", "true")])).await;
    scene.create(job("leaves", &queue, "leaves")).await;
    let done = ends(&scene, "leaves").await;
    let uid = done.metadata.uid.clone().unwrap();
    delete(&scene, "leaves").await.unwrap();
    let selector = ListParams::default().labels(&format!("batch.windlass.dev/job-uid={uid}"));
    let pods: Api<Pod> = scene.api();
    for pod in pods.list(&selector).await.unwrap() {
        gone(Duration::from_secs(240), &pods, &pod.name_any()).await;
    }
    let sets = scene.api::<StatefulSet>().list(&selector).await.unwrap().items;
    assert!(sets.is_empty(), "{sets:?}");
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn machines_come_for_all_nodes_or_for_none() {
    gang::machines_come_for_all_nodes_or_for_none(Scene::new("fleet").await, &simulated()).await;
}
