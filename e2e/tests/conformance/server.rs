//! The real server's side.

use crate::actions::{action, object};
use crate::known::Known;
use crate::model::told_of_catalog;
use crate::setting::{Object, Setting};
use crate::steps::{Ask, How, Task};
use kube::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use windlass::convert::{self, Wire, kinds};
use windlass::shell::Requests;

/// How long something that others bring about may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The API server's two callers.
#[derive(Clone)]
pub(crate) struct Clients {
    /// Whoever makes and takes away what a sequence is about.
    pub(crate) administrator: Client,
    /// What the operator may do, no more: its roles and the chart's policies hold for it.
    pub(crate) operator: Client,
}

/// The API server as this sequence sees it.
pub(crate) struct Server {
    client: Client,
    requests: Requests,
    pub(crate) known: Known,
}

impl Server {
    pub(crate) fn new(clients: Clients) -> Server {
        let Clients { administrator: client, operator } = clients;
        Server { requests: Requests::new(operator), client, known: Known::default() }
    }

    /// Carries a request out, and tells how.
    pub(crate) async fn ask(&mut self, ask: &Ask, setting: &Setting) -> String {
        let outcome = self.requests.carry_out(action(ask, setting, &self.known)).await;
        let told = self.known.told(&object(ask), &outcome);
        if let Ask::CreatePod(task, _) = ask {
            self.wait_for_scheduler(&path(setting, &Object::Pod(*task))).await;
        }
        told
    }

    /// kube-scheduler looks at every new pod, and says that there is no such host.
    async fn wait_for_scheduler(&self, path: &str) {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let Ok(pod) = self.send("GET", path, None).await else { return };
            let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
            let is_looked_at = conditions.iter().any(|condition| condition["type"] == "PodScheduled");
            let is_over =
                pod["metadata"].get("deletionTimestamp").is_some() || pod["status"]["phase"] != "Pending";
            if is_looked_at || is_over {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("kube-scheduler never looked at {path}");
    }

    /// A request that is none of the operator's; the status code when it fails.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, u16> {
        let form = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = body.map(|body| serde_json::to_vec(&body).unwrap()).unwrap_or_default();
        let request = http::Request::builder().method(method).uri(path).header("content-type", form);
        match self.client.request::<Value>(request.body(body).unwrap()).await {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(status)) => Err(status.code),
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    pub(crate) async fn delete(&self, path: &str, how: How) {
        let policy = match how {
            How::Background => "Background",
            How::Foreground => "Foreground",
            How::Orphan => "Orphan",
        };
        let _ = self.send("DELETE", path, Some(json!({ "propagationPolicy": policy }))).await;
    }

    pub(crate) async fn delete_at_once(&self, path: &str) {
        let _ = self.send("DELETE", path, Some(json!({ "gracePeriodSeconds": 0 }))).await;
    }

    pub(crate) async fn bind(&self, setting: &Setting, task: Task) {
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": { "name": setting.pod(task).name.as_str() },
            "target": { "apiVersion": "v1", "kind": "Node", "name": setting.host().as_str() },
        });
        let path = format!("{}/binding", path(setting, &Object::Pod(task)));
        self.send("POST", &path, Some(binding)).await.unwrap_or_else(|code| panic!("{path}: {code}"));
    }

    /// What is there and what is being deleted of what collectors look after.
    async fn shape(&self, setting: &Setting) -> BTreeMap<String, &'static str> {
        let namespace = &setting.namespace;
        let batch = format!("/apis/batch.windlass.dev/v1beta1/namespaces/{namespace}");
        let lists = [
            ("pod", format!("/api/v1/namespaces/{namespace}/pods")),
            ("job", format!("{batch}/batchjobs")),
            ("revision", format!("/apis/apps/v1/namespaces/{namespace}/controllerrevisions")),
            ("record", format!("{batch}/jobrecords")),
        ];
        let mut shape = BTreeMap::new();
        for (kind, path) in lists {
            let list = self.send("GET", &path, None).await.unwrap_or_else(|code| panic!("{path}: {code}"));
            for item in list["items"].as_array().cloned().unwrap_or_default() {
                let name = item["metadata"]["name"].as_str().unwrap_or_default();
                let Some(rest) = name.strip_prefix(&format!("{}-", setting.name)) else { continue };
                let name = if kind == "record" { rest.rsplit('-').next().unwrap_or_default() } else { name };
                let deleting = item["metadata"].get("deletionTimestamp").is_some();
                shape.insert(format!("{kind} {name}"), if deleting { "deleting" } else { "there" });
            }
        }
        shape
    }

    /// Waits until collectors have brought the server to where the model's are.
    pub(crate) async fn wait_for(
        &self,
        setting: &Setting,
        expected: &BTreeMap<String, &'static str>,
    ) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let shape = self.shape(setting).await;
            if shape == *expected {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("collectors: the server has {shape:?},\nthe model {expected:?}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The queue and the environment, as a watch would tell them.
    pub(crate) async fn catalog(&mut self, setting: &Setting) -> Vec<String> {
        let queue = self.read::<kinds::JobQueue>(&path(setting, &Object::Queue)).await;
        let environment = self.read::<kinds::ComputeEnvironment>(&path(setting, &Object::Environment)).await;
        let queue = queue.map(|wire| convert::queue(&wire).unwrap());
        let environment = environment.map(|wire| convert::environment(&wire).unwrap());
        told_of_catalog(&mut self.known, queue, environment)
    }

    async fn read<D: convert::Described>(&self, path: &str) -> Option<Wire<D>> {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.client.request::<Wire<D>>(request).await.ok()
    }
}

/// Where an object is found.
pub(crate) fn path(setting: &Setting, object: &Object) -> String {
    let namespaced = |group: &str, plural: &str, name: &str| {
        format!("/{group}/namespaces/{}/{plural}/{name}", setting.namespace)
    };
    let batch = "apis/batch.windlass.dev/v1beta1";
    match object {
        Object::Job(which) => namespaced(batch, "batchjobs", setting.job(*which).0.name.as_str()),
        Object::Pod(task) => namespaced("api/v1", "pods", setting.pod(*task).name.as_str()),
        Object::Record(first) => namespaced(batch, "jobrecords", setting.record(*first).name.as_str()),
        Object::Revision(number) => {
            namespaced("apis/apps/v1", "controllerrevisions", setting.revision(*number).name.as_str())
        }
        Object::Definition => namespaced(batch, "jobdefinitions", &setting.name),
        Object::Queue => format!("/{batch}/jobqueues/{}", setting.name),
        Object::Environment => format!("/{batch}/computeenvironments/{}", setting.name),
    }
}
