//! Pods of our jobs.

use super::{json, preconditions, read as outcome};
use crate::convert::{self, Wire, kinds};
use crate::names;
use crate::pod;
use crate::shell::api::{Api, Failure, url};
use crate::shell::clock::Clock;
use k8s_openapi::api::core::v1::{NodeSelectorTerm, Pod};
use kube::api::{GetParams, Patch, PatchParams, PostParams};
use kube::core::Request;
use serde::de::IgnoredAny;
use windlass_core::action::{LetGoOrder, Outcome, PodOrder, Refusal};
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::objects::Ending;

/// Creates a pod, or finds the one of that name that is there already.
pub(super) async fn create(api: &Api, clock: &Clock, order: &PodOrder) -> Result<Outcome, Failure> {
    let built =
        pod::pod(order).map_err(|error| Failure::Refused(Refusal::Invalid, Name::from(error.to_string())))?;
    let body = json(&built)?;
    // Looked at last: from here on the API server's own limit bounds when the create can take effect.
    if clock.now() > order.not_after {
        return Ok(Outcome::Expired);
    }
    let request = Request::new(url::<kinds::Pod>(&order.pod.namespace)).create(&PostParams::default(), body);
    match api.send::<kinds::Pod, Wire<kinds::Pod>>("post", request).await {
        Ok(made) => outcome(convert::pod(&made), |pod| Outcome::Pod(Box::new(pod))),
        Err(Failure::Exists) => match read(api, &order.pod).await {
            Err(Failure::NotFound) => Err(Failure::Unknown(Name::from("a pod of that name is just going"))),
            found => found,
        },
        Err(Failure::NotFound) => {
            Err(Failure::Refused(Refusal::Other, Name::from("the namespace does not exist")))
        }
        Err(failure) => Err(failure),
    }
}

pub(super) async fn read(api: &Api, key: &ObjectKey) -> Result<Outcome, Failure> {
    let found = api.get::<kinds::Pod>(key).await?;
    outcome(convert::pod(&found), |pod| Outcome::Pod(Box::new(pod)))
}

/// Deletes a pod, with the grace its spec gives.
pub(super) async fn delete(
    api: &Api,
    key: &ObjectKey,
    uid: Uid,
    version: Option<ResourceVersion>,
) -> Result<Outcome, Failure> {
    let request = Request::new(url::<kinds::Pod>(&key.namespace))
        .delete(key.name.as_str(), &preconditions(uid, version));
    api.send::<kinds::Pod, IgnoredAny>("delete", request).await?;
    Ok(Outcome::Done)
}

/// Writes on a pod why it is stopped, if it is still in this version, and deletes it. Should the process end in between, the next
/// one finds a pod that says why it is to stop, and that still runs: it is stopped again.
pub(super) async fn stop(
    api: &Api,
    key: &ObjectKey,
    uid: Uid,
    version: ResourceVersion,
    ending: &Ending,
) -> Result<Outcome, Failure> {
    let patch = serde_json::json!({
        "metadata": {
            "uid": uid.to_string(),
            "resourceVersion": version.0.to_string(),
            "annotations": {
                names::ENDING: ending.cause.as_str(),
                names::ENDING_REASON: ending.words.as_str(),
            },
        }
    });
    let request = Request::new(url::<kinds::Pod>(&key.namespace)).patch(
        key.name.as_str(),
        &PatchParams::default(),
        &Patch::Merge(patch),
    );
    match api.send::<kinds::Pod, IgnoredAny>("patch", request).await {
        Err(Failure::Refused(Refusal::Invalid, words)) if is_about_identity(&words) => Err(Failure::Conflict),
        Err(failure) => Err(failure),
        Ok(_) => delete(api, key, uid, None).await,
    }
}

/// Lets a node's pod go to its host, if it is still in this version: from here on its container may start. What it is refused may
/// be that it leaves out what others ask of its host: then that is read and kept.
pub(super) async fn let_go(api: &Api, order: &LetGoOrder) -> Result<Outcome, Failure> {
    match patch_gate(api, order, Vec::new()).await {
        Err(Failure::Refused(Refusal::Invalid, words)) if is_about_identity(&words) => Err(Failure::Conflict),
        Err(refused @ Failure::Refused(Refusal::Invalid, _)) => {
            let terms = terms_of_others(api, &order.guard.key).await?;
            if terms.is_empty() { Err(refused) } else { patch_gate(api, order, terms).await }
        }
        outcome => outcome,
    }
}

async fn patch_gate(api: &Api, order: &LetGoOrder, terms: Vec<NodeSelectorTerm>) -> Result<Outcome, Failure> {
    let key = &order.guard.key;
    let request = Request::new(url::<kinds::Pod>(&key.namespace)).patch(
        key.name.as_str(),
        &PatchParams::default(),
        &Patch::Strategic(pod::let_go(order, terms)),
    );
    api.send::<kinds::Pod, IgnoredAny>("patch", request).await.map(|_| Outcome::Done)
}

/// What a pod's node affinity asks of a host, any term of which is enough.
async fn terms_of_others(api: &Api, key: &ObjectKey) -> Result<Vec<NodeSelectorTerm>, Failure> {
    let request =
        Request::new(url::<kinds::Pod>(&key.namespace)).get(key.name.as_str(), &GetParams::default());
    let found: Pod = api.send::<kinds::Pod, _>("get", request).await?;
    let affinity = found.spec.and_then(|spec| spec.affinity?.node_affinity);
    let required = affinity.and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution);
    Ok(required.map(|selector| selector.node_selector_terms).unwrap_or_default())
}

/// Takes our finalizer from a pod that is over, and has it deleted unless that was asked for before.
pub(super) async fn release(
    api: &Api,
    key: &ObjectKey,
    uid: Uid,
    delete_it: bool,
) -> Result<Outcome, Failure> {
    if delete_it {
        match delete(api, key, uid, None).await {
            // Another pod has the name: this one is gone.
            Err(Failure::NotFound | Failure::Conflict) => return Ok(Outcome::Done),
            Err(failure) => return Err(failure),
            Ok(_) => {}
        }
    }
    let patch = serde_json::json!({
        "metadata": { "uid": uid.to_string(), "$deleteFromPrimitiveList/finalizers": [names::FINALIZER] }
    });
    let request = Request::new(url::<kinds::Pod>(&key.namespace)).patch(
        key.name.as_str(),
        &PatchParams::default(),
        &Patch::Strategic(patch),
    );
    match api.send::<kinds::Pod, IgnoredAny>("patch", request).await {
        Err(Failure::NotFound | Failure::Conflict) => Ok(Outcome::Done),
        Err(Failure::Refused(Refusal::Invalid, words)) if is_about_identity(&words) => Ok(Outcome::Done),
        Err(failure) => Err(failure),
        Ok(_) => Ok(Outcome::Done),
    }
}

/// A patch that names another identity is no conflict to the API server: it would change a field that cannot change.
fn is_about_identity(words: &Name) -> bool {
    words.as_str().contains("metadata.uid: Invalid value")
}
