//! The machine templates and MachineDeployments that are made for environments, as a whole:
//! `tests/checks/machine_templates/NAME.environment.yaml` and `pattern.*.yaml` become `NAME.template.yaml` and
//! `NAME.deployment.yaml` (rewrite with `WINDLASS_UPDATE=1`). The definition of an AWSMachineTemplate accepts the former.

use crate::environments::{self, managed, uid};
use crate::schemas;
use serde_json::{Value, json};
use windlass::machines::machine_deployment::{infrastructure, machine_deployment};
use windlass::machines::machine_template::machine_template;
use windlass_core::action::DeploymentOrder;
use windlass_core::ids::ObjectKey;

const DEFINITION: &str = include_str!("../cluster_api/awsmachinetemplates.yaml");

const FOLDER: &str = "machine_templates";

fn order(spec: &Value) -> DeploymentOrder {
    let managed = managed(spec);
    assert_eq!(managed.fault, None);
    DeploymentOrder {
        key: ObjectKey::new("pools", "c5-ondemand-1a2b3c4d-0"),
        pattern: ObjectKey::new("pools", "batch"),
        pattern_digest: "0123456789abcdef".into(),
        environment: "c5-ondemand".into(),
        environment_uid: uid(),
        environment_generation: 3,
        content: managed.node_class.unwrap(),
    }
}

fn pattern(kind: &str) -> Value {
    environments::read(FOLDER, &format!("pattern.{kind}.yaml"))
}

/// What the definition of an AWSMachineTemplate finds wrong with one.
fn errors(template: &Value) -> Vec<String> {
    schemas::errors(DEFINITION, template)
}

/// An environment with these members of computeResources.
fn spec(resources: Value) -> Value {
    let mut spec = environments::read(FOLDER, "minimal.environment.yaml");
    spec["computeResources"].as_object_mut().unwrap().remove("imageId");
    let Value::Object(resources) = resources else { unreachable!("{resources}") };
    spec["computeResources"].as_object_mut().unwrap().extend(resources);
    spec
}

fn with_template(data: Value) -> Value {
    let mut resources = json!({ "launchTemplate": {} });
    resources["launchTemplate"]["launchTemplateData"] = data;
    spec(resources)
}

fn fault(spec: &Value) -> String {
    let managed = managed(spec);
    assert!(managed.node_class.is_none());
    managed.fault.unwrap().to_string()
}

/// The machine's part of the template that is made of an environment and a pattern with these members.
fn machine(spec: &Value, members: Value) -> Value {
    let mut pattern = pattern("template");
    let mut machine = json!({ "instanceType": "c5.4xlarge" });
    let Value::Object(members) = members else { unreachable!("{members}") };
    machine.as_object_mut().unwrap().extend(members);
    pattern["spec"]["template"]["spec"] = machine;
    let template = machine_template(&order(spec), &pattern).unwrap();
    assert!(errors(&template).is_empty(), "{:#?}\n{template:#}", errors(&template));
    let mut machine = template["spec"]["template"]["spec"].clone();
    machine.as_object_mut().unwrap().remove("instanceType");
    machine
}

#[test]
fn templates_and_deployments_are_as_agreed_and_accepted() {
    let cases = environments::cases(FOLDER);
    assert_eq!(cases.len(), 3);
    let mut found = pattern("template");
    found.as_object_mut().unwrap().remove("status");
    assert!(errors(&found).is_empty(), "{:#?}", errors(&found));
    for name in cases {
        let order = order(&environments::read(FOLDER, &format!("{name}.environment.yaml")));
        let template = machine_template(&order, &pattern("template")).unwrap();
        assert!(errors(&template).is_empty(), "{name}: {:#?}\n{template:#}", errors(&template));
        environments::agree(FOLDER, &format!("{name}.template.yaml"), &template);
        let deployment = machine_deployment(&order, &pattern("deployment")).unwrap();
        environments::agree(FOLDER, &format!("{name}.deployment.yaml"), &deployment);
    }
}

