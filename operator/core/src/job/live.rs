//! The tasks of a job: the children of an array, or the one task of a single job.

use super::verdict::Verdict;
use crate::array::Intervals;
use crate::ids::{ActionId, Name, Uid};
use crate::objects::{Attempt, Cause, Failure};
use crate::state::State;
use crate::time::Time;
use crate::world::Slot;
use std::collections::BTreeMap;

/// How far a launch has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Given to a host; the guarded write that says so is not confirmed. No pod may be created.
    Decided,
    /// That write is confirmed: the pod may be created until then (decision 0001).
    Fenced { until: Time },
    /// Its create was sent.
    Sent { until: Time },
    /// Of a node: all pods of the launch are there, and which is whose is being recorded; true once its own is.
    Named(bool),
    /// Of a node: all that is recorded; the guarded write by which the launch stands is not confirmed.
    Recorded,
    /// The pod is there; a node's launch stands, and its pod may be let go.
    Created,
    /// The container runs.
    Running { started_at: Time },
    /// The status says it runs, but no pod is seen: the API server is asked. Since when it says that there is none.
    Missing { since: Option<Time> },
    /// The attempt is over, stopped by the operator for this cause if for any; its record is not confirmed.
    Over(Attempt, Option<Cause>),
    /// Of a node: the same, and recorded. It stands until that holds for all nodes; what the job comes to by it, if it is the
    /// main node's last.
    Ended(Attempt, Option<Verdict>),
    /// Of a node: no container of this launch ever ran, and none will.
    Withdrawn,
}

/// A task that was given to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) slot: Slot,
    /// Empty while its pod waits for a node that an autoscaler is to add.
    pub(crate) host: Name,
    pub(crate) environment: Name,
    /// When this process gave it to that host.
    pub(crate) given_at: Option<Time>,
    pub(crate) pod_uid: Option<Uid>,
    pub(crate) stage: Stage,
    /// Creates that were sent and not answered for sure: a pod may turn up.
    pub(crate) open_creates: u16,
    /// The latest create, or of a node the request that lets its pod go: answers to earlier ones are not about this launch.
    pub(crate) create: Option<ActionId>,
    /// What failed is not tried again before: the create of its pod, or to let it go.
    pub(crate) again_at: Option<Time>,
    /// Of a node: since when the API server refuses to let its pod go.
    pub(crate) refused_since: Option<Time>,
    /// Of a node: its pod had its gate when it was seen last.
    pub(crate) was_gated: bool,
    /// Of a node: since when its pod is seen without its gate.
    pub(crate) let_go_at: Option<Time>,
    /// Its container ran, whatever became of the pod: the launch cannot be withdrawn any more.
    pub(crate) has_run: bool,
    /// It was seen before its container ran.
    pub(crate) seen_starting: bool,
    /// When our own clock first saw the container run; `None` when it ran before we looked.
    pub(crate) seen_running_at: Option<Time>,
    /// Why its container does not start, in the runtime's words, or why it has no host yet, in kube-scheduler's.
    pub(crate) hindrance: Option<Name>,
    /// Since when its host cannot be reached.
    pub(crate) unreachable_since: Option<Time>,
    /// When the cluster was last asked why its container does not start.
    pub(crate) asked_at: Option<Time>,
}

impl Live {
    /// A task that is given to a host.
    pub(crate) fn new(slot: Slot, host: Name, environment: Name, stage: Stage) -> Live {
        Live {
            slot,
            host,
            environment,
            given_at: None,
            pod_uid: None,
            stage,
            open_creates: 0,
            create: None,
            again_at: None,
            refused_since: None,
            was_gated: false,
            let_go_at: None,
            has_run: false,
            seen_starting: false,
            seen_running_at: None,
            hindrance: None,
            unreachable_since: None,
            asked_at: None,
        }
    }

    /// True while its pod may be given any host of its environment: no attempt has begun.
    pub(crate) fn floats(&self) -> bool {
        self.host.is_empty() && (self.is_launching() || self.stage == Stage::Created)
    }

    /// True for a node that is done with the attempt under way.
    pub(crate) const fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(..) | Stage::Withdrawn)
    }

    /// The state shown: what is over stays RUNNING until its record is safe.
    pub(crate) fn state(&self) -> State {
        match self.stage {
            _ if self.floats() => State::Runnable,
            Stage::Decided
            | Stage::Fenced { .. }
            | Stage::Sent { .. }
            | Stage::Named(_)
            | Stage::Recorded
            | Stage::Created
            | Stage::Withdrawn => State::Starting,
            Stage::Running { .. } | Stage::Missing { .. } | Stage::Over(..) => State::Running,
            Stage::Ended(_, Some(ref verdict)) => verdict.state,
            Stage::Ended(ref attempt, None) if attempt.succeeded() => State::Succeeded,
            Stage::Ended(..) => State::Failed,
        }
    }

    /// True until the API server has answered the create.
    pub(crate) const fn is_launching(&self) -> bool {
        matches!(self.stage, Stage::Decided | Stage::Fenced { .. } | Stage::Sent { .. })
    }
}

/// What a task that is not final has behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// Attempts that are over.
    pub(crate) over: u8,
    /// Serial of the next launch.
    pub(crate) launch: u16,
    /// Until when a create that was given up may still make a pod.
    pub(crate) unsafe_until: Option<Time>,
}

