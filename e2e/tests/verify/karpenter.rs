//! Managed environments with real Karpenter and its KWOK provider (SPEC.md C2): the same as the rows' tests show with nodes that
//! Windlass makes itself, in the sizes of the source document.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use windlass::names;
use windlass_crds::job::StatusSummary;
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job};

use crate::admission;
use crate::catalog::{BUSYBOX, array, definition, job};
use crate::elastic::{self, GONE};
use crate::gang;
use crate::managed::{Maker, environment};
use crate::records::{has_ended, reason, state};
use crate::scene::Scene;
use crate::wait::{until, within};

const LONG: Duration = Duration::from_secs(300);

/// Karpenter, with its KWOK provider and this node class.
pub(crate) fn karpenter(class: &str) -> Maker {
    let class = json!({"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": class});
    Maker {
        backend: json!({"karpenter": {"nodeClassRef": class}}),
        machine: ["karpenter.sh", "v1", "NodeClaim"],
    }
}

/// The node class of most tests.
pub(crate) const CLASS: &str = "default";

/// Makes the node class that machines are to be like: so long after its launch a machine has its node.
pub(crate) async fn node_class(client: &Client, name: &str, delay: &str) {
    let kind = GroupVersionKind::gvk("karpenter.kwok.sh", "v1alpha1", "KWOKNodeClass");
    let resource = ApiResource::from_gvk_with_plural(&kind, "kwoknodeclasses");
    let classes: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let class = json!({
        "apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass", "metadata": {"name": name},
        "spec": {"nodeRegistrationDelay": delay},
    });
    classes.patch(name, &PatchParams::apply("e2e"), &Patch::Apply(class)).await.unwrap();
}

async fn scene(topic: &str) -> Scene {
    let scene = Scene::new(topic).await;
    node_class(&scene.client, CLASS, "0s").await;
    scene
}

#[tokio::test]
async fn machines_come_for_all_nodes_of_a_multi_node_job_or_for_none() {
    gang::machines_come_for_all_nodes_or_for_none(scene("k-fleet").await, &karpenter(CLASS)).await;
}

#[tokio::test]
async fn machines_come_for_a_hundred_jobs_and_go_when_idle_and_some_are_kept() {
    elastic::machines_come_and_go(scene("k-machines").await, &karpenter(CLASS), 100, 128).await;
}

#[tokio::test]
async fn disabled_amid_a_hundred_jobs_it_starts_none_until_it_is_enabled() {
    let scene = scene("k-amid").await;
    let (jobs, at_once) = (100, 16);
    let resources = json!({"type": "EC2", "maxvCpus": 2 * at_once, "instanceTypes": ["optimal"]});
    let (name, machines) = environment(&scene, "amid", &karpenter(CLASS), resources).await;
    let queue = elastic::queue(&scene, &[&name]).await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", "5000").await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(elastic::sized(array("many", &queue, "work", jobs), 2, 64)).await;
    let some_have_ended = |job: &Job| summary(job).succeeded >= 10;
    within(LONG, &scene.api::<Job>(), "many", "has some children that have ended", some_have_ended).await;
    elastic::update(&scene, &name, json!({"state": "DISABLED"})).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    until(&environments, &name, "is known to be DISABLED", |found| {
        found.status.as_ref().and_then(|told| told.observed_generation) == found.metadata.generation
    })
    .await;
    let pods = async || scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items.len();
    let known = pods().await;
    machines.until_vcpus("none", GONE, |vcpus| vcpus == 0).await;
    // What had been given to a host by then may still have been on its way.
    let made = pods().await;
    assert!(made <= known + usize::try_from(at_once).unwrap(), "{known} pods, then {made}");
    let says_so = |job: &Job| {
        let children = summary(job);
        children.runnable + children.succeeded == 100 && reason(job) == "ComputeEnvironmentDisabled"
    };
    let many: Job = within(LONG, &scene.api(), "many", "says why the rest waits", says_so).await;
    let left = summary(&many).runnable;
    assert!(left > 0, "all had run before: {many:?}");
    println!("{left} of {jobs} jobs waited while the environment was DISABLED");
    elastic::update(&scene, &name, json!({"state": "ENABLED"})).await;
    let many: Job = within(LONG, &scene.api(), "many", "ends", has_ended).await;
    assert_eq!(state(&many), JobState::Succeeded);
    let most = machines.most_vcpus();
    assert!(most <= 2 * at_once, "{most} vCPUs: {:?}", machines.ever());
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn the_smallest_machine_that_fits_is_bought() {
    elastic::the_smallest_that_fits_is_made(scene("k-smallest").await, &karpenter(CLASS)).await;
}

#[tokio::test]
async fn jobs_spill_to_karpenter_when_the_first_environment_is_full() {
    elastic::jobs_spill_to_the_next(scene("k-spill").await, &karpenter(CLASS)).await;
}

#[tokio::test]
async fn a_disabled_environment_drains_and_goes_on_later() {
    elastic::a_disabled_one_drains(scene("k-drains").await, &karpenter(CLASS)).await;
}

/// A device plugin registers GPUs after the node is ready. That is waited for, nothing else is bought, and jobs without GPUs run
/// there.
#[tokio::test]
async fn gpus_that_come_late_are_waited_for() {
    let scene = scene("k-gpus").await;
    let resources = json!({"type": "EC2", "maxvCpus": 32, "instanceTypes": ["g4dn"]});
    let (name, machines) = environment(&scene, "gpus", &karpenter(CLASS), resources).await;
    let queue = elastic::queue(&scene, &[&name]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    let mut one = job("one", &queue, "work");
    one["spec"]["containerOverrides"] = json!({"resourceRequirements": [{"type": "GPU", "value": "1"}]});
    scene.create(one).await;
    let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
    let has_host =
        |found: &ComputeEnvironment| found.status.as_ref().is_some_and(|told| told.hosts == Some(1));
    let found = within(Duration::from_secs(120), &environments, &name, "has a host", has_host).await;
    // A job without GPUs comes after it, and runs there.
    scene.create(job("plain", &queue, "work")).await;
    assert_eq!(state(&scene.job("plain", "ends", has_ended).await), JobState::Succeeded);
    let one = scene.api::<Job>().get("one").await.unwrap();
    assert_eq!((state(&one), reason(&one)), (JobState::Runnable, "WaitingForMachines"));
    let nodes = Api::<Node>::all(scene.client.clone());
    let mine = format!("{}={}", names::ENVIRONMENT_UID, found.uid().unwrap());
    let listed = nodes.list(&ListParams::default().labels(&mine)).await.unwrap().items;
    assert_eq!(listed.len(), 1);
    let gpus = json!({"nvidia.com/gpu": "1"});
    let patch = Patch::Merge(json!({"status": {"capacity": gpus, "allocatable": gpus}}));
    nodes.patch_status(&listed[0].name_any(), &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(state(&scene.job("one", "ends", has_ended).await), JobState::Succeeded);
    assert_eq!(machines.ever(), ["g4dn.xlarge"]);
    scene.leave().await;
}

fn summary(job: &Job) -> StatusSummary {
    let array = job.status.as_ref().and_then(|status| status.array_properties.as_ref());
    array.map(|array| array.status_summary.clone()).unwrap_or_default()
}
