//! What really ran: the containers, as the hosts know them. No operator sees this.

use crate::check::{Book, Promise};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{Ending, Managed, Nodes};
use windlass_core::time::Time;

/// One container that ran.
#[derive(Clone, Debug)]
pub struct Container {
    /// The job.
    pub job: Uid,
    /// The child's index, 0 for a single job.
    pub index: u32,
    /// The attempt.
    pub attempt: u8,
    /// It is a node's of a multi-node job.
    pub alone: bool,
    /// The host.
    pub host: Name,
    /// When it started.
    pub started_at: Time,
    /// When it ended, and its exit code; `None` while it runs.
    pub ended: Option<(Time, i32)>,
    /// Somebody declared it over without proof: the node or the pod was removed by force.
    pub given_up: bool,
    /// Its kubelet lost its sandbox and started it again.
    pub restarted: bool,
}

/// A task that was given to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The queue.
    pub queue: Uid,
    /// When the job was submitted.
    pub created_at: Time,
    /// Room was kept for it.
    pub kept: bool,
    /// When it was given.
    pub at: Time,
}

/// All containers, by pod.
#[derive(Debug, Default)]
pub struct Truth {
    containers: BTreeMap<Uid, Container>,
    /// Pods of each task, in the order their containers started.
    tasks: BTreeMap<(Uid, u32), Vec<Uid>>,
    /// When each process last wrote, or looked up, the status of each job.
    pub fences: BTreeMap<(usize, Uid), Time>,
    /// The nodes of multi-node jobs for which StatefulSets were asked for.
    pub nodes: BTreeMap<Uid, Arc<Nodes>>,
    /// Pods that an operator stopped, and why.
    pub stops: BTreeMap<Uid, Ending>,
    /// Jobs of which the API server refused a pod for good.
    pub refused: BTreeSet<Uid>,
    /// Attempts of which somebody removed a pod by force.
    pub removed: BTreeSet<(Uid, u32, u8)>,
    /// Those of them that were over or in which nothing ran, so that the pod only guarded its name.
    pub removed_tombs: BTreeSet<(Uid, u32, u8)>,
    /// Tasks that were given to hosts since the faults stopped.
    pub admitted: Vec<Admission>,
    /// What jobs that wait were told since then, and is to be kept.
    pub promises: BTreeMap<Uid, Promise>,
    /// What jobs were told last before they were given a host.
    pub kept_promises: BTreeMap<Uid, Time>,
    /// Something of the world that they rest on failed when that was last looked at, and when it last did.
    pub is_in_trouble: bool,
    pub troubled_at: Option<Time>,
    /// What an environment might have when a machine of it was decided, by the machine's serial number.
    pub launch_limits: BTreeMap<(Uid, u64), Managed>,
    /// Machines that were ever made, by environment and serial number.
    pub machines_made: BTreeSet<(Uid, u64)>,
    /// Machines of which the API server said that there is none, by name.
    pub machines_missed: BTreeSet<Name>,
    /// When an environment asked for a machine last.
    pub launched_at: BTreeMap<Uid, Time>,
    /// How many times an environment has asked for machines since the faults stopped.
    pub launches_in_calm: BTreeMap<Uid, u32>,
    /// When machines were told to take no more jobs.
    pub retired_at: BTreeMap<Uid, Time>,
    /// Environments to which a machine came since the faults stopped.
    pub came_to: BTreeSet<Uid>,
    /// What node classes said that Karpenter found good, by environment.
    pub good_classes: BTreeSet<(Uid, Name)>,
    /// What the shares of the fair-share queue used before.
    pub book: Book,
    /// Breaches of the rule that one container of a task runs at a time.
    pub breaches: Vec<String>,
}

impl Truth {
    /// A container starts.
    pub fn start(&mut self, pod: Uid, container: Container) {
        let others = self.tasks.get(&(container.job, container.index)).into_iter().flatten();
        for other in others.filter_map(|pod| self.containers.get(pod)) {
            // Somebody took the guard of the name away while a create was under way: that person's word, again.
            let attempt = (container.job, container.index, container.attempt);
            let was_guarded = !self.removed_tombs.contains(&attempt);
            let same_attempt = other.attempt == container.attempt;
            if same_attempt && !was_guarded {
                continue;
            }
            let still_runs = other.ended.is_none() && !other.given_up;
            // Somebody took the pod of a first run of this attempt away by force while two leaders disagreed: that run is
            // what the record may hold, and this one's success is lost.
            // Nodes run again with the main node, however they ended.
            let succeeded =
                matches!(other.ended, Some((_, 0))) && !self.was_given_up(other) && !container.alone;
            if (same_attempt && !other.given_up) || still_runs || succeeded {
                self.breaches.push(format!(
                    "task {}:{} starts attempt {} on {} although attempt {} {} on {}",
                    container.job,
                    container.index,
                    container.attempt,
                    container.host,
                    other.attempt,
                    if still_runs { "runs" } else { "ran" },
                    other.host,
                ));
            }
        }
        self.tasks.entry((container.job, container.index)).or_default().push(pod);
        self.containers.insert(pod, container);
    }

    /// A container ends, and is started again in the same pod.
    pub fn start_again(&mut self, pod: Uid, at: Time) {
        if let Some(container) = self.containers.get_mut(&pod) {
            (container.started_at, container.restarted) = (at, true);
        }
    }

    /// A container ends.
    pub fn end(&mut self, pod: Uid, at: Time, exit_code: i32) {
        if let Some(container) = self.containers.get_mut(&pod).filter(|container| container.ended.is_none()) {
            container.ended = Some((at, exit_code));
        }
    }

    /// Somebody with the right to says that this pod is over, whatever its container does.
    pub fn give_up(&mut self, pod: Uid) {
        if let Some(container) = self.containers.get_mut(&pod) {
            container.given_up = true;
        }
    }

    /// True when somebody gave up a container of the same attempt, so that another may have run in it.
    pub fn was_given_up(&self, container: &Container) -> bool {
        let pods = self.tasks.get(&(container.job, container.index)).into_iter().flatten();
        let same = pods
            .filter_map(|pod| self.containers.get(pod))
            .filter(|other| other.attempt == container.attempt);
        same.into_iter().any(|other| other.given_up)
    }

    /// The container of a pod.
    pub fn of(&self, pod: Uid) -> Option<&Container> {
        self.containers.get(&pod)
    }

    /// All containers that ever ran.
    pub fn all(&self) -> impl Iterator<Item = (Uid, &Container)> {
        self.containers.iter().map(|(pod, container)| (*pod, container))
    }
}
