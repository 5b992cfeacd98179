//! Machines of managed environments.

use super::{deployments, json, preconditions, read as outcome};
use crate::convert::{self, Described, Wire, kinds};
use crate::shell::api::{Api, Failure, url};
use crate::shell::clock::Clock;
use crate::{machines, names};
use kube::Resource;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request;
use serde::de::IgnoredAny;
use windlass_core::action::{MachineOrder, Outcome, Refusal};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{Backend, ObservedMachine};

/// Asks for a machine, or finds the one of that name that is there already.
pub(super) async fn launch(api: &Api, clock: &Clock, order: &MachineOrder) -> Result<Outcome, Failure> {
    let body = match order.backend {
        Backend::Karpenter => machines::node_claim(order),
        Backend::Simulated => Ok(machines::node(order)),
        Backend::ClusterApi => {
            let words = "machines of Cluster API are made by scaling their MachineDeployment";
            return Err(Failure::Refused(Refusal::Invalid, Name::from(words)));
        }
    };
    let body = body.map_err(|error| Failure::Refused(Refusal::Invalid, Name::from(error.to_string())))?;
    if clock.now() > order.not_after {
        return Ok(Outcome::Expired);
    }
    let made = if order.backend == Backend::Karpenter {
        post::<kinds::NodeClaim>(api, &body, convert::node_claim).await
    } else {
        post::<kinds::Node>(api, &body, convert::simulated_node).await
    };
    match made {
        Err(Failure::Exists) => read(api, order.backend, &order.name).await,
        Err(Failure::NotFound) => {
            let words = "the API server has no NodeClaims (karpenter.sh/v1): is Karpenter installed?";
            Err(Failure::Refused(Refusal::Other, Name::from(words)))
        }
        Err(Failure::Refused(Refusal::Other, words)) => {
            let words = format!("{words}; the chart's value backends.{} allows it", value(order.backend));
            Err(Failure::Refused(Refusal::Other, Name::from(words)))
        }
        made => made,
    }
}

const fn value(backend: Backend) -> &'static str {
    match backend {
        Backend::Karpenter => "karpenter",
        Backend::Simulated => "simulated",
        Backend::ClusterApi => "clusterApi",
    }
}

async fn post<D: Described>(
    api: &Api,
    body: &serde_json::Value,
    convert: fn(&Wire<D>) -> Result<ObservedMachine, convert::Error>,
) -> Result<Outcome, Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let request = Request::new(url::<D>(&Name::default())).create(&PostParams::default(), json(body)?);
    let made: Wire<D> = api.send::<D, _>("post", request).await?;
    outcome(convert(&made), |machine| Outcome::Machine(Box::new(machine)))
}

pub(super) async fn read(api: &Api, backend: Backend, name: &Name) -> Result<Outcome, Failure> {
    let key = ObjectKey { namespace: Name::default(), name: name.clone() };
    let machine = match backend {
        Backend::Karpenter => convert::node_claim(&api.get(&key).await?),
        Backend::Simulated => convert::simulated_node(&api.get(&key).await?),
        Backend::ClusterApi => convert::cluster_api_machine(&deployments::machine(api, name).await?),
    };
    outcome(machine, |machine| Outcome::Machine(Box::new(machine)))
}

/// Whether a node is there.
pub(super) async fn look_for_host(api: &Api, name: Name) -> Result<Outcome, Failure> {
    api.get::<kinds::Node>(&ObjectKey { namespace: Name::default(), name }).await.map(|_| Outcome::Done)
}

/// Has a machine take no more jobs.
pub(super) async fn retire(api: &Api, backend: Backend, name: &Name, uid: Uid) -> Result<Outcome, Failure> {
    match backend {
        // It takes none once it is being deleted, and waits for those that are there.
        Backend::Karpenter => remove(api, backend, name, uid).await,
        Backend::ClusterApi => deployments::annotate(api, name, uid, names::LEAVING).await,
        Backend::Simulated => {
            let patch = serde_json::json!({
                "metadata": { "uid": uid.to_string(), "annotations": { names::LEAVING: "true" } },
                "spec": { "unschedulable": true },
            });
            let request = Request::new(url::<kinds::Node>(&Name::default())).patch(
                name.as_str(),
                &PatchParams::default(),
                &Patch::Merge(patch),
            );
            match api.send::<kinds::Node, IgnoredAny>("patch", request).await {
                // Another node has the name.
                Err(Failure::Conflict) => Err(Failure::NotFound),
                ended => ended.map(|_| Outcome::Done),
            }
        }
    }
}

/// Deletes a machine, or marks it as the next that goes.
pub(super) async fn remove(api: &Api, backend: Backend, name: &Name, uid: Uid) -> Result<Outcome, Failure> {
    match backend {
        Backend::Karpenter => delete::<kinds::NodeClaim>(api, name, uid).await,
        Backend::Simulated => delete::<kinds::Node>(api, name, uid).await,
        Backend::ClusterApi => deployments::annotate(api, name, uid, names::DELETE_MACHINE).await,
    }
}

async fn delete<D: Described>(api: &Api, name: &Name, uid: Uid) -> Result<Outcome, Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let request = Request::new(url::<D>(&Name::default())).delete(name.as_str(), &preconditions(uid, None));
    match api.send::<D, IgnoredAny>("delete", request).await {
        // Another machine has the name: this one is gone.
        Err(Failure::Conflict) => Err(Failure::NotFound),
        ended => ended.map(|_| Outcome::Done),
    }
}
