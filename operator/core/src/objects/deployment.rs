//! MachineDeployments of Cluster API: each is a machine type of the environment that names it.

use super::MachineType;
use crate::ids::{Name, ObjectKey, ResourceVersion, Uid};

/// A MachineDeployment as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedMachineDeployment {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// A digest of what its machines are like.
    pub digest: Name,
    /// How many machines it is to have.
    pub replicas: u32,
    /// What one of its machines is, where its annotations say so; the name is [`Self::machine_type`].
    pub size: Option<MachineType>,
    /// What the GPUs of its machines are called, where its annotations say so.
    pub gpu_resource: Option<Name>,
    /// Why no environment can use it, in words.
    pub fault: Option<Name>,
    /// Why none can have it scaled, in words; it may be a pattern all the same.
    pub not_to_scale: Option<Name>,
    /// Its deletion was asked for.
    pub deleting: bool,
    /// What it was made for, if an environment had it made (decision 0008).
    pub made: Option<Made>,
}

/// What a MachineDeployment was made for that an environment had made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The environment.
    pub environment: Uid,
    /// The generation of the environment that asked for it.
    pub environment_generation: i64,
    /// The MachineDeployment that it is like, as `namespace/name`.
    pub pattern: Name,
}

impl ObservedMachineDeployment {
    /// The name of its machines' type: `namespace/name`.
    pub fn machine_type(&self) -> Name {
        Name::from(self.key.to_string())
    }
}
