//! What an object is given that does not say it: a state, and a status nobody can mistake for a finished
//! one's.

use kube::core::cel::apply_defaults;
use serde_json::json;
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{Job, Kind};

use crate::check::{Stage, schema};
use crate::sample_files;

#[test]
fn a_new_job_is_submitted_and_not_ready() {
    let job = sample_files::object("valid/job-minimal.yaml");
    let job: Job = serde_json::from_value(apply_defaults(schema(Kind::Job, Stage::Now), &job)).unwrap();
    let status = job.status.unwrap();
    assert_eq!(status.status, JobState::Submitted);
    let [ready] = status.conditions.as_slice() else { panic!("{:?}", status.conditions) };
    assert_eq!(
        (ready.type_.as_str(), ready.status.as_str(), ready.reason.as_str()),
        ("Ready", "Unknown", "Pending")
    );
}

#[test]
fn every_kind_with_a_status_begins_as_not_ready() {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::JobRecord) {
        let default = &schema(kind, Stage::Now)["properties"]["status"]["default"];
        assert_eq!(default["conditions"][0]["type"], "Ready", "{kind}");
        assert_eq!(default["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:00Z", "{kind}");
    }
}

#[test]
fn states_are_filled_in() {
    let queue = sample_files::object("valid/job-queue-minimal.yaml");
    let queue = apply_defaults(schema(Kind::JobQueue, Stage::Now), &queue);
    assert_eq!(queue["spec"]["state"], json!("ENABLED"));
    let definition = sample_files::object("valid/job-definition-tensorflow.yaml");
    let definition = apply_defaults(schema(Kind::JobDefinition, Stage::Now), &definition);
    assert_eq!(definition["spec"]["state"], json!("ACTIVE"));
}
