//! The MachineDeployment that is made for an environment (cluster.x-k8s.io/v1beta2), like another one, its pattern, but for the
//! machine template. The pattern stays as it is.

use super::{labels, owner, sources};
use crate::names;
use serde_json::{Map, Value, json};
use windlass_core::action::DeploymentOrder;
use windlass_core::ids::Name;

/// The API group and version of a MachineDeployment.
pub const API_VERSION: &str = "cluster.x-k8s.io/v1beta2";

/// Its kind.
pub const KIND: &str = "MachineDeployment";

/// The machine templates that take what an environment says of its machines.
const TEMPLATES: (&str, &str) = ("infrastructure.cluster.x-k8s.io", "AWSMachineTemplate");

/// Label: the Cluster that an object belongs to.
const CLUSTER: &str = "cluster.x-k8s.io/cluster-name";

/// Label: which of several controllers minds an object. Without it nobody would.
const WATCH_FILTER: &str = "cluster.x-k8s.io/watch-filter";

/// Label: which MachineSet of a MachineDeployment a Machine belongs to; Cluster API sets it.
const TEMPLATE_HASH: &str = "machine-template-hash";

/// Labels of what a ClusterClass manages: its controller takes what has them for its own, and deletes what it did not ask for.
const TOPOLOGY: &str = "topology.cluster.x-k8s.io/";

/// Annotations that say what a machine is, as Cluster Autoscaler reads them. All others are about the pattern itself: who
/// scales, pauses or deploys it.
const CAPACITY: &str = "capacity.cluster-autoscaler.kubernetes.io/";

/// Why nothing can be made like a pattern, as the end of a sentence that begins with the pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// What the operator kept cannot be read back.
    #[error("cannot be followed: what the environment says of its machines cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// A part that every one has.
    #[error("has no {}", .0.trim_start_matches('/').replace('/', "."))]
    Lacks(&'static str),
    /// Its machines are not those of the provider for AWS.
    #[error(
        "makes machines of kind {kind} ({group}): imageId, subnets, securityGroupIds, instanceRole, ec2KeyPair, tags, \
         placementGroup and launchTemplate need an AWSMachineTemplate: remove them from computeResources, and set them in \
         that template"
    )]
    Kind {
        /// The API group of its template.
        group: String,
        /// The kind of its template.
        kind: String,
    },
    /// It buys what no capacity reservation has.
    #[error(
        "has a machine template that asks for spot capacity, which no capacity reservation has: remove \
         capacityReservationSpecification from launchTemplateData, or spotMarketOptions and marketType from that template"
    )]
    Spot,
    /// It needs a capacity reservation.
    #[error(
        "has a machine template that asks for a capacity block, which capacityReservationPreference in launchTemplateData \
         does not name: give capacityReservationTarget, or neither"
    )]
    CapacityBlock,
}

/// What a MachineDeployment makes its machines from: the API group, kind and name of the template, in its own namespace.
///
/// # Errors
/// When it is not as a MachineDeployment is, or when the template is none that takes an environment's settings.
pub fn infrastructure(pattern: &Value) -> Result<(String, String, String), PatternError> {
    let group = text(pattern, "/spec/template/spec/infrastructureRef/apiGroup")?;
    let kind = text(pattern, "/spec/template/spec/infrastructureRef/kind")?;
    if (group, kind) != TEMPLATES {
        return Err(PatternError::Kind { group: group.to_owned(), kind: kind.to_owned() });
    }
    let name = text(pattern, "/spec/template/spec/infrastructureRef/name")?;
    Ok((group.to_owned(), kind.to_owned(), name.to_owned()))
}

