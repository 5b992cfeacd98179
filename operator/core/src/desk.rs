//! All that decisions about one job read and change besides the job itself.

use crate::agenda::{Agenda, Item};
use crate::catalog::{DEPTH_STATES, Definition, Environment, Queue, Revisions};
use crate::dependency::Dependents;
use crate::finding::Finding;
use crate::ids::{Name, ObjectKey, Uid};
use crate::job::{Job, Terms};
use crate::limits::{
    CHILDREN_PER_RECORD, IDLE_LIMIT, PAUSE_BETWEEN_SURVEYS, RELEASES_FOR_GONE, RELEASES_PER_PLAN,
    START_LIMIT, TIME_TO_LIVE, TOMBSTONE,
};
use crate::mutant::{self, Mutant};
use crate::objects::{JobSpec, MachineType, ObservedPod, ObservedPolicy, PinnedRevision, PodPhase, TaskPod};
use crate::outbox::Outbox;
use crate::schedule::{Head, Lines, OrderKey, Part, Reservations, Shape, Shares, Waiting};
use crate::state::State;
use crate::time::Time;
use crate::units::{GPUS, Resources};
use crate::world::{
    Claim, Floating, Gone, Hosts, MachineDeployments, Machines, NodeClasses, Pods, Registry, Shared,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What an administrator sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// All admission is switched off: what runs goes on, nothing new starts (DESIGN.md, rule 15).
    pub paused: bool,
    /// Children one JobRecord holds; smaller only in the simulator, so that small arrays have several.
    pub children_per_record: u32,
    /// How long an attempt may take from its host to a running container (SPEC.md, Attempts).
    pub start_limit: Duration,
    /// How long a finished Job is kept that does not say so itself (SPEC.md J8).
    pub time_to_live: Duration,
    /// How long a machine stays idle before it goes, where its environment does not say so itself.
    pub idle_limit: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            paused: false,
            children_per_record: CHILDREN_PER_RECORD,
            start_limit: START_LIMIT,
            time_to_live: TIME_TO_LIVE,
            idle_limit: IDLE_LIMIT,
        }
    }
}

/// What the totals hold of one job.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    queue: Option<Uid>,
    /// Its share of a fair-share queue.
    share: Option<Name>,
    /// What its placed tasks take on their hosts.
    taken: Resources,
    /// Its tasks in each of [`DEPTH_STATES`].
    depth: [u32; DEPTH_STATES.len()],
    placed: BTreeMap<Name, u64>,
    /// Unfinished tasks, once it is accepted.
    unfinished: Option<u32>,
}

impl Counted {
    /// What the totals of its share hold of it.
    pub(crate) fn part(&self) -> Option<(Uid, &Name, Part)> {
        let runnable = self.in_states().find(|(state, _)| *state == State::Runnable);
        let part = Part {
            used: self.taken.cpu_millis,
            runnable: runnable.map_or(0, |(_, number)| number),
            unfinished: self.in_states().map(|(_, number)| number).sum(),
        };
        Some((self.queue?, self.share.as_ref()?, part))
    }

    fn in_states(&self) -> impl Iterator<Item = (State, u64)> {
        let numbers = DEPTH_STATES.into_iter().zip(self.depth);
        numbers.filter(|(_, number)| *number > 0).map(|(state, number)| (state, number.into()))
    }
}

