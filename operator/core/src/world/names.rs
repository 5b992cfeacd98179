//! Names of pods: derived, never generated, so that a create that is sent twice makes one pod (DESIGN.md, rule 3).

use crate::ids::{Name, Uid};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
