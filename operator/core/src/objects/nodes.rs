//! Multi-node jobs: which nodes there are, and what each runs (SPEC.md M1).

use super::ResourceRequest;
use crate::ids::{Name, Uid};
use crate::units::Resources;

/// `targetNodes`: nodes by index, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeRange {
    /// The first.
    pub first: u32,
    /// The last; `None` for the last that the job has.
    pub last: Option<u32>,
}

impl NodeRange {
    /// Reads `0:3`, `:3` or `4:`.
    pub fn parse(text: &str) -> Option<NodeRange> {
        let (first, last) = text.split_once(':')?;
        let first = if first.is_empty() { 0 } else { first.parse().ok()? };
        let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
        let is_empty = text == ":" || last.is_some_and(|last| last < first);
        (!is_empty).then_some(NodeRange { first, last })
    }

    /// How many nodes of a job that has so many are in it, if this one is.
    fn width_at(self, index: u32, count: u32) -> Option<u32> {
        let last = self.last.unwrap_or(count.saturating_sub(1));
        (self.first <= index && index <= last).then(|| last - self.first)
    }
}

impl std::fmt::Display for NodeRange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.last {
            Some(last) => write!(formatter, "{}:{last}", self.first),
            None => write!(formatter, "{}:", self.first),
        }
    }
}

/// One of `nodeRangeProperties`, or of `nodePropertyOverrides`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeGroup {
    /// `targetNodes`.
    pub targets: NodeRange,
    /// vCPUs, memory and GPUs of each node.
    pub resources: ResourceRequest,
    /// The instance type of their hosts.
    pub instance_type: Option<Name>,
}

/// `nodeProperties` of a definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeProperties {
    /// `numNodes`.
    pub count: u32,
    /// `mainNode`.
    pub main: u32,
    /// `nodeRangeProperties`, in their order.
    pub groups: Vec<NodeGroup>,
}

/// `nodeOverrides` of a submission.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeOverrides {
    /// `numNodes`.
    pub count: Option<u32>,
    /// `nodePropertyOverrides`, in their order.
    pub groups: Vec<NodeGroup>,
}

/// Neighbouring nodes that run the same: one StatefulSet. The main node has one for itself (SPEC.md M2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeSet {
    /// The first node.
    pub first: u32,
    /// The last.
    pub last: u32,
    /// Which of the definition's groups: its place in `nodeRangeProperties`.
    pub group: usize,
    /// Which of the submission's changes: its place in `nodePropertyOverrides`.
    pub changed_by: Option<usize>,
    /// What each of its pods takes.
    pub need: Resources,
}

/// The nodes of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nodes {
    /// How many.
    pub count: u32,
    /// The main node.
    pub main: u32,
    /// All of them, by index.
    pub sets: Vec<NodeSet>,
    /// The instance type of all hosts, if one is named.
    pub instance_type: Option<Name>,
}

impl Nodes {
    /// The nodes of a job of a definition with these properties.
    ///
    /// # Errors
    /// What is wrong with the properties or the overrides, in words.
    pub fn of(properties: &NodeProperties, overrides: &NodeOverrides) -> Result<Nodes, String> {
        let count = overrides.count.unwrap_or(properties.count);
        check_numbers(properties, overrides, count)?;
        let mut nodes = Nodes { count, main: properties.main, ..Nodes::default() };
        for index in 0..count {
            let group = innermost(&properties.groups, index, count).ok_or_else(|| {
                format!(
                    "node {index} of {count} is in no nodeRangeProperties: together their targetNodes have to name all nodes"
                )
            })?;
            let changed_by = innermost(&overrides.groups, index, count);
            let of_group = properties.groups.get(group);
            let change = changed_by.and_then(|change| overrides.groups.get(change));
            let need = need_of(index, of_group, change)?;
            let is_main = |index| index == nodes.main;
            match nodes.sets.last_mut() {
                Some(set)
                    if (set.group, set.changed_by) == (group, changed_by)
                        && !is_main(index)
                        && !is_main(set.last) =>
                {
                    set.last = index;
                }
                _ => nodes.sets.push(NodeSet { first: index, last: index, group, changed_by, need }),
            }
            let named = change.and_then(|change| change.instance_type.as_ref());
            let named = named.or_else(|| of_group.and_then(|group| group.instance_type.as_ref()));
            match (named, &nodes.instance_type) {
                (Some(named), Some(other)) if named != other => {
                    return Err(format!(
                        "nodes name the instance types {other} and {named}: all nodes of a job have one type"
                    ));
                }
                (Some(named), None) => nodes.instance_type = Some(named.clone()),
                _ => {}
            }
        }
        Ok(nodes)
    }

