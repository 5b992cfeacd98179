//! The data of an EC2 launch template, as AWS's RequestLaunchTemplateData has it, turned into the spec of an EC2NodeClass.
//! Members may be spelled `BlockDeviceMappings`, as AWS's tools take them, or `blockDeviceMappings`.

use super::open_part::Part;
use super::{NodeClassError, user_data};
use serde_json::{Map, Value, json};

/// Parameters that AWS Batch ignores in a launch template: the environment says these (condition `Ignored`).
const IGNORED: [&str; 4] =
    ["instanceType", "iamInstanceProfile", "instanceMarketOptions", "disableApiTermination"];

/// What Karpenter lacks: advice for those that have a name for it elsewhere.
const ELSEWHERE: [(&str, &str); 2] = [
    ("keyName", "an EC2NodeClass has no key pair: add the public key in userData, or use Session Manager"),
    ("capacityReservationSpecification", "machines are bought on demand or as spot capacity only"),
];

/// What an EC2NodeClass takes of a launch template's data.
///
/// # Errors
/// When a part has no place in an EC2NodeClass, or is not of its form.
pub(super) fn node_class(data: &Map<String, Value>) -> Result<Map<String, Value>, NodeClassError> {
    let mut data = Part::read("launchTemplateData", data)?;
    let mut class = Map::new();
    let mut put = |key: &str, value: Value| class.insert(key.to_owned(), value);
    for ignored in IGNORED {
        data.take(ignored);
    }
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
    for interface in data.parts("networkInterfaces")?.unwrap_or_default() {
        let (address, its_groups) = network_interface(interface)?;
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
pub(super) fn image_term(image: &str) -> Value {
    match image.strip_prefix("resolve:ssm:") {
        Some(parameter) => json!({ "ssmParameter": parameter }),
        None => json!({ "id": image }),
    }
}

/// Selector terms, one for each value.
pub(super) fn terms(key: &str, values: Vec<String>) -> Vec<Value> {
    values.into_iter().map(|value| json!({ key: value })).collect()
}

fn block_device(mut device: Part) -> Result<Value, NodeClassError> {
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

/// Karpenter puts one set of tags on instances, their volumes and network interfaces.
fn tags_of_instances(specifications: Vec<Part>) -> Result<Value, NodeClassError> {
    let mut tags = Map::new();
    for mut specification in specifications {
        let kind = specification.text("resourceType")?.unwrap_or_default();
        if kind != "instance" {
            let advice = "Karpenter puts the tags of instances on their volumes and network interfaces too: give \
                          resourceType instance";
            return Err(specification.refusal(&format!("resourceType {kind}"), advice));
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

/// Whether it has a public address, and its security groups. Subnets are the environment's, as in AWS Batch.
fn network_interface(mut interface: Part) -> Result<(Option<Value>, Vec<Value>), NodeClassError> {
    const ADVICE: &str = "an EC2NodeClass describes the first network interface only; more of them are its \
                          networkInterfaces: give them in backend.karpenter.ec2NodeClass";
    // The first interface is number 0, which is also what skeletons print.
    interface.refuse("deviceIndex", ADVICE)?;
    interface.refuse("networkCardIndex", ADVICE)?;
    interface.take("subnetId");
    // What EC2 does when nobody says otherwise.
    if interface.take("deleteOnTermination") == Some(Value::Bool(false)) {
        return Err(
            interface.refusal("deleteOnTermination", "Karpenter's network interfaces go with their machine")
        );
    }
    let address = interface.take("associatePublicIpAddress");
    let groups = terms("id", interface.texts("groups")?);
    interface.end()?;
    Ok((address, groups))
}

fn placement_group(mut placement: Part) -> Result<Option<Value>, NodeClassError> {
    let group = placement.renamed(&[("groupName", "name"), ("groupId", "id")]);
    if placement.text("tenancy")?.is_some_and(|tenancy| tenancy != "default") {
        return Err(placement.refusal("tenancy", "an EC2NodeClass has none but default"));
    }
    placement.end()?;
    Ok((!group.is_empty()).then(|| group.into()))
}

fn metadata_options(mut options: Part) -> Result<Value, NodeClassError> {
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
