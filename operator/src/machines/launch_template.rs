//! The data of an EC2 launch template, as AWS's RequestLaunchTemplateData has it, turned into what a backend makes machines of.
//! Members may be spelled `BlockDeviceMappings`, as AWS's tools take them, or `blockDeviceMappings`.

pub(super) mod machine_template;
pub(super) mod node_class;

use super::LaunchSettingsError;
use super::launch_settings::Target;
use super::open_part::Part;
use serde_json::{Map, Value, json};

/// Parameters that AWS Batch ignores in a launch template: the environment says these (condition `Ignored`).
const IGNORED: [&str; 4] =
    ["instanceType", "iamInstanceProfile", "instanceMarketOptions", "disableApiTermination"];

/// Begins to take a launch template's data apart.
fn read(data: &Map<String, Value>, target: Target) -> Result<Part, LaunchSettingsError> {
    let mut data = Part::read("launchTemplateData", data, target)?;
    for ignored in IGNORED {
        data.take(ignored);
    }
    Ok(data)
}

/// Objects of one member, one for each value.
pub(super) fn terms(key: &str, values: Vec<String>) -> Vec<Value> {
    values.into_iter().map(|value| json!({ key: value })).collect()
}

/// The tags of instances. The backends put one set of them on instances, their volumes and network interfaces.
fn tags_of_instances(specifications: Vec<Part>) -> Result<Value, LaunchSettingsError> {
    let mut tags = Map::new();
    for mut specification in specifications {
        let kind = specification.text("resourceType")?.unwrap_or_default();
        if kind != "instance" {
            let advice = format!(
                "{} puts the tags of instances on their volumes and network interfaces too: give resourceType instance",
                specification.target().maker()
            );
            return Err(specification.refusal(&format!("resourceType {kind}"), &advice));
        }
        for mut tag in specification.parts("tags")?.unwrap_or_default() {
            // An empty value counts, and was dropped with what skeletons print.
            let (key, value) = (tag.text("key")?.unwrap_or_default(), tag.text("value")?.unwrap_or_default());
            tag.end()?;
            tags.insert(key, value.into());
        }
        specification.end()?;
    }
    Ok(tags.into())
}

/// The first network interface: whether it has a public address, and its security groups. Subnets are the environment's, as in
/// AWS Batch. `more` says where to give others.
fn network_interface(
    interface: &mut Part,
    more: &str,
) -> Result<(Option<Value>, Vec<Value>), LaunchSettingsError> {
    // The first interface is number 0, which is also what skeletons print.
    interface.refuse("deviceIndex", more)?;
    interface.refuse("networkCardIndex", more)?;
    interface.take("subnetId");
    // What EC2 does when nobody says otherwise.
    if interface.take("deleteOnTermination") == Some(Value::Bool(false)) {
        let advice = format!("{}'s network interfaces go with their machine", interface.target().maker());
        return Err(interface.refusal("deleteOnTermination", &advice));
    }
    let address = interface.take("associatePublicIpAddress");
    Ok((address, terms("id", interface.texts("groups")?)))
}
