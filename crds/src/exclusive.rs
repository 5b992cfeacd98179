//! Parts of a spec that are for one type of object only. For the others they have to be blank, as a skeleton prints
//! them: what is set and would do nothing is refused.

use serde_json::Value;

use crate::{Kind, blank, schema};

/// A part of a spec that is for one type only.
struct Part {
    kind: Kind,
    field: &'static str,
    /// CEL: the object is of the type that the part is for.
    allowed: &'static str,
    message: &'static str,
}

const PARTS: [Part; 3] = [
    Part {
        kind: Kind::ComputeEnvironment,
        field: "computeResources",
        allowed: "self.type == 'MANAGED'",
        message: "computeResources is for MANAGED environments: remove it, or set type MANAGED",
    },
    Part {
        kind: Kind::JobDefinition,
        field: "containerProperties",
        allowed: "!has(self.type) || self.type != 'multinode'",
        message: "a multinode definition has its containers in nodeProperties.nodeRangeProperties: \
                  remove containerProperties",
    },
    Part {
        kind: Kind::JobDefinition,
        field: "nodeProperties",
        allowed: "has(self.type) && self.type == 'multinode'",
        message: "nodeProperties is for type multinode: set the type, or remove nodeProperties",
    },
];

/// Adds a rule for each part of the kind's spec that is for one type only.
pub(crate) fn add_rules(kind: Kind, schema: &mut Value) {
    let Some(spec) = schema::at(schema, "spec") else { return };
    for part in PARTS.iter().filter(|part| part.kind == kind) {
        let name = format!("self.{}", part.field);
        if let Some(field) = schema::at(spec, part.field) {
            let rule = format!("({}) || !has({name}) || ({})", part.allowed, blank::expression(field, &name));
            schema::add_rule(spec, schema::rule(rule, part.message));
        }
    }
}
