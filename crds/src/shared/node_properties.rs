//! Multi-node parallel jobs: which nodes there are, and what runs on each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container::{ContainerOverrides, ContainerProperties};
use crate::schema::rule;
use crate::unset::{self, Blank};

/// The nodes of a multi-node parallel job.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "!has(self.numNodes) || self.numNodes == 0 || !has(self.mainNode) || \
         self.mainNode < self.numNodes",
        "mainNode is the index of a node: from 0 to numNodes - 1"
    ),
    rules::ranges_have_nodes(),
]))]
pub struct NodeProperties {
    /// How many nodes the job has, 1 to 1,000.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub num_nodes: i32,
    /// The index of the main node, whose exit ends the job. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 999))]
    pub main_node: i32,
    /// Up to 5 ranges of nodes with a container each. Together they cover all nodes; of nested ones the inner
    /// one wins.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub node_range_properties: Vec<NodeRangeProperty>,
}

impl Blank for NodeProperties {}

/// A range of nodes that run the same container.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::target_nodes(),
    rules::target_nodes_in_order(),
    rule(
        "!has(self.targetNodes) || self.targetNodes == '' || (has(self.container) && \
         has(self.container.image) && self.container.image != '')",
        "a node range needs container.image"
    ),
    rules::amount("vcpus", "VCPU"),
    rules::amount("memory", "MEMORY"),
    rules::needs_targets(
        "!has(self.container) || !has(self.container.image) || self.container.image == ''",
        "a node range needs targetNodes, as in 0:3"
    ),
]))]
pub struct NodeRangeProperty {
    /// The nodes, by index: `0:3`, `:3` (from 0), `4:` (to the last). Required.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub target_nodes: String,
    /// The container of each node.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerProperties>,
    /// The instance type of the nodes. All ranges of a job have the same one.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1), inner(length(max = 64)))]
    pub instance_types: Vec<String>,
}

impl Blank for NodeRangeProperty {}

/// What a submission changes in the definition's nodes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NodeOverrides {
    /// How many nodes the job has, 1 to 1,000, in place of the definition's number.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub num_nodes: Option<i32>,
    /// Changes to ranges of nodes of the definition.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub node_property_overrides: Vec<NodePropertyOverride>,
}

impl Blank for NodeOverrides {}

/// What a submission changes in a range of nodes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::target_nodes(),
    rules::target_nodes_in_order(),
    rules::needs_targets(rules::CHANGES_NOTHING, "what changes in nodes needs their targetNodes, as in 0:3"),
]))]
pub struct NodePropertyOverride {
    /// The nodes, by index, as in the definition: `0:3`, `:3`, `4:`. Required.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub target_nodes: String,
    /// What changes in their container.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub container_overrides: Option<ContainerOverrides>,
    /// Their instance type.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1), inner(length(max = 64)))]
    pub instance_types: Vec<String>,
}

impl Blank for NodePropertyOverride {}

mod rules {
    use serde_json::Value;

    use crate::schema::rule;
    use crate::shared::resources;

    pub(super) fn target_nodes() -> Value {
        rule(
            "!has(self.targetNodes) || self.targetNodes == '' || \
             self.targetNodes.matches('^[0-9]{1,3}:[0-9]{0,3}$|^:[0-9]{1,3}$')",
            "targetNodes is a range of node indexes: 0:3, :3 (from 0) or 4: (to the last)",
        )
    }

    /// Of `0:3` both ends are known, and so is which is the first.
    pub(super) fn target_nodes_in_order() -> Value {
        rule(
            "!has(self.targetNodes) || !self.targetNodes.matches('^[0-9]{1,3}:[0-9]{1,3}$') || \
             int(self.targetNodes.split(':')[0]) <= int(self.targetNodes.split(':')[1])",
            "targetNodes is a range of node indexes from the lower to the higher: 0:3",
        )
    }

    /// A range names no node that the definition has not. That together they name all nodes is left to the operator.
    pub(super) fn ranges_have_nodes() -> Value {
        rule(
            "!has(self.numNodes) || self.numNodes == 0 || !has(self.nodeRangeProperties) || \
             self.nodeRangeProperties.all(range, !has(range.targetNodes) || \
             !range.targetNodes.matches('^[0-9]{1,3}:[0-9]{0,3}$|^:[0-9]{1,3}$') || \
             range.targetNodes.split(':').all(index, index == '' || int(index) < self.numNodes))",
            "targetNodes names nodes that there are not: their indexes are 0 to numNodes - 1",
        )
    }

    /// What a skeleton prints for an override.
    pub(super) const CHANGES_NOTHING: &str = "((!has(self.instanceTypes) || \
         self.instanceTypes.all(kind, kind == '')) && (!has(self.containerOverrides) || \
         ((!has(self.containerOverrides.vcpus) || self.containerOverrides.vcpus == 0) && \
         (!has(self.containerOverrides.memory) || self.containerOverrides.memory == 0) && \
         (!has(self.containerOverrides.command) || self.containerOverrides.command.all(word, word == '')) && \
         (!has(self.containerOverrides.environment) || \
         self.containerOverrides.environment.all(variable, variable.name == '')) && \
         (!has(self.containerOverrides.resourceRequirements) || \
         self.containerOverrides.resourceRequirements.all(amount, !has(amount.value) || amount.value == '')) && \
         (!has(self.containerOverrides.instanceType) || self.containerOverrides.instanceType == ''))))";

    /// Says something, and so must name nodes, unless this holds.
    pub(super) fn needs_targets(says_nothing: &str, message: &str) -> Value {
        rule(format!("(has(self.targetNodes) && self.targetNodes != '') || {says_nothing}"), message)
    }

    /// A range that names nodes must say how much each of them needs.
    pub(super) fn amount(field: &str, resource: &str) -> Value {
        let given = resources::given("self.container", field, resource);
        rule(
            format!("!has(self.targetNodes) || self.targetNodes == '' || !has(self.container) || {given}"),
            format!("a node range needs container.{field}, or {resource} in resourceRequirements"),
        )
    }
}
