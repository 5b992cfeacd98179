//! What the cluster tells in Events: of a pod, mounts that fail and sandboxes that cannot be made; of a machine, why there is
//! none.

use crate::convert::{Wire, kinds, time};
use crate::shell::api::{Api, Failure, forbidden};
use kube::Resource;
use kube::api::ListParams;
use kube::core::Request;
use serde::Deserialize;
use windlass_core::action::Outcome;
use windlass_core::ids::{Name, ObjectKey, Uid};

/// Events read at most: the kubelet counts repeated ones up instead of making new ones.
const EVENTS: u32 = 100;

/// Where Kubernetes keeps the Events of objects that have no namespace.
const NAMESPACE_OF_CLUSTER_SCOPED: &str = "default";

#[derive(Deserialize)]
struct Events {
    items: Vec<Told>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    reason: String,
    message: String,
    last_timestamp: Option<String>,
    event_time: Option<String>,
}

impl Told {
    /// Reasons of the kubelet's for what keeps a container from starting (`FailedMount`, `FailedAttachVolume`,
    /// `FailedCreatePodSandBox`, `FailedScheduling` of a bound pod is none).
    fn is_trouble(&self) -> bool {
        self.kind == "Warning" && self.reason.starts_with("Failed") && self.reason != "FailedScheduling"
    }

    fn at(&self) -> i64 {
        let told = self.last_timestamp.as_deref().or(self.event_time.as_deref());
        told.and_then(time).map_or(0, windlass_core::time::Time::as_millis)
    }
}

/// The latest trouble told of a pod, in AWS Batch's form; none when there is none.
pub(super) async fn latest_trouble(api: &Api, pod: &ObjectKey, uid: Uid) -> Result<Outcome, Failure> {
    let events = of_object(api, pod.namespace.as_str(), uid).await?;
    let latest = events.items.iter().filter(|event| event.is_trouble()).max_by_key(|event| event.at());
    let words = latest
        .map(|event| Name::from(format!("CannotCreateContainerError: {}: {}", event.reason, event.message)));
    Ok(Outcome::Words(words))
}

/// The latest warning told of a machine; none when there is none.
pub(super) async fn latest_of_machine(api: &Api, name: &Name, uid: Uid) -> Result<Outcome, Failure> {
    let events = of_object(api, NAMESPACE_OF_CLUSTER_SCOPED, uid).await?;
    let latest = events.items.iter().max_by_key(|event| event.at());
    let words = latest.map(|event| Name::from(format!("{name}: {}: {}", event.reason, event.message)));
    Ok(Outcome::Words(words))
}

/// What the controller of a StatefulSet was refused last, when it made pods.
pub(super) async fn latest_of_set(api: &Api, set: &ObjectKey) -> Result<Outcome, Failure> {
    let about = format!("involvedObject.kind=StatefulSet,involvedObject.name={}", set.name);
    let events = warnings(api, set.namespace.as_str(), &about).await?;
    let failed = events.items.iter().filter(|event| event.reason == "FailedCreate");
    Ok(failed.max_by_key(|event| event.at()).map_or(Outcome::Words(None), |event| {
        Outcome::Refused(forbidden(&event.message), Name::from(event.message.clone()))
    }))
}

async fn of_object(api: &Api, namespace: &str, uid: Uid) -> Result<Events, Failure> {
    warnings(api, namespace, &format!("involvedObject.uid={uid}")).await
}

async fn warnings(api: &Api, namespace: &str, about: &str) -> Result<Events, Failure> {
    let url = <Wire<kinds::Event> as Resource>::url_path(&(), Some(namespace));
    let selector = format!("{about},type=Warning");
    let request = Request::new(url).list(&ListParams::default().fields(&selector).limit(EVENTS));
    api.send::<kinds::Event, _>("list", request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_keeps_a_container_from_starting_is_trouble() {
        let told =
            |kind: &str, reason: &str| Told { kind: kind.into(), reason: reason.into(), ..Told::default() };
        assert!(told("Warning", "FailedMount").is_trouble());
        assert!(!told("Warning", "FailedScheduling").is_trouble());
        assert!(!told("Warning", "NodeNotReady").is_trouble());
        assert!(!told("Normal", "Pulling").is_trouble());
    }
}
