//! A job that cannot progress says why, with numbers (SPEC.md Q1, Q5, C4).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job, JobQueue};

use crate::catalog::{BUSYBOX, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, state, status, words};
use crate::scene::Scene;
use crate::wait::{Object, until};

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

/// A queue of one host with 4 CPUs, named `pool` like its environment, and a definition `hello`.
async fn stage(topic: &str) -> (Scene, String) {
    let scene = Scene::new(topic).await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, FOUR, FOUR).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    (scene, queue)
}

fn with(mut job: Value, overrides: Value) -> Value {
    job["spec"]["containerOverrides"] = overrides;
    job
}

fn stalled(job: &Job) -> Option<&Condition> {
    let status = job.status.as_ref()?;
    status.conditions.iter().find(|condition| condition.type_ == "Stalled" && condition.status == "True")
}

fn has_reason(reason: &str) -> impl Fn(&Job) -> bool {
    move |job| job.status.as_ref().is_some_and(|status| status.reason.as_deref() == Some(reason))
}

async fn patch<K: Object + kube::Resource<DynamicType = ()>>(scene: &Scene, name: &str, spec: Value) {
    let api = Api::<K>::all(scene.client.clone());
    let patch = Patch::Merge(json!({"spec": spec}));
    api.patch(name, &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test]
async fn a_job_larger_than_any_host_says_both_numbers_and_holds_nobody_up() {
    let (scene, pool) = stage("toolarge").await;
    scene.create(with(job("huge", &pool, "hello"), json!({"vcpus": 64}))).await;
    scene.create(with(job("fat", &pool, "hello"), json!({"memory": 8192}))).await;
    scene.create(job("behind", &pool, "hello")).await;
    let huge = scene.job("huge", "is stalled", |job| stalled(job).is_some()).await;
    let expected = format!("needs 64 vCPUs; largest host in {pool} has 4 vCPUs");
    assert_eq!((state(&huge), words(&huge)), (JobState::Runnable, expected.as_str()));
    assert_eq!(status(&huge).reason.as_deref(), Some("NoHostLargeEnough"));
    assert_eq!(stalled(&huge).unwrap().message, expected);
    let fat = scene.job("fat", "is stalled", |job| stalled(job).is_some()).await;
    assert_eq!(words(&fat), format!("needs 8192 MiB; largest host in {pool} has 4096 MiB"));
    let behind = scene.job("behind", "ends", has_ended).await;
    assert_eq!(state(&behind), JobState::Succeeded);

    // It is a condition, too, and the queue says who waits first, and since when.
    let succeeded = status(&huge).conditions.iter().find(|condition| condition.type_ == "Succeeded").unwrap();
    assert_eq!((succeeded.status.as_str(), succeeded.message.as_str()), ("Unknown", expected.as_str()));
    let queues = Api::<JobQueue>::all(scene.client.clone());
    let queue = until(&queues, &pool, "tells of those that wait", |queue| {
        queue
            .status
            .as_ref()
            .is_some_and(|told| told.front_of_queue.len() == 2 && told.head_of_line.is_some())
    });
    let told = queue.await.status.unwrap();
    let head = told.head_of_line.unwrap();
    assert_eq!((head.name.as_str(), head.reason.as_str()), ("huge", "NoHostLargeEnough"));
    assert_eq!(head.status_reason, Some(expected));
    assert!(Some(&head.since) >= told.oldest_wait_since.as_ref(), "{head:?}");
    assert_eq!(told.oldest_wait_since, status(&huge).created_at);

    // It clears itself once there is such a host.
    let large = Size { cpu: "64", memory: "16Gi" };
    hosts::add(&scene, "large", &pool, large, large).await;
    for name in ["huge", "fat"] {
        let job = scene.job(name, "ends", has_ended).await;
        assert_eq!((state(&job), stalled(&job)), (JobState::Succeeded, None), "{name}");
        let host = status(&job).attempts[0].node_name.as_deref();
        assert_eq!(host, Some(scene.unique("large").as_str()));
    }
    scene.leave().await;
}

#[tokio::test]
async fn a_disabled_queue_refuses_new_jobs_with_its_reason() {
    let (scene, queue) = stage("disabled").await;
    patch::<JobQueue>(&scene, &queue, json!({"state": "DISABLED"})).await;
    scene.create(job("refused", &queue, "hello")).await;
    let refused = scene.job("refused", "ends", has_ended).await;
    assert_eq!(
        (state(&refused), status(&refused).reason.as_deref()),
        (JobState::Failed, Some("QueueDisabled"))
    );
    let expected = format!(
        "job queue {queue} is DISABLED and takes no new jobs: submit to another queue, or enable it first"
    );
    assert_eq!(words(&refused), expected);
    assert!(status(&refused).attempts.is_empty());
    patch::<JobQueue>(&scene, &queue, json!({"state": "ENABLED"})).await;
    scene.create(job("taken", &queue, "hello")).await;
    assert_eq!(state(&scene.job("taken", "ends", has_ended).await), JobState::Succeeded);
    scene.leave().await;
}

#[tokio::test]
async fn a_disabled_environment_takes_no_new_jobs_until_it_is_enabled() {
    let (scene, pool) = stage("shut").await;
    patch::<ComputeEnvironment>(&scene, &pool, json!({"state": "DISABLED"})).await;
    scene.create(job("waits", &pool, "hello")).await;
    let waits = scene.job("waits", "waits", has_reason("ComputeEnvironmentDisabled")).await;
    let expected = format!("needs 1 vCPU, 64 MiB; {pool} is DISABLED");
    assert_eq!((state(&waits), words(&waits)), (JobState::Runnable, expected.as_str()));
    patch::<ComputeEnvironment>(&scene, &pool, json!({"state": "ENABLED"})).await;
    assert_eq!(state(&scene.job("waits", "ends", has_ended).await), JobState::Succeeded);
    scene.leave().await;
}
