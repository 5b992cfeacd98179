//! MachineDeployments of Cluster API, and their Machines.

use super::{Written, json};
use crate::convert::{self, Wire, kinds};
use crate::names;
use crate::shell::api::{Api, Failure, url};
use crate::shell::clock::Clock;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::core::Request;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use windlass_core::action::{Outcome, Refusal, ScaleOrder};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::ObservedMachine;

#[derive(Deserialize)]
struct Machines {
    items: Vec<Wire<kinds::Machine>>,
}

/// Reads a MachineDeployment, and after it its machines: of none that it had then nothing is missing.
pub(super) async fn read(api: &Api, key: &ObjectKey) -> Result<Outcome, Failure> {
    let found = api.get::<kinds::MachineDeployment>(key).await?;
    let those = ListParams::default().labels(&format!("{}={}", names::MACHINE_DEPLOYMENT, key.name));
    let request = Request::new(url::<kinds::Machine>(&key.namespace)).list(&those);
    let machines: Machines = api.send::<kinds::Machine, _>("list", request).await?;
    let unreadable = |error: convert::Error| Failure::Unknown(Name::from(error.to_string()));
    let deployment = convert::machine_deployment(&found).map_err(unreadable)?;
    let machines: Result<Vec<ObservedMachine>, convert::Error> =
        machines.items.iter().map(convert::cluster_api_machine).collect();
    Ok(Outcome::MachineDeployment(Box::new(deployment), machines.map_err(unreadable)?))
}

/// Says how many machines a MachineDeployment is to have, through its subresource `scale`.
pub(super) async fn scale(api: &Api, clock: &Clock, order: &ScaleOrder) -> Result<Outcome, Failure> {
    if order.not_after.is_some_and(|not_after| clock.now() > not_after) {
        return Ok(Outcome::Expired);
    }
    let ObjectKey { namespace, name } = &order.guard.key;
    let body = json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "namespace": namespace.as_str(),
            "name": name.as_str(),
            "uid": order.guard.uid.to_string(),
            "resourceVersion": order.guard.resource_version.0.to_string(),
        },
        "spec": { "replicas": order.replicas },
    });
    let request = Request::new(url::<kinds::MachineDeployment>(namespace)).replace_subresource(
        "scale",
        name.as_str(),
        &PostParams::default(),
        json(&body)?,
    );
    match api.send::<kinds::MachineDeployment, Written>("put scale", request).await {
        Err(Failure::Refused(Refusal::Other, words)) => {
            let words = format!("{words}; the chart's value backends.clusterApi allows it");
            Err(Failure::Refused(Refusal::Other, Name::from(words)))
        }
        written => written?.try_into(),
    }
}

/// Sets an annotation of a Machine: `name` is its namespace and name.
pub(super) async fn annotate(api: &Api, name: &Name, uid: Uid, key: &str) -> Result<Outcome, Failure> {
    let (namespace, name) = split(name)?;
    let patch: Value = json!({ "metadata": { "uid": uid.to_string(), "annotations": { key: "true" } } });
    let request = Request::new(url::<kinds::Machine>(&Name::from(namespace))).patch(
        name,
        &PatchParams::default(),
        &Patch::Merge(patch),
    );
    match api.send::<kinds::Machine, IgnoredAny>("patch", request).await {
        // Another Machine has the name.
        Err(Failure::Conflict) => Err(Failure::NotFound),
        ended => ended.map(|_| Outcome::Done),
    }
}

/// Reads one Machine: `name` is its namespace and name.
pub(super) async fn machine(api: &Api, name: &Name) -> Result<Wire<kinds::Machine>, Failure> {
    let (namespace, name) = split(name)?;
    api.get(&ObjectKey::new(namespace, name)).await
}

fn split(name: &Name) -> Result<(&str, &str), Failure> {
    let parts = name.as_str().split_once('/');
    parts.ok_or_else(|| Failure::Unknown(Name::from(format!("{name} names no namespace"))))
}
