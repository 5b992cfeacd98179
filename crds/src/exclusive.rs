//! Parts of a spec that are for one type of object only, and parts that exclude each other. Where they are not for the object
//! they have to be blank, as a skeleton prints them: what is set and would do nothing is refused.

use serde_json::Value;

use crate::{Kind, blank, schema};

/// A part of a spec that is not for every object of the kind.
struct Part {
    kind: Kind,
    field: &'static str,
    allowed: Allowed,
    message: &'static str,
}

/// Which objects the part is for.
enum Allowed {
    /// Those that this CEL expression is true of: they are of the type that the part is for.
    If(&'static str),
    /// Those of which this other part is blank.
    Without(&'static str),
}

const PARTS: [Part; 5] = [
    Part {
        kind: Kind::Job,
        field: "nodeOverrides",
        allowed: Allowed::Without("arrayProperties"),
        message: "a multi-node job is no array: remove arrayProperties, or nodeOverrides",
    },
    Part {
        kind: Kind::Job,
        field: "nodeOverrides",
        allowed: Allowed::Without("containerOverrides"),
        message: "containerOverrides is for jobs of one container, nodeOverrides for multi-node jobs: remove one, and put \
                  what changes in the containers of nodes into nodeOverrides.nodePropertyOverrides",
    },
    Part {
        kind: Kind::ComputeEnvironment,
        field: "computeResources",
        allowed: Allowed::If("self.type == 'MANAGED'"),
        message: "computeResources is for MANAGED environments: remove it, or set type MANAGED",
    },
    Part {
        kind: Kind::JobDefinition,
        field: "containerProperties",
        allowed: Allowed::If("!has(self.type) || self.type != 'multinode'"),
        message: "a multinode definition has its containers in nodeProperties.nodeRangeProperties: \
                  remove containerProperties",
    },
    Part {
        kind: Kind::JobDefinition,
        field: "nodeProperties",
        allowed: Allowed::If("has(self.type) && self.type == 'multinode'"),
        message: "nodeProperties is for type multinode: set the type, or remove nodeProperties",
    },
];

/// Adds a rule for each part of the kind's spec that is not for every object.
pub(crate) fn add_rules(kind: Kind, schema: &mut Value) {
    let Some(spec) = schema::at(schema, "spec") else { return };
    for part in PARTS.iter().filter(|part| part.kind == kind) {
        let allowed = match part.allowed {
            Allowed::If(rule) => Some(format!("({rule})")),
            Allowed::Without(other) => is_blank(spec, other),
        };
        if let Some((allowed, blank)) = allowed.zip(is_blank(spec, part.field)) {
            schema::add_rule(spec, schema::rule(format!("{allowed} || {blank}"), part.message));
        }
    }
}

/// CEL: the part is not there, or blank.
fn is_blank(spec: &mut Value, part: &str) -> Option<String> {
    let name = format!("self.{part}");
    let field = schema::at(spec, part)?;
    Some(format!("!has({name}) || ({})", blank::expression(field, &name)))
}
