//! All components of the cluster, and one by its name.

use anyhow::{Result, bail};

use super::addresses::NODES;
use super::component::{Component, Work};
use super::namespaces::ROUTER;
use super::paths::State;
use super::record::Record;
use super::{control_plane, node};

/// All components that a record asks for, in the order they start.
pub(crate) fn all(state: &State, record: &Record) -> Vec<Component> {
    let mut all = vec![Component::holder_of(ROUTER)];
    all.push(control_plane::etcd(state, record));
    all.push(control_plane::api_server(state, record));
    all.extend(control_plane::after_api_server(state, record));
    all.push(control_plane::router_proxy(state, record));
    all.extend(NODES.iter().flat_map(|node| node::components(state, node)));
    all
}

/// The program called `name`, or an error that lists them all. Not the holder of a machine's namespaces,
/// which dies and begins with its machine.
pub(crate) fn named(state: &State, record: &Record, name: &str) -> Result<Component> {
    let mut programs = all(state, record);
    programs.retain(|component| !matches!(component.work, Work::Namespaces));
    let names: Vec<String> = programs.iter().map(|component| component.name.clone()).collect();
    match programs.into_iter().find(|component| component.name == name) {
        Some(component) => Ok(component),
        None => bail!("there is no component {name}; there are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn record(karpenter: bool) -> Record {
        Record { programs: "/programs".into(), node_cpus: 8, karpenter, checkouts: BTreeSet::new() }
    }

    #[test]
    fn names_are_unique_and_found() {
        let (state, record) = (State::at(Path::new("/state")), record(true));
        let names: Vec<String> = all(&state, &record).into_iter().map(|component| component.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for name in names.iter().filter(|name| !name.ends_with("/namespaces")) {
            assert_eq!(&named(&state, &record, name).unwrap().name, name);
        }
    }

    #[test]
    fn an_unknown_name_and_a_machine_are_refused_with_the_names_there_are() {
        let (state, record) = (State::at(Path::new("/state")), record(false));
        for name in ["apiserver", "node-1/namespaces", "karpenter-kwok"] {
            let Err(error) = named(&state, &record, name) else { panic!("{name} is found") };
            assert!(error.to_string().contains("there are etcd, kube-apiserver,"), "{error}");
        }
    }
}
