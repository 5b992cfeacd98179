//! batch/v1's Indexed Job on the same hosts.

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::jiff::Timestamp;
use kube::api::DeleteParams;
use serde_json::json;

use crate::catalog::BUSYBOX;
use crate::measure::{Measured, Watch};
use crate::scene::Scene;
use crate::stage::{Stage, clear, until_left};
use crate::wait::within;

const BOUND: Duration = Duration::from_secs(1200);

/// The controller of batch/v1.
const CONTROLLER: &str = "system:serviceaccount:kube-system:job-controller";

/// Runs an Indexed Job of so many completions, all at one time if the controller can.
pub(crate) async fn run(stage: &Stage, number: usize) -> Measured {
    let scene = Scene::new("native").await;
    let watch = Watch::start(number, CONTROLLER);
    let (label, pool) = stage.label();
    let resources = json!({"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"memory": "64Mi"}});
    let template = json!({
        "metadata": {"annotations": {"windlass.dev/kwok-run-ms": "0"}},
        "spec": {
            "nodeSelector": {label: pool},
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "restartPolicy": "Never",
            "containers": [{"name": "default", "image": BUSYBOX, "args": ["true"], "resources": resources}],
        },
    });
    scene
        .create(json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "many"},
            "spec": {
                "completionMode": "Indexed", "completions": number, "parallelism": number, "backoffLimit": 0,
                "template": template,
            },
        }))
        .await;
    let jobs = scene.api::<Job>();
    let job =
        within(BOUND, &jobs, "many", "is Complete", |job| has(job, "Complete") || has(job, "Failed")).await;
    let done = Timestamp::now();
    let succeeded = job.status.as_ref().and_then(|status| status.succeeded);
    assert_eq!(succeeded, i32::try_from(number).ok(), "{:#?}", job.status);
    jobs.delete("many", &DeleteParams::background()).await.unwrap();
    until_left(&scene, 0).await;
    let measured = watch.stop(&scene, done, None);
    clear(scene).await;
    measured
}

fn has(job: &Job, condition: &str) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == condition && one.status == "True"))
}
