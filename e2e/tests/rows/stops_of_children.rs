//! Ending an array, or some of its children (SPEC.md A3).

use serde_json::json;
use windlass_crds::Job;
use windlass_crds::job::ArrayStatus;
use windlass_crds::shared::attempt::JobState;

use crate::acts::{change, stop};
use crate::catalog::{BUSYBOX, REAL, array, definition};
use crate::records::{children, has_ended, reason, state, status, words};
use crate::scene::Scene;

fn told(job: &Job) -> &ArrayStatus {
    status(job).array_properties.as_ref().unwrap()
}

fn running(job: &Job) -> i32 {
    job.status
        .as_ref()
        .and_then(|status| status.array_properties.as_ref())
        .map_or(0, |array| array.status_summary.running)
}

/// The indexes in a state, as the status has them.
fn indexes(job: &Job, state: JobState) -> &str {
    let found = told(job).children.iter().find(|children| children.status == state);
    found.map_or("", |children| children.indexes.as_str())
}

#[tokio::test]
async fn a_terminated_array_ends_all_its_children_with_its_reason() {
    let scene = Scene::new("parent").await;
    let queue = scene.queue("main", REAL).await;
    let runs = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"];
    scene.create(definition("runs", BUSYBOX, &runs)).await;
    // More than the hosts take at one time: some wait.
    let mut many = array("many", &queue, "runs", 12);
    many["spec"]["containerOverrides"] = json!({"vcpus": 3});
    scene.create(many).await;
    scene.job("many", "has children running", |job| running(job) >= 2).await;
    stop(&scene, "many", "TERMINATE", "all of it").await;
    let job = scene.job("many", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "Terminated"), "{:#?}", job.status);
    assert_eq!((words(&job), indexes(&job, JobState::Failed)), ("all of it", "0-11"));
    let children = children(&scene.api(), &job).await;
    let ran: Vec<_> = children.values().filter(|child| !child.attempts.is_empty()).collect();
    assert!((2..12).contains(&ran.len()), "{} of 12 ran", ran.len());
    for child in ran {
        assert_eq!(child.attempts.len(), 1, "{child:?}");
        assert!(child.attempts[0].proof_of_end().is_some(), "{child:?}");
    }
    scene.leave().await;
}

#[tokio::test]
async fn single_children_and_ranges_are_ended_and_the_others_go_on() {
    let scene = Scene::new("some").await;
    let queue = scene.queue("main", REAL).await;
    // Children 1 and 4 end by themselves once the others were ended.
    let script = "trap 'exit 7' TERM; n=0
        while [ $n -lt 100 ]; do n=$((n+1)); sleep 0.1; done
        case $AWS_BATCH_JOB_ARRAY_INDEX in 1|4) exit 0;; esac
        while :; do sleep 0.1; done";
    scene.create(definition("some", BUSYBOX, &["sh", "-c", script])).await;
    scene.create(array("some", &queue, "some", 5)).await;
    scene.job("some", "has all children running", |job| running(job) == 5).await;
    let first = json!({"indexes": "0", "type": "TERMINATE", "reason": "only this one"});
    change(&scene, "some", json!({"stopChildren": [first]})).await.unwrap();
    let is_first = |job: &Job| indexes(job, JobState::Failed) == "0";
    let job = scene.job("some", "has child 0 ended", is_first).await;
    assert_eq!(state(&job), JobState::Running);
    // A cancel of those that run changes nothing.
    let late = json!({"indexes": "1,4", "type": "CANCEL", "reason": "too late"});
    let range = json!({"indexes": "2-3", "type": "TERMINATE", "reason": "a range"});
    change(&scene, "some", json!({"stopChildren": [first, late, range]})).await.unwrap();

    let job = scene.job("some", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "ChildrenFailed"), "{:#?}", job.status);
    assert_eq!(words(&job), "3 of 5 children failed; child 0: only this one");
    assert_eq!((indexes(&job, JobState::Succeeded), indexes(&job, JobState::Failed)), ("1,4", "0,2-3"));
    let mut reasons: Vec<_> = told(&job)
        .failures
        .iter()
        .map(|failure| (failure.index, failure.status_reason.as_deref().unwrap()))
        .collect();
    reasons.sort_unstable();
    assert_eq!(reasons, [(0, "only this one"), (2, "a range"), (3, "a range")]);
    let codes: Vec<_> =
        children(&scene.api(), &job).await.values().map(|child| child.attempts[0].exit_code).collect();
    assert_eq!(codes, [Some(7), Some(0), Some(7), Some(7), Some(0)]);
    scene.leave().await;
}

#[tokio::test]
async fn children_that_wait_are_cancelled_one_by_one_and_then_the_rest() {
    let scene = Scene::new("waiting").await;
    let queue = scene.queue("main", REAL).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    let mut huge = array("huge", &queue, "hello", 6);
    huge["spec"]["containerOverrides"] = json!({"vcpus": 99});
    scene.create(huge).await;
    scene.job("huge", "waits", |job| reason(job) == "NoHostLargeEnough").await;
    let some = json!([{"indexes": "1,3-4", "type": "CANCEL", "reason": "some"}]);
    change(&scene, "huge", json!({"stopChildren": some})).await.unwrap();
    let are_gone = |job: &Job| indexes(job, JobState::Failed) == "1,3-4";
    let job = scene.job("huge", "has these ended", are_gone).await;
    assert_eq!((state(&job), indexes(&job, JobState::Runnable)), (JobState::Runnable, "0,2,5"));
    stop(&scene, "huge", "CANCEL", "the rest").await;
    let job = scene.job("huge", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job), words(&job)), (JobState::Failed, "Cancelled", "the rest"));
    assert_eq!(told(&job).status_summary.failed, 6);
    scene.leave().await;
}
