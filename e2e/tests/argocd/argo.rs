//! Argo CD, run beside the test: what serves repositories, what syncs Applications, and the Redis between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use serde_json::{Value, json};

use crate::cluster::{self, kubectl};
use crate::process::{Process, free_port};
use crate::programs::{checkout, of_cluster};
use crate::scene::Scene;
use crate::wait::until;

/// Its resource definitions.
const DEFINITIONS: [&str; 2] = ["applications.argoproj.io", "appprojects.argoproj.io"];

/// Argo CD, until it is dropped. Its objects are in a scene of its own.
pub(crate) struct Argo {
    /// What of it is in the cluster.
    pub(crate) scene: Scene,
    processes: Vec<Process>,
}

impl Argo {
    /// Starts it. Logs and repositories are in `folder`.
    pub(crate) async fn start(folder: &Path) -> Self {
        apply_definitions().await;
        let scene = Scene::new("argocd").await;
        for object in settings() {
            scene.create(object).await;
        }
        let [redis, repositories] = [free_port(), free_port()];
        let address = |port: u16| format!("127.0.0.1:{port}");
        let temporary = folder.join("tmp");
        fs::create_dir_all(&temporary).unwrap();
        let argo = |name: &str, arguments: &[&str]| {
            Process::start(folder, name, |command| {
                command.arg(built("argocd")).args(arguments).args(["--redis", &address(redis)]);
                environment(command, name, &temporary);
            })
        };
        let processes = vec![
            Process::start(folder, "redis-server", |command| {
                let port = redis.to_string();
                command.args(["redis-server", "--bind", "127.0.0.1", "--port", &port]);
                command.args(["--save", "", "--appendonly", "no"]);
            }),
            argo(
                "argocd-repo-server",
                &[
                    "--disable-tls",
                    "--address=127.0.0.1",
                    &format!("--port={repositories}"),
                    "--metrics-address=127.0.0.1",
                    &format!("--metrics-port={}", free_port()),
                ],
            ),
            argo(
                "argocd-application-controller",
                &[
                    &format!("--kubeconfig={}", of_cluster("kubeconfig").display()),
                    &format!("--namespace={}", scene.namespace),
                    &format!("--repo-server={}", address(repositories)),
                    "--repo-server-plaintext",
                    "--persist-resource-health",
                    &format!("--metrics-port={}", free_port()),
                ],
            ),
        ];
        Self { scene, processes }
    }

    /// Ends it, and removes what it had in the cluster.
    pub(crate) async fn leave(self) {
        drop(self.processes);
        self.scene.leave().await;
        let definitions = DEFINITIONS.map(|name| format!("customresourcedefinition/{name}"));
        let definitions = definitions.each_ref().map(String::as_str);
        kubectl(&[&["delete", "--timeout=60s"], definitions.as_slice()].concat()).succeeded();
    }
}

/// A file that `cluster build-argocd` makes.
fn built(name: &str) -> PathBuf {
    let path = checkout().join("target/argocd").join(name);
    let command = "cargo run -p windlass-e2e -- cluster build-argocd";
    assert!(path.exists(), "{} is not there: run `{command}`, which makes it", path.display());
    path
}

/// Makes the one program of Argo CD be its part `name`, which takes the cluster of the test for the one it is in.
fn environment(command: &mut Command, name: &str, temporary: &Path) {
    command
        .env("ARGOCD_BINARY_NAME", name)
        .env("ARGOCD_FAKE_IN_CLUSTER", "true")
        .env("ARGOCD_GPG_ENABLED", "false")
        .env("KUBECONFIG", of_cluster("kubeconfig"))
        .env("TMPDIR", temporary);
}

async fn apply_definitions() {
    let folder = format!("--filename={}", built("crds").display());
    kubectl(&["apply", "--server-side", "--force-conflicts", &folder]).succeeded();
    let definitions = Api::<CustomResourceDefinition>::all(cluster::client().await);
    for name in DEFINITIONS {
        until(&definitions, name, "is established", is_established).await;
    }
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Established" && one.status == "True"))
}

/// What its namespace holds: the repository's settings, and the least that it starts with.
fn settings() -> Vec<Value> {
    let file = checkout().join("deploy/argocd/argocd-cm.yaml");
    let mut health: Value = serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    health["metadata"].as_object_mut().unwrap().remove("namespace");
    let part = json!({"app.kubernetes.io/part-of": "argocd"});
    vec![
        health,
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-rbac-cm", "labels": part},
        }),
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "argocd-secret", "labels": part},
            "stringData": {"server.secretkey": "of no use outside the test"},
        }),
        json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "AppProject",
            "metadata": {"name": "default"},
            "spec": {
                "sourceRepos": ["*"],
                "destinations": [{"namespace": "*", "server": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            },
        }),
    ]
}
