//! Ends of a container that are told from a non-zero exit by name (SPEC.md J4).

use k8s_openapi::api::core::v1::Pod;
use kube::api::EvictParams;
use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::{JobState, Proof};

use crate::catalog::{BUSYBOX, REAL, definition, job};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;

/// Runs a command as a job; gives the job once it has ended.
async fn run(scene: &Scene, queue: &str, name: &str, command: &[&str]) -> Job {
    scene.create(definition(name, BUSYBOX, command)).await;
    scene.create(job(name, queue, name)).await;
    let job = scene.job(name, "ends", has_ended).await;
    assert_eq!((state(&job), status(&job).attempts.len()), (JobState::Failed, 1), "{:#?}", job.status);
    job
}

#[tokio::test]
async fn a_container_killed_for_its_memory_says_so() {
    let scene = Scene::new("memory").await;
    let queue = scene.queue("main", REAL).await;
    let job = run(&scene, &queue, "greedy", &["tail", "/dev/zero"]).await;
    let attempt = &status(&job).attempts[0];
    assert_eq!((attempt.exit_code, attempt.proof), (Some(137), Some(Proof::ContainerTerminated)));
    let expected = "OutOfMemoryError: Container killed due to memory usage";
    assert_eq!((reason(&job), attempt.reason.as_deref()), ("OutOfMemory", Some(expected)));
    assert!(words(&job).contains(expected), "{}", words(&job));
    scene.leave().await;
}

#[tokio::test]
async fn a_container_that_fails_because_its_child_was_killed_for_its_memory_says_so() {
    let scene = Scene::new("memorychild").await;
    let queue = scene.queue("main", REAL).await;
    let job = run(&scene, &queue, "parent", &["sh", "-c", "tail /dev/zero; exit 3"]).await;
    let attempt = &status(&job).attempts[0];
    // Where the kernel kills a whole control group, the shell goes too.
    assert!(matches!(attempt.exit_code, Some(3 | 137)), "{attempt:?}");
    assert_eq!(reason(&job), "OutOfMemory", "{:#?}", job.status);
    scene.leave().await;
}

#[tokio::test]
async fn a_command_that_does_not_exist_fails_with_the_runtimes_words() {
    let scene = Scene::new("nocommand").await;
    let queue = scene.queue("main", REAL).await;
    let job = run(&scene, &queue, "missing", &["no-such-program"]).await;
    let attempt = &status(&job).attempts[0];
    assert_eq!(attempt.exit_code, Some(128));
    let told = attempt.reason.as_deref().unwrap();
    assert!(told.starts_with("StartError: ") && told.contains("\"no-such-program\""), "{told}");
    assert!(words(&job).contains("executable file not found in $PATH"), "{}", words(&job));
    scene.leave().await;
}

#[tokio::test]
async fn a_container_killed_from_within_is_no_other_kind_of_end() {
    let scene = Scene::new("killed").await;
    let queue = scene.queue("main", REAL).await;
    let mut kills = definition("kills", BUSYBOX, &["sh", "-c", "sleep 60 & kill -KILL $!; wait $!"]);
    kills["spec"]["retryStrategy"] = json!({"attempts": 1});
    scene.create(kills).await;
    scene.create(job("kills", &queue, "kills")).await;
    let job = scene.job("kills", "ends", has_ended).await;
    assert_eq!((state(&job), reason(&job)), (JobState::Failed, "NonZeroExitCode"), "{:#?}", job.status);
    assert_eq!(status(&job).attempts[0].exit_code, Some(137));
    scene.leave().await;
}

#[tokio::test]
async fn an_evicted_container_says_so_and_is_tried_again() {
    let scene = Scene::new("eviction").await;
    let queue = scene.queue("main", REAL).await;
    let script = "[ $AWS_BATCH_JOB_ATTEMPT = 2 ] && exit; trap 'exit 7' TERM; while :; do sleep 0.1; done";
    let mut evicted = definition("evicted", BUSYBOX, &["sh", "-c", script]);
    evicted["spec"]["retryStrategy"] = json!({
        "attempts": 2,
        "evaluateOnExit": [
            {"onStatusReason": "Task stopped: evicted*", "action": "RETRY"},
            {"onReason": "*", "action": "EXIT"},
        ],
    });
    scene.create(evicted).await;
    scene.create(job("evicted", &queue, "evicted")).await;
    let running = scene.job("evicted", "runs", |job| state(job) == JobState::Running).await;
    let pod = status(&running).attempts[0].pod_name.clone().unwrap();
    scene.api::<Pod>().evict(&pod, &EvictParams::default()).await.unwrap();
    let job = scene.job("evicted", "ends", has_ended).await;
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    let [first, second] = status(&job).attempts.as_slice() else { panic!("{:#?}", job.status) };
    let host = first.node_name.as_deref().unwrap();
    assert_eq!(first.status_reason, Some(format!("Task stopped: evicted on host {host}")));
    assert_eq!((first.exit_code, second.exit_code), (Some(7), Some(0)));
    scene.leave().await;
}
