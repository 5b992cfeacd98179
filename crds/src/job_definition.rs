//! Kind JobDefinition: what jobs are made from.

use std::collections::BTreeMap;
use std::ops::Not;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::shared::container::ContainerProperties;
use crate::shared::node_properties::NodeProperties;
use crate::shared::open::{self, OpenObject};
use crate::shared::retry::{JobTimeout, RetryStrategy};
use crate::shared::state::Activity;
use crate::shared::{conditions, names, tags, times};
use crate::unset;

/// What AWS's RegisterJobDefinition takes. Each change of content makes a new revision; jobs keep the one
/// they began with.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "batch.windlass.dev",
    version = "v1beta1",
    kind = "JobDefinition",
    plural = "jobdefinitions",
    singular = "jobdefinition",
    shortname = "jd",
    category = "windlass",
    namespaced,
    status = "JobDefinitionStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "What jobs are made from: an image, a command, what it needs, and defaults that Jobs may override.",
    printcolumn = r#"{"name": "Latest", "type": "integer", "jsonPath": ".status.latestRevision",
        "description": "The number of the latest revision."}"#,
    printcolumn = r#"{"name": "State", "type": "string", "jsonPath": ".spec.state",
        "description": "Whether new jobs may use it."}"#,
    printcolumn = r#"{"name": "Image", "type": "string", "jsonPath": ".spec.containerProperties.image",
        "description": "The image of its container."}"#,
    printcolumn = r#"{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
        "description": "When it was made."}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rules::container("has(self.containerProperties.image) && self.containerProperties.image != ''",
    "containerProperties.image is missing: give the image to run"),
    rules::amount("vcpus", "VCPU"),
    rules::amount("memory", "MEMORY"),
    rule(
        "!has(self.type) || self.type != 'multinode' || (has(self.nodeProperties) && \
         has(self.nodeProperties.numNodes) && self.nodeProperties.numNodes > 0 && \
         has(self.nodeProperties.nodeRangeProperties) && \
         self.nodeProperties.nodeRangeProperties.exists(range, has(range.targetNodes) && \
         range.targetNodes != ''))",
        "a multinode definition needs nodeProperties with numNodes and nodeRangeProperties"
    ),
]))]
pub struct JobDefinitionSpec {
    /// The definition's AWS name: up to 128 letters, digits, `-` and `_`. Jobs can refer to it by this name.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "names::aws_name")]
    pub job_definition_name: Option<String>,
    /// container (one container a job, the default) or multinode (nodes that run together).
    #[serde(
        rename = "type",
        default,
        deserialize_with = "unset::choice",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<JobDefinitionType>,
    /// Default values for `Ref::name` in the command.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::parameters")]
    pub parameters: BTreeMap<String, String>,
    /// The priority of jobs within their share, 0 to 9999; higher goes first. Only fair-share queues look at it.
    /// Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9999))]
    pub scheduling_priority: Option<i32>,
    /// The container, for type container.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub container_properties: Option<ContainerProperties>,
    /// The nodes and their containers, for type multinode. They find each other by DNS: each pod by its name in the
    /// domain of the Service JOB-UID8-ATTEMPT, the main node by the Service JOB-UID8-ATTEMPT-main.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub node_properties: Option<NodeProperties>,
    /// How often a job is attempted. Default: once.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub retry_strategy: Option<RetryStrategy>,
    /// Whether the tags of job and definition, 50 together at most, are shown on the job's pods, as JSON in the
    /// annotation `batch.windlass.dev/tags`; those of the job win. Default: false.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub propagate_tags: bool,
    /// How long an attempt may run. Default: without end.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<JobTimeout>,
    /// Up to 50 tags of the definition.
    #[serde(default, deserialize_with = "unset::tags", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags::tags")]
    pub tags: BTreeMap<String, String>,
    /// Ignored: jobs run on nodes of the cluster, which is what EC2 means. FARGATE is refused.
    #[serde(default, deserialize_with = "unset::choices", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2))]
    pub platform_capabilities: Vec<PlatformCapability>,
    /// A pod template that the job's pod is merged into, for what the fields above lack (tolerations, init
    /// containers, image pull secrets, …). Its container `default` is the job's. Not a field of AWS Batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "open::object")]
    pub pod_template: Option<OpenObject>,
    /// Whether new jobs may use the definition, ACTIVE or INACTIVE. No part of a revision. Not a field of AWS
    /// Batch.
    #[serde(default, deserialize_with = "unset::choice_or_default")]
    pub state: Activity,
    /// Revisions that new jobs may not use, as AWS's DeregisterJobDefinition. No part of a revision. Not a
    /// field of AWS Batch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(range(min = 1)))]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub inactive_revisions: Vec<i32>,
}

/// What kind of job a definition describes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum JobDefinitionType {
    /// One container a job.
    Container,
    /// Nodes that run together.
    Multinode,
}

/// Where AWS would run a job.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum PlatformCapability {
    /// On instances.
    Ec2,
}

/// What the operator knows of a definition.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct JobDefinitionStatus {
    /// The metadata.generation that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// The number of the latest revision, whether active or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub latest_revision: Option<i32>,
    /// The revisions that exist, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub revisions: Vec<Revision>,
    /// Whether new jobs may use the definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Activity>,
    /// Ready, Ignored (fields that mean nothing here).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
}

/// A revision of a definition, which never changes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Its number, from 1.
    #[schemars(range(min = 1))]
    pub revision: i32,
    /// The name of the ControllerRevision that holds it.
    #[schemars(length(max = 253))]
    pub name: String,
    /// That object's UID.
    #[schemars(length(max = 36))]
    pub uid: String,
    /// Whether new jobs may use it.
    pub status: Activity,
    /// When it was made.
    #[schemars(schema_with = "times::time")]
    pub created_at: String,
}

mod rules {
    use serde_json::Value;

    use crate::schema::rule;
    use crate::shared::resources;

    /// A rule about containerProperties that holds unless the definition is multinode.
    pub(super) fn container(needed: &str, message: &str) -> Value {
        rule(
            format!(
                "(has(self.type) && self.type == 'multinode') || (has(self.containerProperties) && {needed})"
            ),
            message,
        )
    }

    pub(super) fn amount(field: &str, resource: &str) -> Value {
        let needed = resources::given("self.containerProperties", field, resource);
        let message =
            format!("containerProperties.{field} is missing: give it, or {resource} in resourceRequirements");
        container(&needed, &message)
    }
}
