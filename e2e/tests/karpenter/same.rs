//! The same as with nodes that Windlass makes itself, in the sizes of the source document.

use crate::elastic;
use crate::managed::Maker;
use crate::scene::Scene;
use crate::{CLASS, node_class};

async fn scene(topic: &str) -> Scene {
    let scene = Scene::new(topic).await;
    node_class(&scene.client, CLASS).await;
    scene
}

#[tokio::test]
async fn machines_come_for_a_hundred_jobs_and_go_when_idle_and_some_are_kept() {
    elastic::machines_come_and_go(scene("k-machines").await, Maker::Karpenter(CLASS), 100, 128).await;
}

#[tokio::test]
async fn the_smallest_machine_that_fits_is_bought() {
    elastic::the_smallest_that_fits_is_made(scene("k-smallest").await, Maker::Karpenter(CLASS)).await;
}

#[tokio::test]
async fn jobs_spill_to_karpenter_when_the_first_environment_is_full() {
    elastic::jobs_spill_to_the_next(scene("k-spill").await, Maker::Karpenter(CLASS)).await;
}

#[tokio::test]
async fn a_disabled_environment_drains_and_goes_on_later() {
    elastic::a_disabled_one_drains(scene("k-drains").await, Maker::Karpenter(CLASS)).await;
}
