//! The guide's array job in real containers (SPEC.md A1, A2, J3, J9).

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, LogParams};
use windlass_crds::job::StatusSummary;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{BUSYBOX, REAL, array, definition};
use crate::records::{children, has_ended, state, status};
use crate::scene::Scene;

const COLOURS: [&str; 7] = ["red", "orange", "yellow", "green", "blue", "indigo", "violet"];

#[tokio::test]
async fn each_child_prints_its_colour() {
    let scene = Scene::new("rainbow").await;
    let queue = scene.queue("main", REAL).await;
    scene.create(definition("print-color", "windlass.dev/print-color:1", &[])).await;
    scene.create(array("print-color", &queue, "print-color", 7)).await;
    let job = scene.job("print-color", "ends", has_ended).await;
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);

    let told = status(&job);
    let array = told.array_properties.as_ref().unwrap();
    let all_succeeded = StatusSummary { succeeded: 7, ..StatusSummary::default() };
    assert_eq!((array.size, &array.status_summary), (7, &all_succeeded));
    assert_eq!(array.progress.as_deref(), Some("7/7"));
    assert_eq!(told.job_definition.as_deref(), Some("print-color:1"));
    assert!(told.job_definition_revision.is_some());

    let id = &job.metadata.uid.as_deref().unwrap()[..8];
    let pods: Api<Pod> = scene.api();
    let children = children(&scene.api(), &job).await;
    assert_eq!(children.len(), COLOURS.len());
    for (index, colour) in COLOURS.iter().enumerate() {
        let pod = format!("print-color-{id}-{index}-1");
        let log = pods.logs(&pod, &LogParams::default()).await.unwrap();
        assert_eq!(log, format!("My favorite color of the rainbow is {colour}.\n"));
        let child = &children[&i32::try_from(index).unwrap()];
        assert_eq!((child.status, child.attempts.len()), (JobState::Succeeded, 1), "{child:?}");
        let attempt = &child.attempts[0];
        assert_eq!((attempt.exit_code, attempt.attempt), (Some(0), 1));
        assert!(attempt.node_name.is_some() && attempt.started_at <= attempt.stopped_at, "{attempt:?}");
        assert!(attempt.started_at.is_some() && attempt.pod_uid.is_some(), "{attempt:?}");
    }
    let of_job = ListParams::default().labels("batch.windlass.dev/job-name=print-color");
    assert_eq!(pods.list(&of_job).await.unwrap().items.len(), 7);
    scene.leave().await;
}

#[tokio::test]
async fn an_array_fails_once_all_have_ended_and_says_which_failed() {
    let scene = Scene::new("mixed").await;
    let queue = scene.queue("main", REAL).await;
    let command = ["sh", "-c", "[ $AWS_BATCH_JOB_ARRAY_INDEX != 1 ] || exit 9"];
    scene.create(definition("mixed", BUSYBOX, &command)).await;
    scene.create(array("mixed", &queue, "mixed", 3)).await;
    let job = scene.job("mixed", "ends", has_ended).await;
    assert_eq!(state(&job), JobState::Failed);
    let array = status(&job).array_properties.as_ref().unwrap();
    let summary = StatusSummary { succeeded: 2, failed: 1, ..StatusSummary::default() };
    assert_eq!(array.status_summary, summary);
    assert_eq!(array.progress.as_deref(), Some("3/3, 1 failed"));
    let [failure] = array.failures.as_slice() else { panic!("{array:#?}") };
    assert_eq!((failure.index, failure.exit_code), (1, Some(9)));
    assert_eq!(children(&scene.api(), &job).await[&1].attempts[0].exit_code, Some(9));
    scene.leave().await;
}