/// The MachineDeployment that is ordered; `pattern` is the one that it is to be like. It begins without machines.
///
/// # Errors
/// When the pattern is not as a MachineDeployment is, or its template takes no settings.
pub fn machine_deployment(order: &DeploymentOrder, pattern: &Value) -> Result<Value, PatternError> {
    infrastructure(pattern)?;
    let cluster = text(pattern, "/spec/clusterName")?;
    let mut spec = without_its_own(object(pattern, "/spec")?.clone());
    spec.insert("replicas".to_owned(), 0.into());
    without_rollout_after(&mut spec);
    // As Cluster API chooses where nothing is given (`Default` in `machinedeployment.go` of its webhooks); the pattern's own
    // would select the pattern's machines.
    let selector = json!({ CLUSTER: cluster, names::MACHINE_DEPLOYMENT: order.key.name.as_str() });
    spec.insert("template".to_owned(), template(order, pattern, &selector)?.into());
    spec.insert("selector".to_owned(), json!({ "matchLabels": selector }));
    let mut metadata = metadata(order);
    merge(&mut metadata, "labels", own_labels(pattern, cluster));
    merge(&mut metadata, "annotations", capacity(pattern));
    Ok(json!({ "apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec }))
}

/// A digest of what is copied of a MachineDeployment's spec.
pub fn digest(spec: Map<String, Value>) -> Name {
    super::launch_settings::digest(Value::Object(without_its_own(spec))).1
}

/// A spec without what concerns the one MachineDeployment only: how many machines it has; and whoever paused it paused that one.
fn without_its_own(mut spec: Map<String, Value>) -> Map<String, Value> {
    spec.retain(|member, _| member != "replicas" && member != "paused");
    spec
}

/// A rollout that is asked for from some time on makes another one of ours (the digest is another): Cluster API would replace
/// machines under their jobs.
fn without_rollout_after(spec: &mut Map<String, Value>) {
    let Some(rollout) = spec.get_mut("rollout").and_then(Value::as_object_mut) else { return };
    rollout.remove("after");
    if rollout.is_empty() {
        spec.remove("rollout");
    }
}

/// The metadata of what is made for an order.
pub(super) fn metadata(order: &DeploymentOrder) -> Value {
    let mut annotations = sources(&order.environment, order.environment_generation, &order.content);
    annotations.insert(names::PATTERN.to_owned(), order.pattern.to_string().into());
    json!({
        "name": order.key.name.as_str(),
        "namespace": order.key.namespace.as_str(),
        "labels": labels(order.environment_uid),
        "annotations": annotations,
        "ownerReferences": [owner(&order.environment, order.environment_uid)],
    })
}

/// What its machines are made from.
fn template(
    order: &DeploymentOrder,
    pattern: &Value,
    selector: &Value,
) -> Result<Map<String, Value>, PatternError> {
    let mut template = object(pattern, "/spec/template")?.clone();
    let mut metadata = template.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    metadata.insert("labels".to_owned(), machine_labels(metadata.get("labels"), order, selector));
    template.insert("metadata".to_owned(), metadata.into());
    let mut machine = object(pattern, "/spec/template/spec")?.clone();
    let mut reference = object(pattern, "/spec/template/spec/infrastructureRef")?.clone();
    reference.insert("name".to_owned(), order.key.name.as_str().into());
    machine.insert("infrastructureRef".to_owned(), reference.into());
    template.insert("spec".to_owned(), machine.into());
    Ok(template)
}

/// Labels of the machines, some of which reach their nodes: all that somebody else than Cluster API chose.
fn machine_labels(found: Option<&Value>, order: &DeploymentOrder, selector: &Value) -> Value {
    let mut labels = found.and_then(Value::as_object).cloned().unwrap_or_default();
    labels.retain(|key, _| key != TEMPLATE_HASH && !key.starts_with(TOPOLOGY));
    labels.insert(names::ENVIRONMENT_UID.to_owned(), order.environment_uid.to_string().into());
    labels.extend(selector.as_object().cloned().unwrap_or_default());
    labels.into()
}

/// Labels of the MachineDeployment itself. The pattern's others say who deploys it (Argo CD, Helm, Flux, a ClusterClass), who
/// would delete ours as something unasked for.
fn own_labels(pattern: &Value, cluster: &str) -> Map<String, Value> {
    let filter = pattern.pointer("/metadata/labels").and_then(|labels| labels.get(WATCH_FILTER));
    let filter = filter.map(|filter| (WATCH_FILTER.to_owned(), filter.clone()));
    std::iter::once((CLUSTER.to_owned(), cluster.into())).chain(filter).collect()
}

fn capacity(pattern: &Value) -> Map<String, Value> {
    let found = pattern.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
    let kept = found.filter(|(key, _)| key.starts_with(CAPACITY));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn merge(metadata: &mut Value, member: &str, more: Map<String, Value>) {
    if let Some(found) = metadata.get_mut(member).and_then(Value::as_object_mut) {
        found.extend(more);
    }
}

/// An object within a pattern.
pub(super) fn object<'a>(
    pattern: &'a Value,
    path: &'static str,
) -> Result<&'a Map<String, Value>, PatternError> {
    pattern.pointer(path).and_then(Value::as_object).ok_or(PatternError::Lacks(path))
}

/// A text within a pattern.
pub(super) fn text<'a>(pattern: &'a Value, path: &'static str) -> Result<&'a str, PatternError> {
    pattern.pointer(path).and_then(Value::as_str).ok_or(PatternError::Lacks(path))
}
