//! An Argo CD Application, and what it says of its objects.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::argo::Argo;
use crate::folder::Folder;
use crate::scene::{Scene, kind_of};
use crate::wait::within;

/// Argo CD first has to know every object of the cluster.
const BOUND: Duration = Duration::from_secs(240);

/// What Argo CD says of one object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// Synced, OutOfSync.
    pub(crate) sync: String,
    /// Healthy, Progressing, Degraded.
    pub(crate) health: String,
    /// The health in words.
    pub(crate) words: String,
}

/// An Application with automated sync, which prunes and mends.
pub(crate) struct Application {
    api: Api<DynamicObject>,
    name: String,
}

impl Application {
    /// Makes one that brings the objects of a path of the folder into the scene's namespace.
    pub(crate) async fn new(argo: &Argo, scene: &Scene, folder: &Folder, path: &str) -> Self {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": path},
            "spec": {
                "project": "default",
                "source": {"repoURL": folder.address(), "targetRevision": "main", "path": path},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": scene.namespace},
                "syncPolicy": {
                    "automated": {"prune": true, "selfHeal": true},
                    // A failed sync tries again what Git has now, not what it had.
                    "retry": {"limit": 5, "refresh": true, "backoff": {"duration": "2s", "factor": 1}},
                },
            },
        });
        let (resource, _) = kind_of(&argo.scene.client, &object).await;
        let api = Api::namespaced_with(argo.scene.client.clone(), &argo.scene.namespace, &resource);
        argo.scene.create(object).await;
        Self { api, name: path.to_owned() }
    }

    /// Waits until it is in sync with this revision, and of this health.
    pub(crate) async fn until(&self, revision: &str, health: &str) -> Value {
        let what = format!("is Synced to {revision}, and {health}");
        self.until_it(&what, |status| {
            status["sync"]["status"] == "Synced"
                && status["sync"]["revision"] == revision
                && status["health"]["status"] == health
        })
        .await
    }

    /// Waits until its status is as wanted.
    pub(crate) async fn until_it(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let wanted = |application: &DynamicObject| wanted(&application.data["status"]);
        within(BOUND, &self.api, &self.name, what, wanted).await.data["status"].take()
    }

    /// Lets Argo CD look at Git and at the cluster again, which it else does every few minutes; returns when it has.
    pub(crate) async fn refresh(&self) {
        let mark = |value: Value| json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": value}}});
        let patch = Patch::Merge(mark(json!("hard")));
        self.api.patch(&self.name, &PatchParams::default(), &patch).await.unwrap();
        let is_done = |application: &DynamicObject| {
            let annotations = application.metadata.annotations.as_ref();
            annotations.is_none_or(|all| !all.contains_key("argocd.argoproj.io/refresh"))
        };
        within(BOUND, &self.api, &self.name, "is refreshed", is_done).await;
    }
}

/// What an Application's status says of each of its objects, by kind.
pub(crate) fn told(status: &Value) -> BTreeMap<String, Told> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resources = status["resources"].as_array().unwrap();
    let told = resources.iter().map(|resource| {
        let (sync, health) = (text(&resource["status"]), text(&resource["health"]["status"]));
        let words = text(&resource["health"]["message"]);
        (text(&resource["kind"]), Told { sync, health, words })
    });
    told.collect()
}

/// Why the last sync could not apply an object of this kind.
pub(crate) fn refusal<'status>(status: &'status Value, kind: &str) -> Option<&'status str> {
    let results = status["operationState"]["syncResult"]["resources"].as_array()?;
    let refused = results.iter().find(|one| one["kind"] == kind && one["status"] == "SyncFailed")?;
    refused["message"].as_str()
}
