//! Checks an object as the API server does, offline: the schema first, then the rules.
//!
//! Messages are the API server's own words. The same samples are given to a real one by the tests on a
//! cluster.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kube::core::cel::{CompiledSchema, RootContext, Validator, compile_schema};
use serde_json::Value;
use windlass_crds::unsupported::{Until, refusals};
use windlass_crds::{GROUP, Kind, VERSION, manifests};

use crate::structure;

/// Which fields are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Those that are refused now.
    Now,
    /// Those that will be refused when all is built.
    AllBuilt,
    /// None: only the fields that the Rust types have.
    Types,
}

/// Every schema, and its rules compiled.
static SCHEMAS: LazyLock<BTreeMap<(Kind, Stage), (Value, CompiledSchema)>> = LazyLock::new(|| {
    let stages = [Stage::Now, Stage::AllBuilt, Stage::Types];
    let keys = Kind::ALL.into_iter().flat_map(|kind| stages.map(|stage| (kind, stage)));
    keys.map(|(kind, stage)| {
        let schema = make_schema(kind, stage);
        let compiled = compile_schema(&schema);
        assert!(compiled.compilation_errors().is_empty(), "{kind}: {:#?}", compiled.compilation_errors());
        ((kind, stage), (schema, compiled))
    })
    .collect()
});

fn make_schema(kind: Kind, stage: Stage) -> Value {
    let refused = refusals().filter(|refusal| match stage {
        Stage::Now => true,
        Stage::AllBuilt => refusal.until == Until::Never,
        Stage::Types => false,
    });
    let definition = manifests::definition_refusing(kind, refused).unwrap();
    let definition = serde_json::to_value(definition).unwrap();
    definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap().clone()
}

/// The schema of a kind.
pub(crate) fn schema(kind: Kind, stage: Stage) -> &'static Value {
    &SCHEMAS[&(kind, stage)].0
}

/// What is wrong with an object, as `PATH: MESSAGE`; empty when nothing is. With `old`, as an update of it.
pub(crate) fn errors(object: &Value, old: Option<&Value>, stage: Stage) -> Vec<String> {
    let kind = kind_of(object);
    let (schema, compiled) = &SCHEMAS[&(kind, stage)];
    let structural = structure::errors(schema, object);
    if !structural.is_empty() {
        return structural;
    }
    let context = RootContext {
        api_version: format!("{GROUP}/{VERSION}"),
        api_group: GROUP.into(),
        kind: kind.name().into(),
    };
    let validated = Validator::new().validate_compiled_with_context(compiled, object, old, Some(&context));
    validated.err().into_iter().flatten().map(|error| error.to_string()).collect()
}

/// The kind that an object says it is.
pub(crate) fn kind_of(object: &Value) -> Kind {
    assert_eq!(object["apiVersion"], format!("{GROUP}/{VERSION}"));
    *Kind::ALL.iter().find(|kind| object["kind"] == kind.name()).expect("a kind of the group")
}
