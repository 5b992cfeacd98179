//! What takes long, and is run by `make verify` only: the source's workflow at its full size, many kills, a long outage,
//! jobs changed at random; and what needs Karpenter or the kinds of Cluster API:
//! `make cluster KARPENTER=1`.

#[cfg(test)]
#[path = "../common/acts.rs"]
mod acts;
#[cfg(test)]
#[path = "../common/admission.rs"]
mod admission;
#[cfg(test)]
#[path = "../common/audit.rs"]
mod audit;
#[cfg(test)]
mod away;
#[cfg(test)]
#[path = "../common/breaking.rs"]
mod breaking;
#[cfg(test)]
#[path = "../common/catalog.rs"]
mod catalog;
#[cfg(test)]
#[path = "../common/cluster.rs"]
mod cluster;
#[cfg(test)]
mod cluster_api;
#[cfg(test)]
#[path = "../common/definitions.rs"]
mod definitions;
#[cfg(test)]
#[path = "../common/elastic.rs"]
mod elastic;
#[cfg(test)]
mod full_size;
#[cfg(test)]
#[path = "../common/gang.rs"]
mod gang;
#[cfg(test)]
#[path = "../common/hosts.rs"]
mod hosts;
#[cfg(test)]
mod karpenter;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod losses;
#[cfg(test)]
mod machine_kills;
#[cfg(test)]
mod machine_maker;
#[cfg(test)]
mod machine_templates;
#[cfg(test)]
#[path = "../common/managed.rs"]
mod managed;
#[cfg(test)]
#[path = "../common/operator.rs"]
mod operator;
#[cfg(test)]
#[path = "../common/outage.rs"]
mod outage;
#[cfg(test)]
#[path = "../common/programs.rs"]
mod programs;
#[cfg(test)]
mod promise;
#[cfg(test)]
mod recorder;
#[cfg(test)]
#[path = "../common/records.rs"]
mod records;
#[cfg(test)]
mod rules;
#[cfg(test)]
#[path = "../common/scene.rs"]
mod scene;
#[cfg(test)]
mod storm;
#[cfg(test)]
#[path = "../common/survival.rs"]
mod survival;
#[cfg(test)]
#[path = "../common/wait.rs"]
mod wait;
