//! Multi-node definitions and jobs as tests write them, and what is told of the nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use windlass_crds::job_record::ChildRecord;
use windlass_crds::{Job, JobRecord};

use crate::catalog::BUSYBOX;
use crate::records::{children, has_ended};
use crate::scene::Scene;
use crate::wait::{until, within};

/// A definition of nodes, each group of which runs a shell script: `(targetNodes, script)`.
pub(crate) fn definition(name: &str, nodes: u32, main: u32, groups: &[(&str, &str)]) -> Value {
    let group = |(targets, script): &(&str, &str)| {
        json!({
            "targetNodes": targets,
            "container": {"image": BUSYBOX, "vcpus": 1, "memory": 64, "command": ["sh", "-c", script]},
        })
    };
    let groups: Vec<Value> = groups.iter().map(group).collect();
    json!({
        "apiVersion": "batch.windlass.dev/v1beta1",
        "kind": "JobDefinition",
        "metadata": {"name": name},
        "spec": {
            "type": "multinode",
            "nodeProperties": {"numNodes": nodes, "mainNode": main, "nodeRangeProperties": groups},
        },
    })
}

/// Waits until a job has ended.
pub(crate) async fn ends(scene: &Scene, name: &str) -> Job {
    within(Duration::from_secs(150), &scene.api(), name, "ends", has_ended).await
}

/// Waits until all nodes of a job run.
pub(crate) async fn runs(scene: &Scene, name: &str) -> Job {
    let all_run = |job: &Job| {
        let told = job.status.as_ref().and_then(|status| status.node_properties.as_ref());
        told.is_some_and(|told| told.status_summary.running == told.num_nodes)
    };
    within(Duration::from_secs(120), &scene.api(), name, "runs on all nodes", all_run).await
}

/// The record of each node.
pub(crate) async fn nodes(scene: &Scene, job: &Job) -> BTreeMap<i32, ChildRecord> {
    children(&scene.api::<JobRecord>(), job).await
}

/// The pods of a job that were let go, by node. Those of a launch that came to nothing stay behind their gates for a while.
pub(crate) async fn pods(scene: &Scene, job: &Job) -> BTreeMap<u32, Pod> {
    let selector = format!("batch.windlass.dev/job-uid={}", job.metadata.uid.as_deref().unwrap());
    let pods = scene.api::<Pod>().list(&ListParams::default().labels(&selector)).await.unwrap();
    let index = |pod: &Pod| pod.labels()["apps.kubernetes.io/pod-index"].parse().unwrap();
    let is_let_go = |pod: &Pod| pod.spec.as_ref().is_some_and(|spec| spec.scheduling_gates.is_none());
    pods.into_iter().filter(is_let_go).map(|pod| (index(&pod), pod)).collect()
}

/// What a node has written up to this line.
pub(crate) async fn log_with(scene: &Scene, pod: &str, line: &str) -> String {
    let api: Api<Pod> = scene.api();
    until(&api, pod, "runs", |pod| {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
        let state = statuses.and_then(|all| all.first()?.state.as_ref());
        state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    })
    .await;
    let follow = LogParams { follow: true, ..LogParams::default() };
    let mut lines = api.log_stream(pod, &follow).await.unwrap().lines();
    let mut text = String::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Ok(Some(read)) = timeout_at(deadline, lines.next()).await {
        let read = read.unwrap();
        text.push_str(&read);
        text.push('\n');
        if read == line {
            return text;
        }
    }
    panic!("{pod} did not write {line:?}: {text}");
}
