//! What a request of ours must not do although the API server allows it: always a bug.

use super::Store;
use windlass_core::array::Intervals;
use windlass_core::ids::Uid;
use windlass_core::objects::{JobStatus, ObservedJob, ObservedPod};
use windlass_core::state::State;

impl Store {
    /// A revision is kept until all jobs that run with it have ended.
    pub(super) fn check_revision_is_unused(&mut self, uid: Uid) {
        let uses = |status: &JobStatus| {
            !status.state.is_final() && status.pinned.as_ref().is_some_and(|pin| pin.uid == uid)
        };
        // A namespace that is being deleted takes its jobs along.
        let stays = |job: &&ObservedJob| self.namespaces.get(&job.key.namespace) == Some(&false);
        if let Some(job) = self.jobs.values().filter(stays).find(|job| uses(&job.status)) {
            self.breaches.push(format!("revision {uid} was released although job {} runs with it", job.key));
        }
    }

    /// A pod may be released only when the end of its attempt is in the Job (DESIGN.md, rule 5). One behind its gate never ran.
    pub(super) fn check_release(&mut self, pod: &ObservedPod) {
        // Where everything is being deleted no record can be made, and the Job goes too.
        if self.namespaces.get(&pod.key.namespace) == Some(&true) {
            return;
        }
        let Some(task) = pod.task.as_ref().filter(|task| !task.gated) else { return };
        let Some(job) = self.job(task.job) else { return };
        let attempts = self.attempts(job, task.index);
        let launch = match self.tasks_of(job) {
            Some(_) if !self.is_multi_node(job) => {
                self.child(task.job, task.index).map_or(0, |child| child.launch)
            }
            _ => job.status.launch,
        };
        let recorded = attempts.iter().any(|attempt| attempt.number == task.attempt && attempt.is_over());
        let over = attempts.iter().filter(|attempt| attempt.is_over()).count();
        let withdrawn = over + 1 == usize::from(task.attempt) && launch > task.launch;
        // A namespace that ends waits for its pods, and takes no records any more.
        let ends = self.namespaces.get(&pod.key.namespace) != Some(&false);
        if !recorded && !withdrawn && !job.status.state.is_final() && !ends {
            let (index, attempt) = (task.index, task.attempt);
            self.breaches.push(format!(
                "pod {} is released, but attempt {attempt} of task {index} is not recorded",
                pod.key
            ));
        }
    }
}

/// What a change of a status must not do.
pub(super) fn faults_of_transition(before: &JobStatus, after: &JobStatus, size: Option<u32>) -> Vec<String> {
    let mut faults = Vec::new();
    if before.state.is_final() && (after.state, &after.attempts) != (before.state, &before.attempts) {
        faults.push(format!("final state {} changes to {}", before.state, after.state));
    }
    let over = |status: &JobStatus| {
        status.attempts.iter().filter(|attempt| attempt.is_over()).cloned().collect::<Vec<_>>()
    };
    if !over(after).starts_with(&over(before)) {
        faults.push(format!("attempts that are over change: {:?} to {:?}", over(before), over(after)));
    }
    if before.pinned.is_some() && before.pinned != after.pinned {
        faults.push("the pinned revision changes".to_owned());
    }
    if let (Some(size), Some(array)) = (size, &after.array) {
        let mut all = Intervals::default();
        let mut total = 0;
        for indexes in array.children.values() {
            all.extend(indexes);
            total += indexes.count();
        }
        if total != size || all != Intervals::below(size) {
            faults.push(format!("{total} children of {size} are counted"));
        }
        // Another attempt of a multi-node job is one of all its nodes, also of those that have ended.
        let finals = [State::Succeeded, State::Failed].into_iter().filter(|_| after.main_node.is_none());
        for state in finals {
            let of = |status: &JobStatus| {
                status
                    .array
                    .as_ref()
                    .and_then(|array| array.children.get(&state))
                    .cloned()
                    .unwrap_or_default()
            };
            if of(before).intersection(&of(after)) != of(before) {
                faults.push(format!("children leave the final state {state}"));
            }
        }
    }
    faults
}
