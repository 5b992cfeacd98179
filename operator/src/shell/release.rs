//! `windlass release`: takes our finalizers from everything, so that nothing hangs when the operator is gone (DESIGN.md,
//! rule 14).

use super::run::client;
use crate::convert::{Described, Wire, kinds};
use crate::names;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, Resource};
use serde_json::json;
use tracing::{info, warn};

/// Objects read at a time.
const PAGE: u32 = 500;

/// Releases all that finalizers of ours hold. Jobs that run go on, but nobody records how they end.
///
/// # Errors
/// When the API server refuses; what was released stays so, and the command can be run again.
pub async fn release() -> anyhow::Result<()> {
    let client = client().await?;
    let mut kept = release_all::<kinds::Pod>(&client, Some(names::JOB_UID)).await?;
    kept += release_all::<kinds::ControllerRevision>(&client, Some(names::DEFINITION_UID)).await?;
    kept += release_all::<kinds::JobQueue>(&client, None).await?;
    kept += release_all::<kinds::ComputeEnvironment>(&client, None).await?;
    anyhow::ensure!(kept == 0, "{kept} objects could not be released, all others are");
    Ok(())
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
    let patch = json!({
        "metadata": { "finalizers": others, "uid": metadata.uid, "resourceVersion": metadata.resource_version },
    });
    let url = super::api::url::<D>(&metadata.namespace.as_str().into());
    let request =
        kube::core::Request::new(url).patch(&metadata.name, &PatchParams::default(), &Patch::Merge(patch))?;
    match client.request::<serde::de::IgnoredAny>(request).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
