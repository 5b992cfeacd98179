//! Volumes, and where containers mount them.

use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::unset::{self, Blank};

/// A volume of a container: a folder of its host, or an empty one that lives as long as the attempt.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "(has(self.name) && self.name != '') || !has(self.host) || !has(self.host.sourcePath) || \
         self.host.sourcePath == ''",
        "a volume needs a name: mountPoints refer to it"
    ),
]))]
pub struct Volume {
    /// The name that mountPoints refer to: up to 255 letters, digits, `-` and `_`.
    #[serde(default)]
    #[schemars(length(max = 255))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self.matches('^[A-Za-z0-9_-]*$')", "use letters, digits, - and _ (at most 255)"),
    ]))]
    pub name: String,
    /// The folder of the host. Without it the volume is empty at the start of each attempt.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    pub host: Option<HostPath>,
}

impl Blank for Volume {}

/// A folder of the host that a container runs on.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct HostPath {
    /// The folder's absolute path. It is made if it does not exist.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self == '' || self.startsWith('/')", "give an absolute path (it begins with /)"),
    ]))]
    pub source_path: String,
}

impl Blank for HostPath {}

/// Where a volume appears in the container.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "(has(self.sourceVolume) && self.sourceVolume != '') == (has(self.containerPath) && \
         self.containerPath != '')",
        "a mount point needs both sourceVolume and containerPath"
    ),
]))]
pub struct MountPoint {
    /// The volume's name.
    #[serde(default)]
    #[schemars(length(max = 255))]
    pub source_volume: String,
    /// The absolute path in the container.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self == '' || self.startsWith('/')", "give an absolute path (it begins with /)"),
    ]))]
    pub container_path: String,
    /// Whether the container can only read it. Default: false.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub read_only: bool,
}

impl Blank for MountPoint {
    /// `readOnly` alone, which skeletons print as true, mounts nothing.
    fn is_blank(&self) -> bool {
        self.source_volume.is_empty() && self.container_path.is_empty()
    }
}
