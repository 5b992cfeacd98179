//! The AWSMachineTemplate of an environment (Cluster API's provider for AWS): where each of AWS Batch's fields goes. It is like
//! that of a MachineDeployment which the environment names, its pattern, but for what the environment says.

mod overlay;

use super::launch_settings::{self, LaunchSettingsError, instance_profile};
use super::launch_template::machine_template as launch_template;
use super::launch_template::terms;
use super::machine_deployment::{PatternError, metadata, object, text};
use overlay::lay_over;
use serde_json::{Map, Value, json};
use windlass_core::action::DeploymentOrder;
use windlass_core::objects::NodeClassContent;
use windlass_crds::ComputeEnvironmentSpec;
use windlass_crds::compute_environment::ComputeResources;

/// What an environment wants its machines made with: members of an AWSMachine's spec. `None` where it has another backend, or
/// says nothing of its machines.
///
/// # Errors
/// When an AWSMachine has no place for something.
pub fn content(spec: &ComputeEnvironmentSpec) -> Result<Option<NodeClassContent>, LaunchSettingsError> {
    if spec.backend.as_ref().is_none_or(|backend| backend.cluster_api.is_none()) {
        return Ok(None);
    }
    let resources = spec.compute_resources.clone().unwrap_or_default();
    let template = resources.launch_template.as_ref().and_then(|found| found.launch_template_data.as_ref());
    let template = template.map(launch_template::machine_template).transpose()?;
    let mut settings = template.unwrap_or_default();
    lay_over(&mut settings, own(&resources)?);
    Ok((!settings.is_empty()).then(|| launch_settings::content(settings)))
}

/// What AWS Batch's own fields say.
fn own(resources: &ComputeResources) -> Result<Map<String, Value>, LaunchSettingsError> {
    let mut spec = Map::new();
    let mut put = |key: &str, value: Value| spec.insert(key.to_owned(), value);
    if let Some(image) = &resources.image_id {
        put("ami", launch_template::image("imageId", image)?);
    }
    match resources.subnets.as_slice() {
        [] => None,
        [subnet] => put("subnet", json!({ "id": subnet })),
        // Filters are DescribeSubnets' own: the first subnet found that is in the machine's failure domain is taken
        // (`findSubnet` in `instances.go`).
        subnets => put("subnet", json!({ "filters": [{ "name": "subnet-id", "values": subnets }] })),
    };
    if !resources.security_group_ids.is_empty() {
        put("additionalSecurityGroups", terms("id", resources.security_group_ids.clone()).into());
    }
    if let Some(profile) = &resources.instance_role {
        put("iamInstanceProfile", instance_profile(profile, "")?.into());
    }
    if let Some(key) = &resources.ec2_key_pair {
        put("sshKeyName", key.as_str().into());
    }
    if !resources.tags.is_empty() {
        put("additionalTags", json!(resources.tags));
    }
    if let Some(group) = &resources.placement_group {
        put("placementGroupName", group.as_str().into());
    }
    Ok(spec)
}

/// The AWSMachineTemplate that is ordered; `pattern` is the one that the pattern's machines are made from.
///
/// # Errors
/// When the pattern is not as an AWSMachineTemplate is, or what it has cannot be with what the environment says.
pub fn machine_template(order: &DeploymentOrder, pattern: &Value) -> Result<Value, PatternError> {
    let settings: Map<String, Value> = serde_json::from_slice(&order.content.payload.0)?;
    let reserved = reserved(&settings);
    let mut spec = object(pattern, "/spec")?.clone();
    let found = spec.get_mut("template").and_then(|template| template.get_mut("spec"));
    let machine = found.and_then(Value::as_object_mut).ok_or(PatternError::Lacks("/spec/template/spec"))?;
    lay_over(machine, settings);
    // Spot capacity is the pattern's wish, and not for us to take away.
    let market = machine.get("marketType").and_then(Value::as_str);
    match reserved {
        Some(Reserved::Only) if market == Some("Spot") || machine.contains_key("spotMarketOptions") => {
            Err(PatternError::Spot)
        }
        Some(Reserved::Perhaps) if market == Some("CapacityBlock") => Err(PatternError::CapacityBlock),
        _ => Ok(json!({
            "apiVersion": text(pattern, "/apiVersion")?,
            "kind": text(pattern, "/kind")?,
            "metadata": metadata(order),
            "spec": spec,
        })),
    }
}

/// What an environment says of capacity reservations.
#[derive(Clone, Copy)]
enum Reserved {
    /// Machines are in reserved capacity, which is no spot capacity (rules of AWSMachineSpec, `validateCapacityReservation`).
    Only,
    /// It names none, as machines in a capacity block need (`getInstanceMarketOptionsRequest` in `instances.go`).
    Perhaps,
}

fn reserved(settings: &Map<String, Value>) -> Option<Reserved> {
    if settings.contains_key("capacityReservationId") {
        return Some(Reserved::Only);
    }
    let preference = settings.get("capacityReservationPreference")?;
    Some(if preference == "CapacityReservationsOnly" { Reserved::Only } else { Reserved::Perhaps })
}
