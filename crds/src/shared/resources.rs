//! What a container is given: vCPUs, memory and GPUs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::unset::Blank;

/// An amount of one resource.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "self.type != 'MEMORY' || !has(self.value) || !self.value.matches('^[1-3]$')",
        "MEMORY is at least 4 MiB: give \"4\" or more"
    ),
]))]
pub struct ResourceRequirement {
    /// The resource: VCPU, MEMORY or GPU. Each at most once.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// How much of it, as text: vCPUs (a reservation), MiB of memory (a hard limit) or GPUs.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "self == '' || self.matches('^[1-9][0-9]{0,8}$')",
            "give a whole number of at least 1, in quotes (VCPU: vCPUs, MEMORY: MiB, GPU: devices)"
        ),
    ]))]
    pub value: String,
}

/// A resource that a container can ask for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum ResourceType {
    /// Virtual CPUs.
    Vcpu,
    /// Memory in MiB.
    Memory,
    /// GPUs.
    Gpu,
}

impl Default for ResourceRequirement {
    fn default() -> Self {
        Self { kind: ResourceType::Vcpu, value: String::new() }
    }
}

impl Blank for ResourceRequirement {
    /// A requirement without an amount asks for nothing, whatever resource the skeleton printed.
    fn is_blank(&self) -> bool {
        self.value.is_empty()
    }
}

/// CEL: the container called `container` says how much of a resource it needs, in either of the two places.
pub(crate) fn given(container: &str, field: &str, resource: &str) -> String {
    format!(
        "((has({container}.{field}) && {container}.{field} > 0) || \
         (has({container}.resourceRequirements) && {container}.resourceRequirements.exists(r, \
         r.type == '{resource}' && has(r.value) && r.value != '')))"
    )
}
