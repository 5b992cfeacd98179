//! The hosts that all figures are from, and the operator there or away.

use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::ListParams;
use tokio::time::{Instant, interval};

use crate::cluster::{SYSTEM, kubectl};
use crate::hosts::{self, LABEL, Size};
use crate::operator::until_it_decides;
use crate::scene::Scene;
use crate::wait::gone;

/// Hosts that exist only in the API: together they take more pods than are ever made, so that nothing waits for room.
pub(crate) const HOSTS: usize = 20;

/// What each has.
const HOST: Size = Size { cpu: "1000", memory: "1000Gi" };

/// Longer than a finished pod guards its name, and than the removal of 10,000 takes.
const BOUND: Duration = Duration::from_secs(900);

/// The hosts.
pub(crate) struct Stage {
    scene: Scene,
    /// The value of [`LABEL`] they have.
    pub(crate) pool: String,
    /// Their names.
    pub(crate) hosts: Vec<String>,
}

impl Stage {
    /// Makes them.
    pub(crate) async fn new() -> Self {
        let scene = Scene::new("bench").await;
        let pool = scene.unique("pool");
        let names: Vec<String> = (0..HOSTS).map(|number| format!("host-{number}")).collect();
        join_all(names.iter().map(|name| hosts::add(&scene, name, &pool, HOST, HOST))).await;
        let hosts = names.iter().map(|name| scene.unique(name)).collect();
        Self { scene, pool, hosts }
    }

    /// The label of these hosts.
    pub(crate) fn label(&self) -> (&str, &str) {
        (LABEL, &self.pool)
    }

    /// Takes the operator away: what others do on these hosts is measured without it.
    pub(crate) fn without_operator() {
        scale(0);
        let namespace = format!("--namespace={SYSTEM}");
        kubectl(&["wait", "--for=delete", "pods", "--all", "--timeout=60s", &namespace]).succeeded();
        let anyone = ["wait", "--for=condition=Ready", "pods", "--all", "--timeout=1s", &namespace];
        let said = kubectl(&anyone).failed();
        assert!(said.contains("no matching resources found"), "{said}");
    }

    /// Has the operator back, as a new process.
    pub(crate) async fn with_operator(&self) {
        scale(1);
        until_it_decides(&self.scene.client).await;
    }

    /// Removes the hosts.
    pub(crate) async fn leave(self) {
        self.scene.leave().await;
    }
}

fn scale(replicas: u32) {
    let (namespace, replicas) = (format!("--namespace={SYSTEM}"), format!("--replicas={replicas}"));
    kubectl(&["scale", "deployment", "windlass", &namespace, &replicas]).succeeded();
}

/// Removes a scene and waits until nothing of it is left, so that the next figures are not spoilt by it.
pub(crate) async fn clear(scene: Scene) {
    let (client, namespace) = (scene.client.clone(), scene.namespace.clone());
    scene.leave().await;
    gone(BOUND, &Api::<Namespace>::all(client), &namespace).await;
}

/// Waits until at most so many pods are left in the scene.
pub(crate) async fn until_left(scene: &Scene, number: usize) {
    let pods: Api<Pod> = scene.api();
    let mut again = interval(Duration::from_secs(1));
    let started = Instant::now();
    loop {
        again.tick().await;
        let page = pods.list_metadata(&ListParams::default().limit(1)).await.unwrap();
        let rest = page.metadata.remaining_item_count.unwrap_or(0);
        let left = page.items.len() + usize::try_from(rest).unwrap();
        if left <= number {
            return;
        }
        assert!(started.elapsed() < BOUND, "{left} pods are left, not {number}");
    }
}