#[test]
fn the_definition_refuses_what_is_wrong() {
    let order = order(&spec(json!({ "imageId": "ami-1" })));
    let template = machine_template(&order, &pattern("template")).unwrap();
    let wrong = |member: &str, value: Value| {
        let mut template = template.clone();
        template["spec"]["template"]["spec"][member] = value;
        errors(&template).join("\n")
    };
    assert!(wrong("hostID", json!("h-1")).contains("does not match"));
    assert!(wrong("rootVolume", json!({ "type": "gp3" })).contains("size: Required value"));
    assert!(wrong("ebsOptimized", json!(true)).contains("unknown field"));
    assert!(wrong("tenancy", json!("none")).contains("Unsupported value"));
}

#[test]
fn without_settings_nothing_is_made() {
    for spec in [
        spec(json!({})),
        with_template(json!({ "instanceType": "c5.large", "monitoring": { "enabled": false } })),
        spec(json!({ "type": "SPOT", "tags": {}, "subnets": [""] })),
    ] {
        let managed = managed(&spec);
        assert_eq!((managed.node_class, managed.fault), (None, None));
    }
}

#[test]
fn another_content_has_another_digest_and_the_same_the_same() {
    let digest = |resources: Value| managed(&spec(resources)).node_class.unwrap().digest;
    let of_image = |image: &str| digest(json!({ "imageId": image }));
    assert_eq!(of_image("ami-1"), of_image("ami-1"));
    assert_ne!(of_image("ami-1"), of_image("ami-2"));
    assert_eq!(
        digest(json!({ "imageId": "ami-1", "maxvCpus": 64 })),
        of_image("ami-1"),
        "of what machines are like, not of the rest"
    );
}

/// Each of these launch templates is refused in these words.
fn all_refused(cases: &[(Value, &str)]) {
    for (data, words) in cases {
        let told = fault(&with_template(data.clone()));
        assert!(told.contains(words), "{told}");
        assert!(!told.contains("Karpenter"), "{told}");
    }
}

#[test]
fn what_a_machine_template_lacks_is_refused_by_name() {
    all_refused(&[
        (json!({ "EbsOptimized": true }), "Data.ebsOptimized: Cluster API's AWSMachineTemplate has nothing"),
        (json!({ "monitoring": { "enabled": true } }), "launchTemplateData.monitoring: Cluster API's"),
        (
            json!({ "userData": "IyEvYmluL3No" }),
            "launchTemplateData.userData: Cluster API's bootstrap provider",
        ),
        (json!({ "imageId": "resolve:ssm:/a" }), "launchTemplateData.imageId resolve:ssm:/a: an AWSMachine"),
        (json!({ "placement": { "groupId": "pg-1" } }), "placement.groupId: an AWSMachineTemplate has"),
        (json!({ "placement": { "availabilityZone": "a" } }), "placement.availabilityZone: subnets says it"),
        (json!({ "placement": { "affinity": "host" } }), "placement.affinity"),
        (json!({ "placement": { "groupName": "a", "hostId": "h-1" } }), "a host is in no placement group"),
        (
            json!({ "tagSpecifications": [{ "resourceType": "volume", "tags": [{ "key": "a" }] }] }),
            "resourceType volume: Cluster API puts the tags",
        ),
        (json!({ "cpuOptions": { "coreCount": 2 } }), "launchTemplateData.cpuOptions.coreCount"),
        (
            json!({ "capacityReservationSpecification": { "capacityReservationPreference": "maybe" } }),
            "capacityReservationPreference is not open, none or capacity-reservations-only",
        ),
        (
            json!({ "capacityReservationSpecification": {
                "capacityReservationTarget": { "capacityReservationResourceGroupArn": "arn:aws:a" },
            } }),
            "capacityReservationTarget.capacityReservationResourceGroupArn",
        ),
        (json!({ "imageId": 7 }), "launchTemplateData.imageId is not a text"),
    ]);
    let told = fault(&spec(json!({ "instanceRole": "arn:aws:iam::012345678910:role/batch" })));
    assert!(told.ends_with("give its instance profile"), "{told}");
    let told = fault(&spec(json!({ "imageId": "resolve:ssm:/golden/image" })));
    assert!(told.contains("imageId resolve:ssm:/golden/image: an AWSMachineTemplate takes"), "{told}");
}

