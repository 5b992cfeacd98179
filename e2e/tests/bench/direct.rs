//! The same array on hosts that are Windlass's alone: its pods are made with a `nodeName`, so that kube-scheduler has nothing to
//! do with them (DESIGN.md, Pods).

use std::time::Duration;

use kube::Api;
use serde_json::json;
use windlass_crds::ComputeEnvironment;

use crate::catalog::{BUSYBOX, definition};
use crate::measure::Measured;
use crate::scene::Scene;
use crate::stage::{HOSTS, clear};
use crate::wait::{gone, within};
use crate::windlass_jobs::run_array_in;

/// What each host is, and its vCPUs, of which its system takes less than one.
const MACHINE: (&str, usize) = ("c5.24xlarge", 96);

/// Longer than all hosts take to come, or to go.
const BOUND: Duration = Duration::from_secs(300);

/// Runs an array of so many children on hosts that have room for all of it, as the stage's have, are there before and stay.
pub(crate) async fn run(number: usize) -> Measured {
    let hosts = Scene::new("direct-hosts").await;
    let environment = hosts.unique("pool");
    let number_of_hosts = number.div_ceil(MACHINE.1 - 1).max(HOSTS);
    let vcpus = number_of_hosts * MACHINE.1;
    hosts
        .create(json!({
            "apiVersion": "batch.windlass.dev/v1beta1",
            "kind": "ComputeEnvironment",
            "metadata": {"name": environment},
            "spec": {
                "type": "MANAGED",
                "computeResources": {
                    "type": "EC2", "minvCpus": vcpus, "maxvCpus": vcpus, "instanceTypes": [MACHINE.0],
                },
                "backend": {"simulated": {}},
            },
        }))
        .await;
    let environments = Api::<ComputeEnvironment>::all(hosts.client.clone());
    let has_all = |found: &ComputeEnvironment| {
        let hosts = found.status.as_ref().and_then(|status| status.hosts);
        hosts.and_then(|hosts| usize::try_from(hosts).ok()) == Some(number_of_hosts)
    };
    within(BOUND, &environments, &environment, "has all its hosts", has_all).await;
    let scene = Scene::new("direct").await;
    let queue = scene.queue_of("queue", &environment).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    let measured = run_array_in(scene, &queue, number).await;
    assert_eq!(measured.counts.get("create pods/binding"), None, "pods were bound by kube-scheduler");
    clear(hosts).await;
    gone(BOUND, &environments, &environment).await;
    measured
}
