//! One launch of a task, and what its pod is told and marked with, whatever sort of job it is of.

use super::content::{Content, Error};
use crate::names;
use k8s_openapi::api::core::v1::Toleration;
use std::collections::BTreeMap;
use windlass_core::action::{NodeSetsOrder, PodOrder};
use windlass_core::ids::{Name, Uid};
use windlass_core::node_set_suffix;
use windlass_core::objects::{NodeSet, Nodes};

/// Seconds between SIGTERM and SIGKILL, as AWS Batch gives (SPEC.md J5).
pub(super) const GRACE_SECONDS: i64 = 30;

/// Which task of its job a pod is for.
#[derive(Clone, Copy)]
pub(super) enum Task<'a> {
    /// The only one.
    Single,
    /// The child of an array with this index.
    Child(u32),
    /// One of these nodes, which are in one StatefulSet.
    Node(&'a Nodes, &'a NodeSet),
}

/// One launch of a task.
#[derive(Clone, Copy)]
pub(super) struct Launch<'a> {
    pub(super) job: Uid,
    job_name: &'a Name,
    pub(super) attempt: u8,
    launch: u16,
    pub(super) queue: &'a Name,
    pub(super) environment: &'a Name,
    definition: &'a Name,
    pub(super) task: Task<'a>,
}

impl<'a> Launch<'a> {
    pub(super) fn of(order: &'a PodOrder) -> Launch<'a> {
        Launch {
            job: order.job,
            job_name: &order.job_name,
            attempt: order.attempt,
            launch: order.launch,
            queue: &order.queue,
            environment: &order.environment,
            definition: &order.definition.0,
            task: order.child.map_or(Task::Single, |(index, _)| Task::Child(index)),
        }
    }

    pub(super) fn of_nodes(order: &'a NodeSetsOrder, set: &'a NodeSet) -> Launch<'a> {
        Launch {
            job: order.job_uid,
            job_name: &order.job.name,
            attempt: order.attempt,
            launch: order.launch,
            queue: &order.queue,
            environment: &order.environment,
            definition: &order.definition.0,
            task: Task::Node(&order.nodes, set),
        }
    }

    /// The pod's labels.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([
            ("app.kubernetes.io/managed-by".to_owned(), names::MANAGER.to_owned()),
            (names::JOB_UID.to_owned(), self.job.to_string()),
            (names::JOB_NAME.to_owned(), self.job_name.to_string()),
            (names::ATTEMPT.to_owned(), self.attempt.to_string()),
        ]);
        match self.task {
            Task::Single => {}
            Task::Child(index) => {
                labels.insert(names::ARRAY_INDEX.to_owned(), index.to_string());
            }
            Task::Node(nodes, set) => {
                labels.insert(names::NODE_SETS.to_owned(), names::node_sets(self.attempt, self.launch));
                labels.insert(names::NODE_SET.to_owned(), node_set_suffix(nodes, set.first));
            }
        }
        let told = [(names::QUEUE, self.queue.as_str()), (names::DEFINITION, self.definition.as_str())];
        labels.extend(
            told.into_iter()
                .filter(|(_, value)| is_label_value(value))
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        labels
    }

    /// The pod's annotations, but for those about its host.
    pub(super) fn annotations(&self, content: &Content) -> Result<BTreeMap<String, String>, Error> {
        let mut annotations = BTreeMap::from([
            (names::ENVIRONMENT.to_owned(), self.environment.to_string()),
            ("karpenter.sh/do-not-disrupt".to_owned(), "true".to_owned()),
            ("cluster-autoscaler.kubernetes.io/safe-to-evict".to_owned(), "false".to_owned()),
        ]);
        if matches!(self.task, Task::Node(..)) {
            annotations.insert(names::SINGLE_TENANT.to_owned(), "true".to_owned());
        }
        if self.launch > 0 {
            annotations.insert(names::LAUNCH.to_owned(), self.launch.to_string());
        }
        annotations.extend(content.tags()?.map(|tags| (names::TAGS.to_owned(), tags)));
        if let Some(name) = &content.submission.job_name {
            annotations.insert("batch.windlass.dev/aws-job-name".to_owned(), name.clone());
        }
        Ok(annotations)
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

/// Nodes that were made for an environment keep all other pods off, and some with GPUs those that ask for none: their taint has
/// the name of the resource, as Kubernetes's admission plugin ExtendedResourceToleration expects it.
pub(super) fn tolerations(made_for_it: bool, gpus: u64, gpu_resource: &Name) -> Vec<Toleration> {
    let made_for_it = made_for_it.then_some(names::ENVIRONMENT_UID);
    let has_gpus = (gpus > 0).then_some(gpu_resource.as_str());
    let tolerated = |key: &str| Toleration {
        key: Some(key.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoSchedule".to_owned()),
        ..Toleration::default()
    };
    made_for_it.into_iter().chain(has_gpus).map(tolerated).collect()
}
