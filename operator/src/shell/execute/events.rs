//! What the cluster tells of a pod in Events: mounts that fail, sandboxes that cannot be made.

use crate::convert::{Wire, kinds, time};
use crate::shell::api::{Api, Failure};
use kube::Resource;
use kube::api::ListParams;
use kube::core::Request;
use serde::Deserialize;
use windlass_core::action::Outcome;
use windlass_core::ids::{Name, ObjectKey, Uid};

/// Events read at most: the kubelet counts repeated ones up instead of making new ones.
const EVENTS: u32 = 100;

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
    let url = <Wire<kinds::Event> as Resource>::url_path(&(), Some(pod.namespace.as_str()));
    let selector = format!("involvedObject.uid={uid},type=Warning");
    let request = Request::new(url).list(&ListParams::default().fields(&selector).limit(EVENTS));
    let events: Events = api.send::<kinds::Event, _>("list", request).await?;
    let latest = events.items.iter().filter(|event| event.is_trouble()).max_by_key(|event| event.at());
    let words = latest
        .map(|event| Name::from(format!("CannotCreateContainerError: {}: {}", event.reason, event.message)));
    Ok(Outcome::Words(words))
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
