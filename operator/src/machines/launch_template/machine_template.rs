//! A launch template's data as the spec of an AWSMachine, which an AWSMachineTemplate holds (`api/v1beta2/awsmachine_types.go`
//! and `types.go` of Cluster API's provider for AWS, 2.13).

use super::{network_interface, read, tags_of_instances, terms};
use crate::machines::LaunchSettingsError;
use crate::machines::launch_settings::Target;
use crate::machines::open_part::Part;
use serde_json::{Map, Value, json};

/// What has a place of its own elsewhere in Cluster API.
const ELSEWHERE: [(&str, &str); 1] = [(
    "userData",
    "Cluster API's bootstrap provider writes the user data: give commands and files in the bootstrap template of the \
     MachineDeployment (preKubeadmCommands and files of a KubeadmConfigTemplate)",
)];

/// Why other network interfaces than the first are refused.
const INTERFACES: &str = "an AWSMachineTemplate describes the first network interface only";

/// Names of the device that a machine starts from. Which one an image has is found out by the provider (`checkRootVolume` in
/// `instances.go`), so that it is given without a name.
const ROOT: [&str; 2] = ["/dev/xvda", "/dev/sda1"];

/// The least that a volume may have, in GiB.
const LEAST_VOLUME: u64 = 8;

/// What an AWSMachine takes of a launch template's data.
///
/// # Errors
/// When a part has no place in an AWSMachine, or is not of its form.
pub(in crate::machines) fn machine_template(
    data: &Map<String, Value>,
) -> Result<Map<String, Value>, LaunchSettingsError> {
    let mut data = read(data, Target::MachineTemplate)?;
    let mut spec = data.renamed(&[("keyName", "sshKeyName")]);
    if let Some(given) = data.text("imageId")? {
        spec.insert("ami".to_owned(), image("launchTemplateData.imageId", &given)?);
    }
    if let Some(devices) = data.parts("blockDeviceMappings")? {
        spec.extend(volumes(devices)?);
    }
    if let Some(tags) = data.parts("tagSpecifications")? {
        spec.insert("additionalTags".to_owned(), tags_of_instances(tags)?);
    }
    let mut groups = terms("id", data.texts("securityGroupIds")?);
    let names = data.texts("securityGroups")?;
    if !names.is_empty() {
        groups.push(json!({ "filters": [{ "name": "group-name", "values": names }] }));
    }
    for interface in data.parts("networkInterfaces")?.unwrap_or_default() {
        let (members, its_groups) = first_interface(interface)?;
        spec.extend(members);
        groups.extend(its_groups);
    }
    if !groups.is_empty() {
        spec.insert("additionalSecurityGroups".to_owned(), groups.into());
    }
    if let Some(found) = data.part("placement")? {
        spec.extend(placement(found)?);
    }
    if let Some(found) = data.part("capacityReservationSpecification")? {
        spec.extend(capacity_reservation(found)?);
    }
    let objects = [
        ("metadataOptions", "instanceMetadataOptions", &METADATA[..]),
        ("privateDnsNameOptions", "privateDnsName", &HOST_NAMES[..]),
    ];
    for (name, member, names) in objects {
        if let Some(mut options) = data.part(name)? {
            spec.insert(member.to_owned(), options.renamed(names).into());
            options.end()?;
        }
    }
    if let Some(found) = data.part("cpuOptions")? {
        spec.insert("cpuOptions".to_owned(), cpu_options(found)?);
    }
    for (member, advice) in ELSEWHERE {
        data.refuse(member, advice)?;
    }
    data.end()?;
    Ok(spec)
}

const METADATA: [(&str, &str); 5] = [
    ("httpEndpoint", "httpEndpoint"),
    ("httpProtocolIpv6", "httpProtocolIpv6"),
    ("httpPutResponseHopLimit", "httpPutResponseHopLimit"),
    ("httpTokens", "httpTokens"),
    ("instanceMetadataTags", "instanceMetadataTags"),
];

const HOST_NAMES: [(&str, &str); 3] = [
    ("hostnameType", "hostnameType"),
    ("enableResourceNameDnsARecord", "enableResourceNameDnsARecord"),
    ("enableResourceNameDnsAAAARecord", "enableResourceNameDnsAAAARecord"),
];

/// A machine image. The provider takes nothing but its ID, or looks one up by rules of its own.
///
/// # Errors
/// When it is told by the parameter that holds it.
pub(in crate::machines) fn image(what: &str, given: &str) -> Result<Value, LaunchSettingsError> {
    if given.starts_with("resolve:ssm:") {
        return Err(LaunchSettingsError::Unsupported {
            what: format!("{what} {given}"),
            advice: "an AWSMachineTemplate takes an image's ID: give it, or leave it out, and have the image looked up in the \
                     machine template of the MachineDeployment (ami.eksLookupType, imageLookupFormat)"
                .to_owned(),
        });
    }
    Ok(json!({ "id": given }))
}

fn volumes(devices: Vec<Part>) -> Result<Map<String, Value>, LaunchSettingsError> {
    let mut spec = Map::new();
    let mut others = Vec::new();
    for mut device in devices {
        let name = device.text("deviceName")?.ok_or_else(|| device.not_a("deviceName", "given"))?;
        let mut volume = volume(device)?;
        if !ROOT.contains(&name.as_str()) {
            volume.insert("deviceName".to_owned(), name.into());
            others.push(Value::Object(volume));
        } else if spec.insert("rootVolume".to_owned(), volume.into()).is_some() {
            return Err(LaunchSettingsError::Twice {
                what: "the root volume".to_owned(),
                places: "launchTemplateData.blockDeviceMappings".to_owned(),
            });
        }
    }
    if !others.is_empty() {
        spec.insert("nonRootVolumes".to_owned(), others.into());
    }
    Ok(spec)
}