/// All tasks of a job. Each index is in exactly one of the sets or in `live`.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) submitted: Intervals,
    /// They wait for other jobs or children.
    pub(crate) pending: Intervals,
    pub(crate) runnable: Intervals,
    /// They are to end without a (further) pod, once none can turn up any more.
    pub(crate) ending: Intervals,
    pub(crate) live: BTreeMap<u32, Live>,
    pub(crate) succeeded: Intervals,
    pub(crate) failed: Intervals,
    /// Tasks that have attempts or withdrawn launches behind them.
    pub(crate) histories: BTreeMap<u32, History>,
    /// The attempts of a single job that are over.
    pub(crate) attempts: Vec<Attempt>,
    /// The first failed children.
    pub(crate) failures: Vec<Failure>,
}

impl Tasks {
    /// The pod the task has now, or would have next.
    pub(crate) fn current(&self, index: u32) -> Slot {
        let history = self.histories.get(&index).copied().unwrap_or_default();
        Slot { index, attempt: history.over.saturating_add(1), launch: history.launch }
    }

    /// True when the task's state is final.
    pub(crate) fn is_final(&self, index: u32) -> bool {
        self.succeeded.contains(index) || self.failed.contains(index)
    }

    /// True when every task's state is final.
    pub(crate) fn all_final(&self) -> bool {
        self.none_waits() && self.live.is_empty()
    }

    /// True when nothing can happen before a record is written.
    pub(crate) fn only_records_are_awaited(&self) -> bool {
        let is_over = |live: &Live| matches!(live.stage, Stage::Over(..) | Stage::Ended(..));
        self.none_waits() && self.live.values().all(is_over)
    }

    fn none_waits(&self) -> bool {
        [&self.submitted, &self.pending, &self.runnable, &self.ending].iter().all(|set| set.is_empty())
    }

    /// The tasks that have no pod and are not final.
    pub(crate) fn waiting(&self) -> Intervals {
        let mut waiting = self.submitted.clone();
        waiting.extend(&self.pending);
        waiting.extend(&self.runnable);
        waiting.extend(&self.ending);
        waiting
    }

    /// Takes tasks out of those that wait.
    pub(crate) fn take_waiting(&mut self, indexes: &Intervals) {
        for set in [&mut self.submitted, &mut self.pending, &mut self.runnable, &mut self.ending] {
            set.subtract(indexes);
        }
    }

    /// Takes one task out of those that wait.
    pub(crate) fn take_one(&mut self, index: u32) {
        for set in [&mut self.submitted, &mut self.pending, &mut self.runnable, &mut self.ending] {
            set.remove(index);
        }
    }

    /// The tasks that wait for capacity, with those whose pods wait for a node.
    fn runnable_count(&self) -> u32 {
        let floating = self.live.values().filter(|live| live.floats()).count();
        self.runnable.count() + self.ending.count() + u32::try_from(floating).unwrap_or(u32::MAX)
    }

    /// The tasks in each state.
    pub(crate) fn by_state(&self) -> BTreeMap<State, Intervals> {
        let mut states: BTreeMap<State, Intervals> = BTreeMap::new();
        for (state, set) in [
            (State::Submitted, &self.submitted),
            (State::Pending, &self.pending),
            (State::Runnable, &self.runnable),
            (State::Runnable, &self.ending),
            (State::Succeeded, &self.succeeded),
            (State::Failed, &self.failed),
        ] {
            if !set.is_empty() {
                states.entry(state).or_default().extend(set);
            }
        }
        for (index, live) in &self.live {
            states.entry(live.state()).or_default().insert(*index);
        }
        states
    }

    /// How many tasks are in each state, in the order of [`State::ALL`].
    pub(crate) fn counts(&self) -> [u32; 7] {
        let live = |state| {
            u32::try_from(self.live.values().filter(|live| live.state() == state).count()).unwrap_or(u32::MAX)
        };
        [
            self.submitted.count(),
            self.pending.count(),
            self.runnable_count(),
            live(State::Starting),
            live(State::Running),
            self.succeeded.count() + live(State::Succeeded),
            self.failed.count() + live(State::Failed),
        ]
    }

    /// The most advanced state of an unfinished task.
    pub(crate) fn most_advanced(&self) -> State {
        if let Some(state) = self.live.values().map(Live::state).max() {
            // The main node may have ended, and others not yet.
            return state.min(State::Running);
        }
        if !self.runnable.is_empty() || !self.ending.is_empty() {
            State::Runnable
        } else if !self.pending.is_empty() {
            State::Pending
        } else {
            State::Submitted
        }
    }

    /// Takes out a task whose attempt is over: its pod and the attempt.
    pub(crate) fn take_over(&mut self, index: u32) -> Option<(Slot, Attempt, Option<Cause>)> {
        if !matches!(self.live.get(&index)?.stage, Stage::Over(..)) {
            return None;
        }
        let live = self.live.remove(&index)?;
        match live.stage {
            Stage::Over(attempt, cause) => Some((live.slot, attempt, cause)),
            _ => None,
        }
    }

    /// Ends every task that is not final as failed.
    pub(crate) fn fail_all(&mut self, size: u32) {
        let mut rest = Intervals::below(size);
        rest.subtract(&self.succeeded);
        self.failed.extend(&rest);
        self.take_waiting(&rest);
        self.live.clear();
        self.histories.clear();
    }
}
