//! A launch template's data as the spec of an EC2NodeClass.

use super::{network_interface, read, tags_of_instances, terms};
use crate::machines::launch_settings::Target;
use crate::machines::open_part::Part;
use crate::machines::{LaunchSettingsError, user_data};
use serde_json::{Map, Value, json};

/// What Karpenter lacks: advice for those that have a name for it elsewhere.
const ELSEWHERE: [(&str, &str); 2] = [
    ("keyName", "an EC2NodeClass has no key pair: add the public key in userData, or use Session Manager"),
    ("capacityReservationSpecification", "machines are bought on demand or as spot capacity only"),
];

/// Where other network interfaces than the first are given.
const INTERFACES: &str = "an EC2NodeClass describes the first network interface only; more of them are its \
                          networkInterfaces: give them in backend.karpenter.ec2NodeClass";

/// What an EC2NodeClass takes of a launch template's data.
///
/// # Errors
/// When a part has no place in an EC2NodeClass, or is not of its form.
pub(in crate::machines) fn node_class(
    data: &Map<String, Value>,
) -> Result<Map<String, Value>, LaunchSettingsError> {
    let mut data = read(data, Target::NodeClass)?;
    let mut class = Map::new();
    let mut put = |key: &str, value: Value| class.insert(key.to_owned(), value);
    if let Some(image) = data.text("imageId")? {
        put("amiSelectorTerms", json!([image_term(&image)]));
    }
    if let Some(text) = data.text("userData")? {
        put("userData", user_data::multi_part(&text)?.into());
    }
    if let Some(devices) = data.parts("blockDeviceMappings")? {
        let devices = devices.into_iter().map(block_device).collect::<Result<Vec<Value>, _>>()?;
        put("blockDeviceMappings", devices.into());
    }
    if let Some(tags) = data.parts("tagSpecifications")? {
        put("tags", tags_of_instances(tags)?);
    }
    let mut groups = terms("id", data.texts("securityGroupIds")?);
    groups.extend(terms("name", data.texts("securityGroups")?));
    for mut interface in data.parts("networkInterfaces")?.unwrap_or_default() {
        let (address, its_groups) = network_interface(&mut interface, INTERFACES)?;
        interface.end()?;
        groups.extend(its_groups);
        address.map(|address| put("associatePublicIPAddress", address));
    }
    if !groups.is_empty() {
        put("securityGroupSelectorTerms", groups.into());
    }
    if let Some(mut monitoring) = data.part("monitoring")? {
        monitoring.take("enabled").map(|enabled| put("detailedMonitoring", enabled));
        monitoring.end()?;
    }
    if let Some(placement) = data.part("placement")? {
        placement_group(placement)?.map(|group| put("placementGroupSelector", group));
    }
    if let Some(options) = data.part("metadataOptions")? {
        put("metadataOptions", metadata_options(options)?);
    }
    if let Some(mut options) = data.part("cpuOptions")? {
        put("cpuOptions", options.renamed(&[("nestedVirtualization", "nestedVirtualization")]).into());
        options.end()?;
    }
    for (member, advice) in ELSEWHERE {
        data.refuse(member, advice)?;
    }
    data.end()?;
    Ok(class)
}

/// A machine image, by its ID or by the parameter that holds it.
pub(in crate::machines) fn image_term(image: &str) -> Value {
    match image.strip_prefix("resolve:ssm:") {
        Some(parameter) => json!({ "ssmParameter": parameter }),
        None => json!({ "id": image }),
    }
}

fn block_device(mut device: Part) -> Result<Value, LaunchSettingsError> {
    let mut mapping = device.renamed(&[("deviceName", "deviceName")]);
    if let Some(mut volume) = device.part("ebs")? {
        let mut ebs = volume.renamed(&[
            ("deleteOnTermination", "deleteOnTermination"),
            ("encrypted", "encrypted"),
            ("iops", "iops"),
            ("kmsKeyId", "kmsKeyID"),
            ("snapshotId", "snapshotID"),
            ("throughput", "throughput"),
            ("volumeInitializationRate", "volumeInitializationRate"),
            ("volumeType", "volumeType"),
        ]);
        if let Some(gib) = volume.number("volumeSize")? {
            ebs.insert("volumeSize".to_owned(), format!("{gib}Gi").into());
        }
        volume.end()?;
        mapping.insert("ebs".to_owned(), ebs.into());
    }
    device.end()?;
    Ok(mapping.into())
}

fn placement_group(mut placement: Part) -> Result<Option<Value>, LaunchSettingsError> {
    let group = placement.renamed(&[("groupName", "name"), ("groupId", "id")]);
    if placement.text("tenancy")?.is_some_and(|tenancy| tenancy != "default") {
        return Err(placement.refusal("tenancy", "an EC2NodeClass has none but default"));
    }
    placement.end()?;
    Ok((!group.is_empty()).then(|| group.into()))
}

fn metadata_options(mut options: Part) -> Result<Value, LaunchSettingsError> {
    let taken = options.renamed(&[
        ("httpEndpoint", "httpEndpoint"),
        ("httpProtocolIpv6", "httpProtocolIPv6"),
        ("httpPutResponseHopLimit", "httpPutResponseHopLimit"),
        ("httpTokens", "httpTokens"),
    ]);
    if options.text("instanceMetadataTags")?.is_some_and(|tags| tags != "disabled") {
        return Err(options.refusal("instanceMetadataTags", "Karpenter keeps it disabled"));
    }
    options.end()?;
    Ok(taken.into())
}
