//! What must hold of all versions of a job and its pods, whatever people do.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::records::{has_ended, state};

/// All that was seen, and what of it was wrong.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    jobs: BTreeMap<String, Job>,
    /// The pods that are not over, of each job and index.
    running: BTreeMap<(String, String), BTreeSet<String>>,
    /// How many versions were looked at.
    pub(crate) versions: usize,
    /// Rules that were broken, in words.
    pub(crate) broken: Vec<String>,
}

impl Rules {
    /// Takes a version of a job in.
    pub(crate) fn job(&mut self, job: Job) {
        self.versions += 1;
        let Some(uid) = job.metadata.uid.clone() else { return };
        if let Some(before) = self.jobs.get(&uid) {
            self.broken.extend(change(before, &job));
        }
        self.broken.extend(inner(&job));
        self.jobs.insert(uid, job);
    }

    /// Takes a version of a pod in.
    pub(crate) fn pod(&mut self, pod: &Pod, is_gone: bool) {
        self.versions += 1;
        let Some((task, name)) = task_of(pod) else { return };
        let running = self.running.entry(task.clone()).or_default();
        if is_gone || is_over(pod) {
            running.remove(&name);
        } else {
            running.insert(name);
        }
        if running.len() > 1 {
            self.broken.push(format!("two pods of {task:?} at one time: {running:?}"));
        }
    }
}

/// The job and index of a pod, and its name.
fn task_of(pod: &Pod) -> Option<((String, String), String)> {
    let labels = pod.metadata.labels.as_ref()?;
    let job = labels.get("batch.windlass.dev/job-uid")?.clone();
    let index = labels.get("batch.windlass.dev/array-index").cloned().unwrap_or_default();
    Some(((job, index), pod.metadata.name.clone()?))
}

/// Whether nothing of it runs any more: a kubelet may tell that its container has ended before it tells that the pod has.
fn is_over(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let containers = status.container_statuses.as_deref().unwrap_or_default();
    let has_ended =
        containers.iter().any(|one| one.state.as_ref().is_some_and(|state| state.terminated.is_some()));
    has_ended || matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

/// What a change of a job must not do.
fn change(before: &Job, after: &Job) -> Vec<String> {
    let mut broken = Vec::new();
    let name = after.metadata.name.as_deref().unwrap_or_default();
    if has_ended(before) && state(before) != state(after) {
        broken.push(format!("{name}: {:?} became {:?}", state(before), state(after)));
    }
    let (Some(before), Some(after)) = (&before.status, &after.status) else { return broken };
    for (number, old) in before.attempts.iter().enumerate().filter(|(_, old)| old.proof.is_some()) {
        if after.attempts.get(number) != Some(old) {
            broken.push(format!("{name}: an attempt that was over changed: {old:?} {:?}", after.attempts));
        }
    }
    let final_children = |status: &windlass_crds::JobStatus| {
        let summary = status.array_properties.as_ref().map(|array| array.status_summary.clone());
        summary.map_or((0, 0), |summary| (summary.succeeded, summary.failed))
    };
    let (old, new) = (final_children(before), final_children(after));
    if new.0 < old.0 || new.1 < old.1 {
        broken.push(format!("{name}: children that had ended are back: {old:?} {new:?}"));
    }
    broken
}

/// What one version of a job must not say.
fn inner(job: &Job) -> Vec<String> {
    let mut broken = Vec::new();
    let name = job.metadata.name.as_deref().unwrap_or_default();
    let Some(status) = &job.status else { return broken };
    let numbers: Vec<i32> = status.attempts.iter().map(|attempt| attempt.attempt).collect();
    if !numbers.iter().copied().eq(1..=i32::try_from(numbers.len()).unwrap()) {
        broken.push(format!("{name}: attempts {numbers:?}"));
    }
    let open = status.attempts.iter().filter(|attempt| attempt.proof.is_none()).count();
    if open > 1 || (open > 0 && has_ended(job)) {
        broken.push(format!("{name}: {open} attempts are not over: {status:#?}"));
    }
    let Some(array) = &status.array_properties else { return broken };
    let sum = &array.status_summary;
    let all =
        sum.submitted + sum.pending + sum.runnable + sum.starting + sum.running + sum.succeeded + sum.failed;
    if all != array.size && status.reason.is_some() {
        broken.push(format!("{name}: {all} of {} children: {sum:?}", array.size));
    }
    let expected = if sum.failed > 0 { JobState::Failed } else { JobState::Succeeded };
    if has_ended(job) && (status.status != expected || sum.succeeded + sum.failed != array.size) {
        broken.push(format!("{name}: {:?} with {sum:?}", status.status));
    }
    broken
}