/// Everything but the jobs.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) now: Time,
    pub(crate) settings: Settings,
    pub(crate) hosts: Hosts,
    /// Pods that wait for nodes of somebody else's autoscaler.
    pub(crate) floating: Floating,
    /// When the latest list of pods was complete; `None` until the next plan after it.
    pub(crate) pods_listed_at: Option<Time>,
    pub(crate) machines: Machines,
    pub(crate) node_classes: NodeClasses,
    /// Machines that can be had, by name.
    pub(crate) machine_types: BTreeMap<Name, MachineType>,
    pub(crate) deployments: MachineDeployments,
    pub(crate) gone: Gone,
    pub(crate) pods: Pods,
    pub(crate) policies: Registry<ObservedPolicy>,
    pub(crate) queues: Registry<Queue>,
    pub(crate) environments: Registry<Environment>,
    pub(crate) definitions: Registry<Definition>,
    pub(crate) revisions: Revisions,
    /// What jobs ask for, and the revisions they run with.
    pub(crate) specs: Shared<JobSpec>,
    pub(crate) pins: Shared<PinnedRevision>,
    pub(crate) terms: Shared<Terms>,
    pub(crate) terminating_namespaces: BTreeSet<Name>,
    /// A list of the jobs is under way: those not told of yet are not missing.
    pub(crate) jobs_are_being_listed: bool,
    /// Jobs by name, and who waits for whom.
    pub(crate) dependents: Dependents,
    pub(crate) lines: Lines,
    /// What the shares of fair-share queues use.
    pub(crate) shares: Shares,
    /// Room kept for jobs that wait first.
    pub(crate) reservations: Reservations,
    /// The job that waits first in each queue.
    pub(crate) heads: BTreeMap<Uid, Head>,
    /// What each line was last told about why it waits; its jobs share it.
    pub(crate) told: BTreeMap<(Uid, Shape), Arc<Waiting>>,
    pub(crate) agenda: Agenda,
    pub(crate) outbox: Outbox,
    pub(crate) findings: Vec<Finding>,
    /// Launches decided and not answered yet.
    pub(crate) launching: BTreeSet<(Uid, u32)>,
    /// A pass stopped because too many launches were under way.
    pub(crate) pass_is_owed: bool,
    /// Multi-node jobs with nodes on hosts that only their records tell, and since when these are being read.
    pub(crate) nodes_unknown: BTreeMap<Uid, Time>,
    /// Jobs whose status only tells why they wait: written when nothing else is to be.
    pub(crate) patient: BTreeSet<(OrderKey, Uid)>,
    pub(crate) patient_under_way: usize,
    pub(crate) releases_under_way: usize,
    /// Pods whose deletion was asked for.
    pub(crate) deleting: BTreeSet<Uid>,
    /// Pods the API server is asked about, because nothing was heard of them.
    pub(crate) asked_for: BTreeSet<Uid>,
    /// Hosts that the API server is asked about, because no watch has told of them.
    pub(crate) looked_for: BTreeSet<Name>,
    /// Unfinished jobs and children of each queue, by state.
    pub(crate) depth: BTreeMap<Uid, BTreeMap<State, u64>>,
    /// What the jobs of each queue that have a host take there.
    pub(crate) used: BTreeMap<Uid, Resources>,
    /// Tasks given to a host, by environment.
    pub(crate) placed: BTreeMap<Name, u64>,
    /// Accepted jobs that are not finished, and their unfinished tasks.
    unfinished: (usize, u64),
    surveyed_at: Option<Time>,
    pub(crate) survey_at: Option<Time>,
}

impl Desk {
    /// Puts a job in line if it has tasks to give to a host.
    pub(crate) fn stand_in_line(&mut self, job: &mut Job) {
        let held = job.held_until.is_some_and(|until| until > self.now);
        let Some(queue) = job.queue else { return };
        if job.verdict.is_some() || job.tasks.runnable.is_empty() || job.pinned.is_none() || held {
            self.lines.remove(job.queue, &job.terms.shape, job.order);
            return;
        }
        let is_first = self.lines.of(queue).is_none_or(|line| !line.contains_key(&job.terms.shape));
        if is_first {
            self.told.remove(&(queue, job.terms.shape.clone()));
        }
        if self.lines.insert(queue, job.terms.shape.clone(), job.order) {
            self.agenda.mark(Item::Schedule);
            if let Some(waiting) = self.told.get(&(queue, job.terms.shape.clone())).cloned() {
                job.wait_for(waiting, self);
            }
        }
    }

