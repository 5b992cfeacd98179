//! Definitions and their revisions, queues, compute environments.

use super::job::{amounts, identity, moment, text};
use super::wire::{Metadata, Wire, kinds};
use super::{Error, name, times};
use super::{nodes, policy, share};
use crate::machines::{machine_template, node_class};
use crate::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use windlass_core::ids::{Name, ObjectKey};
use windlass_core::limits::LAUNCH_PATIENCE;
use windlass_core::objects::{
    Autoscaled, Backend, DefinitionStatus, EnvironmentStatus, HeadOfLine, Launch, Managed, NodeProperties,
    ObservedDefinition, ObservedEnvironment, ObservedQueue, ObservedRevision, Payload, PoolStatus,
    QueueStatus, RevisionContent, RevisionEntry, Strategy, Validity, WaitingJob,
};
use windlass_core::reference::Reference;
use windlass_core::state::State;
use windlass_core::time::Time;
use windlass_core::units::{GPUS, Resources};
use windlass_crds::compute_environment::{self as api_environment, AllocationStrategy, ResourceKind};
use windlass_crds::ignored::{IgnoredField, ignored_fields};
use windlass_crds::job_definition::JobDefinitionType;
use windlass_crds::job_queue as api_queue;
use windlass_crds::shared::state::{Activity, State as Switch};
use windlass_crds::{
    ComputeEnvironmentSpec, ComputeEnvironmentStatus, JobDefinitionSpec, JobDefinitionStatus, JobQueueSpec,
    JobQueueStatus, Kind,
};

/// The largest definition, in bytes of JSON (SPEC.md J10).
const DEFINITION_BYTES: usize = 24 * 1024;

/// Reads a JobDefinition.
///
/// # Errors
/// When a part of it cannot be read.
pub fn definition(wire: &Wire<kinds::JobDefinition>) -> Result<ObservedDefinition, Error> {
    let spec: JobDefinitionSpec = wire.spec()?;
    let status: JobDefinitionStatus = wire.status()?;
    let revisions = status.revisions.iter().map(|revision| {
        Ok(RevisionEntry {
            number: u32::try_from(revision.revision).unwrap_or(0),
            name: name(&revision.name),
            uid: identity(&revision.uid)?,
            active: revision.status == Activity::Active,
            created_at: moment(Some(&revision.created_at)).unwrap_or_default(),
        })
    });
    Ok(ObservedDefinition {
        key: wire.metadata.key(),
        uid: wire.metadata.uid()?,
        resource_version: wire.metadata.version()?,
        generation: wire.metadata.generation,
        created_at: created_at(&wire.metadata)?,
        aws_name: spec.job_definition_name.as_deref().map(name),
        active: spec.state == Activity::Active,
        inactive_revisions: spec
            .inactive_revisions
            .iter()
            .filter_map(|number| u32::try_from(*number).ok())
            .collect(),
        status: DefinitionStatus {
            observed_generation: status.observed_generation.unwrap_or(0),
            revisions: revisions.collect::<Result<_, Error>>()?,
            validity: validity(&status.conditions, None),
            name_taken: told(&status.conditions, "NameTaken"),
        },
        content: definition_content(spec)?,
    })
}

/// The content of a revision: all of a definition but what says which revisions may be used.
///
/// # Errors
/// When it cannot be written as JSON, which no definition that was read can be.
pub fn definition_content(spec: JobDefinitionSpec) -> Result<RevisionContent, Error> {
    let spec = JobDefinitionSpec { inactive_revisions: Vec::new(), ..spec };
    let unreadable = |source| Error::Unreadable { part: "spec", source };
    let mut content = serde_json::to_value(&spec).map_err(unreadable)?;
    if let Some(content) = content.as_object_mut() {
        content.remove("state");
    }
    let payload = serde_json::to_vec(&content).map_err(unreadable)?;
    let (nodes, fault_of_nodes) = match nodes_of(&spec) {
        Ok(nodes) => (nodes, None),
        Err(fault) => (None, Some(fault)),
    };
    let container = spec.container_properties.unwrap_or_default();
    let bytes = payload.len();
    let too_long = (bytes > DEFINITION_BYTES).then(|| {
        format!(
            "the job definition is {bytes} bytes; at most {DEFINITION_BYTES} are allowed: make it shorter"
        )
    });
    let fault = too_long.or(fault_of_nodes).map(Name::from);
    Ok(RevisionContent {
        resources: amounts(container.vcpus, container.memory, &container.resource_requirements),
        nodes,
        retry: spec.retry_strategy.as_ref().map(policy::retry),
        timeout: spec.timeout.as_ref().and_then(policy::timeout),
        priority: spec.scheduling_priority.and_then(|priority| u32::try_from(priority).ok()),
        fault,
        payload: Payload(Arc::from(payload)),
    })
}

