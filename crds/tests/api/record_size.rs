//! The largest JobRecord stays below 1 MiB, so that it and its managed fields fit what etcd takes (1.5 MiB).

use windlass_crds::job_record::{AttemptRecord, CHILDREN_IN_A_RECORD, ChildRecord, FORMAT_VERSION};
use windlass_crds::shared::attempt::{JobState, MAXIMUM_ATTEMPTS, Proof};
use windlass_crds::{JobRecord, JobRecordContent};

use crate::check::{Stage, errors};

const MAXIMUM: usize = 1_048_576;

/// An attempt with everything known that can be: an exit code, or else another proof that it is over.
fn attempt(number: i32, proof: Option<Proof>) -> AttemptRecord {
    AttemptRecord {
        attempt: number,
        launch: Some(1),
        pod_uid: Some("1a2b3c4d-0000-4000-8000-000000000000".into()),
        node_name: Some("n".repeat(63)),
        exit_code: proof.is_none().then_some(137),
        reason: Some("r".repeat(64)),
        status_reason: Some("s".repeat(64)),
        started_at: Some("2026-11-23T21:27:00Z".into()),
        stopped_at: Some("2026-11-23T21:28:00Z".into()),
        proof,
    }
}

fn largest(proof: Option<Proof>) -> JobRecord {
    let attempts: Vec<_> = (1..=MAXIMUM_ATTEMPTS as i32).map(|number| attempt(number, proof)).collect();
    let child = |index| ChildRecord {
        index,
        status: JobState::Succeeded,
        node_set: Some("main".into()),
        next_launch: Some(1),
        attempts: attempts.clone(),
        ..ChildRecord::default()
    };
    let name = "j".repeat(40) + "-1a2b3c4d";
    JobRecord::new(
        &format!("{name}-39"),
        JobRecordContent {
            format_version: FORMAT_VERSION,
            job_uid: "1a2b3c4d-0000-4000-8000-000000000000".into(),
            first_index: 9750,
            pod_name_prefix: name,
            log_stream_prefix: "d".repeat(128) + "/default/",
            children: (9750..9750 + CHILDREN_IN_A_RECORD as i32).map(child).collect(),
        },
    )
}

#[test]
fn the_largest_record_stays_below_one_mebibyte() {
    for proof in [None, Some(Proof::NodeDeleted), Some(Proof::OutOfServiceTaint)] {
        let record = serde_json::to_value(largest(proof)).unwrap();
        let errors = errors(&record, None, Stage::Now);
        assert!(errors.is_empty(), "{errors:#?}");
        let size = record.to_string().len();
        assert!(size > 900_000, "{proof:?}: {size} bytes: is this still the largest record?");
        assert!(size < MAXIMUM, "{proof:?}: {size} bytes");
    }
}

#[test]
fn a_pod_under_way_takes_less_than_the_attempt_that_it_is_still_to_become() {
    let under_way = ChildRecord {
        pod_uid: Some("1a2b3c4d-0000-4000-8000-000000000000".into()),
        node_name: Some("n".repeat(63)),
        ..ChildRecord::default()
    };
    let size = |child: &ChildRecord| serde_json::to_string(child).unwrap().len();
    let over = ChildRecord { attempts: vec![attempt(1, None)], ..ChildRecord::default() };
    assert!(size(&under_way) < size(&over));
}

#[test]
fn an_exit_code_is_the_proof_of_an_end() {
    assert_eq!(attempt(1, None).proof_of_end(), Some(Proof::ContainerTerminated));
    assert_eq!(attempt(1, Some(Proof::NodeDeleted)).proof_of_end(), Some(Proof::NodeDeleted));
    assert_eq!(AttemptRecord { attempt: 1, ..AttemptRecord::default() }.proof_of_end(), None);
}
