//! No field of a Job changes but those that end it; also one that is added to the type later.

use windlass_crds::Kind;

use crate::check::{Stage, errors, schema};
use crate::fields::{at, put};
use crate::{sample_files, skeleton};

/// Written here a second time on purpose: a field that is to change must be named in both places.
const MUTABLE: [&str; 2] = ["stop", "stopChildren"];

#[test]
fn every_other_field_of_a_job_is_immutable() {
    let before = sample_files::object("valid/job-minimal.yaml");
    let schema = schema(Kind::Job, Stage::AllBuilt);
    let fields = at(schema, "spec").unwrap()["properties"].as_object().unwrap();
    assert!(MUTABLE.iter().all(|name| fields.contains_key(*name)), "{:?}", fields.keys());
    for (name, field) in fields.iter().filter(|(name, _)| !MUTABLE.contains(&name.as_str())) {
        let value = skeleton::set(field, name).into_iter().next().unwrap();
        let mut after = before.clone();
        put(&mut after, &format!("spec.{name}"), value);
        let expected = format!("{name} cannot change: submit a new Job");
        let changed = errors(&after, Some(&before), Stage::AllBuilt);
        assert!(changed.iter().any(|error| error.contains(&expected)), "{name} changed: {changed:#?}");
        // And back: removing it, or for what is required changing it again.
        let removed = errors(&before, Some(&after), Stage::AllBuilt);
        assert!(removed.iter().any(|error| error.contains(&expected)), "{name} removed: {removed:#?}");
    }
}
