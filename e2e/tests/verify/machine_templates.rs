//! What an environment says of its machines reaches an AWSMachineTemplate of Cluster API (SPEC.md C5): its real kinds, its
//! controllers played.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use windlass::names;
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{ComputeEnvironment, Job, JobQueue};

use crate::catalog::{BUSYBOX, definition, job};
use crate::cluster_api::{Failure, environment, host_of, until_status, work};
use crate::elastic::{GONE, queue, update};
use crate::machine_maker::{MachineMaker, machine_deployment, objects};
use crate::records::{has_ended, state};
use crate::scene::Scene;
use crate::wait::gone;
use crate::{acts, admission, definitions};

const DEFINITION: &str = include_str!("../../../operator/tests/cluster_api/awsmachinetemplates.yaml");

const GROUP: &str = "infrastructure.cluster.x-k8s.io";

/// Has the API server know the kind; gives the objects of the scene.
async fn templates(scene: &Scene) -> Api<DynamicObject> {
    definitions::serve(&scene.client, DEFINITION).await;
    let kind = GroupVersionKind::gvk(GROUP, "v1beta2", "AWSMachineTemplate");
    Api::namespaced_with(scene.client.clone(), &scene.namespace, &ApiResource::from_gvk(&kind))
}

fn template(name: &str) -> Value {
    let spec = json!({
        "instanceType": "c5.large", "ami": {"id": "ami-0"}, "sshKeyName": "everybody",
        "additionalTags": {"team": "platform", "cost": "batch"},
    });
    json!({
        "apiVersion": format!("{GROUP}/v1beta2"), "kind": "AWSMachineTemplate", "metadata": {"name": name},
        "spec": {"template": {"spec": spec}},
    })
}

/// A MachineDeployment whose machines are made from an AWSMachineTemplate.
fn pattern(name: &str, template: &str) -> Value {
    let mut pattern = machine_deployment(name, 2, true);
    pattern["spec"]["template"]["spec"]["infrastructureRef"] =
        json!({"apiGroup": GROUP, "kind": "AWSMachineTemplate", "name": template});
    pattern
}

/// The only MachineDeployment that was made for an environment, and is not `but`.
async fn own(deployments: &Api<DynamicObject>, but: &str) -> DynamicObject {
    let those = ListParams::default().labels(names::ENVIRONMENT_UID);
    let mut found = deployments.list(&those).await.unwrap().items;
    found.retain(|found| found.name_any() != but);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// Cluster API makes the Cluster an owner of both kinds, so that nothing is collected with the environment alone. Here a
/// ConfigMap stands for it.
async fn own_as_well(objects: &Api<DynamicObject>, name: &str, cluster: &DynamicObject) {
    let mut owners = objects.get(name).await.unwrap().metadata.owner_references.unwrap();
    owners.push(OwnerReference {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        name: cluster.name_any(),
        uid: cluster.uid().unwrap(),
        ..OwnerReference::default()
    });
    let patch = Patch::Merge(json!({"metadata": {"ownerReferences": owners}}));
    objects.patch(name, &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test]
async fn launch_settings_reach_templates_of_its_own_and_a_change_disrupts_no_job() {
    let scene = Scene::new("capi-own").await;
    let templates = templates(&scene).await;
    let maker = MachineMaker::start(&scene, Failure::default());
    scene.create(template("aws")).await;
    scene.create(pattern("hosts", "aws")).await;
    let resources = json!({
        "type": "EC2", "maxvCpus": 8, "imageId": "ami-1", "subnets": ["subnet-1"], "tags": {"team": "video"},
    });
    let name = environment(&scene, "own", resources, &["hosts"]).await;
    let queue = queue(&scene, &[&name]).await;
    work(&scene).await;
    scene.create(job("long", &queue, "work")).await;
    let long = host_of(&scene, "long").await;

    let deployments = objects(&scene.client, &scene.namespace, "MachineDeployment");
    let first = own(&deployments, "").await.name_any();
    assert!(long.contains(&first), "{long} is a machine of {first}");
    let spec = templates.get(&first).await.unwrap().data["spec"]["template"]["spec"].clone();
    let said = json!({
        "instanceType": "c5.large", "ami": {"id": "ami-1"}, "sshKeyName": "everybody",
        "subnet": {"id": "subnet-1"}, "additionalTags": {"team": "video", "cost": "batch"},
    });
    for (member, value) in said.as_object().unwrap() {
        assert_eq!(&spec[member], value, "{member} of {spec:#}");
    }

    update(&scene, &name, json!({"computeResources": {"imageId": "ami-2"}})).await;
    scene.create(job("short", &queue, "work")).await;
    let short = host_of(&scene, "short").await;
    let second = own(&deployments, &first).await.name_any();
    assert!(short.contains(&second), "{short} is a machine of {second}");
    assert_eq!(templates.get(&second).await.unwrap().data["spec"]["template"]["spec"]["ami"]["id"], "ami-2");
    assert_eq!(state(&scene.job("short", "ends", has_ended).await), JobState::Succeeded);
    let still = scene.api::<Job>().get("long").await.unwrap();
    assert_eq!(state(&still), JobState::Running);
    acts::stop(&scene, "long", "TERMINATE", "the test is over").await;
    maker.until_cpus("none", GONE, |cpus| cpus == 0).await;
    gone(GONE, &deployments, &first).await;
    gone(GONE, &templates, &first).await;

    let pattern = deployments.get("hosts").await.unwrap();
    assert_eq!((pattern.metadata.generation, pattern.data["spec"]["replicas"].as_u64()), (Some(1), Some(0)));
    assert_eq!(templates.get("aws").await.unwrap().metadata.generation, Some(1));
    let delete = DeleteParams::default();
    let cluster = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cluster"}});
    let cluster = scene.try_create(&scene.client, cluster).await.unwrap();
    for objects in [&deployments, &templates] {
        own_as_well(objects, &second, &cluster).await;
    }
    Api::<JobQueue>::all(scene.client.clone()).delete(&queue, &delete).await.unwrap();
    Api::<ComputeEnvironment>::all(scene.client.clone()).delete(&name, &delete).await.unwrap();
    gone(GONE, &deployments, &second).await;
    gone(GONE, &templates, &second).await;
    deployments.get("hosts").await.unwrap();
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn machines_of_another_provider_take_no_launch_settings() {
    let scene = Scene::new("capi-other").await;
    templates(&scene).await;
    let maker = MachineMaker::start(&scene, Failure::default());
    scene.create(machine_deployment("hosts", 2, true)).await;
    let resources = json!({"type": "EC2", "maxvCpus": 8, "imageId": "ami-1"});
    let name = environment(&scene, "other", resources, &["hosts"]).await;
    let queue = queue(&scene, &[&name]).await;
    scene.create(definition("work", BUSYBOX, &["true"])).await;
    scene.create(job("waits", &queue, "work")).await;
    until_status(&scene, &name, "says what takes no settings", |status, why| {
        status == "INVALID" && why.contains("makes machines of kind E2EMachineTemplate")
    })
    .await;
    assert!(maker.seen().made.is_empty());
    update(&scene, &name, json!({"computeResources": {"imageId": null}})).await;
    assert_eq!(state(&scene.job("waits", "ends", has_ended).await), JobState::Succeeded);
    maker.until_cpus("none", GONE, |cpus| cpus == 0).await;
    scene.leave().await;
}
