//! The container of a task: the definition's, with what the submission changes, and with what the task takes on its host.

use super::command::{fill_in, verbatim};
use super::environment::variables;
use super::launch::Launch;
use crate::names;
use k8s_openapi::api::core::v1::{Container, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use windlass_core::ids::Name;
use windlass_core::units::Resources;
use windlass_crds::shared::container::{ContainerOverrides, ContainerProperties};

/// What a container is made from.
pub(super) struct Parts<'a> {
    pub(super) properties: &'a ContainerProperties,
    pub(super) overrides: Option<&'a ContainerOverrides>,
    pub(super) parameters: &'a BTreeMap<&'a str, &'a str>,
    pub(super) need: &'a Resources,
    pub(super) gpu_resource: &'a Name,
}

/// The container, with vCPUs as request, memory and GPUs as request and limit.
pub(super) fn container(launch: &Launch, parts: &Parts) -> Container {
    let (properties, overrides) = (parts.properties, parts.overrides.cloned().unwrap_or_default());
    let command = if overrides.command.is_empty() { &properties.command } else { &overrides.command };
    let args: Vec<String> =
        command.iter().map(|argument| verbatim(&fill_in(argument, parts.parameters))).collect();
    Container {
        name: names::CONTAINER.to_owned(),
        image: Some(properties.image.clone()),
        args: Some(args).filter(|args| !args.is_empty()),
        env: Some(variables(launch, &properties.environment, &overrides.environment)),
        resources: Some(resources(parts.need, parts.gpu_resource)),
        ..Container::default()
    }
}

fn resources(need: &Resources, gpu_resource: &Name) -> ResourceRequirements {
    let cpu = ("cpu".to_owned(), Quantity(cpu_quantity(need.cpu_millis)));
    let memory = ("memory".to_owned(), Quantity(format!("{}Mi", need.memory_mib())));
    let mut limits = BTreeMap::from([memory]);
    if need.gpus > 0 {
        limits.insert(gpu_resource.to_string(), Quantity(need.gpus.to_string()));
    }
    let requests = limits.clone().into_iter().chain([cpu]).collect();
    ResourceRequirements { requests: Some(requests), limits: Some(limits), claims: None }
}

fn cpu_quantity(millis: u64) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}
