//! Managed environments, and a watch of all machines that are made for one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch::{Receiver, Sender, channel};
use windlass::machines::built_in;
use windlass::names;
use windlass_crds::ComputeEnvironment;

use crate::scene::Scene;
use crate::wait::until;

/// Who makes the machines.
#[derive(Clone, Debug)]
pub(crate) struct Maker {
    /// The environment's `backend`.
    pub(crate) backend: Value,
    /// What a machine is in the API: group, version, kind.
    pub(crate) machine: [&'static str; 3],
}

/// Windlass itself: nodes without machines.
pub(crate) fn simulated() -> Maker {
    Maker { backend: json!({"simulated": {}}), machine: ["", "v1", "Node"] }
}

/// A MANAGED environment, its machines made by this backend.
pub(crate) fn object(name: &str, backend: &Value, resources: &Value) -> Value {
    json!({
        "apiVersion": "batch.windlass.dev/v1beta1",
        "kind": "ComputeEnvironment",
        "metadata": {"name": name},
        "spec": {"type": "MANAGED", "computeResources": resources, "backend": backend},
    })
}

/// Makes a managed environment and waits until it is VALID; gives its name and a watch of its machines.
pub(crate) async fn environment(
    scene: &Scene,
    name: &str,
    maker: &Maker,
    resources: Value,
) -> (String, Machines) {
    let name = scene.unique(name);
    scene.create(object(&name, &maker.backend, &resources)).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let is_known =
        |found: &ComputeEnvironment| found.status.as_ref().is_some_and(|told| told.status.is_some());
    let uid = until(&environments, &name, "is known", is_known).await.uid().unwrap();
    let machines = Machines::watch(scene.client.clone(), maker, &uid).await;
    (name, machines)
}

/// All machines of an environment, as a watch shows them from the first on.
pub(crate) struct Machines {
    seen: Arc<Mutex<Seen>>,
    news: Receiver<()>,
}

#[derive(Default)]
struct Seen {
    now: BTreeMap<String, String>,
    ever: Vec<String>,
    most_vcpus: u32,
}

impl Machines {
    async fn watch(client: Client, maker: &Maker, environment: &str) -> Self {
        let [group, version, kind] = maker.machine;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api: Api<DynamicObject> = Api::all_with(client, &resource);
        let mine = Config::default().labels(&format!("{}={environment}", names::ENVIRONMENT_UID));
        let mut stream = watcher(api, mine).boxed();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (sender, news) = channel(());
        loop {
            match stream.next().await {
                Some(Ok(Event::InitDone)) => break,
                Some(Ok(event)) => take(&event, &seen, &sender),
                other => panic!("machines cannot be watched: {other:?}"),
            }
        }
        let all = seen.clone();
        tokio::spawn(async move {
            while let Some(event) = stream.next().await {
                if let Ok(event) = event {
                    take(&event, &all, &sender);
                }
            }
        });
        Self { seen, news }
    }

    /// The types of those that are there, in order.
    pub(crate) fn types(&self) -> Vec<String> {
        let mut types: Vec<String> = self.seen.lock().unwrap().now.values().cloned().collect();
        types.sort();
        types
    }

    /// The types of all that ever were.
    pub(crate) fn ever(&self) -> Vec<String> {
        self.seen.lock().unwrap().ever.clone()
    }

    /// vCPUs of those that are there.
    pub(crate) fn vcpus(&self) -> u32 {
        self.types().iter().map(|found| vcpus(found)).sum()
    }

    /// The most vCPUs that were there at one time.
    pub(crate) fn most_vcpus(&self) -> u32 {
        self.seen.lock().unwrap().most_vcpus
    }

    /// Waits until those that are there have so many vCPUs together.
    pub(crate) async fn until_vcpus(&self, what: &str, bound: Duration, wanted: impl Fn(u32) -> bool) {
        let mut news = self.news.clone();
        let reached = async {
            while !wanted(self.vcpus()) {
                news.changed().await.unwrap();
            }
        };
        let in_time = tokio::time::timeout(bound, reached).await.is_ok();
        assert!(in_time, "waited {} s until there are {what}: {:?}", bound.as_secs(), self.types());
    }
}

fn take(event: &Event<DynamicObject>, seen: &Mutex<Seen>, news: &Sender<()>) {
    let mut seen = seen.lock().unwrap();
    match event {
        Event::Apply(machine) | Event::InitApply(machine) => {
            let machine_type = machine.annotations()[names::MACHINE_TYPE].clone();
            if seen.now.insert(machine.name_any(), machine_type.clone()).is_none() {
                seen.ever.push(machine_type);
            }
        }
        Event::Delete(machine) => {
            seen.now.remove(&machine.name_any());
        }
        Event::Init | Event::InitDone => {}
    }
    let now = seen.now.values().map(|found| vcpus(found)).sum();
    seen.most_vcpus = seen.most_vcpus.max(now);
    drop(seen);
    let _ = news.send(());
}

fn vcpus(machine_type: &str) -> u32 {
    let all = built_in().unwrap();
    all.iter().find(|found| found.name.as_str() == machine_type).unwrap().vcpus
}
