//! What definitions say in the model: a line of words in place of JSON.

use windlass_core::objects::{
    NodeGroup, NodeProperties, NodeRange, Payload, ResourceRequest, RevisionContent,
};

/// What a definition says whose content is `VCPUS MIB [PRIORITY]`, in thousandths of a vCPU; with
/// `nodes=N [main=N] [group=TARGETS/VCPUS/MIB[/GPUS[/TYPE]]]…` behind it its jobs have nodes, in whole vCPUs. Without a group
/// all nodes are alike.
pub fn content(payload: Payload) -> RevisionContent {
    let text = String::from_utf8_lossy(&payload.0).into_owned();
    let words = || text.split(' ');
    let mut numbers = words().filter(|word| !word.contains('=')).map(|number| number.parse::<u64>().ok());
    let (cpu_millis, memory_mib) = (numbers.next().flatten(), numbers.next().flatten());
    let priority = numbers.next().flatten().and_then(|priority| u32::try_from(priority).ok());
    let resources = ResourceRequest { cpu_millis, memory_mib, gpus: None };
    let named = |key: &'static str| words().filter_map(move |word| word.strip_prefix(key));
    let number = |key| named(key).find_map(|number| number.parse::<u32>().ok());
    let nodes = number("nodes=").map(|count| {
        let mut groups: Vec<NodeGroup> = named("group=").filter_map(group).collect();
        if groups.is_empty() {
            let targets = NodeRange { first: 0, last: None };
            groups.push(NodeGroup { targets, resources, instance_type: None });
        }
        NodeProperties { count, main: number("main=").unwrap_or(0), groups }
    });
    // What each node needs is in its group.
    let resources = if nodes.is_some() { ResourceRequest::default() } else { resources };
    RevisionContent { resources, nodes, priority, payload, ..RevisionContent::default() }
}

/// Reads `TARGETS[/VCPUS[/MIB[/GPUS[/TYPE]]]]`; what is empty is not said.
pub fn group(text: &str) -> Option<NodeGroup> {
    let mut words = text.split('/');
    let targets = NodeRange::parse(words.next()?)?;
    let mut said = || words.next().filter(|word| !word.is_empty());
    let mut number = || said().map(str::parse::<u64>).transpose().ok();
    let (vcpus, memory_mib, gpus) = (number()?, number()?, number()?);
    let resources = ResourceRequest { cpu_millis: vcpus.map(|vcpus| vcpus * 1000), memory_mib, gpus };
    Some(NodeGroup { targets, resources, instance_type: said().map(Into::into) })
}
