//! Maps of strings: tags and parameters.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::limits::{PARAMETERS, PAYLOAD_BYTES, TAGS};

/// Up to 50 tags, as AWS: keys of 1 to 128 characters, values of up to 256.
pub(crate) fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": TAGS,
        "additionalProperties": { "type": "string", "maxLength": 256 },
        "x-kubernetes-validations": [{
            "rule": "self.all(key, key != '' && key.size() <= 128)",
            "message": "a tag's key has 1 to 128 characters",
        }],
    })
}

/// Parameters, by name.
pub(crate) fn parameters(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": PARAMETERS,
        "additionalProperties": { "type": "string", "maxLength": PAYLOAD_BYTES },
        "x-kubernetes-validations": [{
            "rule": "self.all(key, key != '')",
            "message": "a parameter needs a name: it is used as Ref::name",
        }],
    })
}

/// Labels that a node must carry, as a Pod's `nodeSelector`.
pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 50,
        "additionalProperties": {
            "type": "string",
            "maxLength": 63,
            "x-kubernetes-validations": [{
                "rule": "!format.labelValue().validate(self).hasValue()",
                "message": "not a label value: use letters, digits, - _ and . (at most 63)",
            }],
        },
        "x-kubernetes-validations": [{
            "rule": "self.all(key, key.size() <= 317 && !format.qualifiedName().validate(key).hasValue())",
            "message": "not a label key: use [PREFIX/]NAME, as in pool or example.com/pool",
        }],
    })
}
