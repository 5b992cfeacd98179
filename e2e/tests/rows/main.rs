//! The contract on a real cluster, row by row: tests that may run side by side, a namespace each.

#[cfg(test)]
mod access;
#[cfg(test)]
#[path = "../common/acts.rs"]
mod acts;
#[cfg(test)]
#[path = "../common/admission.rs"]
mod admission;
#[cfg(test)]
mod attempts;
#[cfg(test)]
#[path = "../common/audit.rs"]
mod audit;
#[cfg(test)]
#[path = "../common/catalog.rs"]
mod catalog;
#[cfg(test)]
#[path = "../common/cluster.rs"]
mod cluster;
#[cfg(test)]
mod copies;
#[cfg(test)]
#[path = "../common/definitions.rs"]
mod definitions;
#[cfg(test)]
mod deletions;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
#[path = "../common/elastic.rs"]
mod elastic;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod environments;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod external;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod gpus;
#[cfg(test)]
mod hello;
#[cfg(test)]
#[path = "../common/hosts.rs"]
mod hosts;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod machines;
#[cfg(test)]
#[path = "../common/managed.rs"]
mod managed;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod node_classes;
#[cfg(test)]
mod people;
#[cfg(test)]
#[path = "../common/programs.rs"]
mod programs;
#[cfg(test)]
mod queues;
#[cfg(test)]
mod rainbow;
#[cfg(test)]
mod reasons;
#[cfg(test)]
#[path = "../common/records.rs"]
mod records;
#[cfg(test)]
mod references;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod revisions;
#[cfg(test)]
mod samples;
#[cfg(test)]
#[path = "../common/scene.rs"]
mod scene;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod states;
#[cfg(test)]
mod stops;
#[cfg(test)]
mod stops_of_children;
#[cfg(test)]
mod tags;
#[cfg(test)]
mod timeouts;
#[cfg(test)]
#[path = "../common/wait.rs"]
mod wait;
#[cfg(test)]
mod workflow;
#[cfg(test)]
mod wrong_order;
