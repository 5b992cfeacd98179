//! The node classes that are made for environments, as a whole: `tests/checks/node_classes/NAME.environment.yaml` becomes
//! `NAME.class.yaml` (rewrite with `WINDLASS_UPDATE=1`), which Karpenter's own definition of an EC2NodeClass accepts.

use crate::environments::{self, managed, uid};
use crate::schemas;
use serde_json::{Value, json};
use windlass::convert::{self, Wire, kinds};
use windlass::machines::{node_claim, node_class};
use windlass_core::action::{MachineOrder, NodeClassOrder};
use windlass_core::objects::MachineType;
use windlass_core::time::Time;

const DEFINITION: &str = include_str!("../karpenter/ec2nodeclasses.yaml");

const FOLDER: &str = "node_classes";

fn order(spec: &Value) -> NodeClassOrder {
    let managed = managed(spec);
    assert_eq!(managed.fault, None);
    NodeClassOrder {
        name: "c5-ondemand-1a2b3c4d".into(),
        replaces: None,
        environment: "c5-ondemand".into(),
        environment_uid: uid(),
        environment_generation: 3,
        content: managed.node_class.unwrap(),
    }
}

/// What Karpenter's definition finds wrong with a node class.
fn errors(class: &Value) -> Vec<String> {
    schemas::errors(DEFINITION, class)
}

fn minimal() -> Value {
    environments::read(FOLDER, "minimal.environment.yaml")
}

#[test]
fn node_classes_are_as_agreed_and_karpenter_accepts_them() {
    let cases = environments::cases(FOLDER);
    assert_eq!(cases.len(), 4);
    for name in cases {
        let spec = environments::read(FOLDER, &format!("{name}.environment.yaml"));
        let class = node_class::ec2_node_class(&order(&spec), None).unwrap();
        assert!(errors(&class).is_empty(), "{name}: {:#?}\n{class:#}", errors(&class));
        environments::agree(FOLDER, &format!("{name}.class.yaml"), &class);
    }
}

#[test]
fn karpenters_definition_refuses_what_is_wrong() {
    let class = node_class::ec2_node_class(&order(&minimal()), None).unwrap();
    let wrong = |member: &str, value: Value| {
        let mut class = class.clone();
        class["spec"][member] = value;
        errors(&class).join("\n")
    };
    assert!(
        wrong("blockDeviceMappings", json!([{ "ebs": { "volumeSize": "100" } }])).contains("does not match")
    );
    assert!(wrong("role", json!("a-role")).contains("exactly one of"));
    assert!(wrong("ebsOptimized", json!(true)).contains("unknown field"));
    assert!(wrong("amiFamily", json!("Windows95")).contains("Unsupported value"));
}

/// An environment with all that is needed, and these members over it.
fn spec(resources: Value, class: Option<Value>) -> Value {
    let mut spec = minimal();
    let Value::Object(resources) = resources else { unreachable!("{resources}") };
    spec["computeResources"].as_object_mut().unwrap().extend(resources);
    if let Some(class) = class {
        spec["backend"]["karpenter"]["ec2NodeClass"] = class;
    }
    spec
}

fn fault(resources: Value, class: Option<Value>) -> String {
    let managed = managed(&spec(resources, class));
    assert!(managed.node_class.is_none());
    managed.fault.unwrap().to_string()
}

fn of_template(data: Value) -> String {
    let mut resources = json!({ "launchTemplate": {} });
    resources["launchTemplate"]["launchTemplateData"] = data;
    fault(resources, None)
}

