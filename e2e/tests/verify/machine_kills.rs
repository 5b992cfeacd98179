//! The operator is killed while machines come and go: none is left behind, none goes under a running job.

use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::admission;
use crate::catalog::{BUSYBOX, array, definition};
use crate::elastic::{GONE, queue};
use crate::karpenter::{CLASS, karpenter, node_class};
use crate::managed::{Maker, environment, simulated};
use crate::operator::{alone, kill, until_it_decides};
use crate::records::{has_ended, state, status};
use crate::scene::Scene;
use crate::wait::within;

const KILLS: u32 = 8;
const JOBS: i32 = 60;

#[tokio::test]
async fn kills_leave_no_machine_of_karpenter_behind_and_take_none_from_a_job() {
    let scene = Scene::new("k-kills").await;
    node_class(&scene.client, CLASS, "0s").await;
    survive(scene, &karpenter(CLASS)).await;
}

#[tokio::test]
async fn kills_leave_no_simulated_node_behind_and_take_none_from_a_job() {
    survive(Scene::new("s-kills").await, &simulated()).await;
}

async fn survive(scene: Scene, maker: &Maker) {
    let _alone = alone().await;
    let resources = json!({"type": "EC2", "maxvCpus": 24, "instanceTypes": ["c5"]});
    let (name, machines) = environment(&scene, "killed", maker, resources).await;
    let queue = queue(&scene, &[&name]).await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "4000").await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(array("many", &queue, "work", JOBS.unsigned_abs())).await;
    let succeeded = |job: &Job| {
        let array = job.status.as_ref().and_then(|status| status.array_properties.as_ref());
        array.map_or(0, |array| array.status_summary.succeeded)
    };
    // While machines come, while jobs run, and at last while machines go.
    for number in 1..=KILLS {
        let done = JOBS * i32::try_from(number - 1).unwrap() / i32::try_from(KILLS - 1).unwrap();
        within(GONE, &scene.api(), "many", "has come further", |job| succeeded(job) >= done).await;
        kill(&scene.client).await;
        until_it_decides(&scene.client).await;
    }
    let many: Job = within(GONE, &scene.api(), "many", "ends", has_ended).await;
    assert_eq!(state(&many), JobState::Succeeded, "{:?}", status(&many).status_reason);
    let most = machines.most_vcpus();
    assert!(most <= 24, "{most} vCPUs, 24 are allowed: {:?}", machines.ever());
    machines.until_vcpus("none", GONE, |vcpus| vcpus == 0).await;
    admission::remove(&scene);
    scene.leave().await;
}
