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
    /// How many machines it is to have.
    pub replicas: u32,
    /// What one of its machines is, where its annotations say so; the name is [`Self::machine_type`].
    pub size: Option<MachineType>,
    /// What the GPUs of its machines are called, where its annotations say so.
    pub gpu_resource: Option<Name>,
    /// Why no environment can use it, in words.
    pub fault: Option<Name>,
}

impl ObservedMachineDeployment {
    /// The name of its machines' type: `namespace/name`.
    pub fn machine_type(&self) -> Name {
        Name::from(self.key.to_string())
    }
}
