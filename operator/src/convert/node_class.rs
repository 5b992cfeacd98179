//! Node classes that were made for environments.

use super::machine::Condition;
use super::wire::{Wire, kinds};
use super::{Error, name};
use crate::names;
use serde::Deserialize;
use windlass_core::ids::Name;
use windlass_core::objects::{ObservedNodeClass, Readiness};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    conditions: Vec<Condition>,
}

/// Reads an EC2NodeClass that we made.
///
/// # Errors
/// When it is none of ours, or a part of it cannot be read.
pub fn node_class(wire: &Wire<kinds::EC2NodeClass>) -> Result<ObservedNodeClass, Error> {
    let status: Status = wire.status()?;
    let metadata = &wire.metadata;
    let environment =
        metadata.labels.get(names::ENVIRONMENT_UID).ok_or(Error::Missing(names::ENVIRONMENT_UID))?;
    let annotation = |key: &str| metadata.annotations.get(key).map_or("", String::as_str);
    Ok(ObservedNodeClass {
        name: name(&metadata.name),
        uid: metadata.uid()?,
        resource_version: metadata.version()?,
        environment: super::job::identity(environment)?,
        // Without it the class was not written by us, or somebody took it away: it is written anew.
        environment_generation: annotation(names::ENVIRONMENT_GENERATION).parse().unwrap_or(0),
        digest: name(annotation(names::NODE_CLASS)),
        readiness: readiness(&status.conditions, metadata.generation),
        deleting: metadata.deletion_timestamp.is_some(),
    })
}

/// What Karpenter says of the class as it is now; what it said of an older version does not count.
fn readiness(conditions: &[Condition], generation: i64) -> Readiness {
    let ready = conditions.iter().find(|condition| condition.kind == "Ready");
    match ready.filter(|ready| ready.observed_generation == generation) {
        Some(ready) if ready.status == "True" => Readiness::Ready,
        Some(ready) if ready.status == "False" => Readiness::Broken(words(ready, conditions)),
        _ => Readiness::Unknown,
    }
}

/// `Ready` only counts what is wrong; the conditions it sums up say it.
fn words(ready: &Condition, conditions: &[Condition]) -> Name {
    let wrong = conditions.iter().filter(|found| found.status == "False" && found.kind != ready.kind);
    let told: Vec<String> = wrong.map(|found| format!("{}: {}", found.reason, found.message)).collect();
    let otherwise = || format!("{}: {}", ready.reason, ready.message);
    super::job::text(Some(&if told.is_empty() { otherwise() } else { told.join("; ") }))
}
