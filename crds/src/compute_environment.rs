//! Kind ComputeEnvironment: the hosts that jobs run on.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::shared::state::{State, Validity};
use crate::shared::{conditions, names, tags, times};
use crate::unset;

mod backend;
mod resources;

pub use backend::{
    Backend, ClusterApiBackend, ExternalBackend, KarpenterBackend, MachineDeploymentReference,
    NodeClassReference, SimulatedBackend,
};
pub use resources::{AllocationStrategy, ComputeResources, LaunchTemplate, ResourceKind, ScalingPolicy};

/// What AWS's CreateComputeEnvironment takes, and where the hosts are or come from.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[kube(
    group = "batch.windlass.dev",
    version = "v1beta1",
    kind = "ComputeEnvironment",
    plural = "computeenvironments",
    singular = "computeenvironment",
    shortname = "ce",
    category = "windlass",
    status = "ComputeEnvironmentStatus",
    derive = "PartialEq",
    doc = "The hosts that jobs run on: nodes that exist, chosen by label (UNMANAGED), or nodes that are \
           added and removed as jobs need them (MANAGED).",
    printcolumn = r#"{"name": "Type", "type": "string", "jsonPath": ".spec.type",
        "description": "UNMANAGED or MANAGED."}"#,
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".spec.state",
        "description": "Whether jobs are placed in it."}"#,
    printcolumn = r#"{"name": "Status", "type": "string", "jsonPath": ".status.status",
        "description": "Whether it can be used as it is written."}"#,
    printcolumn = r#"{"name": "Hosts", "type": "integer", "jsonPath": ".status.hosts",
        "description": "The nodes that it has."}"#,
    printcolumn = r#"{"name": "vCPUs", "type": "string", "jsonPath": ".status.vcpus.total",
        "description": "The vCPUs of its hosts."}"#,
    printcolumn = r#"{"name": "Launching", "type": "string", "jsonPath": ".status.vcpus.launching",
        "description": "The vCPUs of machines that are still to come."}"#,
    printcolumn = r#"{"name": "Free", "type": "string", "jsonPath": ".status.vcpus.free",
        "description": "The vCPUs that no pod has reserved."}"#,
    printcolumn = r#"{"name": "Max", "type": "string", "jsonPath": ".status.vcpus.max",
        "description": "The vCPUs that it may have at most."}"#,
    printcolumn = r#"{"name": "MemoryMiB", "type": "integer", "jsonPath": ".status.memoryMiB.total", "priority": 1,
        "description": "The memory of its hosts in MiB."}"#,
    printcolumn = r#"{"name": "FreeMiB", "type": "integer", "jsonPath": ".status.memoryMiB.free", "priority": 1,
        "description": "The memory in MiB that no pod has reserved."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
        "description": "When it was made."}"#,
    printcolumn = r#"{"name": "Reason", "type": "string", "jsonPath": ".status.statusReason", "priority": 1,
        "description": "Why its status is what it is, in words."}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "self.type != 'UNMANAGED' || (has(self.nodeSelector) && self.nodeSelector.size() > 0)",
        "an UNMANAGED environment needs nodeSelector: labels that its nodes carry, as in {pool: batch}"
    ),
    rule(
        "self.type != 'MANAGED' || !has(self.nodeSelector) || self.nodeSelector.size() == 0",
        "nodeSelector is for UNMANAGED environments: the backend says where a MANAGED one's nodes are"
    ),
    rule(
        "self.type != 'MANAGED' || has(self.backend)",
        "a MANAGED environment needs a backend: karpenter, clusterApi, external or simulated"
    ),
    rule(
        "!has(self.backend) || !has(self.backend.external) || !has(self.computeResources) || \
         ((!has(self.computeResources.minvCpus) || self.computeResources.minvCpus == 0) && \
         (!has(self.computeResources.desiredvCpus) || self.computeResources.desiredvCpus == 0) && \
         (!has(self.computeResources.scalingPolicy) || \
         !has(self.computeResources.scalingPolicy.minScaleDownDelayMinutes) || \
         self.computeResources.scalingPolicy.minScaleDownDelayMinutes == 0) && \
         (!has(self.computeResources.allocationStrategy) || \
         self.computeResources.allocationStrategy in ['', 'BEST_FIT']))",
        "minvCpus, desiredvCpus, scalingPolicy and allocationStrategy are the autoscaler's business where \
         backend.external is given: set them there"
    ),
    rule(
        "self.type != 'UNMANAGED' || !has(self.backend)",
        "a backend is for MANAGED environments: remove it, or set type MANAGED"
    ),
    rule(
        "self.type != 'MANAGED' || (has(self.computeResources) && has(self.computeResources.type) && \
         self.computeResources.type != '' && has(self.computeResources.maxvCpus) && \
         self.computeResources.maxvCpus > 0)",
        "a MANAGED environment needs computeResources with type (EC2 or SPOT) and maxvCpus"
    ),
    rule(
        "!has(self.backend) || !has(self.backend.clusterApi) || !has(self.computeResources) || \
         !has(self.computeResources.instanceTypes) || self.computeResources.instanceTypes.size() == 0",
        "instanceTypes is not for clusterApi: each of its machineDeployments is one machine type; remove it"
    ),
]))]
pub struct ComputeEnvironmentSpec {
    /// The environment's AWS name: up to 128 letters, digits, `-` and `_`. Queues can refer to it by this
    /// name.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names::aws_name")]
    pub compute_environment_name: Option<String>,
    /// UNMANAGED (nodes that exist, chosen by nodeSelector) or MANAGED (nodes of a backend). Required; never
    /// changes.
    #[serde(rename = "type")]
    pub kind: EnvironmentType,
    /// ENABLED (the default) or DISABLED: no new jobs are placed, and no nodes are added.
    #[serde(default, deserialize_with = "unset::choice_or_default")]
    pub state: State,
    /// Ignored: the capacity of an UNMANAGED environment is that of its nodes.
    #[serde(default, rename = "unmanagedvCpus", deserialize_with = "unset::option")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub unmanaged_vcpus: Option<i32>,
    /// What a MANAGED environment may launch, and how much of it.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub compute_resources: Option<ComputeResources>,
    /// Ignored: no AWS service acts for this environment.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub service_role: Option<String>,
    /// Up to 50 tags of the environment.
    #[serde(default, deserialize_with = "unset::tags", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::tags")]
    pub tags: BTreeMap<String, String>,
    /// Labels that the nodes of an UNMANAGED environment carry, as a Pod's nodeSelector. Not a field of AWS
    /// Batch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::labels")]
    pub node_selector: BTreeMap<String, String>,
    /// The extended resource that nodes offer GPUs as: a job's GPUs are asked for, and counted, under this name.
    /// Default: `nvidia.com/gpu`. Not a field of AWS Batch.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 316))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "self == '' || (self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}\
             [A-Za-z0-9])?$') && !self.contains('kubernetes.io/') && !self.startsWith('requests.'))",
            "give the name of an extended resource, with its domain, as in nvidia.com/gpu or amd.com/gpu"
        ),
    ]))]
    pub gpu_resource_name: Option<String>,
    /// Who makes the nodes of a MANAGED environment. Which one it is never changes. Not a field of AWS Batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
}