#[test]
fn what_its_volumes_and_network_interfaces_lack_is_refused_by_name() {
    let volume = |ebs: Value| json!({ "blockDeviceMappings": [{ "deviceName": "/dev/xvda", "ebs": ebs }] });
    let interface = |interface: Value| json!({ "networkInterfaces": [interface] });
    all_refused(&[
        (
            volume(json!({ "volumeType": "gp3" })),
            "blockDeviceMappings[0].ebs.volumeSize is not 8 (GiB) or more",
        ),
        (volume(json!({ "volumeSize": 4 })), "blockDeviceMappings[0].ebs.volumeSize is not 8 (GiB) or more"),
        (volume(json!({ "volumeSize": 9, "snapshotId": "snap-1" })), "blockDeviceMappings[0].ebs.snapshotId"),
        (
            volume(json!({ "volumeSize": 9, "deleteOnTermination": false })),
            "deleteOnTermination: Cluster API's volumes go with their machine",
        ),
        (json!({ "blockDeviceMappings": [{ "ebs": { "volumeSize": 9 } }] }), "[0].deviceName is not given"),
        (json!({ "blockDeviceMappings": [{ "deviceName": "/dev/xvda" }] }), "[0].ebs is not given"),
        (
            json!({ "blockDeviceMappings": [{ "deviceName": "/dev/sdb", "virtualName": "ephemeral0" }] }),
            "blockDeviceMappings[0].virtualName",
        ),
        (
            json!({ "blockDeviceMappings": [
                { "deviceName": "/dev/xvda", "ebs": { "volumeSize": 9 } },
                { "deviceName": "/dev/sda1", "ebs": { "volumeSize": 9 } },
            ] }),
            "the root volume is given twice",
        ),
        (
            interface(json!({ "deviceIndex": 1 })),
            "[0].deviceIndex: an AWSMachineTemplate describes the first",
        ),
        (interface(json!({ "networkInterfaceId": "eni-1" })), "[0].networkInterfaceId"),
        (
            interface(json!({ "deleteOnTermination": false })),
            "Cluster API's network interfaces go with their machine",
        ),
    ]);
}

/// What contradicts an environment goes, and nothing else.
#[test]
fn what_excludes_each_other_is_replaced_together() {
    let placed = |placement: Value| with_template(json!({ "placement": placement }));
    let group = spec(json!({ "placementGroup": "together" }));
    let on_host = json!({ "tenancy": "host", "hostAffinity": "host", "hostID": "h-0123456789abcdef0" });
    let in_group =
        json!({ "placementGroupName": "apart", "placementGroupPartition": 3, "tenancy": "default" });
    for (environment, members, made) in [
        (
            &spec(json!({ "subnets": ["s-1"] })),
            json!({ "subnet": { "filters": [] } }),
            json!({ "subnet": { "id": "s-1" } }),
        ),
        (&group, on_host.clone(), json!({ "placementGroupName": "together" })),
        (&group, in_group.clone(), json!({ "placementGroupName": "together", "tenancy": "default" })),
        (&spec(json!({ "placementGroup": "apart" })), in_group.clone(), in_group.clone()),
        (
            &placed(json!({ "hostId": "h-00000000000000000" })),
            in_group,
            json!({ "hostID": "h-00000000000000000", "tenancy": "host" }),
        ),
        (&placed(json!({ "tenancy": "dedicated" })), on_host.clone(), json!({ "tenancy": "dedicated" })),
        (&placed(json!({ "tenancy": "host" })), on_host.clone(), on_host),
        (
            &placed(json!({ "tenancy": "host" })),
            json!({ "placementGroupName": "apart" }),
            json!({ "tenancy": "host" }),
        ),
    ] {
        assert_eq!(machine(environment, members), made);
    }
    // The affinity that version 2.10.0 gave to all.
    let profile = spec(json!({ "instanceRole": "batch" }));
    assert_eq!(
        machine(&profile, json!({ "hostAffinity": "host" })),
        json!({ "iamInstanceProfile": "batch" })
    );
    let slower = with_template(json!({
        "blockDeviceMappings": [{
            "deviceName": "/dev/sda1",
            "ebs": { "volumeSize": 20, "volumeType": "gp2", "encrypted": false },
        }],
    }));
    let fast = json!({ "size": 9, "type": "gp3", "iops": 9000, "throughput": 500, "encryptionKey": "a" });
    let made = json!({ "rootVolume": { "size": 20, "type": "gp2", "encrypted": false } });
    assert_eq!(machine(&slower, json!({ "rootVolume": fast })), made);
}

