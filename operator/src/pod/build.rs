//! The pod of one launch (DESIGN.md, Pods; SPEC.md D3).

use super::command::{fill_in, verbatim};
use super::environment::variables;
use super::submission::Submission;
use crate::names;
use crate::render::owner;
use k8s_openapi::api::core::v1::{
    Affinity, Container, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec,
    ResourceRequirements, Toleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;
use windlass_core::action::PodOrder;
use windlass_crds::JobDefinitionSpec;
use windlass_crds::shared::container::{ContainerOverrides, ContainerProperties};
use windlass_crds::shared::limits::TAGS;

/// Seconds between SIGTERM and SIGKILL, as AWS Batch gives (SPEC.md J5).
const GRACE_SECONDS: i64 = 30;

/// Why no pod can be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the operator kept cannot be read back.
    #[error("the {0} cannot be read: {1}")]
    Unreadable(&'static str, serde_json::Error),
    /// The definition has no container.
    #[error("the job definition has no containerProperties")]
    NoContainer,
    /// More than AWS Batch propagates.
    #[error(
        "propagateTags: the job and its definition have {0} tags together, at most {most} can be propagated: remove some, or \
         set propagateTags to false",
        most = TAGS
    )]
    TooManyTags(usize),
}

/// The pod that is ordered, with vCPUs as request, memory and GPUs as request and limit.
///
/// # Errors
/// When the submission or the revision cannot be read, has no container, or has too many tags.
pub fn pod(order: &PodOrder) -> Result<Pod, Error> {
    let submission: Submission = serde_json::from_slice(&order.submission.0)
        .map_err(|error| Error::Unreadable("submission", error))?;
    let revision: JobDefinitionSpec = serde_json::from_slice(&order.revision.0)
        .map_err(|error| Error::Unreadable("job definition's revision", error))?;
    let container = revision.container_properties.as_ref().ok_or(Error::NoContainer)?;
    let overrides = submission.container_overrides.clone().unwrap_or_default();
    let parameters = parameters(&revision, &submission);
    let floats = !order.selector.is_empty();
    Ok(Pod {
        metadata: metadata(order, &submission, tags(&revision, &submission)?),
        spec: Some(PodSpec {
            affinity: (!order.direct && !floats).then(|| pinned_to(order.host.as_str())),
            node_selector: floats.then(|| selector(order)),
            node_name: order.direct.then(|| order.host.to_string()),
            tolerations: Some(tolerations(order)).filter(|all| !all.is_empty()),
            automount_service_account_token: Some(false),
            containers: vec![container_of(order, container, &overrides, &parameters)],
            enable_service_links: Some(false),
            restart_policy: Some("Never".to_owned()),
            termination_grace_period_seconds: Some(GRACE_SECONDS),
            ..PodSpec::default()
        }),
        status: None,
    })
}

/// The tags that the pod is to show, as JSON: keys and values of tags may be longer than those of labels and annotations, and
/// have other letters.
fn tags(revision: &JobDefinitionSpec, submission: &Submission) -> Result<Option<String>, Error> {
    let tags: BTreeMap<&String, &String> = revision.tags.iter().chain(&submission.tags).collect();
    if tags.is_empty() || !submission.propagate_tags.unwrap_or(revision.propagate_tags) {
        return Ok(None);
    }
    if tags.len() > TAGS {
        return Err(Error::TooManyTags(tags.len()));
    }
    serde_json::to_string(&tags).map(Some).map_err(|error| Error::Unreadable("tags", error))
}