    /// Takes a job that is gone out of everything.
    pub(crate) fn forget_job(&mut self, job: &Job) {
        self.lines.remove(job.queue, &job.terms.shape, job.order);
        self.patient.remove(&(job.order, job.uid));
        self.nodes_unknown.remove(&job.uid);
        self.forget_count(&job.counted);
        self.let_go_of_dependencies(job);
        self.specs.let_go(&job.spec);
        self.terms.let_go(&job.terms);
        job.pinned.iter().for_each(|pinned| self.pins.let_go(pinned));
        for (index, live) in &job.tasks.live {
            self.launching.remove(&(job.uid, *index));
            self.take_claim_back(&job.pod_key(live.slot));
        }
        let unloaded = job.loading.as_ref().and_then(|status| status.pinned.as_ref());
        if let Some(pinned) = job.pinned.as_ref().or(unloaded) {
            self.agenda.mark(Item::Revision(pinned.uid));
        }
    }

    /// A job waits for others no more.
    pub(crate) fn let_go_of_dependencies(&mut self, job: &Job) {
        for entry in &job.dependencies {
            match (&entry.pinned, entry.on.job()) {
                (Some((_, uid)), _) => self.dependents.done_with(*uid, job.uid),
                (None, Some(reference)) => {
                    let (namespace, name) = (job.key.namespace.clone(), reference.name.clone());
                    self.dependents.done_with_name(&ObjectKey { namespace, name }, job.uid);
                }
                (None, None) => {}
            }
        }
    }

    /// Accepted jobs that are not finished.
    pub(crate) const fn unfinished_jobs(&self) -> usize {
        self.unfinished.0
    }

    /// Their unfinished tasks.
    pub(crate) const fn unfinished_tasks(&self) -> u64 {
        self.unfinished.1
    }

    /// True when the hosts of an environment of this name are made for it and nobody else.
    pub(crate) fn is_ours_alone(&self, environment: &Name) -> bool {
        let mut managed =
            self.environments_called(environment).filter_map(|found| found.observed.managed.as_ref());
        managed.any(|managed| managed.backend.keeps_others_off())
    }

    /// What GPUs are called in the environment of this name.
    pub(crate) fn gpu_resource(&self, environment: &Name) -> Name {
        let found = self.environments_called(environment).next();
        found.map_or_else(|| Name::from(GPUS), |found| found.observed.gpu_resource.clone())
    }

    fn environments_called(&self, name: &Name) -> impl Iterator<Item = &Environment> {
        self.environments.iter().filter(move |found| found.display_name() == name)
    }

    /// The environment of this name, if its hosts are added by somebody else's autoscaler.
    pub(crate) fn autoscaled(&self, environment: &Name) -> Option<&Environment> {
        self.environments_called(environment).find(|found| found.observed.autoscaled.is_some())
    }

    /// True once for a job that waited to see this definition as the API server has it.
    pub(crate) fn take_fresh_definition(&mut self, job: Uid, definition: Uid) -> bool {
        self.definitions.get_mut(definition).is_some_and(|definition| definition.take_served(job))
    }

    /// Has a definition read for a job.
    pub(crate) fn read_definition_for(&mut self, job: Uid, definition: Uid) {
        if let Some(known) = self.definitions.get_mut(definition) {
            known.ask(job);
            self.agenda.mark(Item::Definition(definition));
        }
    }

    /// Takes a pod in: the room it uses on its host, and if it is one of ours, its task.
    pub(crate) fn take_pod(&mut self, pod: ObservedPod) {
        if self.gone.has(pod.uid) && !mutant::is(Mutant::GoneComesBack) {
            return;
        }
        if self.pods.has_later(&pod) {
            // A late answer: what it used then it may have given back.
            return;
        }
        self.claim_for(&pod);
        if let Some((job, slot)) = self.pods.put(pod) {
            self.agenda.mark(Item::Task(job, slot.index));
        }
    }

