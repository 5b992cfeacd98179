//! The pod of one launch of a single job or a child (DESIGN.md, Pods; SPEC.md D3).

use super::container::{Parts, container};
use super::content::{Content, Error};
use super::launch::{GRACE_SECONDS, Launch, tolerations};
use crate::names;
use crate::render::owner;
use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;
use windlass_core::action::PodOrder;

/// The pod that is ordered, with vCPUs as request, memory and GPUs as request and limit.
///
/// # Errors
/// When the submission or the revision cannot be read, has no container, or has too many tags.
pub fn pod(order: &PodOrder) -> Result<Pod, Error> {
    let content = Content::read(&order.submission, &order.revision)?;
    let parts = Parts {
        properties: content.revision.container_properties.as_ref().ok_or(Error::NoContainer)?,
        overrides: content.submission.container_overrides.as_ref(),
        parameters: &content.parameters(),
        need: &order.need,
        gpu_resource: &order.gpu_resource,
    };
    let launch = Launch::of(order);
    let tolerations = tolerations(order.direct, order.need.gpus, &order.gpu_resource);
    let floats = !order.selector.is_empty();
    Ok(Pod {
        metadata: metadata(order, &launch, &content)?,
        spec: Some(PodSpec {
            affinity: (!order.direct && !floats).then(|| pinned_to(order.host.as_str())),
            node_selector: floats.then(|| selector(order)),
            node_name: order.direct.then(|| order.host.to_string()),
            tolerations: Some(tolerations).filter(|all| !all.is_empty()),
            automount_service_account_token: Some(false),
            containers: vec![container(&launch, &parts)],
            enable_service_links: Some(false),
            restart_policy: Some("Never".to_owned()),
            termination_grace_period_seconds: Some(GRACE_SECONDS),
            ..PodSpec::default()
        }),
        status: None,
    })
}

fn metadata(order: &PodOrder, launch: &Launch, content: &Content) -> Result<ObjectMeta, Error> {
    let mut annotations = launch.annotations(content)?;
    if !order.host.is_empty() {
        annotations.insert(names::HOST.to_owned(), order.host.to_string());
    }
    Ok(ObjectMeta {
        name: Some(order.pod.name.to_string()),
        namespace: Some(order.pod.namespace.to_string()),
        labels: Some(launch.labels()),
        annotations: Some(annotations),
        finalizers: Some(vec![names::FINALIZER.to_owned()]),
        owner_references: Some(vec![owner(&order.job_name, order.job)]),
        ..ObjectMeta::default()
    })
}

/// Which hosts will do: also what an autoscaler goes by.
fn selector(order: &PodOrder) -> BTreeMap<String, String> {
    order.selector.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// kube-scheduler still checks that the pod fits, on this one host.
fn pinned_to(host: &str) -> Affinity {
    let term = NodeSelectorTerm { match_fields: Some(vec![this_host(host)]), match_expressions: None };
    Affinity {
        node_affinity: Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(NodeSelector {
                node_selector_terms: vec![term],
            }),
            preferred_during_scheduling_ignored_during_execution: None,
        }),
        ..Affinity::default()
    }
}

/// The field of a node that has this name: its label may say something else.
pub(super) fn this_host(host: &str) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![host.to_owned()]),
    }
}
