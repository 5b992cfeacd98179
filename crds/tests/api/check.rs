//! Checks an object as the API server does, offline: the schema first, then the rules.
//!
//! Messages are the API server's own words. The same samples are given to a real one by the tests on a cluster.

use kube::core::cel::{RootContext, Validator};
use serde_json::Value;
use windlass_crds::unsupported::{Until, refusals};
use windlass_crds::{GROUP, Kind, VERSION, manifests};

use crate::structure;

/// Which fields are refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Those that are refused now.
    Now,
    /// Those that will be refused when all is built.
    AllBuilt,
}

/// The schema of a kind.
pub(crate) fn schema(kind: Kind, stage: Stage) -> Value {
    let refused = refusals().filter(|refusal| match stage {
        Stage::Now => true,
        Stage::AllBuilt => refusal.until == Until::Never,
    });
    let definition = manifests::definition_refusing(kind, refused).unwrap();
    let definition = serde_json::to_value(definition).unwrap();
    definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap().clone()
}

/// What is wrong with an object, as `PATH: MESSAGE`; empty when nothing is. With `old`, as an update of it.
pub(crate) fn errors(object: &Value, old: Option<&Value>, stage: Stage) -> Vec<String> {
    let kind = kind_of(object);
    let schema = schema(kind, stage);
    let structural = structure::errors(&schema, object);
    if !structural.is_empty() {
        return structural;
    }
    let context = RootContext {
        api_version: format!("{GROUP}/{VERSION}"),
        api_group: GROUP.into(),
        kind: kind.name().into(),
    };
    let validated = Validator::new().validate_with_context(&schema, object, old, Some(&context));
    validated.err().into_iter().flatten().map(|error| error.to_string()).collect()
}

/// The kind that an object says it is.
pub(crate) fn kind_of(object: &Value) -> Kind {
    assert_eq!(object["apiVersion"], format!("{GROUP}/{VERSION}"));
    *Kind::ALL.iter().find(|kind| object["kind"] == kind.name()).expect("a kind of the group")
}
