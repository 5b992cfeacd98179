//! Fields of computeResources that say what machines are like, beyond their type. They become the node class that
//! Karpenter's machines are made with, or the machine template of Cluster API's, and are refused by name where neither is made.

use serde_json::{Value, json};

use crate::{blank, schema};

/// Fields that a node class and a machine template of ours take.
const TAKEN: [&str; 7] =
    ["imageId", "subnets", "securityGroupIds", "instanceRole", "tags", "placementGroup", "launchTemplate"];

/// CEL: a node class is made for the environment.
const IS_MADE: &str = "(has(self.backend.karpenter) && !has(self.backend.karpenter.nodeClassRef))";

/// CEL: a machine template is made for the environment. It takes the key pair as well.
const IS_COPIED: &str = "has(self.backend.clusterApi)";

/// Where else a field is set, as CEL that gives the words.
const ELSEWHERE: &str = "has(self.backend.karpenter) ? 'set it in the node class that nodeClassRef names' : \
                         has(self.backend.simulated) ? 'simulated nodes have no machines: remove it' : \
                         'set it where your autoscaler describes its nodes'";

/// The same of a field that no node class has.
const KEY_PAIR: &str = "has(self.backend.karpenter) && !has(self.backend.karpenter.nodeClassRef) ? \
                        'Karpenter has no key pairs: add the public key in the launch template\\'s userData' : ";

/// Fields without which no node class can be made, where only they can say it (and the launch template, of some).
const NEEDED: [(&str, &str, bool); 4] = [
    ("imageId", "amiSelectorTerms", true),
    ("subnets", "subnetSelectorTerms", false),
    ("securityGroupIds", "securityGroupSelectorTerms", true),
    ("instanceRole", "role or instanceProfile", false),
];

/// Adds the rules to the spec of a ComputeEnvironment.
pub(crate) fn add_rules(schema: &mut Value) {
    let Some(spec) = schema::at(schema, "spec") else { return };
    for field in TAKEN {
        refuse(spec, field, &format!("{IS_MADE} || {IS_COPIED}"), ELSEWHERE);
    }
    refuse(spec, "ec2KeyPair", IS_COPIED, &format!("{KEY_PAIR}{ELSEWHERE}"));
    for (field, member, may_be_in_template) in NEEDED {
        schema::add_rule(spec, needed(field, member, may_be_in_template));
    }
}

/// Refuses a field that is set, unless it is `taken`.
fn refuse(spec: &mut Value, field: &str, taken: &str, advice: &str) {
    let path = format!("self.computeResources.{field}");
    let Some(found) = schema::at(spec, &format!("computeResources.{field}")) else { return };
    let blank = blank::expression(found, &path);
    let rule =
        format!("!has(self.backend) || {taken} || !has(self.computeResources) || !has({path}) || ({blank})");
    schema::add_rule(
        spec,
        json!({
            "rule": rule,
            "message": format!("not supported with this backend: {field}"),
            "messageExpression": format!("'not supported with this backend: {field}: ' + ({advice})"),
            "fieldPath": format!(".computeResources.{field}"),
            "reason": "FieldValueForbidden",
        }),
    );
}

fn needed(field: &str, member: &str, may_be_in_template: bool) -> Value {
    let path = format!("self.computeResources.{field}");
    let is_set = match field {
        "subnets" | "securityGroupIds" => format!("{path}.exists(one, one != '')"),
        _ => format!("{path} != ''"),
    };
    let template = "self.computeResources.launchTemplate";
    let in_template = format!(" || (has({template}) && has({template}.launchTemplateData))");
    let elsewhere = if may_be_in_template { in_template.as_str() } else { "" };
    let rule = format!(
        "!has(self.backend) || !{IS_MADE} || has(self.backend.karpenter.ec2NodeClass) || \
         !has(self.computeResources) || (has({path}) && {is_set}){elsewhere}"
    );
    let advice = format!("or {member} in backend.karpenter.ec2NodeClass, or a node class in nodeClassRef");
    json!({
        "rule": rule,
        "message": format!("machines need {field}: give it, {advice}"),
        "fieldPath": ".computeResources",
        "reason": "FieldValueRequired",
    })
}
