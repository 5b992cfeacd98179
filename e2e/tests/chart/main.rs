//! The Helm charts and the plain manifests made from them, without a cluster.

#[cfg(test)]
mod deploy;
#[cfg(test)]
mod helm;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod pods;
#[cfg(test)]
#[path = "../common/programs.rs"]
mod programs;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod values;