    /// The set that a node is in.
    pub fn set_of(&self, index: u32) -> Option<&NodeSet> {
        self.sets.iter().find(|set| set.first <= index && index <= set.last)
    }

    /// What a host has to have room for: the most of each that any node needs, as all are of one type (SPEC.md M6).
    pub fn largest_need(&self) -> Resources {
        self.sets.iter().fold(Resources::default(), |most, set| most.max_each(&set.need))
    }
}

/// The narrowest of these groups that has the node: the inner one of nested ones. Of equals the last.
fn innermost(groups: &[NodeGroup], index: u32, count: u32) -> Option<usize> {
    let width = |group: &NodeGroup| group.targets.width_at(index, count);
    let having = groups.iter().enumerate().filter_map(|(place, group)| Some((place, width(group)?)));
    having.min_by_key(|(place, width)| (*width, std::cmp::Reverse(*place))).map(|(place, _)| place)
}

fn check_numbers(properties: &NodeProperties, overrides: &NodeOverrides, count: u32) -> Result<(), String> {
    if !(1..=MOST_NODES).contains(&count) {
        return Err(format!("numNodes is {count}: a multi-node job has 1 to {MOST_NODES} nodes"));
    }
    if properties.main >= count {
        return Err(format!(
            "mainNode is {}, and the job has nodes 0 to {} only",
            properties.main,
            count - 1
        ));
    }
    let is_open = |group: &NodeGroup| group.targets.last.is_none();
    if count != properties.count && !properties.groups.iter().any(is_open) {
        return Err(format!(
            "nodeOverrides.numNodes is {count}, where the definition says {}: it can change only if one of the definition's \
             targetNodes is open, as 1: is",
            properties.count
        ));
    }
    let all = properties.groups.iter().chain(&overrides.groups);
    let beyond = |targets: &NodeRange| targets.last.unwrap_or(targets.first).max(targets.first) >= count;
    match all.map(|group| group.targets).find(beyond) {
        Some(targets) => Err(format!(
            "targetNodes {targets} names nodes that a job of {count} nodes, 0 to {}, does not have",
            count - 1
        )),
        None => Ok(()),
    }
}

/// The most nodes of a job (SPEC.md M1).
const MOST_NODES: u32 = 1_000;

fn need_of(index: u32, group: Option<&NodeGroup>, change: Option<&NodeGroup>) -> Result<Resources, String> {
    let defined = group.map(|group| group.resources).unwrap_or_default();
    let request = change.map_or(defined, |change| change.resources.or(defined));
    request.resources().ok_or_else(|| {
        let missing = if request.cpu_millis.is_none() { "vcpus" } else { "memory" };
        format!("node {index} has no {missing}: set container.{missing} of its nodeRangeProperties")
    })
}

