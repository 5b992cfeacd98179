//! Actions become requests, answers become outcomes.

mod catalog;
mod deployments;
mod escape;
mod events;
mod jobs;
mod machines;
mod node_classes;
mod node_sets;
mod own_deployments;
mod pods;

use super::api::{Api, Failure, url};
use super::clock::Clock;
use crate::convert::{Described, Wire};
use kube::Resource;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::Request;
use serde::{Deserialize, Serialize};
use windlass_core::action::{Action, Guard, Outcome};
use windlass_core::ids::{Name, ResourceVersion, Uid};

/// Carries an action out.
pub(super) async fn execute(api: &Api, clock: &Clock, action: Action) -> Outcome {
    let result = match action {
        Action::ReadDefinition(key) => catalog::read_definition(api, &key).await,
        Action::ReadRevision(key) => catalog::read_revision(api, &key).await,
        Action::CreateRevision { definition, definition_uid, number, content } => {
            catalog::create_revision(api, &definition, definition_uid, number, &content).await
        }
        Action::WriteDefinition(guard, status) => catalog::write_definition(api, &guard, &status).await,
        Action::WriteQueue(guard, status) => catalog::write_queue(api, &guard, &status).await,
        Action::WriteEnvironment(guard, status) => catalog::write_environment(api, &guard, &status).await,
        Action::Hold(held, guard, hold) => catalog::hold(api, held, &guard, hold).await,
        Action::ReadJob(key) => jobs::read(api, &key).await,
        Action::WriteJob(guard, status) => jobs::write(api, &guard, &status).await,
        Action::ReadRecord { job, job_uid, first_index } => {
            jobs::read_record(api, &job, job_uid, first_index).await
        }
        Action::WriteRecord(order) => jobs::write_record(api, &order).await,
        Action::CreatePod(order) => pods::create(api, clock, &order).await,
        Action::MakeNodeSets(order) => node_sets::make(api, clock, &order).await,
        Action::DeleteNodeSets { job, job_uid, attempt, launch } => {
            node_sets::delete(api, &job, job_uid, (attempt, launch)).await
        }
        Action::ReadSetEvents(set) => events::latest_of_set(api, &set).await,
        Action::LetGo(order) => pods::let_go(api, &order).await,
        Action::ReadPod(key) => pods::read(api, &key).await,
        Action::LookForHost(name) => machines::look_for_host(api, name).await,
        Action::DeletePod(key, uid, version) => pods::delete(api, &key, uid, version).await,
        Action::StopPod { pod, uid, resource_version, ending } => {
            pods::stop(api, &pod, uid, resource_version, &ending).await
        }
        Action::LaunchMachine(order) => machines::launch(api, clock, &order).await,
        Action::ReadMachine(backend, name) => machines::read(api, backend, &name).await,
        Action::ReadMachineEvents(name, uid) => events::latest_of_machine(api, &name, uid).await,
        Action::WriteNodeClass(order) => node_classes::write(api, &order).await,
        Action::RetireMachine(backend, name, uid) => machines::retire(api, backend, &name, uid).await,
        Action::RemoveMachine(backend, name, uid) => machines::remove(api, backend, &name, uid).await,
        Action::ReadMachineDeployment(key) => deployments::read(api, &key).await,
        Action::MakeMachineDeployment(order) => own_deployments::make(api, &order).await,
        Action::DeleteMachineDeployment(guard) => own_deployments::delete(api, &guard).await,
        Action::Scale(order) => deployments::scale(api, clock, &order).await,
        Action::ReadEvents(key, uid) => events::latest_trouble(api, &key, uid).await,
        Action::DeleteJob(guard) => jobs::delete(api, &guard).await,
        Action::ReleasePod(key, uid, delete) => pods::release(api, &key, uid, delete).await,
    };
    result.unwrap_or_else(Outcome::from)
}

/// The part of an answer that tells which version was written.
#[derive(Deserialize)]
struct Written {
    metadata: WrittenMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMetadata {
    resource_version: String,
}

impl TryFrom<Written> for Outcome {
    type Error = Failure;

    fn try_from(written: Written) -> Result<Outcome, Failure> {
        let version = written.metadata.resource_version;
        let unreadable = |_| Failure::Unknown(Name::from(format!("resourceVersion {version} is no number")));
        version.parse().map(|version| Outcome::Written(ResourceVersion(version))).map_err(unreadable)
    }
}

/// What a deletion is for: one object, and one version of it where that is given.
fn preconditions(uid: Uid, version: Option<ResourceVersion>) -> DeleteParams {
    DeleteParams::background().preconditions(Preconditions {
        uid: Some(uid.to_string()),
        resource_version: version.map(|version| version.0.to_string()),
    })
}

/// What a write of a status sends: identity and version, so that it fails on any other, and the status.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusBody<S> {
    api_version: String,
    kind: &'static str,
    metadata: GuardBody,
    status: S,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GuardBody {
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    uid: String,
    resource_version: String,
}

/// Replaces a status, if the object is still the one in `guard`.
async fn write_status<D: Described, S: Serialize>(
    api: &Api,
    guard: &Guard,
    status: S,
) -> Result<Outcome, Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let body = StatusBody {
        api_version: format!("{}/{}", D::GROUP, D::VERSION),
        kind: D::KIND,
        metadata: GuardBody {
            name: guard.key.name.to_string(),
            namespace: guard.key.namespace.to_string(),
            uid: guard.uid.to_string(),
            resource_version: guard.resource_version.0.to_string(),
        },
        status,
    };
    let request = Request::new(url::<D>(&guard.key.namespace)).replace_subresource(
        "status",
        guard.key.name.as_str(),
        &PostParams::default(),
        json(&body)?,
    );
    api.send::<D, Written>("put status", request).await?.try_into()
}

/// A body of a request.
fn json(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body)
        .map_err(|error| Failure::Unknown(Name::from(format!("cannot be written as JSON: {error}"))))
}

/// What was read, as an outcome; what cannot be read is not known.
fn read<T>(
    found: Result<T, crate::convert::Error>,
    outcome: impl FnOnce(T) -> Outcome,
) -> Result<Outcome, Failure> {
    found.map(outcome).map_err(|error| Failure::Unknown(Name::from(error.to_string())))
}
