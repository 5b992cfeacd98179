//! Of two operators one decides; when it dies the other takes over.

use std::time::Instant;

use windlass_crds::shared::attempt::JobState;

use crate::breaking::mended;
use crate::catalog::{BUSYBOX, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::operator::{alone, holder, kill_pod, pods, until_it_decides};
use crate::records::{has_ended, state};
use crate::release::set;
use crate::scene::Scene;

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
