//! Managed environments with real Karpenter and its KWOK provider (SPEC.md C2): the same as the rows' tests show with nodes that
//! Windlass makes itself, in the sizes of the source document.

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::json;

use crate::elastic;
use crate::managed::Maker;
use crate::scene::Scene;

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

/// Makes the node class that machines are to be like.
pub(crate) async fn node_class(client: &Client, name: &str) {
    let kind = GroupVersionKind::gvk("karpenter.kwok.sh", "v1alpha1", "KWOKNodeClass");
    let resource = ApiResource::from_gvk_with_plural(&kind, "kwoknodeclasses");
    let classes: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let class = json!({
        "apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass", "metadata": {"name": name}, "spec": {},
    });
    classes.patch(name, &PatchParams::apply("e2e"), &Patch::Apply(class)).await.unwrap();
}

async fn scene(topic: &str) -> Scene {
    let scene = Scene::new(topic).await;
    node_class(&scene.client, CLASS).await;
    scene
}

#[tokio::test]
async fn machines_come_for_a_hundred_jobs_and_go_when_idle_and_some_are_kept() {
    elastic::machines_come_and_go(scene("k-machines").await, &karpenter(CLASS), 100, 128).await;
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
