//! Samples go through the Rust types and lose nothing that is set.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use windlass_crds::{ComputeEnvironment, Job, JobDefinition, JobQueue, JobRecord, Kind, SchedulingPolicy};

use crate::check::{Stage, errors, kind_of};

/// Decodes the object as its kind and writes it again: what is set is still there.
pub(crate) fn decode(file: &str, object: &Value) {
    match kind_of(object) {
        Kind::ComputeEnvironment => round_trip::<ComputeEnvironment>(file, object),
        Kind::Job => round_trip::<Job>(file, object),
        Kind::JobDefinition => round_trip::<JobDefinition>(file, object),
        Kind::JobQueue => round_trip::<JobQueue>(file, object),
        Kind::JobRecord => round_trip::<JobRecord>(file, object),
        Kind::SchedulingPolicy => round_trip::<SchedulingPolicy>(file, object),
    }
}

/// The object as its Rust type writes it.
pub(crate) fn written(object: &Value) -> Value {
    match kind_of(object) {
        Kind::ComputeEnvironment => rewrite::<ComputeEnvironment>(object),
        Kind::Job => rewrite::<Job>(object),
        Kind::JobDefinition => rewrite::<JobDefinition>(object),
        Kind::JobQueue => rewrite::<JobQueue>(object),
        Kind::JobRecord => rewrite::<JobRecord>(object),
        Kind::SchedulingPolicy => rewrite::<SchedulingPolicy>(object),
    }
}

fn rewrite<K: DeserializeOwned + Serialize>(object: &Value) -> Value {
    let typed: K = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{object}: {error}"));
    serde_json::to_value(&typed).unwrap()
}

fn round_trip<K: DeserializeOwned + Serialize + PartialEq + Debug>(file: &str, object: &Value) {
    let typed: K = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{file}: {error}"));
    let written = serde_json::to_value(&typed).unwrap();
    let again: K = serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(typed, again, "{file}");
    let rewritten = errors(&written, None, Stage::AllBuilt);
    assert!(rewritten.is_empty(), "{file}: written again it is refused: {rewritten:#?}");
    assert_nothing_lost(file, object, &written);
}

/// Asserts that `written` has every value of `object` that is set: all but empty text, zeros, false and what
/// holds only these.
fn assert_nothing_lost(path: &str, object: &Value, written: &Value) {
    match object {
        Value::Object(members) => {
            for (name, member) in members {
                let path = format!("{path} {name}");
                match written.get(name) {
                    Some(written) => assert_nothing_lost(&path, member, written),
                    None => assert!(says_nothing(member), "{path} is lost: {member}"),
                }
            }
        }
        Value::Array(elements) => {
            let set: Vec<_> = elements.iter().filter(|element| !says_nothing(element)).collect();
            let written = written.as_array().unwrap_or_else(|| panic!("{path} is no list"));
            assert!(written.len() >= set.len(), "{path}: {} of {} are left", written.len(), set.len());
            if written.len() == elements.len() {
                elements
                    .iter()
                    .zip(written)
                    .for_each(|(object, written)| assert_nothing_lost(path, object, written));
            } else {
                set.iter()
                    .zip(written)
                    .for_each(|(object, written)| assert_nothing_lost(path, object, written));
            }
        }
        _ => assert!(object == written || says_nothing(object), "{path} is {object}, written as {written}"),
    }
}

/// Whether a value is what AWS's skeletons print for fields that are not set.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::String(text) => ["", "EC2", "GPU"].contains(&text.as_str()),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(_) => true,
        Value::Array(elements) => elements.iter().all(says_nothing),
        Value::Object(members) => members.values().all(says_nothing),
        Value::Null => true,
    }
}