    /// Has a pod claim the room it uses, or the node it waits for: none once it is over, or when it was deleted before it had a
    /// host.
    fn claim_for(&mut self, pod: &ObservedPod) {
        let never_bound = pod.deleting && (pod.host.is_none() || mutant::is(Mutant::TerminatingUsesNothing));
        let counts = pod.phase == PodPhase::Active && !never_bound;
        match (pod.place(), pod.floats_in()) {
            // What a node was given is kept for it until its pod is let go, or its launch is over.
            (None, _) if pod.task.as_ref().is_some_and(|task| task.gated) => {}
            (Some(host), _) if counts => {
                let is_bound = pod.host.is_some() && self.floating.end_binding(&pod.key);
                let came_to_rest = self.floating.remove(&pod.key) || is_bound;
                let was_pinned = |task: &TaskPod| !task.admitted_to.is_empty();
                if mutant::is(Mutant::BoundHostNotClaimed) && !pod.task.as_ref().is_some_and(was_pinned) {
                    return;
                }
                let task = pod.task.as_ref().map(|task| (task.job, task.index));
                let alone = pod.task.as_ref().is_some_and(|task| task.alone);
                let claim = Claim { need: pod.requests.clone(), task, alone };
                if self.hosts.claim(host, &pod.key, &claim) || came_to_rest {
                    self.capacity_changed();
                }
            }
            (None, Some(environment)) if counts => {
                self.floating.put(&pod.key, environment, pod.requests.clone(), self.now);
            }
            _ => self.give_back(&pod.key),
        }
    }

    /// A launch is taken back: what its pod claims is up to the pod, if there is one.
    pub(crate) fn take_claim_back(&mut self, key: &ObjectKey) {
        let is_gated = |pod: &ObservedPod| pod.task.as_ref().is_some_and(|task| task.gated);
        match self.pods.by_key(key).filter(|pod| !is_gated(pod)).cloned() {
            Some(pod) => self.claim_for(&pod),
            None => self.give_back(key),
        }
    }

    /// A pod uses its host no more.
    pub(crate) fn give_back(&mut self, pod: &ObjectKey) {
        let (floated, was_awaited) = (self.floating.remove(pod), self.floating.end_binding(pod));
        if self.hosts.unclaim(pod) || floated || was_awaited {
            self.capacity_changed();
        }
    }

    /// Room may have become free, or more of it.
    pub(crate) fn capacity_changed(&mut self) {
        if mutant::is(Mutant::FreedRoomUnnoticed) {
            return;
        }
        self.agenda.mark(Item::Schedule);
        self.numbers_changed();
    }

    /// Numbers in the status of queues and environments are out of date.
    pub(crate) fn numbers_changed(&mut self) {
        let earliest = self.surveyed_at.map_or(self.now, |at| at + PAUSE_BETWEEN_SURVEYS);
        self.survey_at.get_or_insert(earliest.max(self.now));
    }

    /// Has all queues and environments looked at, if it is time.
    pub(crate) fn survey(&mut self) {
        if self.survey_at.is_some_and(|at| at <= self.now) {
            self.survey_at = None;
            self.surveyed_at = Some(self.now);
            self.tend_catalog();
        }
    }

    /// Has all queues and environments looked at.
    pub(crate) fn tend_catalog(&mut self) {
        for uid in self.environments.uids() {
            self.agenda.mark(Item::Environment(uid));
        }
        for uid in self.queues.uids() {
            self.agenda.mark(Item::Queue(uid));
        }
    }

    /// True while one more pod of a Job that is gone may be released.
    pub(crate) const fn may_release_of_gone(&self) -> bool {
        self.releases_under_way < RELEASES_PER_PLAN
    }

    /// True while one more finished pod of a Job that is there may be released.
    pub(crate) const fn may_release(&self) -> bool {
        self.releases_under_way + RELEASES_FOR_GONE < RELEASES_PER_PLAN
    }

    /// How long a finished pod guards its name. Where the namespace is being deleted nothing can be created any more: every
    /// name is safe, and the namespace waits for its pods before it deletes anything else.
    pub(crate) fn tombstone(&self, namespace: &Name) -> Duration {
        if mutant::is(Mutant::TombstoneTooShort) {
            return Duration::from_secs(1);
        }
        if self.terminating_namespaces.contains(namespace) { Duration::ZERO } else { TOMBSTONE }
    }

