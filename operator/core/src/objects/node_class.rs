//! Node classes that are made for environments: what their machines are to be like, beyond their type (SPEC.md C5).

use super::Payload;
use crate::ids::{Name, ResourceVersion, Uid};

/// What a node class is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeClassContent {
    /// Tells this content from any other: the class carries it, and every machine that is asked for with it.
    pub digest: Name,
    /// The content itself, which the shell writes.
    pub payload: Payload,
}

/// What the backend makes of a node class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// It has not looked at what the class says now.
    #[default]
    Unknown,
    /// Machines can be had with it.
    Ready,
    /// None can, in the backend's words.
    Broken(Name),
}

/// A node class of an environment, as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedNodeClass {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// Its version.
    pub resource_version: ResourceVersion,
    /// The environment it was made for.
    pub environment: Uid,
    /// The generation of that environment that asked for what it says.
    pub environment_generation: i64,
    /// What it says.
    pub digest: Name,
    /// What the backend makes of that.
    pub readiness: Readiness,
    /// Its deletion was asked for.
    pub deleting: bool,
}