fn volume(mut device: Part) -> Result<Map<String, Value>, LaunchSettingsError> {
    let (ebs, missing) = (device.part("ebs")?, device.not_a("ebs", "given"));
    device.end()?;
    let mut ebs = ebs.ok_or(missing)?;
    let mut volume = ebs.renamed(&[
        ("encrypted", "encrypted"),
        ("iops", "iops"),
        ("kmsKeyId", "encryptionKey"),
        ("throughput", "throughput"),
        ("volumeType", "type"),
    ]);
    // `volumeToBlockDeviceMapping` in `instances.go`.
    if ebs.take("deleteOnTermination") == Some(Value::Bool(false)) {
        return Err(ebs.refusal("deleteOnTermination", "Cluster API's volumes go with their machine"));
    }
    let size = ebs.number("volumeSize")?.filter(|size| *size >= LEAST_VOLUME);
    let size =
        size.ok_or_else(|| ebs.not_a("volumeSize", "8 (GiB) or more, which an AWSMachineTemplate needs"))?;
    volume.insert("size".to_owned(), size.into());
    ebs.end()?;
    Ok(volume)
}

/// The first network interface, and its security groups.
fn first_interface(mut interface: Part) -> Result<(Map<String, Value>, Vec<Value>), LaunchSettingsError> {
    interface
        .refuse("networkInterfaceId", "a network interface that exists is one machine's, not a pool's")?;
    let (address, groups) = network_interface(&mut interface, INTERFACES)?;
    let mut members = interface.renamed(&[("interfaceType", "networkInterfaceType")]);
    if let Some(address) = address {
        members.insert("publicIP".to_owned(), address);
    }
    if let Some(primary) = interface.take("primaryIpv6") {
        let state = if primary == Value::Bool(true) { "enabled" } else { "disabled" };
        members.insert("assignPrimaryIPv6".to_owned(), state.into());
    }
    interface.end()?;
    Ok((members, groups))
}

fn placement(mut placement: Part) -> Result<Map<String, Value>, LaunchSettingsError> {
    let mut spec = placement.renamed(&[
        ("groupName", "placementGroupName"),
        ("partitionNumber", "placementGroupPartition"),
        ("tenancy", "tenancy"),
        ("hostId", "hostID"),
    ]);
    placement.refuse("groupId", "an AWSMachineTemplate has placement groups by name: give groupName")?;
    placement.refuse(
        "availabilityZone",
        "subnets says it, and failureDomain in the template of the MachineDeployment",
    )?;
    let is_host = spec.contains_key("hostID") || spec.get("tenancy").is_some_and(|tenancy| tenancy == "host");
    // EC2 refuses it, and the provider leaves the group out (`runInstance` in `instances.go`).
    if is_host && spec.contains_key("placementGroupName") {
        return Err(placement.refusal("groupName", "a host is in no placement group: give one of them"));
    }
    if spec.contains_key("hostID") {
        spec.extend(placement.renamed(&[("affinity", "hostAffinity")]));
        // A host has no other, which EC2 takes for granted, and `validateHostAllocation` does not.
        spec.entry("tenancy").or_insert_with(|| "host".into());
    }
    placement.refuse("affinity", "an AWSMachineTemplate has it with a host only: give hostId")?;
    placement.end()?;
    Ok(spec)
}

fn capacity_reservation(mut found: Part) -> Result<Map<String, Value>, LaunchSettingsError> {
    let mut spec = Map::new();
    if let Some(preference) = found.text("capacityReservationPreference")? {
        let preference = match preference.as_str() {
            "open" => "Open",
            "none" => "None",
            "capacity-reservations-only" => "CapacityReservationsOnly",
            _ => {
                let form = "open, none or capacity-reservations-only";
                return Err(found.not_a("capacityReservationPreference", form));
            }
        };
        spec.insert("capacityReservationPreference".to_owned(), preference.into());
    }
    if let Some(mut target) = found.part("capacityReservationTarget")? {
        if !spec.is_empty() {
            let advice = "a reservation is given, or a preference, not both";
            return Err(found.refusal("capacityReservationTarget", advice));
        }
        spec.extend(target.renamed(&[("capacityReservationId", "capacityReservationId")]));
        target.end()?;
    }
    found.end()?;
    Ok(spec)
}

fn cpu_options(mut options: Part) -> Result<Value, LaunchSettingsError> {
    let mut taken = options.renamed(&[("nestedVirtualization", "nestedVirtualization")]);
    if let Some(confidential) = options.text("amdSevSnp")? {
        // `getInstanceCPUOptionsRequest` in `instances.go`.
        let policy = match confidential.as_str() {
            "enabled" => "AMDEncryptedVirtualizationNestedPaging",
            "disabled" => "Disabled",
            _ => return Err(options.not_a("amdSevSnp", "enabled or disabled")),
        };
        taken.insert("confidentialCompute".to_owned(), policy.into());
    }
    options.end()?;
    Ok(taken.into())
}
