//! Limits on one object that no schema can state (SPEC.md J10): at the limit, and one byte beyond.

use serde_json::{Value, json};
use windlass::convert::{self, Wire, kinds};

fn metadata() -> Value {
    json!({
        "name": "big", "namespace": "team", "uid": "1a2b3c4d-0000-4000-8000-000000000001", "resourceVersion": "7",
        "generation": 1, "creationTimestamp": "2026-11-23T21:00:00Z",
    })
}

/// `spec` with a parameter in it that makes it this many bytes of JSON.
fn filled(spec: &Value, bytes: usize) -> Value {
    let mut spec = spec.clone();
    spec["parameters"] = json!({ "filler": "" });
    let missing = bytes - spec.to_string().len();
    spec["parameters"]["filler"] = json!("x".repeat(missing));
    assert_eq!(spec.to_string().len(), bytes);
    spec
}

#[test]
fn a_submission_of_30_kib_is_taken_and_one_byte_more_is_told_so() {
    let fault = |bytes| {
        let spec = filled(&json!({ "jobQueue": "q", "jobDefinition": "d" }), bytes);
        let job = json!({ "metadata": metadata(), "spec": spec }).to_string();
        let job: Wire<kinds::Job> = serde_json::from_str(&job).unwrap();
        convert::job(&job).unwrap().spec.fault.clone()
    };
    assert_eq!(fault(30 * 1024), None);
    let words = fault(30 * 1024 + 1).unwrap().to_string();
    assert!(words.contains("30721 bytes; at most 30720"), "{words}");
}

#[test]
fn a_definition_of_24_kib_is_taken_and_one_byte_more_is_told_so() {
    let fault = |bytes| {
        let container = json!({ "image": "busybox", "vcpus": 1, "memory": 64 });
        let spec = filled(&json!({ "type": "container", "containerProperties": container }), bytes);
        let definition = json!({ "metadata": metadata(), "spec": spec }).to_string();
        let definition: Wire<kinds::JobDefinition> = serde_json::from_str(&definition).unwrap();
        convert::definition(&definition).unwrap().content.fault
    };
    assert_eq!(fault(24 * 1024), None);
    let words = fault(24 * 1024 + 1).unwrap().to_string();
    assert!(words.contains("24577 bytes; at most 24576"), "{words}");
}