/// The pod of a node's attempt, and the host it may be let go to: once that is safe, no other pod runs in the attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Launched {
    /// The pod's identity.
    pub pod: Uid,
    /// Its host.
    pub host: Name,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(targets: &str, vcpus: u64) -> NodeGroup {
        let resources = ResourceRequest { cpu_millis: Some(vcpus * 1000), memory_mib: Some(64), gpus: None };
        NodeGroup { targets: NodeRange::parse(targets).unwrap(), resources, instance_type: None }
    }

    fn properties(count: u32, main: u32, groups: &[NodeGroup]) -> NodeProperties {
        NodeProperties { count, main, groups: groups.to_vec() }
    }

    fn sets(nodes: &Nodes) -> Vec<(u32, u32, usize)> {
        nodes.sets.iter().map(|set| (set.first, set.last, set.group)).collect()
    }

    #[test]
    fn ranges_are_read() {
        let range = |first, last| Some(NodeRange { first, last });
        assert_eq!(NodeRange::parse("0:3"), range(0, Some(3)));
        assert_eq!(NodeRange::parse(":3"), range(0, Some(3)));
        assert_eq!(NodeRange::parse("4:"), range(4, None));
        for wrong in ["", ":", "4", "3:2", "a:2", "-1:2"] {
            assert_eq!(NodeRange::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_main_node_has_a_set_of_its_own_and_the_inner_range_wins() {
        let all = properties(11, 2, &[group("0:10", 1), group("4:5", 2)]);
        let nodes = Nodes::of(&all, &NodeOverrides::default()).unwrap();
        assert_eq!(sets(&nodes), [(0, 1, 0), (2, 2, 0), (3, 3, 0), (4, 5, 1), (6, 10, 0)]);
        assert_eq!(nodes.largest_need().cpu_millis, 2000);
        assert_eq!(nodes.set_of(5).map(|set| set.first), Some(4));
        let one = Nodes::of(&properties(1, 0, &[group("0:", 1)]), &NodeOverrides::default()).unwrap();
        assert_eq!(sets(&one), [(0, 0, 0)]);
    }

    #[test]
    fn a_submission_changes_nodes_and_their_number() {
        let open = properties(4, 0, &[group("0:0", 1), group("1:", 1)]);
        let change = NodeGroup {
            resources: ResourceRequest { gpus: Some(2), ..Default::default() },
            ..group("2:", 0)
        };
        let overrides = NodeOverrides { count: Some(6), groups: vec![change] };
        let nodes = Nodes::of(&open, &overrides).unwrap();
        assert_eq!(sets(&nodes), [(0, 0, 0), (1, 1, 1), (2, 5, 1)]);
        assert_eq!((nodes.sets[1].changed_by, nodes.sets[2].changed_by), (None, Some(0)));
        assert_eq!((nodes.sets[2].need.cpu_millis, nodes.sets[2].need.gpus), (1000, 2));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let told = |properties: &NodeProperties, count| {
            let overrides = NodeOverrides { count, groups: Vec::new() };
            Nodes::of(properties, &overrides).unwrap_err()
        };
        let closed = properties(4, 3, &[group("0:3", 1)]);
        assert!(told(&properties(4, 4, &[group("0:3", 1)]), None).contains("mainNode is 4"));
        assert!(told(&properties(4, 0, &[group("0:1", 1), group("3:", 1)]), None).contains("node 2 of 4"));
        assert!(told(&closed, Some(3)).contains("mainNode is 3"));
        assert!(told(&closed, Some(5)).contains("only if one of the definition's targetNodes is open"));
        assert!(told(&properties(2, 0, &[group("0:3", 1)]), None).contains("targetNodes 0:3 names nodes"));
        assert!(told(&properties(2, 0, &[]), Some(1_001)).contains("1 to 1000 nodes"));
        let typed = |name: &str, targets| NodeGroup { instance_type: Some(name.into()), ..group(targets, 1) };
        let two = properties(2, 0, &[typed("a", "0:0"), typed("b", "1:")]);
        assert!(told(&two, None).contains("the instance types a and b"));
        let without = NodeGroup { resources: ResourceRequest::default(), ..group("0:", 1) };
        assert!(told(&properties(2, 0, &[without]), None).contains("node 0 has no vcpus"));
    }
}
