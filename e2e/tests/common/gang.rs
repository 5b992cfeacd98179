//! Machines for all nodes of a multi-node job, whoever makes them (SPEC.md M2, M6, C2).

use std::time::Duration;

use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{BUSYBOX, job};
use crate::managed::{Maker, environment};
use crate::records::{has_ended, reason, state, words};
use crate::scene::Scene;
use crate::wait::within;

const LONG: Duration = Duration::from_secs(180);

/// Machines are asked for for all nodes or for none, all of the smallest type that fits the largest node; no more than allowed.
pub(crate) async fn machines_come_for_all_nodes_or_for_none(scene: Scene, maker: &Maker) {
    // Three machines of 4 vCPUs, of which the largest node needs 3.
    let types = ["m4.large", "m4.xlarge", "m4.2xlarge"];
    let resources = json!({"type": "EC2", "minvCpus": 0, "maxvCpus": 12, "instanceTypes": types});
    let (fleet, machines) = environment(&scene, "fleet", maker, resources).await;
    let queue = scene.queue_of("fleet", &fleet).await;
    let container = |vcpus: u32| json!({"image": BUSYBOX, "vcpus": vcpus, "memory": 64, "command": ["true"]});
    scene
        .create(json!({
            "apiVersion": "batch.windlass.dev/v1beta1",
            "kind": "JobDefinition",
            "metadata": {"name": "fleet"},
            "spec": {
                "type": "multinode",
                "nodeProperties": {
                    "numNodes": 3,
                    "mainNode": 0,
                    "nodeRangeProperties": [
                        {"targetNodes": "0:0", "container": container(3)},
                        {"targetNodes": "1:", "container": container(1)},
                    ],
                },
            },
        }))
        .await;
    let mut wide = job("wide", &queue, "fleet");
    wide["spec"]["nodeOverrides"] = json!({"numNodes": 4});
    scene.create(wide).await;
    let waits = scene.job("wide", "is told", |job| reason(job) == "TooFewHosts").await;
    assert_eq!(state(&waits), JobState::Runnable);
    assert!(words(&waits).contains("needs 4 hosts of its own at once with 3 vCPUs"), "{}", words(&waits));
    scene.create(job("fits", &queue, "fleet")).await;
    machines.until_vcpus("three machines of 4 vCPUs", LONG, |vcpus| vcpus == 12).await;
    let done: Job = within(LONG, &scene.api(), "fits", "ends", has_ended).await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    assert_eq!(machines.ever(), ["m4.xlarge"; 3], "{:?}", machines.types());
    assert_eq!((machines.most_vcpus(), machines.vcpus() <= 12), (12, true));
    scene.leave().await;
}
