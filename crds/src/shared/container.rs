//! A job's container: what a definition says of it, and what a submission changes.

use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::{ARGUMENTS, PAYLOAD_BYTES, VARIABLES};
use super::linux::{LinuxParameters, Ulimit};
use super::resources::ResourceRequirement;
use super::volumes::{MountPoint, Volume};
use crate::schema::rule;
use crate::unset::{self, Blank};

/// The container of a job, or of each node in a range.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rules::vcpus_once(), rules::memory_once()]))]
pub struct ContainerProperties {
    /// The image, up to 255 characters, as `docker run` takes it. Required.
    #[serde(default)]
    #[schemars(length(max = 255))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "self.matches('^[A-Za-z0-9._:/@#-]*$')",
            "an image's name has letters, digits, - _ : . / @ and #"
        ),
    ]))]
    pub image: String,
    /// vCPUs reserved for the container (its CPU request), at least 1. Required, here or in
    /// resourceRequirements.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub vcpus: Option<i32>,
    /// Memory in MiB, at least 4; the container is killed beyond it. Required, here or in
    /// resourceRequirements.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    #[schemars(extend("x-kubernetes-validations" = [rules::memory()]))]
    pub memory: Option<i32>,
    /// The command, as Docker's CMD: it follows the image's entry point. `Ref::name` is replaced by that
    /// parameter.
    #[serde(default, deserialize_with = "unset::command", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = ARGUMENTS), inner(length(max = PAYLOAD_BYTES)))]
    pub command: Vec<String>,
    /// Environment variables. Names that begin with `AWS_BATCH` are Windlass's own.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = VARIABLES))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub environment: Vec<EnvironmentVariable>,
    /// vCPUs, memory and GPUs, each at most once. The newer way to write `vcpus` and `memory`.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub resource_requirements: Vec<ResourceRequirement>,
    /// The ARN of an IAM role for the container. It selects the ServiceAccount of the namespace that has it
    /// in its annotation `eks.amazonaws.com/role-arn`.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub job_role_arn: Option<String>,
    /// Ignored: a role for AWS's own agent, which pulls images. Use imagePullSecrets in podTemplate.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub execution_role_arn: Option<String>,
    /// The ServiceAccount that the container runs as, in the Job's namespace. Not a field of AWS Batch.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service_account_name: Option<String>,
    /// Volumes that mountPoints refer to.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub volumes: Vec<Volume>,
    /// Where the volumes appear in the container.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub mount_points: Vec<MountPoint>,
    /// Whether the container's root file system is read-only. Default: false.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub readonly_root_filesystem: bool,
    /// Whether the container has the rights of the host's root. Default: false.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub privileged: bool,
    /// Limits of the kernel on the container's processes.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub ulimits: Vec<Ulimit>,
    /// The user that the container runs as: `UID`, `UID:GID`, `root`, `nobody`, or a name that the
    /// administrator's map has. Default: the image's.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub user: Option<String>,
    /// Of multi-node jobs only: the instance type to run on, for example `c5.xlarge`.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub instance_type: Option<String>,
    /// Devices, shared memory and swap.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub linux_parameters: Option<LinuxParameters>,
    /// Environment variables whose values come from Secrets.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = VARIABLES))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub secrets: Vec<Secret>,
}

impl Blank for ContainerProperties {
    /// The two booleans alone, which skeletons print as true, describe no container.
    fn is_blank(&self) -> bool {
        *self
            == Self {
                readonly_root_filesystem: self.readonly_root_filesystem,
                privileged: self.privileged,
                ..Self::default()
            }
    }
}

/// What a submission changes in the definition's container. What is not given stays as the definition says.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rules::vcpus_once(), rules::memory_once()]))]
pub struct ContainerOverrides {
    /// vCPUs reserved for the container, at least 1.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub vcpus: Option<i32>,
    /// Memory in MiB, at least 4; the container is killed beyond it.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    #[schemars(extend("x-kubernetes-validations" = [rules::memory()]))]
    pub memory: Option<i32>,
    /// The command, in place of the definition's.
    #[serde(default, deserialize_with = "unset::command", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = ARGUMENTS), inner(length(max = PAYLOAD_BYTES)))]
    pub command: Vec<String>,
    /// Environment variables: added to the definition's, or in place of one of the same name.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = VARIABLES))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub environment: Vec<EnvironmentVariable>,
    /// vCPUs, memory and GPUs, each at most once, in place of the definition's.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub resource_requirements: Vec<ResourceRequirement>,
    /// Of multi-node jobs only: the instance type to run on, for example `c5.xlarge`.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub instance_type: Option<String>,
}

impl Blank for ContainerOverrides {}

/// An environment variable.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "self.name != '' || !has(self.value) || self.value == ''",
        "an environment variable needs a name: give it one, or remove the value"
    ),
]))]
pub struct EnvironmentVariable {
    /// The variable's name. Each at most once.
    #[schemars(schema_with = "rules::variable_name")]
    pub name: String,
    /// Its value, which the container sees byte for byte. Default: empty.
    #[serde(default)]
    #[schemars(length(max = PAYLOAD_BYTES))]
    pub value: String,
}

impl Blank for EnvironmentVariable {}

/// An environment variable whose value comes from a Secret.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "(self.name != '') == (has(self.valueFrom) && self.valueFrom != '')",
        "a secret needs both name and valueFrom"
    ),
]))]
pub struct Secret {
    /// The variable's name. Each at most once.
    #[schemars(schema_with = "rules::variable_name")]
    pub name: String,
    /// Where the value is: `SECRET/KEY` of the namespace, or an ARN that an administrator mapped to one.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub value_from: String,
}

impl Blank for Secret {}

/// Rules that a definition's container and a submission's overrides share.
mod rules {
    use schemars::{Schema, SchemaGenerator, json_schema};
    use serde_json::Value;

    use crate::schema::rule;

    /// The name of an environment variable. Empty where a skeleton printed it.
    pub(super) fn variable_name(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 256,
            "x-kubernetes-validations": [
                rule(
                    "!self.startsWith('AWS_BATCH')",
                    "names that begin with AWS_BATCH are Windlass's own: choose another",
                ),
                rule("!self.contains('=')", "the name of an environment variable cannot have a ="),
            ],
        })
    }

    pub(super) fn memory() -> Value {
        rule("self == 0 || self >= 4", "memory is at least 4 MiB")
    }

    pub(super) fn vcpus_once() -> Value {
        given_once("vcpus", "VCPU")
    }

    pub(super) fn memory_once() -> Value {
        given_once("memory", "MEMORY")
    }

    /// An amount may be written in both places, but then they must agree.
    fn given_once(field: &str, resource: &str) -> Value {
        rule(
            format!(
                "!has(self.{field}) || self.{field} == 0 || !has(self.resourceRequirements) || \
                 self.resourceRequirements.all(r, r.type != '{resource}' || !has(r.value) || \
                 r.value == '' || r.value == string(self.{field}))"
            ),
            format!("{field} and resourceRequirements {resource} differ: give the amount in one of them"),
        )
    }
}
