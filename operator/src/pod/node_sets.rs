//! The StatefulSets and Services of a multi-node job's launch (SPEC.md M2; DESIGN.md, Multi-node jobs).

use super::container::{Parts, container};
use super::content::{Content, Error};
use super::launch::{GRACE_SECONDS, Launch, tolerations};
use crate::names;
use crate::render::owner;
use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetOrdinals, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{
    Container, Pod, PodSchedulingGate, PodSpec, PodTemplateSpec, Service, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use std::collections::BTreeMap;
use windlass_core::action::NodeSetsOrder;
use windlass_core::ids::Name;
use windlass_core::objects::NodeSet;
use windlass_core::{node_pod_name, node_set_suffix, node_sets_name};
use windlass_crds::shared::container::ContainerProperties;

/// What is made for a launch.
pub struct NodeSets {
    /// For all nodes, and for the main node: headless, they give the nodes their names.
    pub services: Vec<Service>,
    /// One for each run of neighbouring nodes that run the same.
    pub stateful_sets: Vec<StatefulSet>,
    /// Of each set the last pod, as it would be without a set: to ask the API server whether it takes such pods. What it refuses
    /// a StatefulSet nobody would be told. The last, which is made last: when a quota lets only some be made, it is missing.
    pub samples: Vec<Pod>,
}

/// What is ordered.
///
/// # Errors
/// When the submission or the revision cannot be read, lacks a container, or has too many tags.
pub fn node_sets(order: &NodeSetsOrder) -> Result<NodeSets, Error> {
    let content = Content::read(&order.submission, &order.revision)?;
    let templates = order
        .nodes
        .sets
        .iter()
        .map(|set| Ok((set, template(order, set, &content)?)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(NodeSets {
        services: services(order),
        samples: templates.iter().map(|(set, template)| sample(order, set, template)).collect(),
        stateful_sets: templates
            .into_iter()
            .map(|(set, template)| stateful_set(order, set, template))
            .collect(),
    })
}

/// What the names of all begin with, and the name of the Service for all nodes.
fn base(order: &NodeSetsOrder) -> Name {
    node_sets_name(&order.job.name, order.job_uid, order.attempt, order.launch)
}

/// What selects the pods of this launch.
fn of_launch(order: &NodeSetsOrder) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::JOB_UID.to_owned(), order.job_uid.to_string()),
        (names::NODE_SETS.to_owned(), names::node_sets(order.attempt, order.launch)),
    ])
}

/// What selects the pods of one set.
fn of_set(order: &NodeSetsOrder, suffix: &str) -> BTreeMap<String, String> {
    let mut labels = of_launch(order);
    labels.insert(names::NODE_SET.to_owned(), suffix.to_owned());
    labels
}

fn metadata(order: &NodeSetsOrder, name: String, selected_by: &BTreeMap<String, String>) -> ObjectMeta {
    let mut labels = selected_by.clone();
    labels.insert("app.kubernetes.io/managed-by".to_owned(), names::MANAGER.to_owned());
    labels.insert(names::JOB_NAME.to_owned(), order.job.name.to_string());
    ObjectMeta {
        name: Some(name),
        namespace: Some(order.job.namespace.to_string()),
        labels: Some(labels),
        owner_references: Some(vec![owner(&order.job.name, order.job_uid)]),
        ..ObjectMeta::default()
    }
}

/// Nodes find each other before they are ready, and a main node that has not started has its name already.
fn services(order: &NodeSetsOrder) -> Vec<Service> {
    let service = |name: String, selector: BTreeMap<String, String>| Service {
        metadata: metadata(order, name, &selector),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector),
            ..ServiceSpec::default()
        }),
        status: None,
    };
    let base = base(order);
    let of_main = format!("{base}-{}", names::MAIN);
    vec![service(base.to_string(), of_launch(order)), service(of_main, of_set(order, names::MAIN))]
}

fn stateful_set(order: &NodeSetsOrder, set: &NodeSet, template: PodTemplateSpec) -> StatefulSet {
    let (base, suffix) = (base(order), node_set_suffix(&order.nodes, set.first));
    let selector = of_set(order, &suffix);
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    StatefulSet {
        metadata: metadata(order, format!("{base}-{suffix}"), &selector),
        spec: Some(StatefulSetSpec {
            ordinals: Some(StatefulSetOrdinals { start: Some(number(set.first)) }),
            // All at once: which starts when is up to the gates.
            pod_management_policy: Some("Parallel".to_owned()),
            replicas: Some(number(set.last.saturating_sub(set.first).saturating_add(1))),
            revision_history_limit: Some(0),
            selector: LabelSelector { match_labels: Some(selector), match_expressions: None },
            service_name: Some(base.to_string()),
            template,
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                rolling_update: None,
            }),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

fn template(order: &NodeSetsOrder, set: &NodeSet, content: &Content) -> Result<PodTemplateSpec, Error> {
    let launch = Launch::of_nodes(order, set);
    let changes =
        content.submission.node_overrides.as_ref().map(|overrides| &overrides.node_property_overrides);
    let change = changes.zip(set.changed_by).and_then(|(changes, place)| changes.get(place));
    let parts = Parts {
        properties: properties(set, content).ok_or(Error::NoNodeContainer(set.first, set.last))?,
        overrides: change.and_then(|change| change.container_overrides.as_ref()),
        parameters: &content.parameters(),
        need: &set.need,
        gpu_resource: &order.gpu_resource,
    };
    // A StatefulSet wants pods that are always restarted: the container itself says that it runs once (SPEC.md M4).
    let once = Container { restart_policy: Some("Never".to_owned()), ..container(&launch, &parts) };
    // All hosts are of one type: with GPUs, if any node has some.
    let gpus = order.nodes.largest_need().gpus;
    let tolerations = tolerations(order.ours_alone, gpus, &order.gpu_resource);
    Ok(PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(launch.labels()),
            annotations: Some(launch.annotations(content)?),
            finalizers: Some(vec![names::FINALIZER.to_owned()]),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            automount_service_account_token: Some(false),
            containers: vec![once],
            enable_service_links: Some(false),
            restart_policy: Some("Always".to_owned()),
            scheduling_gates: Some(vec![PodSchedulingGate { name: names::GATE.to_owned() }]),
            termination_grace_period_seconds: Some(GRACE_SECONDS),
            tolerations: Some(tolerations).filter(|all| !all.is_empty()),
            ..PodSpec::default()
        }),
    })
}

fn properties<'a>(set: &NodeSet, content: &'a Content) -> Option<&'a ContainerProperties> {
    let ranges = &content.revision.node_properties.as_ref()?.node_range_properties;
    ranges.get(set.group)?.container.as_ref()
}

/// The operator makes no pods that are restarted, not even for a trial.
fn sample(order: &NodeSetsOrder, set: &NodeSet, template: &PodTemplateSpec) -> Pod {
    let metadata = ObjectMeta {
        name: Some(node_pod_name(&base(order), &order.nodes, set.last).to_string()),
        namespace: Some(order.job.namespace.to_string()),
        owner_references: Some(vec![owner(&order.job.name, order.job_uid)]),
        ..template.metadata.clone().unwrap_or_default()
    };
    let spec = template.spec.clone().map(|spec| PodSpec { restart_policy: Some("Never".to_owned()), ..spec });
    Pod { metadata, spec, status: None }
}
