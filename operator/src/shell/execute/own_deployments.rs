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
use windlass_core::action::{DeploymentOrder, Guard, Outcome, Refusal};
use windlass_core::ids::{Name, ObjectKey};

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

/// Deletes one in the version that was seen, and its template.
pub(super) async fn delete(api: &Api, guard: &Guard) -> Result<Outcome, Failure> {
    let version = Some(guard.resource_version);
    remove::<kinds::MachineDeployment>(api, &guard.key, &preconditions(guard.uid, version)).await?;
    match remove::<kinds::AWSMachineTemplate>(api, &guard.key, &DeleteParams::background()).await {
        Ok(()) | Err(Failure::NotFound) => Ok(Outcome::Done),
        // It goes with the environment at the latest.
        Err(failure) => Err(failure),
    }
}

async fn read<D: Described>(api: &Api, key: &ObjectKey) -> Result<Value, Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let request = Request::new(url::<D>(&key.namespace)).get(key.name.as_str(), &GetParams::default());
    api.send::<D, Value>("get", request).await
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
    match api.send::<D, T>("post", strict(request)).await {
        Err(Failure::Refused(Refusal::Other, words)) => {
            let words = format!("{words}; the chart's value backends.awsMachineTemplates allows it");
            Err(Failure::Refused(Refusal::Other, Name::from(words)))
        }
        made => made,
    }
}

async fn remove<D: Described>(api: &Api, key: &ObjectKey, parameters: &DeleteParams) -> Result<(), Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let request = Request::new(url::<D>(&key.namespace)).delete(key.name.as_str(), parameters);
    api.send::<D, IgnoredAny>("delete", request).await.map(|_| ())
}

/// Fails where the object of that name is not the environment's.
async fn ours<D: Described>(api: &Api, order: &DeploymentOrder) -> Result<(), Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let found = read::<D>(api, &order.key).await?;
    let labels = found.pointer("/metadata/labels");
    let environment = labels.and_then(|labels| labels.get(names::ENVIRONMENT_UID)).and_then(Value::as_str);
    if environment == Some(order.environment_uid.to_string().as_str()) {
        return Ok(());
    }
    let words = format!("{} {} exists, and is not this environment's: delete it", D::KIND, order.key);
    Err(Failure::Refused(Refusal::Other, Name::from(words)))
}
