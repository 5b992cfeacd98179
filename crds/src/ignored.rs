//! Fields that are accepted and mean nothing on Kubernetes. The operator lists them in the condition
//! `Ignored`.

use serde::Serialize;
use serde_json::Value;

use crate::Kind;

/// A field that means nothing on Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IgnoredField {
    /// The kind that has it.
    pub kind: Kind,
    /// Where it is; `[]` stands for each element of a list.
    pub path: &'static str,
    /// The value that means nothing; `None` when none of its values does.
    pub value: Option<&'static str>,
    /// Why it means nothing, as the end of a sentence.
    pub reason: &'static str,
}

/// Every field that is ignored.
pub const IGNORED: &[IgnoredField] = &[
    IgnoredField {
        kind: Kind::JobDefinition,
        path: "spec.type",
        value: Some("container"),
        reason: "every job is made of containers",
    },
    any(
        Kind::JobDefinition,
        "spec.platformCapabilities",
        "jobs run on the nodes of the queue's environments",
    ),
    any(Kind::JobDefinition, "spec.containerProperties.executionRoleArn", NO_AGENT),
    any(
        Kind::JobDefinition,
        "spec.nodeProperties.nodeRangeProperties[].container.executionRoleArn",
        NO_AGENT,
    ),
    any(Kind::ComputeEnvironment, "spec.serviceRole", "no AWS service acts for this environment"),
    any(Kind::ComputeEnvironment, "spec.unmanagedvCpus", "the capacity is that of the nodes"),
    any(
        Kind::ComputeEnvironment,
        "spec.computeResources.spotIamFleetRole",
        "the backend asks for spot capacity with its own rights",
    ),
    any(Kind::ComputeEnvironment, "spec.computeResources.launchTemplate.launchTemplateId", INLINE),
    any(Kind::ComputeEnvironment, "spec.computeResources.launchTemplate.launchTemplateName", INLINE),
    any(Kind::ComputeEnvironment, "spec.computeResources.launchTemplate.version", INLINE),
    of_template(
        "spec.computeResources.launchTemplate.launchTemplateData.instanceType",
        "instanceTypes or the MachineDeployment says it",
    ),
    of_template(
        "spec.computeResources.launchTemplate.launchTemplateData.iamInstanceProfile",
        "instanceRole says it",
    ),
    of_template(
        "spec.computeResources.launchTemplate.launchTemplateData.networkInterfaces[].subnetId",
        "subnets says it",
    ),
    of_template(
        "spec.computeResources.launchTemplate.launchTemplateData.instanceMarketOptions",
        "the type of computeResources, or the MachineDeployment's machine template, says whether spot capacity is bought",
    ),
    of_template(
        "spec.computeResources.launchTemplate.launchTemplateData.disableApiTermination",
        "Windlass decides when a machine goes",
    ),
];

const NO_AGENT: &str = "no AWS agent pulls images here: use imagePullSecrets";
const INLINE: &str = "the template's content is in launchTemplateData";

const fn any(kind: Kind, path: &'static str, reason: &'static str) -> IgnoredField {
    IgnoredField { kind, path, value: None, reason }
}

/// A parameter that AWS Batch ignores in a launch template.
const fn of_template(path: &'static str, reason: &'static str) -> IgnoredField {
    any(Kind::ComputeEnvironment, path, reason)
}

/// The fields of a spec that are set and mean nothing, in the order of the table.
///
/// Fails only if the spec cannot be written as JSON, which none of this crate's can.
pub fn ignored_fields(kind: Kind, spec: &impl Serialize) -> Result<Vec<IgnoredField>, serde_json::Error> {
    let spec = serde_json::to_value(spec)?;
    Ok(IGNORED.iter().filter(|field| field.kind == kind && field.is_set(&spec)).copied().collect())
}

impl IgnoredField {
    fn is_set(&self, spec: &Value) -> bool {
        let path = self.path.strip_prefix("spec.").unwrap_or(self.path);
        values(spec, path).iter().any(|found| self.value.is_none_or(|value| *found == value))
    }
}

/// The values at a path; those that are not set are not written, so they are not found.
fn values<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let (segment, rest) = path.split_once('.').unwrap_or((path, ""));
    let name = segment.trim_end_matches("[]");
    // A launch template's members are spelled with a capital letter in what AWS's tools take.
    let Some(found) = value.get(name).or_else(|| value.get(capitalised(name))) else { return Vec::new() };
    let found = match found {
        Value::Array(elements) if segment.ends_with("[]") => elements.iter().collect(),
        other => vec![other],
    };
    if rest.is_empty() { found } else { found.into_iter().flat_map(|value| values(value, rest)).collect() }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
