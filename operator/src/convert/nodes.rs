//! The nodes of multi-node jobs, as definitions and submissions tell of them.
//!
//! Entries that a skeleton printed are no groups: the types leave them out when they are decoded, here as where pods are built,
//! so that a group's place means the same in both.

use super::job::amounts;
use super::name;
use windlass_core::ids::Name;
use windlass_core::objects::{NodeGroup, NodeOverrides, NodeProperties, NodeRange, Nodes};
use windlass_crds::shared::node_properties as api;

/// `nodeProperties` of a definition.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn properties(properties: &api::NodeProperties) -> Result<NodeProperties, String> {
    let group = |range: &api::NodeRangeProperty| {
        let container = range.container.clone().unwrap_or_default();
        Ok(NodeGroup {
            targets: targets("nodeRangeProperties", &range.target_nodes)?,
            resources: amounts(container.vcpus, container.memory, &container.resource_requirements),
            instance_type: instance_type(&range.instance_types, container.instance_type.as_deref())?,
        })
    };
    let read = NodeProperties {
        count: u32::try_from(properties.num_nodes).unwrap_or(0),
        main: u32::try_from(properties.main_node).unwrap_or(0),
        groups: properties.node_range_properties.iter().map(group).collect::<Result<_, String>>()?,
    };
    Nodes::of(&read, &NodeOverrides::default())?;
    Ok(read)
}

/// `nodeOverrides` of a submission. Whether they suit the definition is not known here.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn overrides(overrides: &api::NodeOverrides) -> Result<NodeOverrides, String> {
    let group = |change: &api::NodePropertyOverride| {
        let container = change.container_overrides.clone().unwrap_or_default();
        Ok(NodeGroup {
            targets: targets("nodePropertyOverrides", &change.target_nodes)?,
            resources: amounts(container.vcpus, container.memory, &container.resource_requirements),
            instance_type: instance_type(&change.instance_types, container.instance_type.as_deref())?,
        })
    };
    Ok(NodeOverrides {
        count: overrides.num_nodes.and_then(|count| u32::try_from(count).ok()),
        groups: overrides.node_property_overrides.iter().map(group).collect::<Result<_, String>>()?,
    })
}

fn targets(list: &str, text: &str) -> Result<NodeRange, String> {
    NodeRange::parse(text).ok_or_else(|| {
        format!("targetNodes in {list} is '{text}': give a range of node indexes, as 0:3, :3 (from 0) or 4: (to the last)")
    })
}

/// The one instance type that an entry names, in either of two places.
fn instance_type(of_range: &[String], of_container: Option<&str>) -> Result<Option<Name>, String> {
    match (of_range.first(), of_container) {
        (Some(named), Some(other)) if named != other => Err(format!(
            "instanceTypes is {named}, and the container's instanceType {other}: give one of them"
        )),
        (named, other) => Ok(named.map(String::as_str).or(other).map(name)),
    }
}
