//! Argo CD itself brings Windlass's objects into the cluster, with the health checks of `deploy/argocd`. Run by `make verify`
//! only: `cluster build-argocd` makes what it needs.

#[cfg(test)]
mod application;
#[cfg(test)]
mod argo;
#[cfg(test)]
#[path = "../common/catalog.rs"]
mod catalog;
#[cfg(test)]
#[path = "../common/cluster.rs"]
mod cluster;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod process;
#[cfg(test)]
#[path = "../common/programs.rs"]
mod programs;
#[cfg(test)]
#[path = "../common/records.rs"]
mod records;
#[cfg(test)]
mod requests;
#[cfg(test)]
#[path = "../common/scene.rs"]
mod scene;
#[cfg(test)]
#[path = "../common/wait.rs"]
mod wait;
