//! A job in memory: what its status and records say, and what is under way.
//!
//! Nothing here is the truth: all of it can be built again from the Job, its records and its pods (`load`).

mod accept;
mod adopt;
mod ended;
mod expire;
mod flush;
mod launch;
mod live;
mod load;
mod nodes;
mod order;
mod records;
mod render;
mod settle;
mod timeout;
mod tombs;
mod verdict;

pub(crate) use adopt::{meet_pods_of, pod_is_gone, pod_was_removed};
pub(crate) use expire::outcome as expiry_outcome;
pub(crate) use flush::{Report, Urgency, job_read, take_version, write_outcome, write_status};
pub(crate) use launch::{admit, launch_outcome};
pub(crate) use live::{Stage, Tasks};
pub(crate) use load::note_unknown_nodes;
pub(crate) use nodes::{let_go_outcome, set_events_read, sets_made, swept};
pub(crate) use order::Order;
pub(crate) use records::{Chunks, record_outcome};
pub(crate) use settle::fail_waiting;
pub(crate) use timeout::{ends_by, events_read, would_end_by};
pub(crate) use verdict::Verdict;

use crate::agenda::Item;
use crate::array::Intervals;
use crate::desk::{Counted, Desk, Settings};
use crate::ids::{Name, ObjectKey, ResourceVersion, Uid};
use crate::limits::RETRY_PAUSE;
use crate::mutant::{self, Mutant};
use crate::objects::{
    DependencyStatus, JobSpec, JobStatus, Milestones, Nodes, ObservedJob, Payload, PinnedRevision,
    RetryStrategy,
};
use crate::schedule::{OrderKey, Shape, Waiting};
use crate::state::State;
use crate::time::Time;
use crate::world::{Slot, node_pod_name, node_sets_name, pod_name};
use live::Live;
use nodes::Sets;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tombs::Tombs;

/// All jobs. Each in a box of its own: a third of the places in a tree are empty, and a job is large.
pub(crate) type Jobs = BTreeMap<Uid, Box<Job>>;

/// A job that is not gone. What a waiting job does not have is in a box: there may be 100,000 of them.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) key: ObjectKey,
    pub(crate) uid: Uid,
    pub(crate) resource_version: ResourceVersion,
    /// The version the watch has told of: an answer may have told of a later one.
    pub(crate) watched: ResourceVersion,
    pub(crate) generation: i64,
    pub(crate) created_at: Time,
    /// Deletion was asked for; somebody's finalizer keeps it.
    pub(crate) deleting: bool,
    /// Git owns it: it does not expire.
    pub(crate) kept: bool,
    /// Its place among others: about the order of submission.
    pub(crate) order: OrderKey,
    pub(crate) spec: Arc<JobSpec>,
    /// What the pod builder needs of the submission.
    pub(crate) payload: Payload,
    /// A status that was not written by us, or not in this life: to be taken over before anything else.
    pub(crate) loading: Option<Box<JobStatus>>,
    /// The queue it was accepted into.
    pub(crate) queue: Option<Uid>,
    pub(crate) pinned: Option<Arc<PinnedRevision>>,
    /// The nodes of a multi-node job, once its definition is known.
    pub(crate) nodes: Option<Arc<Nodes>>,
    pub(crate) terms: Arc<Terms>,
    /// `dependsOn`, and what is known of each.
    pub(crate) dependencies: Vec<DependencyStatus>,
    /// It has to be looked whether it waits for itself.
    pub(crate) may_be_in_circle: bool,
    /// What those that wait for it were last woken for.
    pub(crate) told_dependents: (u32, u32, bool),
    pub(crate) environment: Option<Name>,
    pub(crate) milestones: Milestones,
    pub(crate) started_at: Option<Time>,
    pub(crate) stopped_at: Option<Time>,
    /// Why it does not move on, while it waits.
    pub(crate) waits_for: Option<Arc<Waiting>>,
    /// Its final state.
    pub(crate) verdict: Option<Box<Verdict>>,
    /// Its final state is confirmed to be written: others may go by it.
    pub(crate) final_is_written: bool,
    /// Children of whose failure the API server knows: others may go by it.
    pub(crate) failed_for_sure: Intervals,
    /// It is to end for a reason that is not in its spec: its pods are refused for good, or it was stuck for too long.
    pub(crate) ordered: Option<Box<Order>>,
    /// Until when pods of launches that an earlier process decided may still turn up.
    pub(crate) unsafe_until: Option<Time>,
    /// Its deletion was sent, because it has expired.
    pub(crate) expiring: bool,
    /// How the task that ended last ended.
    pub(crate) last_verdict: Option<Box<Verdict>>,
    /// Until when it stays out of line, because the API server refused its pod.
    pub(crate) held_until: Option<Time>,
    pub(crate) tasks: Tasks,
    pub(crate) chunks: Chunks,
    pub(crate) tombs: Option<Box<Tombs>>,
    pub(crate) report: Report,
    /// Children whose pod or launch changed.
    pub(crate) touched: BTreeSet<u32>,
    /// What is known of a multi-node job's StatefulSets.
    pub(crate) sets: Option<Box<Sets>>,
    /// What the queue's depth holds of it.
    pub(crate) counted: Counted,
}

