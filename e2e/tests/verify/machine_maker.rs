//! What Cluster API's controllers do with MachineDeployments, played on KWOK nodes: as many Machines as the replicas say, a node
//! for each; those that are too many go, the marked ones first.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use windlass::names::{DELETE_MACHINE, MACHINE_DEPLOYMENT};

use crate::hosts;
use crate::scene::Scene;

const VERSION: &str = "cluster.x-k8s.io/v1beta2";
const CPU: &str = "capacity.cluster-autoscaler.kubernetes.io/cpu";
const MEMORY: &str = "capacity.cluster-autoscaler.kubernetes.io/memory";

/// How often the controllers look.
const PERIOD: Duration = Duration::from_millis(200);

/// A MachineDeployment whose machines have so many CPUs, as its annotations say if it is `told`.
pub(crate) fn machine_deployment(name: &str, cpus: u32, told: bool) -> Value {
    let labels = json!({MACHINE_DEPLOYMENT: name});
    let mut deployment = json!({
        "apiVersion": VERSION,
        "kind": "MachineDeployment",
        // Of its own, for whoever plays Cluster API: what it is told may be left out.
        "metadata": {"name": name, "annotations": {"windlass.dev/e2e-cpus": cpus.to_string()}},
        "spec": {
            "clusterName": "e2e",
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": machine_spec()},
        },
    });
    if told {
        deployment["metadata"]["annotations"][CPU] = json!(cpus.to_string());
        deployment["metadata"]["annotations"][MEMORY] = json!(format!("{}Gi", cpus * 2));
    }
    deployment
}

fn machine_spec() -> Value {
    json!({
        "clusterName": "e2e",
        "bootstrap": {"dataSecretName": "none"},
        "infrastructureRef": {"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "E2EMachineTemplate", "name": "none"},
    })
}

/// Objects of Cluster API in the scene's namespace.
pub(crate) fn objects(client: &Client, namespace: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cluster.x-k8s.io", "v1beta2", kind));
    Api::namespaced_with(client.clone(), namespace, &resource)
}

/// What happened, as the controllers saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The most CPUs that machines had together at one time.
    pub(crate) most_cpus: u32,
    /// CPUs of those that are there.
    pub(crate) cpus: u32,
    /// The sizes of all machines that were ever made, in CPUs.
    pub(crate) made: Vec<u32>,
    /// Machines that were taken away, and whether they were marked.
    pub(crate) taken: Vec<(String, bool)>,
    /// Names of those that are there.
    pub(crate) there: BTreeSet<String>,
}

/// The controllers, until they are dropped.
pub(crate) struct MachineMaker {
    seen: Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Drop for MachineMaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MachineMaker {
    /// Starts them for one scene's MachineDeployments. Machines fail for good while `failure` says why.
    pub(crate) fn start(scene: &Scene, failure: Arc<Mutex<Option<String>>>) -> Self {
        let (sender, seen) = channel(Seen::default());
        let world = World {
            client: scene.client.clone(),
            namespace: scene.namespace.clone(),
            seen: sender,
            failure,
            serial: 0,
        };
        Self { seen, task: tokio::spawn(world.play()) }
    }

    /// What has happened so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until the machines that are there have so many CPUs.
    pub(crate) async fn until_cpus(&self, what: &str, bound: Duration, wanted: impl Fn(u32) -> bool) {
        let mut seen = self.seen.clone();
        let reached = seen.wait_for(|seen| wanted(seen.cpus));
        let in_time = tokio::time::timeout(bound, reached).await.is_ok();
        assert!(in_time, "waited {} s until there are {what}: {:?}", bound.as_secs(), self.seen());
    }
}

struct World {
    client: Client,
    namespace: String,
    seen: Sender<Seen>,
    failure: Arc<Mutex<Option<String>>>,
    serial: u32,
}

impl World {
    async fn play(mut self) {
        let mut period = tokio::time::interval(PERIOD);
        loop {
            period.tick().await;
            if let Err(error) = self.look().await {
                eprintln!("playing Cluster API: {error}");
            }
        }
    }

