//! Definitions and their revisions, queues, compute environments.

use super::escape::as_go_writes;
use super::{Written, json, read as outcome, write_status};
use crate::convert::{self, Described, Wire, kinds};
use crate::names;
use crate::render::{definition_status, environment_status, queue_status};
use crate::shell::api::{Api, Failure, url};
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use kube::Resource;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request;
use std::collections::BTreeMap;
use windlass_core::action::{Guard, Held, Outcome};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{DefinitionStatus, EnvironmentStatus, Payload, QueueStatus};
use windlass_crds::{GROUP, VERSION};

pub(super) async fn read_definition(api: &Api, key: &ObjectKey) -> Result<Outcome, Failure> {
    let found = api.get::<kinds::JobDefinition>(key).await?;
    outcome(convert::definition(&found), |definition| Outcome::Definition(Box::new(definition)))
}

pub(super) async fn read_revision(api: &Api, key: &ObjectKey) -> Result<Outcome, Failure> {
    let found = api.get::<kinds::ControllerRevision>(key).await?;
    outcome(convert::revision(&found), |revision| Outcome::Revision(Box::new(revision)))
}

/// Makes a revision, or finds the one of that number that is there already.
pub(super) async fn create_revision(
    api: &Api,
    definition: &ObjectKey,
    definition_uid: Uid,
    number: u32,
    content: &Payload,
) -> Result<Outcome, Failure> {
    let revision = revision(definition, definition_uid, number, content)?;
    let name = revision.metadata.name.clone().unwrap_or_default();
    let url = url::<kinds::ControllerRevision>(&definition.namespace);
    let request = Request::new(url).create(&PostParams::default(), as_go_writes(&json(&revision)?));
    match api.send::<kinds::ControllerRevision, Wire<kinds::ControllerRevision>>("post", request).await {
        Ok(made) => outcome(convert::revision(&made), |revision| Outcome::Revision(Box::new(revision))),
        Err(Failure::Exists) => {
            read_revision(api, &ObjectKey { namespace: definition.namespace.clone(), name: name.into() })
                .await
        }
        Err(failure) => Err(failure),
    }
}

fn revision(
    definition: &ObjectKey,
    definition_uid: Uid,
    number: u32,
    content: &Payload,
) -> Result<ControllerRevision, Failure> {
    let unreadable = |error: serde_json::Error| Failure::Unknown(Name::from(error.to_string()));
    Ok(ControllerRevision {
        metadata: ObjectMeta {
            name: Some(format!("{}-{}-{number}", definition.name, definition_uid.prefix())),
            namespace: Some(definition.namespace.to_string()),
            labels: Some(BTreeMap::from([
                ("app.kubernetes.io/managed-by".to_owned(), names::MANAGER.to_owned()),
                (names::DEFINITION_UID.to_owned(), definition_uid.to_string()),
            ])),
            finalizers: Some(vec![names::FINALIZER.to_owned()]),
            owner_references: Some(vec![OwnerReference {
                api_version: format!("{GROUP}/{VERSION}"),
                kind: "JobDefinition".to_owned(),
                name: definition.name.to_string(),
                uid: definition_uid.to_string(),
                controller: Some(true),
                block_owner_deletion: Some(false),
            }]),
            ..ObjectMeta::default()
        },
        data: Some(RawExtension(serde_json::from_slice(&content.0).map_err(unreadable)?)),
        revision: i64::from(number),
    })
}

pub(super) async fn write_definition(
    api: &Api,
    guard: &Guard,
    status: &DefinitionStatus,
) -> Result<Outcome, Failure> {
    write_status::<kinds::JobDefinition, _>(api, guard, definition_status(status)).await
}

pub(super) async fn write_queue(api: &Api, guard: &Guard, status: &QueueStatus) -> Result<Outcome, Failure> {
    write_status::<kinds::JobQueue, _>(api, guard, queue_status(status)).await
}

pub(super) async fn write_environment(
    api: &Api,
    guard: &Guard,
    status: &EnvironmentStatus,
) -> Result<Outcome, Failure> {
    write_status::<kinds::ComputeEnvironment, _>(api, guard, environment_status(status)).await
}

/// Sets or takes our finalizer.
pub(super) async fn hold(api: &Api, held: Held, guard: &Guard, hold: bool) -> Result<Outcome, Failure> {
    match held {
        Held::Queue => set_finalizer::<kinds::JobQueue>(api, guard, hold).await,
        Held::Environment => set_finalizer::<kinds::ComputeEnvironment>(api, guard, hold).await,
        Held::Revision => set_finalizer::<kinds::ControllerRevision>(api, guard, hold).await,
    }
}

/// Finalizers are a list, of which others may own a part: it is read, and replaced only if the object is still the same.
async fn set_finalizer<D: Described>(api: &Api, guard: &Guard, hold: bool) -> Result<Outcome, Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let found = api.get::<D>(&guard.key).await?;
    if found.metadata.uid != guard.uid.to_string() {
        return Err(Failure::NotFound);
    }
    if found.metadata.is_held() == hold {
        // An empty list in place of none would be a change to the API server.
        return outcome(found.metadata.version(), Outcome::Written);
    }
    let mut finalizers = found.metadata.finalizers;
    finalizers.retain(|finalizer| finalizer != names::FINALIZER);
    if hold {
        finalizers.push(names::FINALIZER.to_owned());
    }
    let patch = serde_json::json!({
        "metadata": { "finalizers": finalizers, "resourceVersion": found.metadata.resource_version, "uid": found.metadata.uid }
    });
    let request = Request::new(url::<D>(&guard.key.namespace)).patch(
        guard.key.name.as_str(),
        &PatchParams::default(),
        &Patch::Merge(patch),
    );
    api.send::<D, Written>("patch", request).await?.try_into()
}
