//! What people do to jobs that are there.

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use windlass_crds::Job;

use crate::scene::Scene;

/// Changes a job's spec; gives the API server's answer.
pub(crate) async fn change(scene: &Scene, name: &str, spec: Value) -> kube::Result<Job> {
    let patch = Patch::Merge(json!({"spec": spec}));
    scene.api::<Job>().patch(name, &PatchParams::default(), &patch).await
}

/// Ends a job: CANCEL or TERMINATE.
pub(crate) async fn stop(scene: &Scene, name: &str, kind: &str, reason: &str) {
    change(scene, name, json!({"stop": {"type": kind, "reason": reason}})).await.unwrap();
}

/// Deletes a job; gives the API server's answer.
pub(crate) async fn delete(scene: &Scene, name: &str) -> kube::Result<()> {
    scene.api::<Job>().delete(name, &DeleteParams::background()).await.map(drop)
}
