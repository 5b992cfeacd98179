//! Of two operators one decides; when it dies the other takes over.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use windlass_crds::shared::attempt::JobState;

use crate::breaking::mended;
use crate::catalog::{BUSYBOX, definition, job};
use crate::cluster::{SYSTEM, client, kubectl};
use crate::hosts::{self, LABEL, Size};
use crate::operator::{alone, holder, kill_pod, pods, until_it_decides};
use crate::records::{has_ended, state};
use crate::release::set;
use crate::scene::Scene;
use crate::wait::gone;

/// Longer than an operator takes to end.
const ENDS: Duration = Duration::from_secs(90);

/// Somebody deletes the Lease while the only operator waits for it.
#[tokio::test]
async fn a_lease_that_is_deleted_while_it_is_waited_for_is_made_again() {
    let _alone = alone().await;
    let client = client().await;
    let leases: Api<Lease> = Api::namespaced(client.clone(), SYSTEM);
    let namespace = format!("--namespace={SYSTEM}");
    let scale = |replicas: &str| {
        kubectl(&["scale", "deployment", "windlass", &namespace, &format!("--replicas={replicas}")])
            .succeeded();
        kubectl(&["rollout", "status", "deployment", "windlass", &namespace, "--timeout=90s"]).succeeded();
    };
    let test = async {
        scale("0");
        for pod in pods(&client).await {
            gone(ENDS, &Api::<Pod>::namespaced(client.clone(), SYSTEM), &pod.name_any()).await;
        }
        let held = json!({"spec": {
            "holderIdentity": "somebody-else", "leaseDurationSeconds": 3600, "renewTime": MicroTime(Timestamp::now()),
        }});
        leases.patch("windlass", &PatchParams::default(), &Patch::Merge(held)).await.unwrap();
        scale("1");
        leases.delete("windlass", &DeleteParams::default()).await.unwrap();
        until_it_decides(&client).await;
    };
    mended(test, async || scale("1")).await;
}

#[tokio::test]
async fn a_second_operator_takes_over() {
    let _alone = alone().await;
    let scene = Scene::new("leaders").await;
    let (pool, size) = (scene.unique("pool"), Size { cpu: "4", memory: "4Gi" });
    hosts::add(&scene, "host", &pool, size, size).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    let test = async {
        set(&scene.client, "replicas=2").await;
        let leader = until_it_decides(&scene.client).await;
        let mut all = pods(&scene.client).await;
        assert_eq!(all.len(), 2);
        all.retain(|pod| pod.metadata.name.as_ref() == Some(&leader));
        let started = Instant::now();
        for pod in all {
            kill_pod(&scene.client, pod).await;
        }
        scene.create(job("hello", &queue, "hello")).await;
        // The one that waited, or the one that was made in the place of the dead: both try as the lease ends.
        let is_another = |holder: &str| !holder.is_empty() && holder != leader;
        let next = holder(&scene.client, &format!("is held by another than {leader}"), is_another).await;
        println!("{next} took over after {:.1} s", started.elapsed().as_secs_f64());
        assert_eq!(state(&scene.job("hello", "ends", has_ended).await), JobState::Succeeded);
    };
    mended(test, async || set(&scene.client, "replicas=1").await).await;
    scene.leave().await;
}
