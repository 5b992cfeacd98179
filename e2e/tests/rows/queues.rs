//! Queues of several environments: tried in order, of one architecture (SPEC.md Q1, Q3, Q5).

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job, JobQueue};

use crate::catalog::{self, BUSYBOX, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, state, status, words};
use crate::scene::Scene;
use crate::wait::until;

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

/// A queue of environments, tried in this order.
fn queue(name: &str, environments: &[&str]) -> Value {
    let mut queue = catalog::queue(name, "");
    let order = environments.iter().enumerate();
    queue["spec"]["computeEnvironmentOrder"] =
        order.map(|(at, name)| json!({"order": at, "computeEnvironment": name})).collect();
    queue
}

fn wide(name: &str, queue: &str, vcpus: u32) -> Value {
    let mut wide = job(name, queue, "hello");
    wide["spec"]["containerOverrides"] = json!({"vcpus": vcpus});
    wide
}

/// A pod of someone else that leaves one of four CPUs free.
async fn crowd(scene: &Scene, host: &str, environment: &str) {
    let main = json!({"name": "main", "image": BUSYBOX, "resources": {"requests": {"cpu": "3"}}});
    scene
        .create(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "someone-elses"},
            "spec": {"nodeName": scene.unique(host), "containers": [main]},
        }))
        .await;
    let runs = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
    until(&scene.api::<Pod>(), "someone-elses", "runs", runs).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    until(&environments, environment, "counts the pod", |environment| {
        let vcpus = environment.status.as_ref().and_then(|status| status.vcpus.as_ref());
        vcpus.is_some_and(|vcpus| vcpus.used == "3")
    })
    .await;
}

#[tokio::test]
async fn a_job_goes_to_the_first_environment_that_has_the_room() {
    let scene = Scene::new("spill").await;
    let (first, second) = (scene.unique("first"), scene.unique("second"));
    hosts::add(&scene, "host-1", &first, FOUR, FOUR).await;
    hosts::add(&scene, "host-2", &second, FOUR, FOUR).await;
    for environment in [&first, &second] {
        scene.create(catalog::environment(environment, (LABEL, environment))).await;
    }
    let name = scene.unique("queue");
    scene.create(queue(&name, &[&first, &second])).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    crowd(&scene, "host-1", &first).await;
    for (job, vcpus, environment) in [("narrow", 1, &first), ("wide", 2, &second), ("again", 1, &first)] {
        scene.create(wide(job, &name, vcpus)).await;
        let job = scene.job(job, "ends", has_ended).await;
        assert_eq!(state(&job), JobState::Succeeded);
        assert_eq!(status(&job).compute_environment.as_ref(), Some(environment));
    }
    scene.leave().await;
}

#[tokio::test]
async fn an_environment_of_another_architecture_is_passed_over_and_told() {
    let scene = Scene::new("architectures").await;
    let (intel, arm) = (scene.unique("intel"), scene.unique("arm"));
    hosts::add(&scene, "host-1", &intel, FOUR, FOUR).await;
    hosts::add_of("arm64", &scene, "host-2", &arm, FOUR, FOUR).await;
    for environment in [&intel, &arm] {
        scene.create(catalog::environment(environment, (LABEL, environment))).await;
    }
    let name = scene.unique("queue");
    scene.create(queue(&name, &[&intel, &arm])).await;
    let queues = Api::<JobQueue>::all(scene.client.clone());
    let told = until(&queues, &name, "is INVALID", |queue| {
        let reason = queue.status.as_ref().and_then(|status| status.status_reason.as_deref());
        reason.is_some_and(|reason| reason.contains("architecture"))
    });
    let expected =
        format!("compute environment {arm} has hosts of architecture arm64, those before it amd64");
    assert_eq!(told.await.status.unwrap().status_reason, Some(expected));

    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(wide("fits", &name, 4)).await;
    let fits = scene.job("fits", "ends", has_ended).await;
    assert_eq!(status(&fits).compute_environment.as_ref(), Some(&intel));
    scene.create(wide("huge", &name, 8)).await;
    let has_reason =
        |job: &Job| job.status.as_ref().is_some_and(|s| s.reason.as_deref() == Some("NoHostLargeEnough"));
    let huge = scene.job("huge", "says why it waits", has_reason).await;
    let expected = format!(
        "needs 8 vCPUs, 64 MiB; largest host in {intel} has 4 vCPUs; {arm} is passed over: its hosts are arm64, \
         the queue's amd64"
    );
    assert_eq!(words(&huge), expected);

    // Who waits is in the queue's status too.
    let queue = until(&queues, &name, "lists the job", |queue| {
        queue.status.as_ref().is_some_and(|status| !status.front_of_queue.is_empty())
    });
    let front = queue.await.status.unwrap().front_of_queue;
    assert_eq!((front.len(), front[0].name.as_str()), (1, "huge"));
    assert_eq!((&front[0].namespace, front[0].reason.as_str()), (&scene.namespace, "NoHostLargeEnough"));
    scene.leave().await;
}
