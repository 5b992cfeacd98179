//! Machines of managed environments: which can be had, and how a backend is asked for one.

mod catalogue;
mod launch_settings;
mod launch_template;
pub mod machine_deployment;
pub mod machine_template;
mod node_claim;
pub mod node_class;
mod open_part;
mod simulated;
mod user_data;

pub use catalogue::{CatalogueError, built_in, read, usable};
pub use launch_settings::LaunchSettingsError;
pub use machine_deployment::PatternError;
pub use node_claim::node_claim;
pub use simulated::node;

use crate::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use windlass_core::action::MachineOrder;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::NodeClassContent;
use windlass_crds::{GROUP, VERSION};

const TYPE: &str = "node.kubernetes.io/instance-type";
const ARCHITECTURE: &str = "kubernetes.io/arch";
const SYSTEM: &str = "kubernetes.io/os";

/// Why a machine cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the operator kept cannot be read back.
    #[error("the compute environment cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Nobody says what its machines are to be like.
    #[error("backend.karpenter names no node class: give one in nodeClassRef")]
    NoNodeClass,
}

/// The labels by which a machine is known as the environment's.
fn labels(environment: Uid) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("app.kubernetes.io/managed-by".to_owned(), names::MANAGER.to_owned()),
        (names::ENVIRONMENT_UID.to_owned(), environment.to_string()),
    ])
}

fn annotations(order: &MachineOrder) -> BTreeMap<String, String> {
    let class =
        order.node_class.as_ref().map(|(_, digest)| (names::NODE_CLASS.to_owned(), digest.to_string()));
    let always = [
        (names::MACHINE_TYPE.to_owned(), order.machine_type.name.to_string()),
        (names::ENVIRONMENT.to_owned(), order.environment.to_string()),
    ];
    always.into_iter().chain(class).collect()
}

/// The annotations that say what something was made of.
fn sources(environment: &Name, generation: i64, content: &NodeClassContent) -> Map<String, Value> {
    let annotations = [
        (names::ENVIRONMENT, environment.to_string()),
        (names::ENVIRONMENT_GENERATION, generation.to_string()),
        (names::NODE_CLASS, content.digest.to_string()),
    ];
    annotations.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

/// Whoever deletes the environment for good deletes what was made for it.
fn owner(environment: &Name, uid: Uid) -> OwnerReference {
    OwnerReference {
        api_version: format!("{GROUP}/{VERSION}"),
        kind: "ComputeEnvironment".to_owned(),
        name: environment.to_string(),
        uid: uid.to_string(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    }
}

/// Keeps everyone's pods off but those of jobs, which tolerate it.
fn taint(order: &MachineOrder) -> Value {
    json!({ "key": names::ENVIRONMENT_UID, "value": order.environment_uid.to_string(), "effect": "NoSchedule" })
}
