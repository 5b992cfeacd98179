//! `windlass release`: takes our finalizers from everything, so that nothing hangs when the operator is gone (DESIGN.md,
//! rule 14).

use super::run::client;
use crate::convert::{Described, Metadata, Wire, kinds};
use crate::names;
use crate::render::owner;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, Resource};
use serde_json::{Map, json};
use std::time::Duration;
use tracing::{info, warn};
use windlass_core::ids::Uid;

/// Objects read at a time.
const PAGE: u32 = 500;

/// How often it is looked, a second apart, whether StatefulSets have gone.
const LOOKS_FOR_SETS: u32 = 60;

/// Releases all that finalizers of ours hold. Jobs that run go on, but nobody records how they end.
///
/// # Errors
/// When the API server refuses; what was released stays so, and the command can be run again.
pub async fn release() -> anyhow::Result<()> {
    let client = client().await?;
    let mut kept = take_node_sets(&client).await?;
    kept += release_all::<kinds::Pod>(&client, Some(names::JOB_UID)).await?;
    kept += release_all::<kinds::ControllerRevision>(&client, Some(names::DEFINITION_UID)).await?;
    kept += release_all::<kinds::JobQueue>(&client, None).await?;
    kept += release_all::<kinds::ComputeEnvironment>(&client, None).await?;
    anyhow::ensure!(kept == 0, "{kept} objects could not be released, all others are");
    Ok(())
}

/// Takes the StatefulSets of multi-node jobs from their pods: they would make anew what is released, each with our finalizer.
/// Returns how many are left.
async fn take_node_sets(client: &Client) -> anyhow::Result<usize> {
    let sets = Api::<Wire<kinds::StatefulSet>>::all(client.clone());
    let ours = ListParams::default().labels(names::NODE_SETS);
    for set in sets.list(&ours).await?.items {
        let (key, uid) = (set.metadata.key(), Some(set.metadata.uid));
        let which = DeleteParams::orphan().preconditions(Preconditions { uid, resource_version: None });
        let namespaced = Api::<Wire<kinds::StatefulSet>>::namespaced(client.clone(), key.namespace.as_str());
        match namespaced.delete(key.name.as_str(), &which).await {
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
            Err(error) => warn!(kind = "StatefulSet", object = %key, %error, "not taken from its pods"),
            Ok(_) => {}
        }
    }
    // The garbage collector writes to each pod that it has no owner any more, and only then is the set gone.
    for _ in 0..LOOKS_FOR_SETS {
        if sets.list(&ours).await?.items.is_empty() {
            return Ok(0);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(sets.list(&ours).await?.items.len())
}

/// Releases all of a kind; returns how many could not be: one that is refused does not keep the others.
async fn release_all<D: Described>(client: &Client, label: Option<&str>) -> anyhow::Result<usize>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let api = Api::<Wire<D>>::all(client.clone());
    let (mut released, mut kept) = (0_usize, 0_usize);
    let mut page = ListParams::default().limit(PAGE);
    page.label_selector = label.map(ToOwned::to_owned);
    loop {
        let list = api.list(&page).await?;
        for object in list.items.iter().filter(|object| object.metadata.is_held()) {
            match release_one(client, object).await {
                Ok(true) => released += 1,
                Ok(false) => {}
                Err(error) => {
                    kept += 1;
                    warn!(kind = D::KIND, object = %object.metadata.key(), %error, "not released");
                }
            }
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page.continue_token = Some(token),
            None => break,
        }
    }
    info!(kind = D::KIND, released, kept, "finalizers taken");
    Ok(kept)
}

/// Takes our finalizer from one object, if it is still the one that was read; true when it was.
async fn release_one<D: Described>(client: &Client, object: &Wire<D>) -> anyhow::Result<bool>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let metadata = &object.metadata;
    let others: Vec<&String> =
        metadata.finalizers.iter().filter(|finalizer| *finalizer != names::FINALIZER).collect();
    let mut changes = Map::from_iter([
        ("finalizers".to_owned(), json!(others)),
        ("uid".to_owned(), json!(metadata.uid)),
        ("resourceVersion".to_owned(), json!(metadata.resource_version)),
    ]);
    changes.extend(job_of_node(metadata).map(|job| ("ownerReferences".to_owned(), json!([job]))));
    let patch = json!({ "metadata": changes });
    let url = super::api::url::<D>(&metadata.namespace.as_str().into());
    let request =
        kube::core::Request::new(url).patch(&metadata.name, &PatchParams::default(), &Patch::Merge(patch))?;
    match client.request::<serde::de::IgnoredAny>(request).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Who owns a node's pod once its StatefulSet is gone: it goes when the Job goes, as other pods do.
fn job_of_node(metadata: &Metadata) -> Option<OwnerReference> {
    let label = |key: &str| metadata.labels.get(key);
    label(names::NODE_SETS)?;
    let (name, uid) = (label(names::JOB_NAME)?, Uid::parse(label(names::JOB_UID)?)?);
    Some(owner(&name.as_str().into(), uid))
}
