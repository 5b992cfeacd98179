//! Multi-node jobs on a real cluster (SPEC.md M1 to M6, J3): on the two hosts that run real containers, which each such job wants
//! for itself, and on hosts that exist only in the API.

#[cfg(test)]
#[path = "../common/acts.rs"]
mod acts;
#[cfg(test)]
#[path = "../common/admission.rs"]
mod admission;
#[cfg(test)]
#[path = "../common/catalog.rs"]
mod catalog;
#[cfg(test)]
#[path = "../common/cluster.rs"]
mod cluster;
#[cfg(test)]
#[path = "../common/gang.rs"]
mod gang;
#[cfg(test)]
mod guarded;
#[cfg(test)]
#[path = "../common/hosts.rs"]
mod hosts;
#[cfg(test)]
mod kills;
#[cfg(test)]
#[path = "../common/managed.rs"]
mod managed;
#[cfg(test)]
#[path = "../common/operator.rs"]
mod operator;
#[cfg(test)]
mod placed;
#[cfg(test)]
#[path = "../common/programs.rs"]
mod programs;
#[cfg(test)]
#[path = "../common/records.rs"]
mod records;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod runs;
#[cfg(test)]
#[path = "../common/scene.rs"]
mod scene;
#[cfg(test)]
mod spec;
#[cfg(test)]
#[path = "../common/wait.rs"]
mod wait;
