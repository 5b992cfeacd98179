//! How often a job is attempted, and for how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::unset::{self, Blank};

/// How often a job is attempted. Without it: once.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "!has(self.evaluateOnExit) || !self.evaluateOnExit.exists(r, has(r.action) && r.action != '') || \
         (has(self.attempts) && self.attempts > 0)",
        "evaluateOnExit decides about further attempts: give attempts too, as AWS asks"
    ),
]))]
pub struct RetryStrategy {
    /// How many attempts the job has, 1 to 10. Default: 1.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub attempts: Option<i32>,
    /// Up to 5 rules that decide, after a failed attempt, whether there is another one. The first that
    /// matches decides; when none matches the job is attempted again.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub evaluate_on_exit: Vec<EvaluateOnExit>,
}

impl Blank for RetryStrategy {}

/// A rule about failed attempts. It matches when all the patterns it has match; a pattern may end in `*`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "(has(self.action) && self.action != '') == ((has(self.onExitCode) && \
         self.onExitCode != '') || (has(self.onReason) && self.onReason != '') || \
         (has(self.onStatusReason) && self.onStatusReason != ''))",
        "a rule needs an action (RETRY or EXIT) and a pattern: onExitCode, onReason or onStatusReason \
         (\"*\" matches all)"
    ),
]))]
pub struct EvaluateOnExit {
    /// A pattern for the container's exit code: digits, with an optional `*` at the end.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self == '' || self.matches('^[0-9]*[*]?$')", "use digits, with an optional * at the end"),
    ]))]
    pub on_exit_code: Option<String>,
    /// A pattern for the attempt's reason, with an optional `*` at the end.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "!self.contains('*') || self.indexOf('*') == self.size() - 1",
            "* can only be the last character"
        ),
    ]))]
    pub on_reason: Option<String>,
    /// A pattern for the attempt's status reason (`Host EC2*` for a lost host), with an optional `*` at the
    /// end.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "!self.contains('*') || self.indexOf('*') == self.size() - 1",
            "* can only be the last character"
        ),
    ]))]
    pub on_status_reason: Option<String>,
    /// What to do when the rule matches: RETRY or EXIT.
    #[serde(default, deserialize_with = "unset::choice", skip_serializing_if = "Option::is_none")]
    pub action: Option<RetryAction>,
}

impl Blank for EvaluateOnExit {}

/// What follows a failed attempt.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum RetryAction {
    /// Another attempt, if there is one left.
    Retry,
    /// No further attempt: the job fails.
    Exit,
}

/// How long an attempt may run. Without it: without end.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct JobTimeout {
    /// Seconds from the start of an attempt's container until it is stopped (SIGTERM, after 30 s SIGKILL), at
    /// least 60. The job then fails without a further attempt.
    #[serde(default)]
    #[schemars(range(min = 0))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self == 0 || self >= 60", "a timeout is at least 60 seconds"),
    ]))]
    pub attempt_duration_seconds: i32,
}

impl Blank for JobTimeout {}
