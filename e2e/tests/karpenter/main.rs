//! Managed environments with real Karpenter and its KWOK provider, `make cluster KARPENTER=1` (SPEC.md C2–C4): what the rows' tests
//! show with nodes that Windlass makes itself, and what only a provider of machines can do to it.

#[cfg(test)]
#[path = "../common/acts.rs"]
mod acts;
#[cfg(test)]
#[path = "../common/admission.rs"]
mod admission;
#[cfg(test)]
#[path = "../common/catalog.rs"]
mod catalog;
#[cfg(test)]
#[path = "../common/cluster.rs"]
mod cluster;
#[cfg(test)]
#[path = "../common/elastic.rs"]
mod elastic;
#[cfg(test)]
#[path = "../common/hosts.rs"]
mod hosts;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod losses;
#[cfg(test)]
#[path = "../common/managed.rs"]
mod managed;
#[cfg(test)]
#[path = "../common/operator.rs"]
mod operator;
#[cfg(test)]
#[path = "../common/programs.rs"]
mod programs;
#[cfg(test)]
#[path = "../common/records.rs"]
mod records;
#[cfg(test)]
mod same;
#[cfg(test)]
#[path = "../common/scene.rs"]
mod scene;
#[cfg(test)]
#[path = "../common/wait.rs"]
mod wait;

/// Makes the node class that machines are to be like.
#[cfg(test)]
async fn node_class(client: &kube::Client, name: &str) {
    use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};

    let kind = GroupVersionKind::gvk("karpenter.kwok.sh", "v1alpha1", "KWOKNodeClass");
    let resource = ApiResource::from_gvk_with_plural(&kind, "kwoknodeclasses");
    let classes: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let class = serde_json::json!({
        "apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass", "metadata": {"name": name}, "spec": {},
    });
    classes.patch(name, &PatchParams::apply("e2e"), &Patch::Apply(class)).await.unwrap();
}

/// The node class of most tests.
#[cfg(test)]
const CLASS: &str = "default";
