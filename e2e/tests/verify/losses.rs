//! What a provider of machines does to an environment: it cannot make them, or takes them away (SPEC.md C3, C4).

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Node;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::task::JoinHandle;
use windlass::names;
use windlass_crds::shared::attempt::JobState;
use windlass_crds::shared::state::Validity;
use windlass_crds::{ComputeEnvironment, Job};

use crate::admission;
use crate::catalog::{BUSYBOX, definition, job};
use crate::elastic::{GONE, queue, update};
use crate::karpenter::{CLASS, karpenter, node_class};
use crate::managed::environment;
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::wait::{until, within};

#[tokio::test]
async fn a_broken_node_class_makes_it_invalid_until_it_is_mended() {
    let scene = Scene::new("k-broken").await;
    node_class(&scene.client, CLASS, "0s").await;
    let resources = json!({"type": "EC2", "maxvCpus": 16, "instanceTypes": ["c5"]});
    let (name, machines) = environment(&scene, "broken", &karpenter("no-such-class"), resources).await;
    let queue = queue(&scene, &[&name]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    for number in 0..3 {
        scene.create(job(&format!("job-{number}"), &queue, "work")).await;
    }
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let is_invalid = |found: &ComputeEnvironment| {
        found.status.as_ref().is_some_and(|told| told.status == Some(Validity::Invalid))
    };
    let broken = within(GONE, &environments, &name, "is INVALID", is_invalid).await;
    println!("its reason is: {}", broken.status.unwrap().status_reason.unwrap());
    let has_reason = |job: &Job| {
        let reason = job.status.as_ref().and_then(|status| status.reason.as_deref());
        matches!(reason, Some("ComputeEnvironmentInvalid" | "LaunchFailed"))
    };
    let waits = scene.job("job-0", "says why it waits", has_reason).await;
    assert_eq!(state(&waits), JobState::Runnable);

    update(&scene, &name, json!({"backend": karpenter(CLASS).backend})).await;
    for number in 0..3 {
        let job: Job = within(GONE, &scene.api(), &format!("job-{number}"), "ends", has_ended).await;
        assert_eq!(state(&job), JobState::Succeeded);
    }
    until(&environments, &name, "is VALID", |found| !is_invalid(found)).await;
    machines.until_vcpus("none", GONE, |vcpus| vcpus == 0).await;
    scene.leave().await;
}

/// A provider that lacks a type takes its NodeClaims back at once: here somebody plays that, while machines take their time.
#[tokio::test]
async fn where_a_type_is_not_to_be_had_the_strategy_says_whether_another_is_taken() {
    let scene = Scene::new("k-strategy").await;
    node_class(&scene.client, "slow", "20s").await;
    let provider = lacks(scene.client.clone(), "c4.large");
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    let types = ["c4.large", "c4.2xlarge", "c4.xlarge"];
    let on = async |name: &str, strategy: &str| {
        let resources =
            json!({"type": "EC2", "maxvCpus": 16, "allocationStrategy": strategy, "instanceTypes": types});
        let (environment, machines) = environment(&scene, name, &karpenter("slow"), resources).await;
        let queue = scene.queue_of(&format!("{name}-queue"), &environment).await;
        scene.create(job(name, &queue, "work")).await;
        machines
    };
    let best = on("best", "BEST_FIT").await;
    let next = on("next", "BEST_FIT_PROGRESSIVE").await;
    let listed = on("listed", "BEST_FIT_PROGRESSIVE_ORDERED").await;
    for name in ["next", "listed"] {
        let job: Job = within(GONE, &scene.api(), name, "ends", has_ended).await;
        assert_eq!(state(&job), JobState::Succeeded);
    }
    assert_eq!(next.ever(), ["c4.large", "c4.xlarge"]);
    assert_eq!(listed.ever(), ["c4.large", "c4.2xlarge"]);
    let has_reason = |job: &Job| reason(job) == "LaunchFailed";
    let waits = within(GONE, &scene.api::<Job>(), "best", "says why it waits", has_reason).await;
    assert!(words(&waits).contains("no c4.large is to be had now"), "{}", words(&waits));
    assert!(best.ever().iter().all(|machine_type| machine_type == "c4.large"), "{:?}", best.ever());
    provider.abort();
    scene.leave().await;
}

/// A provider that takes back what it was asked for of this type, until it is ended.
fn lacks(client: Client, machine_type: &'static str) -> JoinHandle<()> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("karpenter.sh", "v1", "NodeClaim"));
    let claims: Api<DynamicObject> = Api::all_with(client, &resource);
    let ours = Config::default().labels(names::ENVIRONMENT_UID);
    tokio::spawn(async move {
        let mut stream = watcher(claims.clone(), ours).boxed();
        while let Some(event) = stream.next().await {
            let Ok(Event::Apply(claim) | Event::InitApply(claim)) = event else { continue };
            let is_it = claim.annotations().get(names::MACHINE_TYPE).is_some_and(|told| told == machine_type);
            if is_it && claim.metadata.deletion_timestamp.is_none() {
                let deleted = claims.delete(&claim.name_any(), &DeleteParams::default()).await;
                // The watch may be behind.
                let is_gone =
                    |error: &kube::Error| matches!(error, kube::Error::Api(told) if told.is_not_found());
                assert!(deleted.as_ref().err().is_none_or(is_gone), "{deleted:?}");
            }
        }
    })
}

/// A node that is taken away with its machine, as spot capacity is.
#[tokio::test]
async fn an_interruption_ends_the_attempt_and_the_next_runs_elsewhere() {
    let scene = Scene::new("k-spot").await;
    node_class(&scene.client, CLASS, "0s").await;
    let resources = json!({"type": "SPOT", "bidPercentage": 100, "maxvCpus": 16, "instanceTypes": ["c5"]});
    let (name, _machines) = environment(&scene, "spot", &karpenter(CLASS), resources).await;
    let queue = queue(&scene, &[&name]).await;
    // Longer than a node that is gone is waited for.
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "90000").await;
    let mut work = definition("work", BUSYBOX, &["true"]);
    work["spec"]["retryStrategy"] = json!({"attempts": 3});
    scene.create(work).await;
    scene.create(job("moves", &queue, "work")).await;
    let runs: Job = within(GONE, &scene.api(), "moves", "runs", |job| state(job) == JobState::Running).await;
    let host = status(&runs).attempts[0].node_name.clone().unwrap();
    take_away(&scene, &host).await;
    let moves: Job = within(Duration::from_secs(360), &scene.api(), "moves", "ends", has_ended).await;
    assert_eq!(state(&moves), JobState::Succeeded);
    let attempts = &status(&moves).attempts;
    assert_eq!(attempts.len(), 2, "{attempts:#?}");
    let told = attempts[0].status_reason.clone().unwrap_or_default();
    assert!(told.starts_with("Host EC2"), "{told}");
    assert_ne!(attempts[1].node_name.as_deref(), Some(host.as_str()));
    admission::remove(&scene);
    scene.leave().await;
}

/// The node goes at once, whatever Karpenter wants to do first: the instance is not there any more.
async fn take_away(scene: &Scene, host: &str) {
    let nodes = Api::<Node>::all(scene.client.clone());
    nodes.delete(host, &DeleteParams::default()).await.unwrap();
    let bare = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    nodes.patch(host, &PatchParams::default(), &bare).await.unwrap();
}