fn metadata(order: &PodOrder, submission: &Submission, tags: Option<String>) -> ObjectMeta {
    let mut labels = BTreeMap::from([
        ("app.kubernetes.io/managed-by".to_owned(), names::MANAGER.to_owned()),
        (names::JOB_UID.to_owned(), order.job.to_string()),
        (names::JOB_NAME.to_owned(), order.job_name.to_string()),
        (names::ATTEMPT.to_owned(), order.attempt.to_string()),
    ]);
    if let Some((index, _)) = order.child {
        labels.insert(names::ARRAY_INDEX.to_owned(), index.to_string());
    }
    let told = [(names::QUEUE, order.queue.as_str()), (names::DEFINITION, order.definition.0.as_str())];
    labels.extend(
        told.into_iter()
            .filter(|(_, value)| is_label_value(value))
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    let mut annotations = BTreeMap::from([
        (names::ENVIRONMENT.to_owned(), order.environment.to_string()),
        ("karpenter.sh/do-not-disrupt".to_owned(), "true".to_owned()),
        ("cluster-autoscaler.kubernetes.io/safe-to-evict".to_owned(), "false".to_owned()),
    ]);
    if !order.host.is_empty() {
        annotations.insert(names::HOST.to_owned(), order.host.to_string());
    }
    if order.alone {
        annotations.insert(names::SINGLE_TENANT.to_owned(), "true".to_owned());
    }
    if order.launch > 0 {
        annotations.insert(names::LAUNCH.to_owned(), order.launch.to_string());
    }
    annotations.extend(tags.map(|tags| (names::TAGS.to_owned(), tags)));
    if let Some(name) = &submission.job_name {
        annotations.insert("batch.windlass.dev/aws-job-name".to_owned(), name.clone());
    }
    ObjectMeta {
        name: Some(order.pod.name.to_string()),
        namespace: Some(order.pod.namespace.to_string()),
        labels: Some(labels),
        annotations: Some(annotations),
        finalizers: Some(vec![names::FINALIZER.to_owned()]),
        owner_references: Some(vec![owner(&order.job_name, order.job)]),
        ..ObjectMeta::default()
    }
}

/// A label's value is at most 63 letters, digits, `-`, `_` and `.`; an AWS name can be longer.
fn is_label_value(value: &str) -> bool {
    let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    value.len() <= 63
        && edge(value.chars().next())
        && edge(value.chars().last())
        && value.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

/// Which hosts will do: also what an autoscaler goes by.
fn selector(order: &PodOrder) -> BTreeMap<String, String> {
    order.selector.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// kube-scheduler still checks that the pod fits, on this one host.
fn pinned_to(host: &str) -> Affinity {
    let this_host = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![host.to_owned()]),
    };
    let term = NodeSelectorTerm { match_fields: Some(vec![this_host]), match_expressions: None };
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

/// Nodes that were made for an environment keep all other pods off, and some with GPUs those that ask for none: their taint has
/// the name of the resource, as Kubernetes's admission plugin ExtendedResourceToleration expects it.
fn tolerations(order: &PodOrder) -> Vec<Toleration> {
    let made_for_it = order.direct.then_some(names::ENVIRONMENT_UID);
    let has_gpus = (order.need.gpus > 0).then_some(order.gpu_resource.as_str());
    let tolerated = |key: &str| Toleration {
        key: Some(key.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    };
    made_for_it.into_iter().chain(has_gpus).map(tolerated).collect()
}

/// The definition's defaults and the submission's values, which win.
fn parameters<'a>(revision: &'a JobDefinitionSpec, submission: &'a Submission) -> BTreeMap<&'a str, &'a str> {
    let all = revision.parameters.iter().chain(&submission.parameters);
    all.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn container_of(
    order: &PodOrder,
    properties: &ContainerProperties,
    overrides: &ContainerOverrides,
    parameters: &BTreeMap<&str, &str>,
) -> Container {
    let command = if overrides.command.is_empty() { &properties.command } else { &overrides.command };
    let args: Vec<String> = command.iter().map(|argument| verbatim(&fill_in(argument, parameters))).collect();
    Container {
        name: names::CONTAINER.to_owned(),
        image: Some(properties.image.clone()),
        args: Some(args).filter(|args| !args.is_empty()),
        env: Some(variables(order, &properties.environment, &overrides.environment)),
        resources: Some(resources(order)),
        ..Container::default()
    }
}

fn resources(order: &PodOrder) -> ResourceRequirements {
    let cpu = ("cpu".to_owned(), Quantity(cpu_quantity(order.need.cpu_millis)));
    let memory = ("memory".to_owned(), Quantity(format!("{}Mi", order.need.memory_mib())));
    let mut limits = BTreeMap::from([memory]);
    if order.need.gpus > 0 {
        limits.insert(order.gpu_resource.to_string(), Quantity(order.need.gpus.to_string()));
    }
    let requests = limits.clone().into_iter().chain([cpu]).collect();
    ResourceRequirements { requests: Some(requests), limits: Some(limits), claims: None }
}

fn cpu_quantity(millis: u64) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}
