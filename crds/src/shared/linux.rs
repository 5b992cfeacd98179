//! Settings that are Linux's own: limits, devices, shared memory, swap.

use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;
use crate::unset::{self, Blank};

/// A limit of the kernel on what the container's processes may use.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "(has(self.name) && self.name != '') || ((!has(self.softLimit) || self.softLimit == 0) && \
         (!has(self.hardLimit) || self.hardLimit == 0))",
        "a ulimit needs a name (nofile, nproc, memlock, …)"
    ),
    rule(
        "!has(self.softLimit) || !has(self.hardLimit) || self.hardLimit == -1 || \
         (self.softLimit != -1 && self.softLimit <= self.hardLimit)",
        "softLimit cannot be above hardLimit"
    ),
]))]
pub struct Ulimit {
    /// The limit's name, as `docker run --ulimit` takes it (`nofile`, `nproc`, `memlock`, `stack`, …).
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[schemars(extend("x-kubernetes-validations" = [
        rule(
            "self.matches('^[a-z]*$')",
            "use the name that docker run --ulimit takes (nofile, nproc, …)"
        ),
    ]))]
    pub name: String,
    /// The limit that processes begin with; they may raise it up to the hard limit. -1: unlimited.
    #[serde(default)]
    #[schemars(range(min = -1))]
    pub soft_limit: i32,
    /// The limit that processes cannot raise. -1: unlimited.
    #[serde(default)]
    #[schemars(range(min = -1))]
    pub hard_limit: i32,
}

impl Blank for Ulimit {}

/// Devices, shared memory and swap of a container.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LinuxParameters {
    /// Devices of the host that the container can use.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub devices: Vec<Device>,
    /// Whether an init process runs in the container, which forwards signals and reaps processes. Default:
    /// false.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub init_process_enabled: bool,
    /// The size of `/dev/shm` in MiB.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub shared_memory_size: Option<i32>,
    /// Folders in memory.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub tmpfs: Vec<Tmpfs>,
    /// Swap in MiB that the container may use.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_swap: Option<i32>,
    /// How readily the container's memory is swapped, 0 (only when needed) to 100.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub swappiness: Option<i32>,
}

impl Blank for LinuxParameters {}

/// A device of the host.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The device's path on the host.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub host_path: String,
    /// Its path in the container. Default: that of the host.
    #[serde(default, deserialize_with = "unset::option", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub container_path: Option<String>,
    /// What the container may do with it. Default: all three.
    #[serde(default, deserialize_with = "unset::choices", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    pub permissions: Vec<DevicePermission>,
}

impl Blank for Device {}

/// What a container may do with a device.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum DevicePermission {
    /// Read from it.
    Read,
    /// Write to it.
    Write,
    /// Make device files for it.
    Mknod,
}

/// A folder in memory.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Tmpfs {
    /// Its path in the container.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub container_path: String,
    /// Its size in MiB.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub size: i32,
    /// Options of mount(8), such as `noexec`.
    #[serde(default, deserialize_with = "unset::list", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 64)))]
    pub mount_options: Vec<String>,
}

impl Blank for Tmpfs {}
