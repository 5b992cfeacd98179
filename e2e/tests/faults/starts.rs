//! Attempts whose container cannot be made fail with the cluster's words (SPEC.md, Attempts).

use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::admission;
use crate::breaking::mended;
use crate::catalog::{BUSYBOX, REAL, definition, job};
use crate::operator::alone;
use crate::records::{has_ended, reason, state, status, words};
use crate::release::set;
use crate::scene::Scene;

const IMAGE: &str = "windlass.dev/no-such-image:1";

async fn a_missing_image_fails_each_attempt(scene: &Scene, queue: &str) {
    let mut nothing = definition("nothing", IMAGE, &["true"]);
    nothing["spec"]["retryStrategy"] = json!({"attempts": 2});
    scene.create(nothing).await;
    scene.create(job("nothing", queue, "nothing")).await;
    // Before its time is over the job says what is wrong.
    let delayed = |job: &Job| reason(job) == "StartDelayed" && words(job).contains(IMAGE);
    let starting = scene.job("nothing", "says what keeps it", delayed).await;
    assert_eq!(state(&starting), JobState::Starting);
    let job = scene.job("nothing", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "CannotStart"), "{:#?}", job.status);
    let start = "Task failed to start: CannotPullContainerError: ";
    assert!(words(&job).starts_with(start) && words(&job).contains(IMAGE), "{}", words(&job));
    let attempts = &status(&job).attempts;
    assert_eq!(attempts.len(), 2, "{attempts:#?}");
    for attempt in attempts {
        assert_eq!((attempt.exit_code, attempt.started_at.as_ref()), (None, None), "{attempt:#?}");
        assert!(attempt.proof.is_some() && attempt.node_name.is_some(), "{attempt:#?}");
    }
}

async fn a_volume_that_is_not_there_fails_the_attempt(scene: &Scene, queue: &str) {
    let volume = "Object{spec: Object.spec{\
        volumes: [Object.spec.volumes{name: \"extra\", \
            configMap: Object.spec.volumes.configMap{name: \"not-there\"}}], \
        containers: [Object.spec.containers{name: \"default\", volumeMounts: [\
            Object.spec.containers.volumeMounts{name: \"extra\", mountPath: \"/extra\"}]}]}}";
    admission::add(scene, volume, "not-there").await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(job("unmounted", queue, "hello")).await;
    let job = scene.job("unmounted", "ends", has_ended).await;
    admission::remove(scene);
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "CannotStart"), "{:#?}", job.status);
    let told = words(&job);
    assert!(told.contains("FailedMount") && told.contains("configmap \"not-there\" not found"), "{told}");
    assert_eq!(status(&job).attempts.len(), 1);
}

#[tokio::test]
async fn an_attempt_that_cannot_start_fails_with_the_runtimes_words() {
    let _alone = alone().await;
    let scene = Scene::new("starts").await;
    let queue = scene.queue("main", REAL).await;
    let test = async {
        set(&scene.client, "startLimitSeconds=10").await;
        a_missing_image_fails_each_attempt(&scene, &queue).await;
        a_volume_that_is_not_there_fails_the_attempt(&scene, &queue).await;
    };
    mended(test, async || set(&scene.client, "startLimitSeconds=300").await).await;
    scene.leave().await;
}