#[test]
fn what_a_node_class_lacks_is_refused_by_name() {
    for (data, words) in [
        (
            json!({ "EbsOptimized": true }),
            "launchTemplateData.ebsOptimized: Karpenter's EC2NodeClass has nothing",
        ),
        (json!({ "keyName": "id_rsa" }), "launchTemplateData.keyName: an EC2NodeClass has no key pair"),
        (
            json!({ "blockDeviceMappings": [{ "virtualName": "ephemeral0" }] }),
            "blockDeviceMappings[0].virtualName",
        ),
        (
            json!({ "networkInterfaces": [{ "deviceIndex": 1 }] }),
            "networkInterfaces[0].deviceIndex: an EC2NodeClass",
        ),
        (json!({ "placement": { "tenancy": "dedicated" } }), "launchTemplateData.placement.tenancy"),
        (
            json!({ "tagSpecifications": [{ "resourceType": "volume", "tags": [{ "key": "a" }] }] }),
            "resourceType volume",
        ),
        (json!({ "noSuchThing": 1 }), "launchTemplateData.noSuchThing"),
        (json!({ "imageId": 7 }), "launchTemplateData.imageId is not a text"),
        (json!({ "imageId": "ami-1", "ImageId": "ami-2" }), "launchTemplateData.imageId is given twice"),
        (
            json!({ "userData": "#!/bin/sh" }),
            "launchTemplateData.userData is to be a MIME multi-part archive",
        ),
    ] {
        let told = of_template(data);
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn what_is_given_twice_or_not_at_all_is_told() {
    let told = fault(json!({}), Some(json!({ "role": "a-role" })));
    assert!(told.contains("the instance role is given twice"), "{told}");
    let told = fault(json!({ "instanceRole": "arn:aws:iam::012345678910:role/batch" }), None);
    assert!(told.contains("names a role"), "{told}");
    let archive = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\n--b--\n";
    let template = json!({ "launchTemplate": { "launchTemplateData": { "userData": archive } } });
    let told = fault(template.clone(), Some(json!({ "userData": "x" })));
    assert!(told.contains("userData is given twice"), "{told}");
    let told = fault(template, Some(json!({ "amiFamily": "Bottlerocket" })));
    assert!(told.contains("images of amiFamily Bottlerocket do not read it"), "{told}");
    for (field, member) in [
        ("subnets", "subnetSelectorTerms"),
        ("securityGroupIds", "securityGroupSelectorTerms"),
        ("instanceRole", "role or instanceProfile"),
        ("imageId", "amiSelectorTerms"),
    ] {
        let told = fault(json!({ field: null }), Some(json!({})));
        assert!(told.contains(&format!("computeResources.{field}, or {member}")), "{told}");
    }
}

#[test]
fn another_content_has_another_digest_and_the_same_the_same() {
    let digest = |resources: Value| managed(&spec(resources, None)).node_class.unwrap().digest;
    let of_image = |image: &str| digest(json!({ "imageId": image }));
    assert_eq!(of_image("ami-1"), of_image("ami-1"));
    assert_ne!(of_image("ami-1"), of_image("ami-2"));
    assert_eq!(
        digest(json!({ "maxvCpus": 64 })),
        digest(json!({ "minvCpus": 4 })),
        "of the class, not of the rest"
    );
}

#[test]
fn what_others_keep_on_a_node_class_stays_when_it_is_changed() {
    let mut found = node_class::ec2_node_class(&order(&minimal()), None).unwrap();
    found["metadata"]["finalizers"] = json!(["karpenter.k8s.aws/termination"]);
    found["metadata"]["annotations"]["karpenter.k8s.aws/ec2nodeclass-hash"] = json!("1");
    found["spec"]["role"] = json!("gone afterwards");
    let changed = order(&spec(json!({ "imageId": "ami-2" }), None));
    let class = node_class::ec2_node_class(&changed, Some(found)).unwrap();
    assert_eq!(class["metadata"]["finalizers"], json!(["karpenter.k8s.aws/termination"]));
    assert_eq!(class["metadata"]["annotations"]["karpenter.k8s.aws/ec2nodeclass-hash"], "1");
    assert_eq!(
        class["metadata"]["annotations"]["batch.windlass.dev/node-class"],
        changed.content.digest.as_str()
    );
    assert_eq!(class["spec"]["amiSelectorTerms"], json!([{ "id": "ami-2" }]));
    assert_eq!(class["spec"].get("role"), None);
}

#[test]
fn a_machine_is_asked_for_with_the_node_class_of_its_environment() {
    let managed = managed(&spec(json!({}), None));
    let order = MachineOrder {
        name: "c5-ondemand-1a2b3c4d-1".into(),
        backend: managed.backend,
        environment: "c5-ondemand".into(),
        environment_uid: uid(),
        machine_type: MachineType::default(),
        gpu_resource: "nvidia.com/gpu".into(),
        node_class: Some(("c5-ondemand-1a2b3c4d".into(), "0123".into())),
        payload: managed.payload,
        not_after: Time::ZERO,
    };
    let claim = node_claim(&order).unwrap();
    let class =
        json!({ "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "c5-ondemand-1a2b3c4d" });
    assert_eq!(claim["spec"]["nodeClassRef"], class);
    assert_eq!(claim["metadata"]["annotations"]["batch.windlass.dev/node-class"], "0123");
}

/// What Karpenter says of a class counts only for what the class says now.
#[test]
fn karpenters_words_are_read_from_the_conditions() {
    use windlass_core::objects::Readiness;
    let read = |generation: i64, conditions: Value| {
        let object = json!({
            "metadata": {
                "name": "c", "uid": uid().to_string(), "resourceVersion": "7", "generation": generation,
                "creationTimestamp": "2026-11-23T21:00:00Z",
                "labels": { "batch.windlass.dev/compute-environment-uid": uid().to_string() },
                "annotations": {
                    "batch.windlass.dev/node-class": "0123",
                    "batch.windlass.dev/compute-environment-generation": "4",
                },
            },
            "spec": {},
            "status": { "conditions": conditions },
        });
        let wire: Wire<kinds::EC2NodeClass> = serde_json::from_str(&object.to_string()).unwrap();
        convert::node_class(&wire).unwrap()
    };
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        let mut condition = json!({ "type": kind, "status": status, "reason": reason, "message": message });
        condition["observedGeneration"] = json!(2);
        condition
    };
    let ready = json!([condition("Ready", "True", "Ready", "")]);
    assert_eq!(read(2, ready.clone()).readiness, Readiness::Ready);
    assert_eq!(read(3, ready).readiness, Readiness::Unknown);
    let class = read(
        2,
        json!([
            condition("Ready", "False", "UnhealthyDependents", "SubnetsReady=False"),
            condition("SubnetsReady", "False", "SubnetsNotFound", "SubnetSelector did not match any Subnets"),
        ]),
    );
    let words = "SubnetsNotFound: SubnetSelector did not match any Subnets";
    assert_eq!(class.readiness, Readiness::Broken(words.into()));
    assert_eq!((class.digest.as_str(), class.environment_generation), ("0123", 4));
}