    /// Brings the totals in line with a job.
    pub(crate) fn recount(&mut self, job: &mut Job) {
        let now = count(job);
        if now == job.counted {
            return;
        }
        let before = std::mem::replace(&mut job.counted, now);
        self.forget_count(&before);
        let now = &job.counted;
        if let Some(queue) = now.queue.or(before.queue).filter(|_| now.taken != before.taken) {
            self.share_use_changed(queue);
        }
        if let Some(queue) = now.queue {
            let depth = self.depth.entry(queue).or_default();
            for (state, number) in now.in_states() {
                *depth.entry(state).or_default() += number;
            }
            let used = self.used.entry(queue).or_default();
            *used = used.plus(&now.taken);
        }
        self.count_share(now, false);
        if let Some(tasks) = now.unfinished {
            self.unfinished = (self.unfinished.0 + 1, self.unfinished.1 + u64::from(tasks));
        }
        for (environment, number) in &now.placed {
            *self.placed.entry(environment.clone()).or_default() += number;
        }
        self.numbers_changed();
    }

    /// What is kept for shares of which nothing runs depends on what runs: more of it may be open now.
    fn share_use_changed(&mut self, queue: Uid) {
        if self.policy_of(queue).is_some_and(|policy| policy.reservation > 0) {
            self.agenda.mark(Item::Schedule);
        }
    }

    /// Adds a job to the totals of its share, or takes it out.
    fn count_share(&mut self, counted: &Counted, is_before: bool) {
        let Some((queue, share, part)) = counted.part() else { return };
        if self.queues.get(queue).is_some() || self.shares.knows(queue) {
            let parts = if is_before { (part, Part::default()) } else { (Part::default(), part) };
            let (now, window) = (self.now, self.window_of(queue));
            self.shares.change(queue, share, parts, now, window);
        }
    }

    /// Takes a job out of the totals.
    pub(crate) fn forget_count(&mut self, counted: &Counted) {
        if let Some(depth) = counted.queue.and_then(|queue| self.depth.get_mut(&queue)) {
            for (state, number) in counted.in_states() {
                if let Some(total) = depth.get_mut(&state) {
                    *total = total.saturating_sub(number);
                }
            }
            depth.retain(|_, total| *total > 0);
        }
        if let Some(used) = counted.queue.and_then(|queue| self.used.get_mut(&queue)) {
            *used = used.minus(&counted.taken);
        }
        self.count_share(counted, true);
        if let Some(tasks) = counted.unfinished {
            let (jobs, all) = self.unfinished;
            self.unfinished = (jobs.saturating_sub(1), all.saturating_sub(tasks.into()));
        }
        for (environment, number) in &counted.placed {
            if let Some(total) = self.placed.get_mut(environment) {
                *total = total.saturating_sub(*number);
            }
        }
    }
}

/// What the totals are to hold of a job.
pub(crate) fn count(job: &Job) -> Counted {
    if job.verdict.is_some() {
        return Counted::default();
    }
    let counts = job.tasks.counts();
    let of = |state| State::ALL.into_iter().zip(counts).find(|(other, _)| *other == state);
    let depth = DEPTH_STATES.map(|state| of(state).map_or(0, |(_, number)| number));
    let unfinished = depth.iter().sum();
    let mut placed = BTreeMap::new();
    let placed_now = || job.tasks.live.values().filter(|live| !live.has_ended());
    for live in placed_now() {
        *placed.entry(live.environment.clone()).or_default() += 1;
    }
    Counted {
        queue: job.queue,
        share: job.queue.and(Some(&job.terms.shape.share)).filter(|share| !share.is_empty()).cloned(),
        taken: job.terms.shape.need.times(placed_now().count() as u64),
        depth,
        placed,
        unfinished: job.pinned.as_ref().map(|_| unfinished),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_pods_leave_room_for_the_release_of_those_whose_job_is_gone() {
        let mut desk = Desk::default();
        while desk.may_release() {
            desk.releases_under_way += 1;
        }
        for _ in 0..RELEASES_FOR_GONE {
            assert!(desk.may_release_of_gone(), "{} under way", desk.releases_under_way);
            desk.releases_under_way += 1;
        }
        assert!(!desk.may_release_of_gone());
    }
}
