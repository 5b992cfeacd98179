//! Which members of an AWSMachine exclude each other: what is laid over a spec takes those away that contradict it.

use crate::machines::launch_settings;
use serde_json::{Map, Value};

/// Members that are laid over each other by their own members, as EC2 does with what an image or a launch template says.
const MERGED: [&str; 5] =
    ["additionalTags", "cpuOptions", "instanceMetadataOptions", "privateDnsName", "rootVolume"];

/// What the first contradicts, from the provider's `awsmachinetemplate_webhook.go` and `instances.go`.
const EXCLUDED: [(&str, &[&str]); 6] = [
    // Looked up where no ID is given.
    ("ami", &["imageLookupFormat", "imageLookupOrg", "imageLookupBaseOS"]),
    // Interfaces that exist are in a subnet already: the one that is given would count for nothing (`runInstance`).
    ("subnet", &["networkInterfaces"]),
    ("capacityReservationId", &["capacityReservationPreference"]),
    ("capacityReservationPreference", &["capacityReservationId"]),
    // The host is given or allocated.
    ("hostID", &["dynamicHostAllocation", "hostAffinity"]),
    // EC2 has no placement groups of dedicated hosts (`runInstance` leaves the group out).
    ("placementGroupName", &HOST),
];

/// On which host machines are.
const HOST: [&str; 3] = ["hostID", "hostAffinity", "dynamicHostAllocation"];

/// In which placement group they are.
const GROUP: [&str; 2] = ["placementGroupName", "placementGroupPartition"];

/// Lays settings over the spec of an AWSMachine.
pub(super) fn lay_over(spec: &mut Map<String, Value>, mut layer: Map<String, Value>) {
    for (member, excluded) in EXCLUDED.iter().filter(|(member, _)| layer.contains_key(*member)) {
        // Partitions are numbered in their group.
        if *member == "placementGroupName" && is_another(spec, &layer, member) {
            spec.remove("placementGroupPartition");
        }
        excluded.iter().for_each(|excluded| drop(spec.remove(*excluded)));
    }
    let is = |settings: &Map<String, Value>, member: &str, wanted: &str| {
        settings.get(member).is_some_and(|value| value == wanted)
    };
    if layer.contains_key("placementGroupName") && is(spec, "tenancy", "host") {
        spec.remove("tenancy");
    }
    if layer.contains_key("tenancy") {
        let excluded = if is(&layer, "tenancy", "host") { &GROUP[..] } else { &HOST[..] };
        excluded.iter().for_each(|excluded| drop(spec.remove(*excluded)));
    }
    // `validateNetworkElasticIPPool`: a pool is of public addresses.
    if layer.get("publicIP") == Some(&Value::Bool(false)) {
        spec.remove("elasticIpPool");
    }
    if let (Some(Value::Object(found)), Some(Value::Object(volume))) =
        (spec.get_mut("rootVolume"), layer.get("rootVolume"))
    {
        make_way(found, volume);
    }
    if let (Some(Value::Array(found)), Some(Value::Array(volumes))) =
        (spec.get("nonRootVolumes"), layer.get_mut("nonRootVolumes"))
    {
        *volumes = lay_over_devices(found.clone(), volumes);
    }
    launch_settings::lay_over(spec, layer, &MERGED);
    // Version 2.10.0 gave every template this affinity, and since 2.10.2 no new one may have it without hosts: it says nothing.
    if is(spec, "hostAffinity", "host") && !is(spec, "tenancy", "host") {
        spec.remove("hostAffinity");
    }
}

fn is_another(spec: &Map<String, Value>, layer: &Map<String, Value>, member: &str) -> bool {
    spec.get(member).is_some_and(|found| layer.get(member) != Some(found))
}

/// How fast a volume is goes with its type, and a key with encryption (`volumeToBlockDeviceMapping` encrypts whatever has one).
fn make_way(found: &mut Map<String, Value>, volume: &Map<String, Value>) {
    if volume.contains_key("type") && volume.get("type") != found.get("type") {
        found.remove("iops");
        found.remove("throughput");
    }
    if volume.get("encrypted") == Some(&Value::Bool(false)) {
        found.remove("encryptionKey");
    }
}

/// Volumes are laid over that of the same device; those of other devices stay.
fn lay_over_devices(mut found: Vec<Value>, volumes: &[Value]) -> Vec<Value> {
    for volume in volumes {
        let same = found.iter_mut().find(|found| found.get("deviceName") == volume.get("deviceName"));
        match (same.and_then(Value::as_object_mut), volume) {
            (Some(found), Value::Object(volume)) => {
                make_way(found, volume);
                found.extend(volume.clone());
            }
            _ => found.push(volume.clone()),
        }
    }
    found
}
