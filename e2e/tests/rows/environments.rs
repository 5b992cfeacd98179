//! UNMANAGED environments: their nodes, and what is really free there (SPEC.md C1, C6, Q5).

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job, JobQueue};

use crate::catalog::{BUSYBOX, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, state, status};
use crate::scene::Scene;
use crate::wait::{gone, until};

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

#[tokio::test]
async fn jobs_run_on_the_nodes_that_the_selector_names() {
    let scene = Scene::new("selector").await;
    let (mine, other) = (scene.unique("mine"), scene.unique("other"));
    hosts::add(&scene, "first", &other, FOUR, FOUR).await;
    hosts::add(&scene, "second", &mine, FOUR, FOUR).await;
    let queue = scene.queue("mine", (LABEL, &mine)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    // More than one node would take at once.
    for number in 0..6 {
        scene.create(job(&format!("job-{number}"), &queue, "hello")).await;
    }
    for number in 0..6 {
        let job = scene.job(&format!("job-{number}"), "ends", has_ended).await;
        assert_eq!(state(&job), JobState::Succeeded);
        assert_eq!(status(&job).attempts[0].node_name, Some(scene.unique("second")));
    }
    scene.leave().await;
}

#[tokio::test]
async fn what_a_node_can_allocate_counts_not_its_size() {
    let scene = Scene::new("allocatable").await;
    let pool = scene.unique("pool");
    let (capacity, allocatable) = (FOUR, Size { cpu: "3500m", memory: "3Gi" });
    hosts::add(&scene, "host", &pool, capacity, allocatable).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    let waits = async |name: &str, vcpus: u32, memory: u32| {
        let mut job = job(name, &queue, "hello");
        job["spec"]["containerOverrides"] = json!({"vcpus": vcpus, "memory": memory});
        scene.create(job).await;
        let is_told = |job: &Job| {
            job.status.as_ref().is_some_and(|status| status.reason.as_deref() == Some("NoHostLargeEnough"))
        };
        status(&scene.job(name, "says that it never fits", is_told).await).status_reason.clone().unwrap()
    };
    assert_eq!(waits("wide", 4, 64).await, format!("needs 4 vCPUs; largest host in {pool} has 3.5 vCPUs"));
    assert_eq!(waits("fat", 1, 4000).await, format!("needs 4000 MiB; largest host in {pool} has 3072 MiB"));

    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let environment = until(&environments, &pool, "counts its host", |environment| {
        environment.status.as_ref().is_some_and(|status| status.hosts == Some(1))
    });
    let told = environment.await.status.unwrap();
    let (vcpus, memory) = (told.vcpus.unwrap(), told.memory_mib.unwrap());
    assert_eq!((vcpus.total.as_str(), vcpus.used.as_str(), vcpus.free.as_str()), ("3.5", "0", "3.5"));
    assert_eq!((memory.total, memory.used, memory.free), (3072, 0, 3072));
    scene.leave().await;
}

#[tokio::test]
async fn pods_of_others_take_their_room() {
    let scene = Scene::new("others").await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, FOUR, FOUR).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene
        .create(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "someone-elses"},
            "spec": {
                "nodeName": scene.unique("host"),
                "containers": [{
                    "name": "main",
                    "image": BUSYBOX,
                    "resources": {"requests": {"cpu": "2500m", "memory": "1Gi"}},
                }],
            },
        }))
        .await;
    let pods = scene.api::<Pod>();
    let runs = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running");
    until(&pods, "someone-elses", "runs", runs).await;
    // Known to the operator, before the job comes.
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    until(&environments, &pool, "counts the pod", |environment| {
        let vcpus = environment.status.as_ref().and_then(|status| status.vcpus.as_ref());
        vcpus.is_some_and(|vcpus| vcpus.used == "2.5")
    })
    .await;

    let mut wide = job("wide", &queue, "hello");
    wide["spec"]["containerOverrides"] = json!({"vcpus": 2});
    scene.create(wide).await;
    let waits = scene.job("wide", "waits for capacity", |job| {
        job.status.as_ref().is_some_and(|status| status.reason.as_deref() == Some("WaitingForCapacity"))
    });
    let expected = format!(
        "needs 2 vCPUs, 64 MiB; no host of {pool} has that free now: \
         the most free of its 1 host is 1.5 vCPUs, 3072 MiB"
    );
    assert_eq!(status(&waits.await).status_reason.as_deref(), Some(expected.as_str()));
    pods.delete("someone-elses", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert_eq!(state(&scene.job("wide", "ends", has_ended).await), JobState::Succeeded);
    scene.leave().await;
}

#[tokio::test]
async fn what_is_in_use_stays_until_nothing_uses_it() {
    let scene = Scene::new("inuse").await;
    let name = scene.queue("pool", (LABEL, "none")).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(job("waits", &name, "hello")).await;
    scene.job("waits", "is runnable", |job| state(job) == JobState::Runnable).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let queues = Api::<JobQueue>::all(scene.client.clone());
    environments.delete(&name, &DeleteParams::default()).await.unwrap();
    queues.delete(&name, &DeleteParams::default()).await.unwrap();
    let in_use = |conditions: &[Condition]| {
        let found = conditions.iter().find(|condition| condition.type_ == "InUse");
        found.map(|condition| condition.message.clone())
    };
    let environment = until(&environments, &name, "says that it is in use", |environment| {
        environment.status.as_ref().is_some_and(|status| in_use(&status.conditions).is_some())
    });
    let words = in_use(&environment.await.status.unwrap().conditions);
    assert_eq!(words, Some(format!("deleted, but kept while it is used by job queue {name}")));
    let queue = until(&queues, &name, "says that it is in use", |queue| {
        queue.status.as_ref().is_some_and(|status| in_use(&status.conditions).is_some())
    });
    let words = in_use(&queue.await.status.unwrap().conditions);
    let expected = "deleted, but kept until its 1 unfinished jobs and children have ended";
    assert_eq!(words.as_deref(), Some(expected));

    scene.api::<Job>().delete("waits", &DeleteParams::default()).await.unwrap();
    gone(Duration::from_secs(30), &queues, &name).await;
    gone(Duration::from_secs(30), &environments, &name).await;
    scene.leave().await;
}
