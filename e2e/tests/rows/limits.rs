//! Limits, each at the limit and one beyond (SPEC.md J10).

use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{Job, JobDefinition, JobDefinitionSpec, JobSpec};

use crate::catalog::{BUSYBOX, array, definition, job};
use crate::records::{has_ended, reason, state, words};
use crate::scene::Scene;

const SUBMISSION: usize = 30 * 1024;
const DEFINITION: usize = 24 * 1024;

/// The object with a parameter that makes its spec, written as `S` writes it, exactly so many bytes.
fn padded<S: serde::Serialize + serde::de::DeserializeOwned>(mut object: Value, bytes: usize) -> Value {
    object["spec"]["parameters"] = json!({"padding": ""});
    let spec: S = serde_json::from_value(object["spec"].clone()).unwrap();
    let without = serde_json::to_vec(&spec).unwrap().len();
    object["spec"]["parameters"]["padding"] = json!("x".repeat(bytes - without));
    object
}

#[tokio::test]
async fn a_submission_has_30_kib() {
    let scene = Scene::new("payload").await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(padded::<JobSpec>(job("largest", "nowhere", "hello"), SUBMISSION)).await;
    let taken = scene.job("largest", "is looked at", |job| !reason(job).is_empty()).await;
    assert_eq!((state(&taken), reason(&taken)), (JobState::Submitted, "QueueNotFound"));
    let bytes = |job: &Job| serde_json::to_vec(&job.spec).unwrap().len();
    assert_eq!(bytes(&taken), SUBMISSION);

    scene.create(padded::<JobSpec>(job("larger", "nowhere", "hello"), SUBMISSION + 1)).await;
    let refused = scene.job("larger", "ends", has_ended).await;
    assert_eq!((state(&refused), reason(&refused)), (JobState::Failed, "InvalidSubmission"));
    assert!(words(&refused).starts_with("the submission is 30721 bytes; at most 30720 are allowed"));
    scene.leave().await;
}

#[tokio::test]
async fn a_definition_has_24_kib() {
    let scene = Scene::new("content").await;
    // The state says which jobs may use it, and is no part of the content.
    let state_too = DEFINITION + r#","state":"ACTIVE""#.len();
    for (name, bytes) in [("largest", state_too), ("larger", state_too + 1)] {
        scene.create(padded::<JobDefinitionSpec>(definition(name, BUSYBOX, &["true"]), bytes)).await;
    }
    let is_valid = |definition: &JobDefinition| {
        let status = definition.status.as_ref();
        status.is_some_and(|status| !status.revisions.is_empty())
    };
    crate::wait::until(&scene.api(), "largest", "has a revision", is_valid).await;
    // A queue that has no host: the job would wait, were its definition not wrong.
    let queue = scene.queue("empty", ("windlass.dev/e2e-hosts", "none")).await;
    scene.create(job("taken", &queue, "largest")).await;
    scene.job("taken", "waits", |job| reason(job) == "NoHosts").await;
    scene.create(job("refused", &queue, "larger")).await;
    let refused = scene.job("refused", "ends", has_ended).await;
    assert_eq!((state(&refused), reason(&refused)), (JobState::Failed, "InvalidDefinition"));
    let expected = "the job definition is 24577 bytes; at most 24576 are allowed";
    assert!(words(&refused).starts_with(expected), "{}", words(&refused));
    scene.leave().await;
}

#[tokio::test]
async fn an_array_has_10_000_children_and_a_job_20_dependencies_and_10_attempts() {
    let scene = Scene::new("numbers").await;
    let dependent = |name: &str, others: usize| {
        let mut job = job(name, "nowhere", "hello");
        job["spec"]["dependsOn"] =
            (0..others).map(|other| json!({"jobId": format!("job-{other}")})).collect();
        job
    };
    let tried = |name: &str, attempts: u32| {
        let mut job = job(name, "nowhere", "hello");
        job["spec"]["retryStrategy"] = json!({"attempts": attempts});
        job
    };
    let sized = |name: &str, size: u32| array(name, "nowhere", "hello", size);
    for (largest, larger, field) in [
        (sized("size", 10_000), sized("sizes", 10_001), "spec.arrayProperties.size"),
        (dependent("depends", 20), dependent("dependss", 21), "spec.dependsOn"),
        (tried("tried", 10), tried("tries", 11), "spec.retryStrategy.attempts"),
    ] {
        scene.create(largest).await;
        let refused = scene.try_create(&scene.client, larger).await.unwrap_err();
        assert!(refused.to_string().contains(field), "{refused}");
    }
    scene.leave().await;
}
