//! Fields that mean nothing on Kubernetes are found where they are set.

use serde_json::json;
use windlass_crds::ignored::ignored_fields;
use windlass_crds::{ComputeEnvironmentSpec, JobDefinitionSpec, Kind};

use crate::sample_files;

fn paths(kind: Kind, spec: &impl serde::Serialize) -> Vec<&'static str> {
    ignored_fields(kind, spec).unwrap().iter().map(|field| field.path).collect()
}

#[test]
fn fields_that_are_set_are_listed() {
    let spec = sample_files::object("valid/job-definition-parameters.yaml")["spec"].clone();
    let spec: JobDefinitionSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(
        paths(Kind::JobDefinition, &spec),
        ["spec.type", "spec.platformCapabilities", "spec.containerProperties.executionRoleArn"]
    );
    let spec = sample_files::object("valid/compute-environment-unmanaged.yaml")["spec"].clone();
    let spec: ComputeEnvironmentSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(paths(Kind::ComputeEnvironment, &spec), ["spec.serviceRole", "spec.unmanagedvCpus"]);
}

#[test]
fn parameters_of_a_launch_template_are_found_in_either_spelling() {
    for (instance_type, interfaces, subnet) in
        [("instanceType", "networkInterfaces", "subnetId"), ("InstanceType", "NetworkInterfaces", "SubnetId")]
    {
        let data =
            json!({ instance_type: "c5.large", interfaces: [{ subnet: "subnet-1" }], "ImageId": "ami-1" });
        let spec = json!({ "type": "MANAGED", "computeResources": { "launchTemplate": { "launchTemplateData": data } } });
        let spec: ComputeEnvironmentSpec = serde_json::from_value(spec).unwrap();
        let data = "spec.computeResources.launchTemplate.launchTemplateData";
        assert_eq!(
            paths(Kind::ComputeEnvironment, &spec),
            [format!("{data}.instanceType"), format!("{data}.networkInterfaces[].subnetId")]
        );
    }
}

#[test]
fn fields_that_skeletons_print_are_not_listed() {
    let spec = sample_files::object("valid/compute-environment-skeleton.yaml")["spec"].clone();
    let spec: ComputeEnvironmentSpec = serde_json::from_value(spec).unwrap();
    assert!(paths(Kind::ComputeEnvironment, &spec).is_empty());
}

#[test]
fn a_value_with_a_meaning_is_not_listed() {
    let nodes = json!({ "numNodes": 2, "nodeRangeProperties": [
        { "targetNodes": "0:0", "container": { "image": "busybox" } },
        { "targetNodes": "1:1", "container": { "image": "busybox", "executionRoleArn": "a-role" } },
    ]});
    let spec = json!({ "type": "multinode", "nodeProperties": nodes });
    let spec: JobDefinitionSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(
        paths(Kind::JobDefinition, &spec),
        ["spec.nodeProperties.nodeRangeProperties[].container.executionRoleArn"]
    );
}
