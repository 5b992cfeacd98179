//! What disturbs the whole cluster: operators that die, admission that pauses, a release that is uninstalled. One test
//! at a time: each takes [`operator::alone`] first, also where they are run without `--test-threads=1`.

#[cfg(test)]
#[path = "../common/admission.rs"]
mod admission;
#[cfg(test)]
mod apiserver;
#[cfg(test)]
#[path = "../common/audit.rs"]
mod audit;
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
#[path = "../common/hosts.rs"]
mod hosts;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod leaders;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
#[path = "../common/operator.rs"]
mod operator;
#[cfg(test)]
#[path = "../common/outage.rs"]
mod outage;
#[cfg(test)]
mod pause;
#[cfg(test)]
mod power;
#[cfg(test)]
#[path = "../common/programs.rs"]
mod programs;
#[cfg(test)]
#[path = "../common/records.rs"]
mod records;
#[cfg(test)]
mod release;
#[cfg(test)]
#[path = "../common/scene.rs"]
mod scene;
#[cfg(test)]
mod starts;
#[cfg(test)]
#[path = "../common/survival.rs"]
mod survival;
#[cfg(test)]
mod uninstall;
#[cfg(test)]
#[path = "../common/wait.rs"]
mod wait;
