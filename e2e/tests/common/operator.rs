//! The operator, as the test's victim: its process and its lease.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client};
use tokio::sync::{Mutex, MutexGuard};

use crate::cluster::SYSTEM;
use crate::wait::{gone, within};

/// Longer than a lease that nobody gave back takes to expire.
const BOUND: Duration = Duration::from_secs(90);

/// Waits until no other test has the operator.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// Waits until the operator is there as its Deployment says, and one pod of it decides; gives that pod's name.
pub(crate) async fn until_it_decides(client: &Client) -> String {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), SYSTEM);
    within(BOUND, &deployments, "windlass", "is rolled out", is_rolled_out).await;
    let pods: Vec<String> = pods(client).await.into_iter().filter_map(|pod| pod.metadata.name).collect();
    holder(client, &format!("is held by one of {pods:?}"), |holder| pods.iter().any(|pod| pod == holder))
        .await
}

/// Waits until the lease is held by whom one wants; gives that pod's name.
pub(crate) async fn holder(client: &Client, what: &str, is_awaited: impl Fn(&str) -> bool) -> String {
    let leases: Api<Lease> = Api::namespaced(client.clone(), SYSTEM);
    let holder = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
    let is_held = |lease: &Lease| holder(lease).is_some_and(|holder| is_awaited(&holder));
    holder(&within(BOUND, &leases, "windlass", what, is_held).await).unwrap()
}

fn is_rolled_out(deployment: &Deployment) -> bool {
    let Some(status) = &deployment.status else { return false };
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    status.observed_generation == deployment.metadata.generation
        && status.updated_replicas == wanted
        && status.available_replicas == wanted
        && status.replicas == wanted
}

/// The operator's pods that are not on their way out.
pub(crate) async fn pods(client: &Client) -> Vec<Pod> {
    let of_operator = "app.kubernetes.io/name=windlass,app.kubernetes.io/component=operator";
    let pods: Api<Pod> = Api::namespaced(client.clone(), SYSTEM);
    let all = pods.list(&ListParams::default().labels(of_operator)).await.unwrap().items;
    all.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect()
}

/// Kills the operator with SIGKILL, and takes its lease away, so that the next one starts at once.
pub(crate) async fn kill(client: &Client) {
    for pod in pods(client).await {
        kill_pod(client, pod).await;
    }
    let leases: Api<Lease> = Api::namespaced(client.clone(), SYSTEM);
    leases.delete("windlass", &DeleteParams::default()).await.unwrap();
}

/// Kills a pod's process with SIGKILL, and removes the pod before the kubelet starts it anew.
pub(crate) async fn kill_pod(client: &Client, pod: Pod) {
    let (name, uid) = (pod.metadata.name.unwrap(), pod.metadata.uid.unwrap());
    let killed = processes_of(&uid);
    assert!(!killed.is_empty(), "no process of pod {name}");
    for process in killed {
        let status = Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
        assert!(status.success(), "kill of {process}: {status}");
    }
    let all: Api<Pod> = Api::namespaced(client.clone(), SYSTEM);
    all.delete(&name, &DeleteParams::default().grace_period(0)).await.unwrap();
    gone(BOUND, &all, &name).await;
}

/// Processes that run `/windlass` in a control group of this pod.
pub(crate) fn processes_of(pod_uid: &str) -> Vec<u32> {
    let group = format!("pod{pod_uid}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let Some(id) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
        // A process may end while it is looked at.
        let is_of_pod = fs::read_to_string(path.join("cgroup")).is_ok_and(|groups| groups.contains(&group));
        let is_operator =
            fs::read_link(path.join("exe")).is_ok_and(|exe| exe.ends_with(Path::new("windlass")));
        if is_of_pod && is_operator {
            found.push(id);
        }
    }
    found
}
