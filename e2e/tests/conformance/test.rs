//! Many sequences, a few at a time.

use crate::sequence::play;
use crate::server::{Clients, Server};
use crate::setting::Setting;
use crate::{lease, quota, statuses};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use windlass_core::ids::{Name, Uid};

const OPERATOR: &str = "system:serviceaccount:windlass-system:windlass";

/// Sequences played at one time.
const AT_ONCE: usize = 16;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_answers_as_the_server() {
    let clients = Clients { administrator: client(None).await, operator: client(Some(OPERATOR)).await };
    let server = Server::new(clients.clone());
    let account = "/api/v1/namespaces/windlass-system/serviceaccounts/windlass";
    let is_installed = server.send("GET", account, None).await.is_ok();
    assert!(is_installed, "Windlass is not installed: make install");
    let seeds: VecDeque<u64> = match number("WINDLASS_SEQUENCE") {
        Some(one) => [one].into(),
        None => (0..number("WINDLASS_SEQUENCES").unwrap_or(40)).collect(),
    };
    let leases = lease::take(&server).await;
    let stage = Stage::set(&server).await;
    let result = tokio::select! {
        result = play_all(&server, &clients, &stage, seeds) => result,
        () = lease::renew(&server, &leases) => Err("the leases were lost".to_owned()),
    };
    stage.clear(&server).await;
    lease::give_back(&server, &leases).await;
    if let Err(differences) = result {
        panic!("{differences}");
    }
}

async fn client(acting_as: Option<&str>) -> Client {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/cluster/kubeconfig");
    let file = Kubeconfig::read_from(path)
        .unwrap_or_else(|error| panic!("{error}: run `make cluster`, which makes {path}"));
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    config.auth_info.impersonate = acting_as.map(str::to_owned);
    Client::try_from(config).unwrap()
}

async fn play_all(
    server: &Server,
    clients: &Clients,
    stage: &Stage,
    mut seeds: VecDeque<u64>,
) -> Result<(), String> {
    let (started, sequences) = (Instant::now(), seeds.len());
    let mut playing = tokio::task::JoinSet::new();
    let (mut compared, mut differences) = (0, Vec::new());
    loop {
        while playing.len() < AT_ONCE
            && let Some(seed) = seeds.pop_front()
        {
            let setting = stage.furnish(server, seed).await;
            let clients = clients.clone();
            playing.spawn(async move { play(seed, &setting, clients).await });
        }
        let Some(played) = playing.join_next().await else { break };
        let played = played.map_err(|error| error.to_string())?;
        compared += played.compared;
        differences.extend(played.difference);
    }
    let last = stage.furnish(server, u64::MAX).await;
    differences.extend(quota::play(&last, clients.clone()).await.err());
    let seconds = started.elapsed().as_secs_f64();
    println!("{sequences} sequences, {compared} answers compared in {seconds:.1} s");
    if differences.is_empty() {
        return Ok(());
    }
    let number = differences.len();
    differences.truncate(4);
    Err(format!("{number} of {sequences} sequences differ:\n{}", differences.join("\n\n")))
}

/// The namespaces of a run.
struct Stage {
    namespace: String,
    ending: String,
}

impl Stage {
    /// A namespace, and one that is being deleted and cannot end: something in it has a finalizer.
    async fn set(server: &Server) -> Stage {
        let run = std::process::id();
        let stage =
            Stage { namespace: format!("conformance-{run}"), ending: format!("conformance-{run}-ends") };
        for name in [&stage.namespace, &stage.ending] {
            let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            server.send("POST", "/api/v1/namespaces", Some(namespace)).await.unwrap();
        }
        let path = format!("/api/v1/namespaces/{}/configmaps", stage.ending);
        let kept = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "kept", "finalizers": ["windlass.dev/conformance"] },
        });
        server.send("POST", &path, Some(kept)).await.unwrap();
        let _ = server.send("DELETE", &format!("/api/v1/namespaces/{}", stage.ending), None).await;
        // Pods are admitted once the namespace has its service account.
        let account = format!("/api/v1/namespaces/{}/serviceaccounts/default", stage.namespace);
        while server.send("GET", &account, None).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stage
    }

    /// The objects of one sequence.
    async fn furnish(&self, server: &Server, seed: u64) -> Setting {
        let name = format!("c{}-{seed}", std::process::id());
        let batch = "/apis/batch.windlass.dev/v1beta1";
        let namespaced = format!("{batch}/namespaces/{}", self.namespace);
        let object = |kind: &str, name: &str, spec: Value| {
            let (version, metadata) = ("batch.windlass.dev/v1beta1", json!({ "name": name }));
            json!({ "apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec })
        };
        let job = |suffix: &str, array: Value| {
            let spec = json!({ "jobQueue": "none", "jobDefinition": "none", "arrayProperties": array });
            object("Job", &format!("{name}-{suffix}"), spec)
        };
        let size = crate::setting::CHILDREN;
        let queue = json!({
            "priority": 1, "computeEnvironmentOrder": [{ "order": 1, "computeEnvironment": name }],
        });
        let environment = json!({
            "type": "UNMANAGED", "state": "DISABLED", "nodeSelector": { "conformance": "none" },
        });
        let definition = serde_json::to_value(statuses::definition_spec(0)).unwrap();
        let make = async |path: String, body: Value| {
            let made = server.send("POST", &path, Some(body)).await;
            let made = made.unwrap_or_else(|code| panic!("{path}: {code}"));
            Uid::parse(made["metadata"]["uid"].as_str().unwrap()).unwrap()
        };
        let jobs = format!("{namespaced}/batchjobs");
        Setting {
            namespace: Name::from(self.namespace.as_str()),
            ending: Name::from(self.ending.as_str()),
            single: make(jobs.clone(), job("single", Value::Null)).await,
            array: make(jobs, job("array", json!({ "size": size }))).await,
            definition: make(
                format!("{namespaced}/jobdefinitions"),
                object("JobDefinition", &name, definition),
            )
            .await,
            queue: make(format!("{batch}/jobqueues"), object("JobQueue", &name, queue)).await,
            environment: make(
                format!("{batch}/computeenvironments"),
                object("ComputeEnvironment", &name, environment),
            )
            .await,
            name,
        }
    }

    /// Takes everything away, finalizers and all.
    async fn clear(&self, server: &Server) {
        let batch = "/apis/batch.windlass.dev/v1beta1";
        let lists = [
            format!("/api/v1/namespaces/{}/pods", self.namespace),
            format!("/apis/apps/v1/namespaces/{}/controllerrevisions", self.namespace),
            format!("/api/v1/namespaces/{}/configmaps", self.ending),
            format!("{batch}/jobqueues"),
            format!("{batch}/computeenvironments"),
        ];
        let ours = format!("c{}-", std::process::id());
        for list in lists {
            let all = server.send("GET", &list, None).await.unwrap_or_default();
            for item in all["items"].as_array().cloned().unwrap_or_default() {
                let name = item["metadata"]["name"].as_str().unwrap_or_default();
                if name.starts_with(&ours) || name == "kept" {
                    let path = format!("{list}/{name}");
                    let bare = json!({ "metadata": { "finalizers": null } });
                    let _ = server.send("PATCH", &path, Some(bare)).await;
                    server.delete_at_once(&path).await;
                }
            }
        }
        let _ = server.send("DELETE", &format!("/api/v1/namespaces/{}", self.namespace), None).await;
    }
}