    async fn look(&mut self) -> kube::Result<()> {
        let deployments = objects(&self.client, &self.namespace, "MachineDeployment");
        let machines = objects(&self.client, &self.namespace, "Machine");
        let (mut cpus_there, mut there) = (0, BTreeSet::new());
        for deployment in deployments.list(&ListParams::default()).await? {
            let name = deployment.name_any();
            let annotations = deployment.annotations();
            // What Windlass makes like another has of its annotations only those that say what a machine is.
            let told = annotations.get("windlass.dev/e2e-cpus").unwrap_or_else(|| &annotations[CPU]);
            let cpus: u32 = told.parse().unwrap();
            let replicas = deployment.data["spec"]["replicas"].as_u64().unwrap_or(0);
            let those = ListParams::default().labels(&format!("{MACHINE_DEPLOYMENT}={name}"));
            let mut found = machines.list(&those).await?.items;
            while (found.len() as u64) < replicas {
                found.push(self.make(&machines, &name, cpus).await?);
            }
            found.sort_by_key(|machine| (!is_marked(machine), machine.name_any()));
            let too_many = found.len() - usize::try_from(replicas).unwrap();
            for machine in found.drain(..too_many) {
                self.take(&machines, &machine).await?;
            }
            for machine in &found {
                self.provision(&machines, machine, cpus).await?;
                there.insert(machine.name_any());
                cpus_there += cpus;
            }
        }
        self.seen.send_modify(|seen| {
            seen.most_cpus = seen.most_cpus.max(cpus_there);
            (seen.cpus, seen.there) = (cpus_there, there);
        });
        Ok(())
    }

    async fn make(
        &mut self,
        machines: &Api<DynamicObject>,
        deployment: &str,
        cpus: u32,
    ) -> kube::Result<DynamicObject> {
        self.serial += 1;
        let name = format!("{}-{deployment}-{}", self.namespace, self.serial);
        let machine = json!({
            "apiVersion": VERSION,
            "kind": "Machine",
            "metadata": {"name": name, "labels": {MACHINE_DEPLOYMENT: deployment}},
            "spec": machine_spec(),
        });
        self.seen.send_modify(|seen| seen.made.push(cpus));
        machines.patch(&name, &PatchParams::apply("e2e"), &Patch::Apply(machine)).await
    }

    /// A machine goes, and its node with it.
    async fn take(&self, machines: &Api<DynamicObject>, machine: &DynamicObject) -> kube::Result<()> {
        let name = machine.name_any();
        self.seen.send_modify(|seen| seen.taken.push((name.clone(), is_marked(machine))));
        machines.delete(&name, &DeleteParams::default()).await?;
        let nodes = Api::<Node>::all(self.client.clone());
        match nodes.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            ended => ended.map(drop),
        }
    }

    /// A new machine gets its node, or fails for good.
    async fn provision(
        &self,
        machines: &Api<DynamicObject>,
        machine: &DynamicObject,
        cpus: u32,
    ) -> kube::Result<()> {
        if machine.data["status"]["phase"].is_string() {
            return Ok(());
        }
        let name = machine.name_any();
        let failure = self.failure.lock().unwrap().clone();
        let status = match failure {
            Some(words) => json!({
                "phase": "Failed",
                "deprecated": {"v1beta1": {"failureReason": "CreateError", "failureMessage": words}},
            }),
            None => {
                let nodes = Api::<Node>::all(self.client.clone());
                let amounts =
                    json!({"cpu": cpus.to_string(), "memory": format!("{}Gi", cpus * 2), "pods": "110"});
                // Nothing on it tells whose it is.
                let node = hosts::node(&name, "amd64", &amounts, &amounts);
                let node: Node = serde_json::from_value(node).unwrap();
                match nodes.create(&PostParams::default(), &node).await {
                    Err(kube::Error::Api(status)) if status.code == 409 => {}
                    made => drop(made?),
                }
                json!({"phase": "Running", "nodeRef": {"name": name}})
            }
        };
        let patch = Patch::Merge(json!({"status": status}));
        machines.patch_status(&name, &PatchParams::default(), &patch).await.map(drop)
    }
}

fn is_marked(machine: &DynamicObject) -> bool {
    machine.annotations().contains_key(DELETE_MACHINE)
}