/// Whether the nodes of an environment exist or are made.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum EnvironmentType {
    /// They are added and removed as jobs need them.
    Managed,
    /// They exist.
    Unmanaged,
}

/// What the operator knows of an environment.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ComputeEnvironmentStatus {
    /// The metadata.generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// VALID or INVALID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Validity>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub status_reason: Option<String>,
    /// The number of nodes that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub hosts: Option<i32>,
    /// The vCPUs of its hosts, as the nodes report them allocatable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<VcpuCapacity>,
    /// The memory of its hosts in MiB, as the nodes report it allocatable.
    #[serde(rename = "memoryMiB", default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<Capacity>,
    /// The GPUs of its hosts, as the nodes report them allocatable under the environment's name for them. Left out
    /// where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<Capacity>,
    /// MANAGED: the vCPUs of all its machines that are to stay, those included that are still to come; with
    /// backend.external those of its nodes, and those that pods wait for.
    #[serde(rename = "desiredvCpus", default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub desired_vcpus: Option<i32>,
    /// MANAGED: the books of its machines. A machine is written down here before it is asked for, so that
    /// maxvCpus holds whatever happens to the operator in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<MachineBooks>,
    /// Ready, LaunchFailed (no node could be had lately), InUse, NameTaken, Ignored (fields that mean nothing here).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
}

/// An amount of vCPUs, as decimal numbers with up to three places (`3.92`).
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct VcpuCapacity {
    /// All there are.
    #[schemars(length(max = 20))]
    pub total: String,
    /// Those that pods have reserved, whoever owns the pods.
    #[schemars(length(max = 20))]
    pub used: String,
    /// The rest.
    #[schemars(length(max = 20))]
    pub free: String,
    /// MANAGED: those of its machines that are still to come; with backend.external those of the nodes that pods wait
    /// for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub launching: Option<String>,
    /// MANAGED: the most it may have, maxvCpus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub max: Option<String>,
}

/// An amount in whole numbers: of MiB, or of GPUs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// All there is.
    #[schemars(range(min = 0))]
    pub total: i64,
    /// What pods have been given, whoever owns the pods.
    #[schemars(range(min = 0))]
    pub used: i64,
    /// The rest.
    #[schemars(range(min = 0))]
    pub free: i64,
    /// MANAGED: that of its machines that are still to come, as far as can be told before they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub launching: Option<i64>,
}

/// The books of a MANAGED environment's machines.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MachineBooks {
    /// The number of the last machine decided; its name ends in it.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub last_serial: i64,
    /// Machines that were decided in the last minutes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["serial"]))]
    pub launches: Vec<MachineLaunch>,
}

/// A machine that was decided.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MachineLaunch {
    /// Its number.
    #[schemars(range(min = 1))]
    pub serial: i64,
    /// Its instance type; with Cluster API its MachineDeployment, as `namespace/name`.
    #[schemars(length(min = 1, max = 317))]
    pub instance_type: String,
    /// When it was decided.
    #[schemars(schema_with = "times::time")]
    pub decided_at: String,
    /// With Cluster API: how many machines the MachineDeployment is to have with this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,
}
