//! The node classes that are made for environments, as a whole: `tests/checks/node_classes/NAME.environment.yaml` becomes
//! `NAME.class.yaml` (rewrite with `WINDLASS_UPDATE=1`), which Karpenter's own definition of an EC2NodeClass accepts.

use crate::structure;
use kube::core::cel::{Validator, compile_schema};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use windlass::convert::{self, Wire, kinds};
use windlass::machines::{node_claim, node_class};
use windlass_core::action::{MachineOrder, NodeClassOrder};
use windlass_core::ids::Uid;
use windlass_core::objects::{MachineType, Managed};
use windlass_core::time::Time;

const DEFINITION: &str = include_str!("../karpenter/ec2nodeclasses.yaml");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checks/node_classes")
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn uid() -> Uid {
    Uid::parse("1a2b3c4d-0000-4000-8000-000000000001").unwrap()
}

/// What the operator makes of an environment.
fn managed(spec: &Value) -> Managed {
    let object = json!({
        "metadata": {
            "name": "c5-ondemand", "uid": uid().to_string(), "resourceVersion": "7", "generation": 3,
            "creationTimestamp": "2026-11-23T21:00:00Z",
        },
        "spec": spec,
    });
    let wire: Wire<kinds::ComputeEnvironment> = serde_json::from_str(&object.to_string()).unwrap();
    convert::environment(&wire).unwrap().managed.unwrap()
}

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

/// The schema of an EC2NodeClass; its patterns too are rules, which the check of rules understands.
fn schema() -> Value {
    let definition = yaml(DEFINITION);
    let mut schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap().clone();
    add_patterns(&mut schema);
    schema
}

fn add_patterns(schema: &mut Value) {
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        let rule = json!({ "rule": format!("self.matches(r'{pattern}')"), "message": format!("does not match {pattern}") });
        let rules =
            schema.as_object_mut().unwrap().entry("x-kubernetes-validations").or_insert_with(|| json!([]));
        rules.as_array_mut().unwrap().push(rule);
    }
    match schema {
        Value::Object(members) => members.values_mut().for_each(add_patterns),
        Value::Array(elements) => elements.iter_mut().for_each(add_patterns),
        _ => {}
    }
}

/// What Karpenter's definition finds wrong with a node class.
fn errors(class: &Value) -> Vec<String> {
    let schema = schema();
    let structural = structure::errors(&schema, class);
    if !structural.is_empty() {
        return structural;
    }
    let compiled = compile_schema(&schema);
    assert!(compiled.compilation_errors().is_empty(), "{:#?}", compiled.compilation_errors());
    let validated = Validator::new().validate_compiled(&compiled, class, None);
    validated.err().into_iter().flatten().map(|error| error.to_string()).collect()
}

#[test]
fn node_classes_are_as_agreed_and_karpenter_accepts_them() {
    let mut number = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(name) = name.strip_suffix(".environment.yaml") else { continue };
        let spec = yaml(&fs::read_to_string(&path).unwrap());
        let class = node_class::ec2_node_class(&order(&spec), None).unwrap();
        assert!(errors(&class).is_empty(), "{name}: {:#?}\n{class:#}", errors(&class));
        let golden = folder().join(format!("{name}.class.yaml"));
        if std::env::var_os("WINDLASS_UPDATE").is_some() {
            fs::write(&golden, serde_saphyr::to_string(&class).unwrap()).unwrap();
        }
        assert!(
            yaml(&fs::read_to_string(&golden).unwrap()) == class,
            "{}: built is {class:#}",
            golden.display()
        );
        number += 1;
    }
    assert_eq!(number, 4);
}

#[test]
fn karpenters_definition_refuses_what_is_wrong() {
    let minimal = yaml(&fs::read_to_string(folder().join("minimal.environment.yaml")).unwrap());
    let class = node_class::ec2_node_class(&order(&minimal), None).unwrap();
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
    let mut spec = yaml(&fs::read_to_string(folder().join("minimal.environment.yaml")).unwrap());
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
    let minimal = yaml(&fs::read_to_string(folder().join("minimal.environment.yaml")).unwrap());
    let mut found = node_class::ec2_node_class(&order(&minimal), None).unwrap();
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