/// The nodes of a definition of type multinode, or what is wrong with them.
fn nodes_of(spec: &JobDefinitionSpec) -> Result<Option<NodeProperties>, String> {
    if spec.kind != Some(JobDefinitionType::Multinode) {
        return Ok(None);
    }
    let properties =
        spec.node_properties.as_ref().ok_or("a multinode definition needs nodeProperties with numNodes")?;
    nodes::properties(properties).map(Some)
}

/// Reads a ControllerRevision of a JobDefinition.
///
/// # Errors
/// When it is none of ours, or a part of it cannot be read.
pub fn revision(wire: &Wire<kinds::ControllerRevision>) -> Result<ObservedRevision, Error> {
    let owner =
        wire.metadata.labels.get(names::DEFINITION_UID).ok_or(Error::Missing(names::DEFINITION_UID))?;
    let unknown = |_| Error::Unknown { part: "revision", value: wire.revision.to_string() };
    Ok(ObservedRevision {
        key: wire.metadata.key(),
        uid: wire.metadata.uid()?,
        resource_version: wire.metadata.version()?,
        created_at: created_at(&wire.metadata)?,
        definition: identity(owner)?,
        number: u32::try_from(wire.revision).map_err(unknown)?,
        content: definition_content(wire.data()?)?,
        deleting: wire.metadata.deletion_timestamp.is_some(),
        held: wire.metadata.is_held(),
    })
}

/// Reads a JobQueue.
///
/// # Errors
/// When a part of it cannot be read.
pub fn queue(wire: &Wire<kinds::JobQueue>) -> Result<ObservedQueue, Error> {
    let mut spec: JobQueueSpec = wire.spec()?;
    let status: JobQueueStatus = wire.status()?;
    spec.compute_environment_order.sort_by_key(|entry| entry.order);
    let jobs = status.jobs.unwrap_or_default();
    let counts = [
        (State::Submitted, jobs.submitted),
        (State::Pending, jobs.pending),
        (State::Runnable, jobs.runnable),
        (State::Starting, jobs.starting),
        (State::Running, jobs.running),
    ];
    let depth = counts
        .into_iter()
        .filter_map(|(state, count)| Some((state, u64::try_from(count).ok().filter(|count| *count > 0)?)));
    Ok(ObservedQueue {
        name: name(&wire.metadata.name),
        uid: wire.metadata.uid()?,
        resource_version: wire.metadata.version()?,
        generation: wire.metadata.generation,
        created_at: created_at(&wire.metadata)?,
        aws_name: spec.job_queue_name.as_deref().map(name),
        enabled: spec.state == Switch::Enabled,
        priority: i64::from(spec.priority),
        policy: spec.scheduling_policy_arn.as_deref().map(Reference::plain),
        environments: spec
            .compute_environment_order
            .iter()
            .map(|entry| Reference::plain(&entry.compute_environment))
            .collect(),
        time_limits: spec.job_state_time_limit_actions.iter().filter_map(policy::time_limit).collect(),
        deleting: wire.metadata.deletion_timestamp.is_some(),
        held: wire.metadata.is_held(),
        status: QueueStatus {
            observed_generation: status.observed_generation.unwrap_or(0),
            validity: validity(&status.conditions, status.status_reason.as_deref()),
            depth: depth.collect(),
            oldest_wait: moment(status.oldest_wait_since.as_deref()),
            head: status.head_of_line.as_ref().map(head),
            used: status.used.as_ref().map(used).unwrap_or_default(),
            front: status.front_of_queue.iter().map(waiting).collect(),
            fair_share: status.fair_share.as_ref().map(share::fair_share),
            paused: condition(&status.conditions, "AdmissionPaused").is_some(),
            in_use: told(&status.conditions, "InUse"),
            name_taken: told(&status.conditions, "NameTaken"),
        },
    })
}

