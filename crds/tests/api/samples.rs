//! Every sample is accepted or refused as it says.

use windlass_crds::Kind;

use crate::check::{Stage, errors, kind_of};
use crate::round_trip::decode;
use crate::sample_files::samples;

#[test]
fn valid_samples_are_accepted_and_decode() {
    let samples = samples("valid");
    for sample in &samples {
        for object in &sample.objects {
            let errors = errors(object, None, Stage::Now);
            assert!(errors.is_empty(), "{}: {errors:#?}", sample.file);
            decode(&sample.file, object);
        }
    }
    let kinds: Vec<Kind> = samples.iter().flat_map(|sample| &sample.objects).map(kind_of).collect();
    for kind in Kind::ALL {
        assert!(kinds.contains(&kind), "no valid sample of {kind}");
    }
}

#[test]
fn invalid_samples_are_refused_with_the_message_they_expect() {
    for sample in samples("invalid") {
        let expected = sample.expected.as_deref().unwrap_or_else(|| panic!("{}: no # expect", sample.file));
        let [object] = sample.objects.as_slice() else { panic!("{}: not one object", sample.file) };
        for stage in [Stage::Now, Stage::AllBuilt] {
            let errors = errors(object, None, stage);
            assert!(
                errors.iter().any(|error| error.contains(expected)),
                "{} {stage:?}: expected {expected:?} in {errors:#?}",
                sample.file
            );
        }
    }
}

#[test]
fn samples_of_what_is_not_built_are_refused_now_and_accepted_when_it_is() {
    for sample in samples("not-yet") {
        let expected = sample.expected.as_deref().unwrap_or_else(|| panic!("{}: no # expect", sample.file));
        assert!(expected.starts_with("not supported yet: "), "{}: {expected}", sample.file);
        for object in &sample.objects {
            let refused = errors(object, None, Stage::Now);
            assert!(refused.iter().any(|error| error.contains(expected)), "{}: {refused:#?}", sample.file);
            let left: Vec<_> =
                refused.iter().filter(|error| !error.contains("not supported yet: ")).collect();
            assert!(left.is_empty(), "{}: refused for other reasons: {left:#?}", sample.file);
            let errors = errors(object, None, Stage::AllBuilt);
            assert!(errors.is_empty(), "{} when all is built: {errors:#?}", sample.file);
            decode(&sample.file, object);
        }
    }
}

#[test]
fn updates_are_accepted_or_refused_as_they_say() {
    for sample in samples("updates") {
        let [before, after] = sample.objects.as_slice() else { panic!("{}: not two objects", sample.file) };
        let wrong = errors(before, None, Stage::AllBuilt);
        assert!(wrong.is_empty(), "{}: the first object: {wrong:#?}", sample.file);
        let errors = errors(after, Some(before), Stage::AllBuilt);
        match &sample.expected {
            None => assert!(errors.is_empty(), "{}: {errors:#?}", sample.file),
            Some(expected) => assert!(
                errors.iter().any(|error| error.contains(expected)),
                "{}: expected {expected:?} in {errors:#?}",
                sample.file
            ),
        }
    }
}
