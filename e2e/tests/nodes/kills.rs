//! The operator is killed while it starts and ends a multi-node job (SPEC.md M4, M5, J9).

use kube::ResourceExt;
use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{REAL, job};
use crate::operator::{alone, kill, until_it_decides};
use crate::records::{state, status};
use crate::scene::Scene;
use crate::spec::{definition, ends, nodes, pods, runs};

#[tokio::test]
async fn each_node_runs_once_an_attempt_whenever_the_operator_is_killed() {
    let _alone = alone().await;
    let scene = Scene::new("killed").await;
    until_it_decides(&scene.client).await;
    let queue = scene.queue("main", REAL).await;
    let main = "sleep 12; exit $((2 - AWS_BATCH_JOB_ATTEMPT))";
    let stays = "trap 'exit 7' TERM; while :; do sleep 0.2; done";
    let mut killed = definition("killed", 2, 0, &[("0:0", main), ("1:", stays)]);
    killed["spec"]["retryStrategy"] = json!({"attempts": 2});
    scene.create(killed).await;
    scene.create(job("killed", &queue, "killed")).await;
    let starts = |job: &Job| state(job) == JobState::Starting;
    scene.job("killed", "starts", starts).await;
    kill(&scene.client).await;
    until_it_decides(&scene.client).await;
    let running = runs(&scene, "killed").await;
    let before = pods(&scene, &running).await;
    kill(&scene.client).await;
    until_it_decides(&scene.client).await;
    let second = |job: &Job| status(job).attempts.len() == 2;
    let again = scene.job("killed", "is in its second attempt", second).await;
    kill(&scene.client).await;

    let done = ends(&scene, "killed").await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    let codes: Vec<_> = status(&done).attempts.iter().map(|attempt| attempt.exit_code).collect();
    assert_eq!(codes, [Some(1), Some(0)], "{:#?}", again.status);
    let records = nodes(&scene, &done).await;
    for (index, record) in &records {
        assert_eq!(record.attempts.len(), 2, "{records:#?}");
        let first = &before[&u32::try_from(*index).unwrap()];
        assert_eq!(record.attempts[0].pod_uid, first.uid(), "another pod than that which ran: {records:#?}");
    }
    let codes: Vec<_> = records[&1].attempts.iter().map(|attempt| attempt.exit_code).collect();
    assert_eq!(codes, [Some(7), Some(7)], "{records:#?}");
    scene.leave().await;
}
