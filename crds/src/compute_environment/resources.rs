//! What a MANAGED environment may launch.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::shared::open::{self, OpenObject};
use crate::shared::tags;
use crate::unset::{self, Blank};

/// What a MANAGED environment may launch, and how much of it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "!has(self.minvCpus) || !has(self.maxvCpus) || self.maxvCpus == 0 || \
         self.minvCpus <= self.maxvCpus",
        "minvCpus cannot be above maxvCpus"
    ),
    rule(
        "!has(self.desiredvCpus) || self.desiredvCpus == 0 || ((!has(self.minvCpus) || \
         self.minvCpus <= self.desiredvCpus) && (!has(self.maxvCpus) || self.maxvCpus == 0 || \
         self.desiredvCpus <= self.maxvCpus))",
        "desiredvCpus lies between minvCpus and maxvCpus"
    ),
]))]
pub struct ComputeResources {
    /// EC2 (on-demand) or SPOT.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "unset::choice",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<ResourceKind>,
    /// How instance types are chosen. Default: BEST_FIT, the smallest that fits.
    #[serde(default, deserialize_with = "unset::choice", skip_serializing_if = "Option::is_none")]
    pub allocation_strategy: Option<AllocationStrategy>,
    /// vCPUs that are kept also when idle. Default: 0.
    #[serde(rename = "minvCpus", default)]
    #[schemars(range(min = 0))]
    pub min_vcpus: i32,
    /// vCPUs that are never exceeded. Required for MANAGED.
    #[serde(rename = "maxvCpus", default, deserialize_with = "unset::option")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_vcpus: Option<i32>,
    /// vCPUs to begin with; the live number is in the status. Default: minvCpus.
    #[serde(rename = "desiredvCpus", default, deserialize_with = "unset::option")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub desired_vcpus: Option<i32>,
    /// Instance types (`c5.xlarge`), families (`c5`), or `optimal`.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(max = 64)))]
    pub instance_types: Vec<String>,
    /// The machine image of the nodes: its ID, or, with Karpenter, `resolve:ssm:PARAMETER`. A change makes new nodes;
    /// jobs that run are not disturbed.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub image_id: Option<String>,
    /// The subnets that nodes are launched in.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 256)))]
    pub subnets: Vec<String>,
    /// The security groups of the nodes; with Cluster API, those beside its cluster's own.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 256)))]
    pub security_group_ids: Vec<String>,
    /// The key pair for SSH to the nodes, where the backend has them; Karpenter has none.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub ec2_key_pair: Option<String>,
    /// The instance profile of the nodes: its name or ARN.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub instance_role: Option<String>,
    /// Up to 50 tags of the machines.
    #[serde(default, deserialize_with = "unset::tags", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::tags")]
    pub tags: BTreeMap<String, String>,
    /// The placement group that nodes are launched in, where the backend has them.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub placement_group: Option<String>,
    /// For SPOT: the most to pay, in percent of the on-demand price, up to 100. Default: 100. Refused where
    /// the backend has no bid.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub bid_percentage: Option<i32>,
    /// Ignored: the backend asks for spot capacity with its own rights.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub spot_iam_fleet_role: Option<String>,
    /// Settings of the machines that the fields above lack.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub launch_template: Option<LaunchTemplate>,
    /// When idle nodes are removed.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub scaling_policy: Option<ScalingPolicy>,
}

impl Blank for ComputeResources {
    /// Type EC2 alone, which skeletons print, launches nothing.
    fn is_blank(&self) -> bool {
        let printed = self.kind.filter(|kind| *kind == ResourceKind::Ec2);
        *self == Self { kind: printed, ..Self::default() }
    }
}

/// What is bought.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum ResourceKind {
    /// On-demand instances.
    Ec2,
    /// Spot instances, which can be taken away.
    Spot,
}

/// How instance types are chosen among those allowed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AllocationStrategy {
    /// The smallest that fits; wait for it when there is none.
    BestFit,
    /// The smallest that fits and is to be had.
    BestFitProgressive,
    /// The first of instanceTypes that fits and is to be had.
    BestFitProgressiveOrdered,
    /// The spot pool that is least likely to be interrupted.
    SpotCapacityOptimized,
    /// The spot pool with the best mix of price and likelihood to be interrupted.
    SpotPriceCapacityOptimized,
    /// As SPOT_CAPACITY_OPTIMIZED, in the order of the list.
    SpotCapacityOptimizedPrioritized,
}

/// Settings of the machines. No AWS account stands behind the operator, so the template's data is given here.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "has(self.launchTemplateData) || ((!has(self.launchTemplateId) || \
         self.launchTemplateId == '') && (!has(self.launchTemplateName) || \
         self.launchTemplateName == ''))",
        "a launch template's ID or name cannot be looked up: give its content in launchTemplateData"
    ),
]))]
pub struct LaunchTemplate {
    /// Ignored beside launchTemplateData; refused alone.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub launch_template_id: Option<String>,
    /// Ignored beside launchTemplateData; refused alone.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub launch_template_name: Option<String>,
    /// Ignored: the content is given here.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,
    /// The template's content as EC2's RequestLaunchTemplateData has it: blockDeviceMappings, userData (MIME
    /// multi-part, as it is or in base64), tagSpecifications, … Names may begin with a capital letter. Values of
    /// the environment win over it; what the backend lacks makes the environment INVALID. Not a field of AWS Batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "open::object")]
    pub launch_template_data: Option<OpenObject>,
}

impl Blank for LaunchTemplate {}

/// When idle nodes are removed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ScalingPolicy {
    /// Minutes that a node stays idle before it is removed, 20 to 10,080.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10080))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self == 0 || self >= 20", "a node is kept idle for 20 to 10,080 minutes"),
    ]))]
    pub min_scale_down_delay_minutes: i32,
}

impl Blank for ScalingPolicy {}
