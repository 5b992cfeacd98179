//! Kind SchedulingPolicy: how the jobs of a queue share its capacity.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::shared::{conditions, names, tags};
use crate::unset::{self, Blank};

/// What AWS's CreateSchedulingPolicy takes.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "batch.windlass.dev",
    version = "v1beta1",
    kind = "SchedulingPolicy",
    plural = "schedulingpolicies",
    singular = "schedulingpolicy",
    shortname = "schedpol",
    category = "windlass",
    status = "SchedulingPolicyStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "How the jobs of a queue share its capacity: weights for shares, and how long use is remembered.",
    printcolumn = r#"{"name": "Decay", "type": "integer",
        "jsonPath": ".spec.fairsharePolicy.shareDecaySeconds",
        "description": "Seconds that use is remembered."}"#,
    printcolumn = r#"{"name": "Reservation", "type": "integer",
        "jsonPath": ".spec.fairsharePolicy.computeReservation",
        "description": "Capacity kept for shares that are not active, as the formula of fairsharePolicy."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
        "description": "When it was made."}"#
)]
#[serde(rename_all = "camelCase")]
pub struct SchedulingPolicySpec {
    /// The policy's AWS name: up to 128 letters, digits, `-` and `_`. Queues can refer to it by this name.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names::aws_name")]
    pub name: Option<String>,
    /// Fair shares. Without it, or with an empty object, all shares weigh the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fairshare_policy: Option<FairsharePolicy>,
    /// Up to 50 tags of the policy.
    #[serde(default, deserialize_with = "unset::tags", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::tags")]
    pub tags: BTreeMap<String, String>,
}

/// How capacity is shared.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct FairsharePolicy {
    /// Over how many seconds past use is forgotten, up to 604,800 (a week): after so long 37 % of it still
    /// counts, after three times as long 5 %. Default, and least: 600.
    #[serde(default)]
    #[schemars(range(min = 0, max = 604800))]
    pub share_decay_seconds: i32,
    /// How much capacity is kept free for shares of which nothing runs, 0 to 99: of R, with n shares of which
    /// something runs, (R/100)^n of the vCPUs of the queue's environments. A queue of which nothing runs may
    /// always start one job. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 99))]
    pub compute_reservation: i32,
    /// The weights of shares, up to 500. A share that is not listed has weight 1. Entries should not overlap
    /// (A* and A1): queues that use the policy say so, and the longest entry counts.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["shareIdentifier"]
    ))]
    pub share_distribution: Vec<ShareAttributes>,
}

/// The weight of a share, or of all shares whose identifier begins so.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "self.shareIdentifier != '' || !has(self.weightFactor) || self.weightFactor == 0.0",
        "a weight needs the shareIdentifier it is for"
    ),
]))]
pub struct ShareAttributes {
    /// The share: up to 255 letters and digits; with `*` at the end, all shares that begin so.
    #[schemars(length(max = 255))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "self.matches('^[A-Za-z0-9]*[*]?$')",
            "use letters and digits (at most 255), with an optional * at the end"
        ),
    ]))]
    pub share_identifier: String,
    /// The share's weight, 0.0001 to 999.9999; half the weight gets twice the capacity. Default: 1.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self == 0.0 || (self >= 0.0001 && self <= 999.9999)", "a weight is 0.0001 to 999.9999"),
    ]))]
    pub weight_factor: Option<f64>,
}

impl Blank for ShareAttributes {}

/// What the operator knows of a policy.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SchedulingPolicyStatus {
    /// The metadata.generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// Ready, Ignored (fields that mean nothing here).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
}
