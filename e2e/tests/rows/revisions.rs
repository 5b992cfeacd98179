//! Revisions of job definitions (SPEC.md D1).

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{LogParams, Patch, PatchParams};
use serde_json::{Value, json};
use windlass_crds::{Job, JobDefinition};

use crate::catalog::{BUSYBOX, REAL, definition, job};
use crate::records::{has_ended, status};
use crate::scene::Scene;
use crate::wait::until;

/// Changes the definition, and waits until its latest revision is `number`.
async fn change(definitions: &Api<JobDefinition>, spec: Value, number: i32) {
    let patch = Patch::Merge(json!({"spec": spec}));
    definitions.patch("say", &PatchParams::default(), &patch).await.unwrap();
    let latest = |definition: &JobDefinition| definition.status.as_ref()?.latest_revision;
    let what = format!("has revision {number}");
    until(definitions, "say", &what, |definition| latest(definition) == Some(number)).await;
}

fn saying(word: &str) -> Value {
    json!({"containerProperties": {"command": ["echo", word]}})
}

async fn ended(scene: &Scene, name: &str) -> (Job, String) {
    let job = scene.job(name, "ends", has_ended).await;
    let pod = status(&job).attempts[0].pod_name.clone().unwrap();
    let log = scene.api::<Pod>().logs(&pod, &LogParams::default()).await.unwrap();
    (job, log)
}

fn revision(job: &Job) -> Option<&str> {
    status(job).job_definition.as_deref()
}

#[tokio::test]
async fn a_new_revision_does_not_change_jobs_submitted_before() {
    let scene = Scene::new("revisions").await;
    let pool = scene.unique("pool");
    // No host yet: the job waits with the revision that it has pinned.
    let waiting = scene.queue("waiting", (crate::hosts::LABEL, &pool)).await;
    let queue = scene.queue("main", REAL).await;
    let definitions: Api<JobDefinition> = scene.api();
    scene.create(definition("say", BUSYBOX, &["echo", "one"])).await;
    scene.create(job("before", &waiting, "say")).await;
    scene.job("before", "is pinned", |job| job.status.as_ref().is_some_and(is_pinned)).await;
    change(&definitions, saying("two"), 2).await;

    scene.create(job("latest", &queue, "say")).await;
    scene.create(job("old", &queue, "say:1")).await;
    let ((latest, two), (old, one)) = (ended(&scene, "latest").await, ended(&scene, "old").await);
    assert_eq!((revision(&latest), two.as_str()), (Some("say:2"), "two\n"));
    assert_eq!((revision(&old), one.as_str()), (Some("say:1"), "one\n"));

    // Now the environment of the job that waits gets hosts.
    let environments = Api::<windlass_crds::ComputeEnvironment>::all(scene.client.clone());
    let patch = json!({"spec": {"nodeSelector": {crate::hosts::LABEL: null, REAL.0: REAL.1}}});
    environments.patch(&waiting, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let (before, one) = ended(&scene, "before").await;
    assert_eq!((revision(&before), one.as_str()), (Some("say:1"), "one\n"));
    scene.leave().await;
}

fn is_pinned(status: &windlass_crds::JobStatus) -> bool {
    status.job_definition_revision.is_some()
}

#[tokio::test]
async fn what_is_deregistered_takes_no_new_jobs() {
    let scene = Scene::new("inactive").await;
    let queue = scene.queue("main", REAL).await;
    let definitions: Api<JobDefinition> = scene.api();
    scene.create(definition("say", BUSYBOX, &["echo", "one"])).await;
    change(&definitions, saying("two"), 2).await;
    change(&definitions, json!({"inactiveRevisions": [2]}), 2).await;
    let refused = async |name: &str, of: &str| {
        scene.create(job(name, &queue, of)).await;
        let job = scene.job(name, "ends", has_ended).await;
        let told = status(&job);
        format!("{}: {}", told.reason.clone().unwrap(), told.status_reason.clone().unwrap())
    };
    assert_eq!(
        refused("deregistered", "say:2").await,
        "DefinitionInactive: revision 2 of job definition say is INACTIVE (deregistered): use another revision"
    );
    assert_eq!(
        refused("missing", "say:9").await,
        "RevisionNotFound: job definition say has no revision 9; its latest is 2"
    );
    scene.create(job("latest-active", &queue, "say")).await;
    let (job, one) = ended(&scene, "latest-active").await;
    assert_eq!((revision(&job), one.as_str()), (Some("say:1"), "one\n"));
    scene.leave().await;
}
