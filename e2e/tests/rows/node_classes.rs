//! What an environment says of its machines reaches Karpenter's EC2NodeClass (SPEC.md C5). The kind is Karpenter's own, at the
//! API server; what Karpenter would say of a class is said by the test.

use std::time::Duration;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use windlass_crds::ComputeEnvironment;
use windlass_crds::shared::state::Validity;

use crate::definitions;
use crate::managed;
use crate::scene::Scene;
use crate::wait::{gone, within};

const DEFINITION: &str = include_str!("../../../operator/tests/karpenter/ec2nodeclasses.yaml");

/// The API server tells of a new kind at once; the operator looks for it now and then.
const TO_BE_FOUND: Duration = Duration::from_secs(90);

/// Has the API server know Karpenter's kind; gives its objects.
async fn classes(client: &Client) -> Api<DynamicObject> {
    definitions::serve(client, DEFINITION).await;
    let kind = GroupVersionKind::gvk("karpenter.k8s.aws", "v1", "EC2NodeClass");
    Api::all_with(client.clone(), &ApiResource::from_gvk_with_plural(&kind, "ec2nodeclasses"))
}

fn resources(image: &str) -> Value {
    json!({
        "type": "EC2", "maxvCpus": 16, "imageId": image, "subnets": ["subnet-220c0e0a"],
        "securityGroupIds": ["sg-aba9e8db"], "instanceRole": "ecsInstanceRole", "tags": {"team": "video"},
    })
}

struct Stage {
    environments: Api<ComputeEnvironment>,
    classes: Api<DynamicObject>,
    environment: String,
    class: String,
}

impl Stage {
    async fn set(scene: &Scene) -> Self {
        let classes = classes(&scene.client).await;
        let environment = scene.unique("ec2");
        let backend = json!({"karpenter": {}});
        scene.create(managed::object(&environment, &backend, &resources("ami-1"))).await;
        let environments = Api::<ComputeEnvironment>::all(scene.client.clone());
        let uid = environments.get(&environment).await.unwrap().uid().unwrap();
        Self { environments, classes, class: format!("{environment}-{}", &uid[..8]), environment }
    }

    /// Waits until the class says this of its images.
    async fn says(&self, image: &str) -> DynamicObject {
        let images = json!([{"id": image}]);
        let says = |class: &DynamicObject| class.data.pointer("/spec/amiSelectorTerms") == Some(&images);
        within(TO_BE_FOUND, &self.classes, &self.class, "says what is wanted", says).await
    }

    /// Says of the class what Karpenter would.
    async fn judge(&self, ready: &str, reason: &str, message: &str) {
        let generation = self.classes.get(&self.class).await.unwrap().metadata.generation;
        let condition = |kind: &str, reason: &str, message: &str| {
            json!({
                "type": kind, "status": ready, "reason": reason, "message": message,
                "observedGeneration": generation, "lastTransitionTime": "2026-11-27T12:00:00Z",
            })
        };
        let conditions = [
            condition("Ready", if ready == "True" { "Ready" } else { "UnhealthyDependents" }, ""),
            condition("SubnetsReady", reason, message),
        ];
        let status = json!({"status": {"conditions": conditions}});
        self.classes.patch_status(&self.class, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    }

    /// Waits until the environment says so.
    async fn is(&self, validity: Validity, words: &str) {
        let is = |found: &ComputeEnvironment| {
            let status = found.status.as_ref();
            status.is_some_and(|status| {
                status.status == Some(validity)
                    && status.observed_generation == found.metadata.generation
                    && status.status_reason.as_ref().is_some_and(|told| told.contains(words))
            })
        };
        within(TO_BE_FOUND, &self.environments, &self.environment, &format!("says: {words}"), is).await;
    }

    async fn change(&self, spec: Value) {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.environments.patch(&self.environment, &PatchParams::default(), &patch).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_class_is_made_changed_in_place_and_collected_with_its_environment() {
    let scene = Scene::new("node-class").await;
    let stage = Stage::set(&scene).await;
    let class = stage.says("ami-1").await;
    let spec = &class.data["spec"];
    assert_eq!(spec["amiFamily"], "AL2023");
    assert_eq!(spec["subnetSelectorTerms"], json!([{"id": "subnet-220c0e0a"}]));
    assert_eq!(spec["securityGroupSelectorTerms"], json!([{"id": "sg-aba9e8db"}]));
    assert_eq!(spec["instanceProfile"], "ecsInstanceRole");
    assert_eq!(spec["tags"], json!({"team": "video"}));
    assert_eq!(class.owner_references()[0].kind, "ComputeEnvironment");
    // Karpenter's finalizer is not ours to take.
    let finalizer = |finalizers: Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    let kept = finalizer(json!(["karpenter.k8s.aws/termination"]));
    stage.classes.patch(&stage.class, &PatchParams::default(), &kept).await.unwrap();
    stage.change(json!({"computeResources": {"imageId": "ami-2"}})).await;
    let changed = stage.says("ami-2").await;
    assert_eq!((changed.uid(), changed.finalizers().len()), (class.uid(), 1));
    let digest = |class: &DynamicObject| class.annotations()["batch.windlass.dev/node-class"].clone();
    assert_ne!(digest(&changed), digest(&class));
    stage.classes.patch(&stage.class, &PatchParams::default(), &finalizer(json!([]))).await.unwrap();
    stage.environments.delete(&stage.environment, &Default::default()).await.unwrap();
    gone(TO_BE_FOUND, &stage.classes, &stage.class).await;
    scene.leave().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_node_class_makes_the_environment_invalid() {
    let scene = Scene::new("node-class-wrong").await;
    let stage = Stage::set(&scene).await;
    stage.says("ami-1").await;
    stage.judge("False", "SubnetsNotFound", "SubnetSelector did not match any Subnets").await;
    stage.is(Validity::Invalid, "SubnetsNotFound: SubnetSelector did not match any Subnets").await;
    stage.judge("True", "SubnetsReady", "").await;
    stage.is(Validity::Valid, "it can be used").await;
    // What this version of Karpenter does not know is refused, not dropped.
    stage.change(json!({"backend": {"karpenter": {"ec2NodeClass": {"noSuchField": 1}}}})).await;
    stage.is(Validity::Invalid, "unknown field \"spec.noSuchField\"").await;
    stage
        .change(json!({"backend": {"karpenter": {"ec2NodeClass": {"noSuchField": null, "role": "both"}}}}))
        .await;
    stage.is(Validity::Invalid, "the instance role is given twice").await;
    let template = json!({"launchTemplateData": {"EbsOptimized": true}});
    let resources = json!({"launchTemplate": template});
    stage
        .change(json!({"computeResources": resources, "backend": {"karpenter": {"ec2NodeClass": null}}}))
        .await;
    stage.is(Validity::Invalid, "not supported: launchTemplateData.ebsOptimized").await;
    stage
        .change(json!({"computeResources": {"launchTemplate": null, "tags": {"karpenter.sh/nodepool": "x"}}}))
        .await;
    stage.is(Validity::Invalid, "tag contains a restricted tag").await;
    stage.change(json!({"computeResources": {"tags": null}})).await;
    stage.is(Validity::Valid, "it can be used").await;
    scene.leave().await;
}