#[test]
fn spot_capacity_is_not_taken_away() {
    let reserved = with_template(json!({
        "capacityReservationSpecification": { "capacityReservationPreference": "capacity-reservations-only" },
    }));
    let open = with_template(json!({
        "capacityReservationSpecification": { "capacityReservationPreference": "open" },
    }));
    let told = |environment: &Value, members: &[(&str, Value)]| {
        let mut pattern = pattern("template");
        for (member, value) in members {
            pattern["spec"]["template"]["spec"][member] = value.clone();
        }
        machine_template(&order(environment), &pattern).map_err(|error| error.to_string())
    };
    let spot = [("spotMarketOptions", json!({}))];
    assert!(told(&reserved, &spot).unwrap_err().contains("asks for spot capacity"));
    assert!(
        told(&reserved, &[("marketType", json!("Spot"))]).unwrap_err().contains("asks for spot capacity")
    );
    assert!(told(&open, &spot).is_ok());
    let block = [("marketType", json!("CapacityBlock")), ("capacityReservationId", json!("cr-1"))];
    assert!(told(&open, &block).unwrap_err().contains("asks for a capacity block"));
}

#[test]
fn a_deployment_selects_its_own_machines_and_is_nobody_elses() {
    let order = order(&spec(json!({ "imageId": "ami-1" })));
    let deployment = machine_deployment(&order, &pattern("deployment")).unwrap();
    let selector = deployment["spec"]["selector"].as_object().unwrap();
    assert_eq!(selector.keys().collect::<Vec<_>>(), ["matchLabels"]);
    let labels = deployment["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
    for (label, value) in selector["matchLabels"].as_object().unwrap() {
        assert_eq!(labels.get(label), Some(value), "{label}");
    }
    assert_eq!(selector["matchLabels"]["cluster.x-k8s.io/deployment-name"], order.key.name.as_str());
    assert_eq!(labels["node.cluster.x-k8s.io/pool"], "batch");
    assert_eq!(deployment["spec"]["replicas"], 0);
    let text = deployment.to_string();
    for foreign in [
        "argocd",
        "app.kubernetes.io/instance",
        "topology.cluster",
        "node-group",
        "last-applied",
        "machine-template-hash",
        "revision",
        "paused",
        "finalizers",
        "resourceVersion",
        "status",
    ] {
        assert!(!text.contains(foreign), "{foreign}: {deployment:#}");
    }
    let mut bare = pattern("deployment");
    bare["metadata"] = json!({ "name": "batch", "namespace": "pools" });
    bare["spec"]["template"].as_object_mut().unwrap().remove("metadata");
    let deployment = machine_deployment(&order, &bare).unwrap();
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(labels["batch.windlass.dev/compute-environment-uid"], uid().to_string());
    assert_eq!(labels["cluster.x-k8s.io/cluster-name"], "production");
}

#[test]
fn machines_of_another_kind_take_no_settings() {
    let mut found = pattern("deployment");
    let expected = ["infrastructure.cluster.x-k8s.io", "AWSMachineTemplate", "batch-v3"].map(str::to_owned);
    assert_eq!(<[String; 3]>::from(infrastructure(&found).unwrap()), expected);
    found["spec"]["template"]["spec"]["infrastructureRef"]["kind"] = json!("DockerMachineTemplate");
    let order = order(&spec(json!({ "imageId": "ami-1" })));
    let told = machine_deployment(&order, &found).unwrap_err().to_string();
    assert!(told.contains("makes machines of kind DockerMachineTemplate"), "{told}");
    assert_eq!(infrastructure(&found).unwrap_err().to_string(), told);
    let told = infrastructure(&json!({ "spec": {} })).unwrap_err().to_string();
    assert_eq!(told, "has no spec.template.spec.infrastructureRef.apiGroup");
    let told = machine_template(&order, &json!({ "spec": {} })).unwrap_err().to_string();
    assert_eq!(told, "has no spec.template.spec");
}
