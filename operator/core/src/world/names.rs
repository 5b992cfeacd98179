//! Names of pods: derived, never generated, so that a create that is sent twice makes one pod (DESIGN.md, rule 3).

use crate::ids::{Name, Uid};
use crate::objects::Nodes;

/// Letters of the job's name in its pods' names: with the ID, index, attempt and launch a pod's name stays a DNS label.
const JOB_NAME_LETTERS: usize = 40;

/// `JOB-UID8[-INDEX]-ATTEMPT[-LAUNCH]`; the launch serial only when it is not 0.
pub fn pod_name(job_name: &Name, job: Uid, child: Option<u32>, attempt: u8, launch: u16) -> Name {
    let mut name = pod_name_prefix(job_name, job);
    if let Some(index) = child {
        name.push_str(&format!("-{index}"));
    }
    name.push_str(&format!("-{attempt}"));
    if launch > 0 {
        name.push_str(&format!("-{launch}"));
    }
    Name::from(name)
}

/// `JOB-UID8`: what the names of all pods and records of a job begin with.
pub fn pod_name_prefix(job_name: &Name, job: Uid) -> String {
    let cut: String = job_name.as_str().chars().take(JOB_NAME_LETTERS).collect();
    format!("{}-{}", cut.trim_end_matches('-'), job.prefix())
}

/// Letters of the job's name in the names of a multi-node job's StatefulSets: with the rest at most 52, which leaves room for the
/// hash in the label `controller-revision-hash`.
const JOB_NAME_LETTERS_IN_SETS: usize = 28;

/// `JOB-UID8-ATTEMPT[-LAUNCH]`: what the names of a launch's StatefulSets begin with, and the name of the Service for all nodes.
/// It begins with a letter, as names of Services have to.
pub fn node_sets_name(job_name: &Name, job: Uid, attempt: u8, launch: u16) -> Name {
    let begins_with_letter = job_name.as_str().starts_with(|letter: char| letter.is_ascii_alphabetic());
    let prefix = if begins_with_letter { "" } else { "job-" };
    let letters = prefix.chars().chain(job_name.as_str().chars());
    let cut: String = letters.take(JOB_NAME_LETTERS_IN_SETS).collect();
    let mut name = format!("{}-{}-{attempt}", cut.trim_end_matches('-'), job.prefix());
    if launch > 0 {
        name.push_str(&format!("-{launch}"));
    }
    Name::from(name)
}

/// What the name of a node's StatefulSet ends in: `main`, or the index of its first node.
pub fn node_set_suffix(nodes: &Nodes, index: u32) -> String {
    match nodes.set_of(index) {
        _ if index == nodes.main => "main".to_owned(),
        Some(set) => set.first.to_string(),
        None => index.to_string(),
    }
}

/// The name of a node's pod, as its StatefulSet gives it: the set's name and the node's index.
pub fn node_pod_name(sets: &Name, nodes: &Nodes, index: u32) -> Name {
    Name::from(format!("{sets}-{}-{index}", node_set_suffix(nodes, index)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::{NodeGroup, NodeOverrides, NodeProperties, NodeRange, ResourceRequest};

    #[test]
    fn names_tell_job_index_attempt_and_launch() {
        let job = Uid::parse("1a2b3c4d-0000-4000-8000-000000000001").unwrap();
        assert_eq!(pod_name(&"hello".into(), job, None, 1, 0).as_str(), "hello-1a2b3c4d-1");
        assert_eq!(pod_name(&"rainbow".into(), job, Some(6), 2, 3).as_str(), "rainbow-1a2b3c4d-6-2-3");
    }

    #[test]
    fn the_longest_name_is_a_dns_label() {
        let job = Uid::parse("1a2b3c4d-0000-4000-8000-000000000001").unwrap();
        let long = Name::from("a".repeat(39) + "-bcdefghijklmnopqrstuvw");
        let name = pod_name(&long, job, Some(9_999), 10, 9_999);
        assert_eq!(name.as_str(), format!("{}-1a2b3c4d-9999-10-9999", "a".repeat(39)));
        assert!(pod_name(&Name::from("a".repeat(63)), job, Some(9_999), 10, 999).as_str().len() <= 63);
    }

    #[test]
    fn names_of_sets_leave_room_for_a_hash_and_begin_with_a_letter() {
        let job = Uid::parse("1a2b3c4d-0000-4000-8000-000000000001").unwrap();
        let longest = node_sets_name(&Name::from("4".repeat(63)), job, 10, 65_535);
        assert_eq!(longest.as_str(), format!("job-{}-1a2b3c4d-10-65535", "4".repeat(24)));
        assert!(format!("{longest}-main").len() <= 52);
        let groups = vec![NodeGroup {
            targets: NodeRange::parse("0:").unwrap(),
            resources: ResourceRequest { cpu_millis: Some(1), memory_mib: Some(4), gpus: None },
            instance_type: None,
        }];
        let properties = NodeProperties { count: 5, main: 1, groups };
        let nodes = Nodes::of(&properties, &NodeOverrides::default()).unwrap();
        let sets = node_sets_name(&"mpi".into(), job, 1, 0);
        let pods: Vec<Name> = (0..4).map(|index| node_pod_name(&sets, &nodes, index)).collect();
        assert_eq!(
            pods,
            ["0-0", "main-1", "2-2", "2-3"].map(|end| Name::from(format!("mpi-1a2b3c4d-1-{end}")))
        );
    }
}
