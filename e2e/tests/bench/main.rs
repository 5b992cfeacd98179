//! Figures, beside those of a bare client and of batch/v1 on the same hosts: `make bench` runs it and nothing else does. Counts
//! are asserted, times never: what falls short of a goal is said in the table.

#[cfg(test)]
mod bare;
#[cfg(test)]
#[path = "../common/catalog.rs"]
mod catalog;
#[cfg(test)]
#[path = "../common/cluster.rs"]
mod cluster;
#[cfg(test)]
mod deep;
#[cfg(test)]
mod direct;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod follow;
#[cfg(test)]
#[path = "../common/hosts.rs"]
mod hosts;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod native;
#[cfg(test)]
#[path = "../common/operator.rs"]
mod operator;
#[cfg(test)]
mod process;
#[cfg(test)]
#[path = "../common/programs.rs"]
mod programs;
#[cfg(test)]
mod queued;
#[cfg(test)]
#[path = "../common/records.rs"]
mod records;
#[cfg(test)]
mod requests;
#[cfg(test)]
#[path = "../common/scene.rs"]
mod scene;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod table;
#[cfg(test)]
#[path = "../common/wait.rs"]
mod wait;
#[cfg(test)]
mod windlass_jobs;