/// Reads a ComputeEnvironment.
///
/// # Errors
/// When a part of it cannot be read.
pub fn environment(wire: &Wire<kinds::ComputeEnvironment>) -> Result<ObservedEnvironment, Error> {
    let spec: ComputeEnvironmentSpec = wire.spec()?;
    let status: ComputeEnvironmentStatus = wire.status()?;
    let vcpus = status.vcpus.clone().unwrap_or_default();
    let memory = status.memory_mib.clone().unwrap_or_default();
    let gpus = status.gpus.clone().unwrap_or_default();
    let uid = wire.metadata.uid()?;
    let (managed, autoscaled) = (managed(&spec)?, autoscaled(&spec));
    let ignored = ignored_fields(Kind::ComputeEnvironment, &spec)
        .map_err(|source| Error::Unreadable { part: "spec", source })?;
    let mut selector: BTreeMap<Name, Name> =
        spec.node_selector.iter().map(|(key, value)| (name(key), name(value))).collect();
    if managed.is_some() {
        selector = BTreeMap::from([(name(names::ENVIRONMENT_UID), Name::from(uid.to_string()))]);
    }
    if let Some(external) = spec.backend.as_ref().and_then(|backend| backend.external.as_ref()) {
        selector = external.node_selector.iter().map(|(key, value)| (name(key), name(value))).collect();
    }
    Ok(ObservedEnvironment {
        name: name(&wire.metadata.name),
        uid,
        resource_version: wire.metadata.version()?,
        generation: wire.metadata.generation,
        created_at: created_at(&wire.metadata)?,
        aws_name: spec.compute_environment_name.as_deref().map(name),
        enabled: spec.state == Switch::Enabled,
        selector,
        gpu_resource: name(spec.gpu_resource_name.as_deref().unwrap_or(GPUS)),
        managed,
        autoscaled,
        ignored: in_words(&ignored),
        deleting: wire.metadata.deletion_timestamp.is_some(),
        held: wire.metadata.is_held(),
        status: EnvironmentStatus {
            observed_generation: status.observed_generation.unwrap_or(0),
            validity: validity(&status.conditions, status.status_reason.as_deref()),
            hosts: status.hosts.and_then(|hosts| u32::try_from(hosts).ok()).unwrap_or(0),
            total: amount(&vcpus.total, memory.total, gpus.total),
            used: amount(&vcpus.used, memory.used, gpus.used),
            max_vcpus: vcpus.max.as_deref().and_then(|most| most.parse().ok()),
            pool: pool(&status),
            launch_failure: told(&status.conditions, "LaunchFailed"),
            in_use: told(&status.conditions, "InUse"),
            name_taken: told(&status.conditions, "NameTaken"),
            ignored: told(&status.conditions, "Ignored"),
        },
    })
}

/// What a person is told of fields that mean nothing here.
fn in_words(ignored: &[IgnoredField]) -> Option<Name> {
    let told = |field: &IgnoredField| format!("{}: {}", field.path.trim_start_matches("spec."), field.reason);
    let told: Vec<String> = ignored.iter().map(told).collect();
    (!told.is_empty()).then(|| name(&told.join("; ")))
}

/// What a MANAGED environment may have made.
fn managed(spec: &ComputeEnvironmentSpec) -> Result<Option<Managed>, Error> {
    let Some(backend) = &spec.backend else { return Ok(None) };
    let backend = match backend {
        api_environment::Backend { karpenter: Some(_), .. } => Backend::Karpenter,
        api_environment::Backend { simulated: Some(_), .. } => Backend::Simulated,
        api_environment::Backend { cluster_api: Some(_), .. } => Backend::ClusterApi,
        api_environment::Backend { external: Some(_), .. } => return Ok(None),
        _ => return Err(Error::Missing("a backend that is supported")),
    };
    let resources = spec.compute_resources.clone().unwrap_or_default();
    let number = |vcpus: i32| u32::try_from(vcpus).unwrap_or(0);
    let unreadable = |source| Error::Unreadable { part: "spec", source };
    let minutes = resources.scaling_policy.map_or(0, |policy| number(policy.min_scale_down_delay_minutes));
    let content = match backend {
        Backend::ClusterApi => machine_template::content(spec),
        _ => node_class::content(spec),
    };
    Ok(Some(Managed {
        backend,
        spot: resources.kind == Some(ResourceKind::Spot),
        min_vcpus: number(resources.min_vcpus),
        desired_vcpus: number(resources.desired_vcpus.unwrap_or(0)),
        max_vcpus: number(resources.max_vcpus.unwrap_or(0)),
        instance_types: match &spec.backend {
            Some(api_environment::Backend { cluster_api: Some(found), .. }) => deployments(found),
            _ => resources.instance_types.iter().map(|found| name(found)).collect(),
        },
        strategy: match resources.allocation_strategy {
            Some(AllocationStrategy::BestFitProgressive) => Strategy::Progressive,
            Some(AllocationStrategy::BestFitProgressiveOrdered) => Strategy::ProgressiveOrdered,
            Some(AllocationStrategy::BestFit) | None => Strategy::BestFit,
            Some(_) => return Err(Error::Missing("an allocation strategy that is supported")),
        },
        idle_limit: (minutes > 0).then(|| Duration::from_secs(u64::from(minutes) * 60)),
        fault: content.as_ref().err().map(|error| name(&error.to_string())),
        node_class: content.unwrap_or_default(),
        payload: Payload(Arc::from(serde_json::to_vec(spec).map_err(unreadable)?)),
    }))
}