/// What holds for a job once it has a queue and a revision. Jobs of one kind have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Terms {
    /// Its share, and what one of its pods takes on a host.
    pub(crate) shape: Shape,
    /// Its priority within its share.
    pub(crate) priority: u32,
    pub(crate) retry: RetryStrategy,
    pub(crate) timeout: Option<Duration>,
}

impl Job {
    /// A job as first seen; its status is taken over by [`load`].
    pub(crate) fn new(observed: ObservedJob, settings: &Settings) -> Job {
        Job {
            order: OrderKey {
                priority: Reverse(0),
                created_at: observed.created_at,
                resource_version: observed.resource_version,
                uid: observed.uid,
            },
            key: observed.key,
            uid: observed.uid,
            resource_version: observed.resource_version,
            watched: ResourceVersion(0),
            generation: observed.generation,
            created_at: observed.created_at,
            deleting: observed.deleting,
            kept: observed.kept,
            spec: observed.spec,
            payload: observed.payload,
            report: Report::stored(&observed.status),
            loading: Some(Box::new(observed.status)),
            queue: None,
            pinned: None,
            nodes: None,
            terms: Arc::default(),
            dependencies: Vec::new(),
            may_be_in_circle: true,
            told_dependents: (0, 0, false),
            environment: None,
            milestones: Milestones::default(),
            started_at: None,
            stopped_at: None,
            waits_for: None,
            verdict: None,
            final_is_written: false,
            failed_for_sure: Intervals::default(),
            ordered: None,
            unsafe_until: None,
            expiring: false,
            last_verdict: None,
            held_until: None,
            tasks: Tasks::default(),
            chunks: Chunks::new(settings.children_per_record),
            tombs: None,
            touched: BTreeSet::new(),
            sets: None,
            counted: Counted::default(),
        }
    }

    /// Number of tasks: the children of an array, the nodes of a multi-node job, 1 for a single job.
    pub(crate) fn size(&self) -> u32 {
        self.nodes.as_ref().map(|nodes| nodes.count).or(self.spec.size).unwrap_or(1)
    }

    /// How many of its tasks are placed at once, at least.
    pub(crate) fn at_once(&self) -> u32 {
        if self.nodes.is_some() { self.tasks.runnable.count() } else { 1 }
    }

    pub(crate) fn is_array(&self) -> bool {
        self.spec.size.is_some()
    }

    /// True when its tasks have records: the children of an array, or the nodes of a multi-node job.
    pub(crate) fn has_records(&self) -> bool {
        self.is_array() || self.nodes.is_some()
    }

    /// The task whose attempts are the job's, unless it is an array: the main node, or the only task.
    pub(crate) fn main(&self) -> u32 {
        self.nodes.as_ref().map_or(0, |nodes| nodes.main)
    }

    /// True for the task whose attempts are the job's: all but an array have one.
    pub(crate) fn is_main(&self, index: u32) -> bool {
        self.nodes.as_ref().is_none_or(|nodes| nodes.main == index)
    }

    /// True while it is not known how all jobs ended that it depends on.
    pub(crate) fn waits_for_others(&self) -> bool {
        self.verdict.is_none() && self.dependencies.iter().any(|entry| entry.outcome.is_none())
    }

    /// True when a pod of a node's name is not the one that was recorded for its launch.
    pub(crate) fn is_replaced_by(&self, pod: Uid, slot: Slot) -> bool {
        let live = self.tasks.live.get(&slot.index).filter(|live| live.slot == slot);
        let is_another = live.is_some_and(|live| live.pod_uid.is_some_and(|known| known != pod));
        self.nodes.is_some() && is_another
    }

    /// The name of a task's pod.
    pub(crate) fn pod_key(&self, slot: Slot) -> ObjectKey {
        let name = match &self.nodes {
            Some(nodes) => {
                let sets = node_sets_name(&self.key.name, self.uid, slot.attempt, slot.launch);
                node_pod_name(&sets, nodes, slot.index)
            }
            None => {
                let child = self.is_array().then_some(slot.index);
                pod_name(&self.key.name, self.uid, child, slot.attempt, slot.launch)
            }
        };
        ObjectKey { namespace: self.key.namespace.clone(), name }
    }

