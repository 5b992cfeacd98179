//! One switch stops all admission (DESIGN.md, rule 15).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use windlass_crds::JobQueue;
use windlass_crds::shared::attempt::JobState;

use crate::breaking::mended;
use crate::catalog::{BUSYBOX, REAL, definition, job};
use crate::operator::alone;
use crate::records::{has_ended, state, status};
use crate::release::set;
use crate::scene::Scene;
use crate::wait::until;

async fn pause(scene: &Scene, paused: bool) {
    set(&scene.client, &format!("pauseAdmission={paused}")).await;
}

async fn paused_condition(scene: &Scene, queue: &str, is_there: bool) -> Option<Condition> {
    let queues = Api::<JobQueue>::all(scene.client.clone());
    let find = |queue: &JobQueue| {
        let conditions = queue.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
        conditions.into_iter().find(|condition| condition.type_ == "AdmissionPaused")
    };
    let what = format!("has condition AdmissionPaused: {is_there}");
    find(&until(&queues, queue, &what, |queue| find(queue).is_some() == is_there).await)
}

#[tokio::test]
async fn admission_pauses_and_goes_on_and_what_runs_is_left_alone() {
    let _alone = alone().await;
    let scene = Scene::new("pause").await;
    let queue = scene.queue("main", REAL).await;
    let command = ["sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.1; done"];
    scene.create(definition("runs", BUSYBOX, &command)).await;
    scene.create(job("runs", &queue, "runs")).await;
    let running = |job: &windlass_crds::Job| state(job) == JobState::Running;
    let pod = status(&scene.job("runs", "runs", running).await).attempts[0].pod_name.clone().unwrap();
    let test = async {
        pause(&scene, true).await;
        scene.create(definition("hello", BUSYBOX, &["true"])).await;
        scene.create(job("waits", &queue, "hello")).await;
        let is_told = |job: &windlass_crds::Job| {
            job.status.as_ref().is_some_and(|status| status.reason.as_deref() == Some("AdmissionPaused"))
        };
        let waits = scene.job("waits", "says that admission is paused", is_told).await;
        let words = "an administrator has paused the admission of all jobs";
        assert_eq!(
            (state(&waits), status(&waits).status_reason.as_deref()),
            (JobState::Runnable, Some(words))
        );
        let condition = paused_condition(&scene, &queue, true).await.unwrap();
        assert_eq!((condition.status.as_str(), condition.message.as_str()), ("True", words));
        // What runs goes on, and its end is taken in.
        let namespace = format!("--namespace={}", scene.namespace);
        crate::cluster::kubectl(&["exec", &namespace, &pod, "--", "touch", "/tmp/end"]).succeeded();
        let runs = scene.job("runs", "ends", has_ended).await;
        assert_eq!((state(&runs), status(&runs).attempts.len()), (JobState::Succeeded, 1));
        assert_eq!(state(&scene.job("waits", "is there", |_| true).await), JobState::Runnable);
    };
    mended(test, async || pause(&scene, false).await).await;
    assert_eq!(state(&scene.job("waits", "ends", has_ended).await), JobState::Succeeded);
    paused_condition(&scene, &queue, false).await;
    scene.leave().await;
}
