//! MANAGED environments whose nodes somebody else's autoscaler adds: the test plays it (SPEC.md C2, C4, `external`).

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, watcher};
use serde_json::{Value, json};
use windlass_crds::compute_environment::ComputeEnvironmentStatus;
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job};

use crate::acts::stop;
use crate::admission;
use crate::catalog::{self, BUSYBOX, array, definition, job};
use crate::elastic::{queue, update};
use crate::hosts::{self, LABEL, Size};
use crate::managed;
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::wait::until;

const TWO: Size = Size { cpu: "2", memory: "8Gi" };

/// An environment of up to 4 vCPUs on nodes labelled with its name; gives that name.
async fn environment(scene: &Scene, name: &str, patience: u32) -> String {
    let name = scene.unique(name);
    let external = json!({"nodeSelector": {LABEL: name}, "maxNodeProvisionSeconds": patience});
    let backend = json!({"external": external});
    scene.create(managed::object(&name, &backend, &json!({"type": "SPOT", "maxvCpus": 4}))).await;
    name
}

fn waits_for_a_node(job: &Job) -> bool {
    reason(job) == "WaitingForMachines" && words(job).contains("nodes are available")
}

fn is_unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut refused = conditions.filter(|found| found.type_ == "PodScheduled" && found.status == "False");
    let is_bound = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    !is_bound && pod.metadata.deletion_timestamp.is_none() && refused.next().is_some()
}

/// Adds a node of 2 vCPUs for every two pods that cannot be placed, as an autoscaler does.
async fn autoscale(scene: &Scene, pool: &str) {
    let mut pods = watcher(scene.api::<Pod>(), Config::default()).applied_objects().boxed();
    let (mut served, mut nodes, mut places) = (Vec::new(), 0, 0);
    while let Some(pod) = pods.next().await {
        let Ok(pod) = pod else { continue };
        if !is_unschedulable(&pod) || served.contains(&pod.metadata.uid) {
            continue;
        }
        served.push(pod.metadata.uid);
        if places == 0 {
            (nodes, places) = (nodes + 1, 2);
            hosts::add(scene, &format!("node-{nodes}"), pool, TWO, TWO).await;
        }
        places -= 1;
    }
}

async fn nodes(scene: &Scene, pool: &str) -> usize {
    let nodes = Api::<Node>::all(scene.client.clone());
    nodes.list(&ListParams::default().labels(&format!("{LABEL}={pool}"))).await.unwrap().items.len()
}

fn launching(told: &ComputeEnvironmentStatus) -> Option<&str> {
    told.vcpus.as_ref()?.launching.as_deref()
}

fn launch_failure(environment: &ComputeEnvironment) -> Option<&str> {
    let conditions = environment.status.iter().flat_map(|status| &status.conditions);
    let mut failed = conditions.filter(|found| found.type_ == "LaunchFailed" && found.status == "True");
    failed.next().map(|found| found.message.as_str())
}

#[tokio::test]
async fn jobs_wait_for_the_nodes_that_an_autoscaler_adds_and_never_ask_for_more_than_the_maximum() {
    let scene = Scene::new("external").await;
    let pool = environment(&scene, "auto", 300).await;
    let queue = queue(&scene, &[&pool]).await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "2000").await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(job("first", &queue, "work")).await;
    let first = scene.job("first", "waits for a node", waits_for_a_node).await;
    assert_eq!((state(&first), status(&first).attempts.len()), (JobState::Runnable, 0));
    let pod = scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items.remove(0);
    let spec = pod.spec.unwrap();
    assert_eq!(spec.node_selector, Some([(LABEL.to_owned(), pool.clone())].into()));
    assert!(spec.affinity.is_none() && spec.node_name.is_none(), "it is pinned");

    scene.create(array("many", &queue, "work", 10)).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let asks_for_four =
        |found: &ComputeEnvironment| found.status.as_ref().is_some_and(|told| launching(told) == Some("4"));
    until(&environments, &pool, "asks for 4 vCPUs", asks_for_four).await;
    tokio::select! {
        () = autoscale(&scene, &pool) => panic!("nobody tells of pods any more"),
        () = async {
            for name in ["first", "many"] {
                let ended = scene.job(name, "ends", has_ended).await;
                assert_eq!(state(&ended), JobState::Succeeded, "{}", words(&ended));
            }
        } => {}
    }
    assert_eq!(nodes(&scene, &pool).await, 2);
    let first = scene.api::<Job>().get("first").await.unwrap();
    let attempts = &status(&first).attempts;
    assert_eq!(attempts.len(), 1);
    assert!(attempts[0].node_name.as_ref().unwrap().starts_with(&scene.unique("node-")));
    until(&environments, &pool, "has 4 vCPUs and asks for none", |found| {
        let told = found.status.as_ref().unwrap();
        (told.desired_vcpus, launching(told)) == (Some(4), Some("0"))
    })
    .await;
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn jobs_spill_when_the_autoscaler_does_nothing() {
    let scene = Scene::new("external-spill").await;
    let pool = environment(&scene, "asleep", 10).await;
    let second = scene.unique("second");
    hosts::add(&scene, "host", &second, TWO, TWO).await;
    scene.create(catalog::environment(&second, (LABEL, &second))).await;
    let queue = queue(&scene, &[&pool, &second]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(job("spills", &queue, "work")).await;
    scene.job("spills", "waits for a node", waits_for_a_node).await;
    let spills = scene.job("spills", "ends", has_ended).await;
    assert_eq!(state(&spills), JobState::Succeeded);
    // The launch that came to nothing cost no attempt.
    assert_eq!(status(&spills).attempts.len(), 1);
    assert_eq!(status(&spills).attempts[0].node_name, Some(scene.unique("host")));
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let asleep =
        until(&environments, &pool, "says that no node came", |found| launch_failure(found).is_some()).await;
    let told = launch_failure(&asleep).unwrap();
    assert!(
        told.starts_with("no node came for pod spills-") && told.contains("nodes are available"),
        "{told}"
    );
    scene.leave().await;
}

#[tokio::test]
async fn a_job_that_waits_for_a_node_is_cancelled_and_gives_way_where_jobs_are_placed_no_more() {
    let scene = Scene::new("external-cancel").await;
    let pool = environment(&scene, "auto", 300).await;
    let queue = queue(&scene, &[&pool]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    for name in ["cancelled", "held"] {
        scene.create(job(name, &queue, "work")).await;
        scene.job(name, "waits for a node", waits_for_a_node).await;
    }
    stop(&scene, "cancelled", "CANCEL", "changed my mind").await;
    let cancelled = scene.job("cancelled", "ends", has_ended).await;
    assert_eq!((state(&cancelled), reason(&cancelled)), (JobState::Failed, "Cancelled"));
    assert_eq!((words(&cancelled), status(&cancelled).attempts.len()), ("changed my mind", 0));
    let state_of = |state: &str| -> Value { json!({"state": state}) };
    update(&scene, &pool, state_of("DISABLED")).await;
    scene.job("held", "waits for its environment", |job| reason(job) == "ComputeEnvironmentDisabled").await;
    update(&scene, &pool, state_of("ENABLED")).await;
    scene.job("held", "waits for a node again", waits_for_a_node).await;
    scene.leave().await;
}
