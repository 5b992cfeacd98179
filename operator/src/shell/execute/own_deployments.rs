//! MachineDeployments that environments have made, each with an AWSMachineTemplate (decision 0008).

use super::node_classes::strict;
use super::{json, preconditions, read as outcome};
use crate::convert::{self, Described, Wire, kinds};
use crate::machines::machine_deployment::{PatternError, digest, infrastructure, machine_deployment};
use crate::machines::machine_template::machine_template;
use crate::names;
use crate::shell::api::{Api, Failure, url};
use kube::Resource;
use kube::api::{DeleteParams, GetParams, PostParams};
use kube::core::Request;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::time::Duration;
use windlass_core::action::{DeploymentOrder, Guard, Outcome, Refusal};
use windlass_core::ids::{Name, ObjectKey, Uid};

/// How often a template is tried to be deleted, and the pause between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Makes the template, and then the MachineDeployment, which has no machines yet; finds those that are there already.
pub(super) async fn make(api: &Api, order: &DeploymentOrder) -> Result<Outcome, Failure> {
    let pattern = read::<kinds::MachineDeployment>(api, &order.pattern).await?;
    let spec = pattern.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    if digest(spec) != order.pattern_digest {
        return Err(Failure::Conflict);
    }
    let told = |error: PatternError| {
        let words = format!("MachineDeployment {} {error}", order.pattern);
        Failure::Refused(Refusal::Invalid, Name::from(words))
    };
    let (_, _, name) = infrastructure(&pattern).map_err(told)?;
    let key = ObjectKey { namespace: order.pattern.namespace.clone(), name: Name::from(name) };
    let template = match read::<kinds::AWSMachineTemplate>(api, &key).await {
        Err(Failure::NotFound) => {
            let words =
                format!("AWSMachineTemplate {key} of MachineDeployment {} is not there", order.pattern);
            return Err(Failure::Refused(Refusal::Invalid, Name::from(words)));
        }
        found => found?,
    };
    let template = machine_template(order, &template).map_err(told)?;
    match create::<kinds::AWSMachineTemplate, IgnoredAny>(api, &order.key, &template).await {
        Ok(_) => {}
        // Nobody else has a template of that name, which says what it says.
        Err(Failure::Exists) => ours::<kinds::AWSMachineTemplate>(api, order).await?,
        Err(failure) => return Err(failure),
    }
    let deployment = machine_deployment(order, &pattern).map_err(told)?;
    let made = match create::<kinds::MachineDeployment, _>(api, &order.key, &deployment).await {
        Err(Failure::Exists) => api.get::<kinds::MachineDeployment>(&order.key).await?,
        made => made?,
    };
    let boxed = |made| Outcome::MachineDeployment(Box::new(made), Vec::new());
    outcome(convert::machine_deployment(&made), boxed)
}

/// Deletes one in the version that was seen, and then its template. That is the one there is before: one that is made again under
/// its name is another's.
pub(super) async fn delete(api: &Api, guard: &Guard) -> Result<Outcome, Failure> {
    let template = match read::<kinds::AWSMachineTemplate>(api, &guard.key).await {
        Err(Failure::NotFound) => None,
        found => Some(identity(&found?)?),
    };
    let version = Some(guard.resource_version);
    let deleted =
        remove::<kinds::MachineDeployment>(api, &guard.key, &preconditions(guard.uid, version)).await;
    if !matches!(deleted, Ok(()) | Err(Failure::NotFound)) {
        return Err(deleted.err().unwrap_or(Failure::Conflict));
    }
    for attempt in 1.. {
        let Some(uid) = template else { break };
        match remove::<kinds::AWSMachineTemplate>(api, &guard.key, &preconditions(uid, None)).await {
            // Nobody asks again once its MachineDeployment is gone.
            Err(Failure::Unknown(_)) if attempt < ATTEMPTS => tokio::time::sleep(PAUSE).await,
            // Another has the name.
            Ok(()) | Err(Failure::NotFound | Failure::Conflict) => break,
            Err(failure) => return Err(failure),
        }
    }
    deleted.map(|()| Outcome::Done)
}

fn identity(object: &Value) -> Result<Uid, Failure> {
    let uid = object.pointer("/metadata/uid").and_then(Value::as_str).and_then(Uid::parse);
    uid.ok_or_else(|| Failure::Unknown(Name::from("the answer has no metadata.uid")))
}

async fn read<D: Described>(api: &Api, key: &ObjectKey) -> Result<Value, Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let request = Request::new(url::<D>(&key.namespace)).get(key.name.as_str(), &GetParams::default());
    api.send::<D, Value>("get", request).await.map_err(with_advice)
}

/// Who may not has not been allowed to by the chart.
fn with_advice(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(Refusal::Other, words) => {
            let words = format!("{words}; the chart's value backends.awsMachineTemplates allows it");
            Failure::Refused(Refusal::Other, Name::from(words))
        }
        failure => failure,
    }
}

async fn create<D: Described, T: serde::de::DeserializeOwned>(
    api: &Api,
    key: &ObjectKey,
    body: &Value,
) -> Result<T, Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let request = Request::new(url::<D>(&key.namespace)).create(&PostParams::default(), json(body)?);
    api.send::<D, T>("post", strict(request)).await.map_err(with_advice)
}

async fn remove<D: Described>(api: &Api, key: &ObjectKey, parameters: &DeleteParams) -> Result<(), Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let request = Request::new(url::<D>(&key.namespace)).delete(key.name.as_str(), parameters);
    api.send::<D, IgnoredAny>("delete", request).await.map(|_| ()).map_err(with_advice)
}

/// Fails where the object of that name is not the environment's, or is on its way out.
async fn ours<D: Described>(api: &Api, order: &DeploymentOrder) -> Result<(), Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let found = read::<D>(api, &order.key).await?;
    if found.pointer("/metadata/deletionTimestamp").is_some() {
        return Err(Failure::Conflict);
    }
    let labels = found.pointer("/metadata/labels");
    let environment = labels.and_then(|labels| labels.get(names::ENVIRONMENT_UID)).and_then(Value::as_str);
    if environment == Some(order.environment_uid.to_string().as_str()) {
        return Ok(());
    }
    let words = format!("{} {} exists, and is not this environment's: delete it", D::KIND, order.key);
    Err(Failure::Refused(Refusal::Other, Name::from(words)))
}
