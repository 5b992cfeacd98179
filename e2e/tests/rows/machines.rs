//! MANAGED environments, with nodes that Windlass makes itself (SPEC.md C2, C4). `make verify` does the same with Karpenter.

use kube::Api;
use serde_json::json;
use windlass_crds::ComputeEnvironment;

use crate::elastic;
use crate::managed::{environment, simulated};
use crate::scene::Scene;

#[tokio::test]
async fn machines_come_for_jobs_and_go_when_idle_and_some_are_kept() {
    elastic::machines_come_and_go(Scene::new("machines").await, &simulated(), 20, 16).await;
}

#[tokio::test]
async fn the_smallest_machine_that_fits_is_made() {
    elastic::the_smallest_that_fits_is_made(Scene::new("smallest").await, &simulated()).await;
}

#[tokio::test]
async fn jobs_spill_to_the_next_environment_when_the_first_is_full() {
    elastic::jobs_spill_to_the_next(Scene::new("machine-spill").await, &simulated()).await;
}

#[tokio::test]
async fn a_disabled_environment_drains_and_goes_on_later() {
    elastic::a_disabled_one_drains(Scene::new("drains").await, &simulated()).await;
}

#[tokio::test]
async fn types_that_do_not_exist_are_told() {
    let scene = Scene::new("unknown-types").await;
    let resources = json!({"type": "EC2", "maxvCpus": 16, "instanceTypes": ["c5", "z99"]});
    let (name, _) = environment(&scene, "odd", &simulated(), resources).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let told = environments.get(&name).await.unwrap().status.unwrap().status_reason.unwrap();
    assert_eq!(told, "no instance type or family z99: see the catalogue of instance types");
    scene.leave().await;
}