    /// Other terms hold for it from now on.
    pub(crate) fn agree(&mut self, terms: Terms, desk: &mut Desk) {
        let before = std::mem::replace(&mut self.terms, desk.terms.one(Arc::new(terms)));
        desk.terms.let_go(&before);
    }

    /// Its state as a whole: for an array the most advanced of any unfinished child (SPEC.md, Array parents).
    pub(crate) fn state(&self) -> State {
        match &self.verdict {
            Some(verdict) => verdict.state,
            None => self.tasks.most_advanced(),
        }
    }

    /// Ends the job for good, without (further) attempts.
    pub(crate) fn fail(&mut self, reason: &str, words: impl Into<Name>, desk: &mut Desk) {
        self.tasks.fail_all(self.size());
        self.finish(Verdict::failed(reason, words), desk);
    }

    /// Notes the final state.
    pub(crate) fn finish(&mut self, verdict: Verdict, desk: &mut Desk) {
        desk.lines.remove(self.queue, &self.terms.shape, self.order);
        self.waits_for = None;
        self.milestones.accepted.get_or_insert(desk.now.to_second());
        self.milestones.stalled = None;
        self.milestones.finished = Some(desk.now.to_second());
        self.verdict = Some(Box::new(verdict));
        self.report.ask(Urgency::Now);
    }

    /// Notes why the job waits; words that only tell newer numbers are written now and then.
    pub(crate) fn wait_for(&mut self, waiting: impl Into<Arc<Waiting>>, desk: &mut Desk) {
        let waiting = waiting.into();
        let news = self.waits_for.as_ref().is_none_or(|known| known.code() != waiting.code());
        let stalled = waiting.is_hopeless();
        self.milestones.accepted.get_or_insert(desk.now.to_second());
        if stalled != self.milestones.stalled.is_some() {
            self.milestones.stalled = stalled.then_some(desk.now.to_second());
        }
        if mutant::is(Mutant::ReasonNotTold) {
            return;
        }
        self.waits_for = Some(waiting);
        self.report.ask(if news { Urgency::Patient } else { Urgency::Numbers });
    }
}

/// Takes a job's status over, if that is still to be done; false while something of it is being read.
pub(crate) fn prepare(job: &mut Job, desk: &mut Desk) -> bool {
    flush::read_if_in_doubt(job, desk);
    load::load(job, desk)
}

/// Looks at a job after something changed: accepts it, carries out orders, follows its pods, writes what is new.
pub(crate) fn advance(job: &mut Job, desk: &mut Desk) {
    if job.held_until.is_some_and(|until| until <= desk.now) {
        job.held_until = None;
        desk.stand_in_line(job);
    }
    order::carry_out(job, desk);
    if job.verdict.is_none() && job.pinned.is_none() {
        accept::accept(job, desk);
    } else if job.verdict.is_none() && job.queue.is_none() {
        accept::enter_queue(job, desk);
    }
    let touched = std::mem::take(&mut job.touched);
    for index in &touched {
        adopt::review(job, *index, desk);
    }
    if !touched.is_empty() {
        // What was found just now may be what is to end.
        order::carry_out(job, desk);
    }
    if job.nodes.is_some() || job.sets.is_some() {
        nodes::tend(job, desk);
    }
    launch::order_pods(job, desk);
    records::flush_records(job, desk);
    tombs::tend(job, desk);
    desk.recount(job);
    flush::flush(job, desk);
    expire::tend(job, desk);
    let guard = desk.tombstone(&job.key.namespace);
    if let Some(at) = job.tombs.as_ref().and_then(|tombs| tombs.next_release(guard)) {
        // What could go now stands back behind other releases: it is looked at again, but not in every plan.
        let again = if at > desk.now { at } else { desk.now + RETRY_PAUSE.0 };
        desk.agenda.wake(again, Item::Job(job.uid));
    }
    tell_dependents(job, desk);
}

/// Has the jobs looked at that wait for this one, when something of it came to its end.
fn tell_dependents(job: &mut Job, desk: &mut Desk) {
    let now = (job.tasks.succeeded.count(), job.failed_for_sure.count(), job.final_is_written);
    if std::mem::replace(&mut job.told_dependents, now) != now && !mutant::is(Mutant::DependentNotWoken) {
        for dependent in desk.dependents.of_job(job.uid) {
            desk.agenda.mark(Item::Job(dependent));
        }
    }
}