/// What somebody else's autoscaler may add to a MANAGED environment.
fn autoscaled(spec: &ComputeEnvironmentSpec) -> Option<Autoscaled> {
    let external = spec.backend.as_ref()?.external.as_ref()?;
    let resources = spec.compute_resources.clone().unwrap_or_default();
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    let seconds = number(external.max_node_provision_seconds);
    Some(Autoscaled {
        max_vcpus: number(resources.max_vcpus).unwrap_or(0),
        instance_types: resources.instance_types.iter().map(|found| name(found)).collect(),
        patience: seconds.map_or(LAUNCH_PATIENCE, |seconds| Duration::from_secs(u64::from(seconds))),
    })
}

/// Each MachineDeployment is a machine type.
fn deployments(backend: &api_environment::ClusterApiBackend) -> Vec<Name> {
    let named = backend.machine_deployments.iter();
    named.map(|found| Name::from(format!("{}/{}", found.namespace, found.name))).collect()
}

fn pool(status: &ComputeEnvironmentStatus) -> PoolStatus {
    let number = |vcpus: i32| u32::try_from(vcpus).unwrap_or(0);
    let books = status.machines.clone().unwrap_or_default();
    let vcpus = status.vcpus.clone().unwrap_or_default();
    let launching = |of: &Option<api_environment::Capacity>| {
        of.as_ref().and_then(|of| u64::try_from(of.launching?).ok()).unwrap_or(0)
    };
    let launch = |launch: &api_environment::MachineLaunch| Launch {
        serial: u64::try_from(launch.serial).unwrap_or(0),
        machine_type: name(&launch.instance_type),
        decided_at: moment(Some(&launch.decided_at)).unwrap_or_default(),
        replicas: launch.replicas.and_then(|replicas| u32::try_from(replicas).ok()),
    };
    PoolStatus {
        desired_vcpus: status.desired_vcpus.map(number),
        launching_vcpus: vcpus.launching.as_deref().and_then(|vcpus| vcpus.parse().ok()).unwrap_or(0),
        launching_memory: launching(&status.memory_mib) << 20,
        launching_gpus: launching(&status.gpus),
        last_serial: u64::try_from(books.last_serial).unwrap_or(0),
        launches: books.launches.iter().map(launch).collect(),
    }
}

fn used(used: &api_queue::QueueUse) -> Resources {
    amount(&used.vcpus, used.memory_mib, used.gpus.unwrap_or(0))
}

/// vCPUs, MiB of memory and GPUs.
fn amount(vcpus: &str, mib: i64, gpus: i64) -> Resources {
    Resources {
        cpu_millis: super::quantity::millis(vcpus).unwrap_or(0),
        memory_bytes: u64::try_from(mib).unwrap_or(0) << 20,
        gpus: u64::try_from(gpus).unwrap_or(0),
        pods: 0,
    }
}

fn head(head: &api_queue::HeadOfLine) -> HeadOfLine {
    HeadOfLine {
        job: ObjectKey::new(head.namespace.as_str(), head.name.as_str()),
        reason: name(&head.reason),
        words: text(head.status_reason.as_deref()),
        since: moment(Some(&head.since)).unwrap_or_default(),
    }
}

fn waiting(waiting: &api_queue::WaitingJob) -> WaitingJob {
    WaitingJob {
        job: ObjectKey::new(waiting.namespace.as_str(), waiting.name.as_str()),
        submitted_at: moment(Some(&waiting.created_at)).unwrap_or_default(),
        reason: name(&waiting.reason),
        expected_start: moment(waiting.expected_start.as_deref()),
    }
}

fn created_at(metadata: &Metadata) -> Result<Time, Error> {
    times::time(&metadata.creation_timestamp).ok_or(Error::Missing("creationTimestamp"))
}

fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True")
}

fn told(conditions: &[Condition], kind: &str) -> Option<Name> {
    condition(conditions, kind).map(|found| name(&found.message))
}

/// Validity as condition `Ready` tells it.
fn validity(conditions: &[Condition], words: Option<&str>) -> Validity {
    let Some(ready) =
        conditions.iter().find(|condition| condition.type_ == "Ready" && condition.status != "Unknown")
    else {
        return Validity::default();
    };
    let fault = || (name(&ready.reason), text(words.or(Some(&ready.message))));
    Validity {
        fault: (ready.status == "False").then(fault),
        since: Time::from_millis(ready.last_transition_time.0.as_millisecond()),
    }
}
