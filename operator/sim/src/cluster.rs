//! The whole model: API server, hosts, users and operators, and the clock that moves them.

use crate::autoscaler::Autoscaler;
use crate::backend::Backends;
use crate::coverage::{About, Coverage};
use crate::faults::Faults;
use crate::kubelet::Kubelet;
use crate::operator::{LateRequest, Operator};
use crate::plan::Size;
use crate::store::PodRefusal;
use crate::store::Store;
use crate::truth::Truth;
use crate::{autoscaler, backend, collector, kubelet, node_sets, operator, scheduler, users, worst};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use windlass_core::ids::{Name, ObjectKey};
use windlass_core::time::Time;

/// A model cluster in the middle of a run.
pub struct Cluster {
    /// The source of all chance in the run.
    pub rng: Rng,
    /// The faults of the run; none once it is to come to rest.
    pub faults: Faults,
    /// The true time.
    pub now: Time,
    /// The API server.
    pub store: Store,
    /// What really ran.
    pub truth: Truth,
    /// One per host that ever was.
    pub kubelets: BTreeMap<Name, Kubelet>,
    /// Who makes machines.
    pub backends: Backends,
    /// Who adds nodes for pods that wait.
    pub autoscaler: Autoscaler,
    /// Those that believe to be the leader.
    pub operators: Vec<Operator>,
    /// Requests on their way.
    pub late: Vec<LateRequest>,
    /// What admission says of new pods now.
    pub refusal: PodRefusal,
    /// One line an event, when asked for.
    pub transcript: Option<Vec<String>>,
    /// What containers exit with, by job, child and attempt; all others by chance (or 0, in a scenario).
    pub exit_codes: BTreeMap<(Name, u32, u8), i32>,
    /// True in a scenario: nothing is left to chance.
    pub scripted: bool,
    /// Jobs, or their tasks (`JOB:INDEX`), whose containers run on until somebody lets them end.
    pub held_jobs: BTreeSet<Name>,
    /// Jobs, or their tasks, whose containers cannot be started (in a scenario).
    pub broken_jobs: BTreeSet<Name>,
    /// Since when there are no faults.
    pub calm_since: Option<Time>,
    /// One of the queues is a fair-share queue.
    pub is_fair: bool,
    /// All admission is paused.
    pub paused: bool,
    /// Jobs users have made.
    pub jobs_made: u32,
    /// How large it may get.
    pub size: Size,
    /// Steps made.
    pub steps: u64,
    /// The number of the step that is made; none before and after those under faults.
    pub step: Option<u32>,
    /// Rounds made without faults.
    pub rounds: u64,
    /// What was met.
    pub coverage: Coverage,
}

impl Cluster {
    /// A cluster with hosts, a queue, an environment and a definition, and operators that have just started.
    pub fn new(rng: Rng, faults: Faults, size: Size, transcript: bool) -> Cluster {
        let mut cluster = Cluster::bare(rng, faults, transcript);
        cluster.scripted = false;
        cluster.size = size;
        users::furnish(&mut cluster);
        if cluster.rng.u64(0..4) > 0 {
            cluster.begin_amid_work();
        }
        cluster
    }

    /// Operators know the cluster, and some jobs are under way: else most steps would go by before anything can go wrong.
    fn begin_amid_work(&mut self) {
        for _ in 0..self.rng.u32(0..=4) {
            users::submit(self);
        }
        let rounds = self.rng.u32(1..=16);
        self.rest_before(self.now + Duration::from_secs(60), rounds);
        self.tell(|| "-- the faults begin".to_owned());
    }

    /// When every run begins.
    pub const BEGINNING: Time = Time::from_seconds(1_000_000);

    /// Later than anything happens.
    pub const NEVER: Time = Time::from_millis(i64::MAX);

    /// A cluster with nothing in it but operators that have just started.
    pub fn bare(mut rng: Rng, faults: Faults, transcript: bool) -> Cluster {
        let operators =
            (0..faults.operators).map(|number| Operator::new(number, &faults, &mut rng)).collect();
        let mut store = Store::default();
        store.namespaces.insert("default".into(), false);
        Cluster {
            rng,
            faults,
            now: Cluster::BEGINNING,
            store,
            truth: Truth::default(),
            kubelets: BTreeMap::new(),
            backends: Backends::default(),
            autoscaler: Autoscaler::default(),
            operators,
            late: Vec::new(),
            refusal: None,
            transcript: transcript.then(Vec::new),
            exit_codes: BTreeMap::new(),
            scripted: true,
            held_jobs: BTreeSet::new(),
            broken_jobs: BTreeSet::new(),
            calm_since: None,
            is_fair: false,
            paused: false,
            jobs_made: 0,
            size: Size::FULL,
            steps: 0,
            step: None,
            rounds: 0,
            coverage: Coverage::default(),
        }
    }

    /// True in so many of a thousand cases. Takes as much from the source of chance when it never is, so that a fault that is
    /// left out does not change what else happens.
    pub fn chance(&mut self, thousandths: u64) -> bool {
        self.rng.u64(0..1000) < thousandths
    }

    /// Notes that something was met.
    pub fn note(&mut self, about: About, what: &'static str) {
        self.coverage.note(about, what);
    }

    /// True while some machine cannot be had, or never comes.
    pub fn is_short_of_machines(&self) -> bool {
        backend::is_short(self)
    }

    /// Adds a line to the transcript.
    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript {
            let step = self.step.map_or_else(String::new, |step| step.to_string());
            transcript.push(format!("{step:>5} {} {}", self.now, line()));
        }
    }

    /// Something happens somewhere.
    pub fn step(&mut self, number: u32) {
        self.steps += 1;
        self.step = Some(number);
        self.now = self.now + Duration::from_millis(self.rng.u64(0..=60));
        // What is said of machines holds for minutes, and is done in seconds.
        let (chance, most) = if self.faults.managed { (6, 50_000) } else { (15, 20_000) };
        if self.chance(chance) {
            self.now = self.now + Duration::from_millis(self.rng.u64(0..most));
        }
        operator::land_late_requests(self);
        match self.rng.u64(0..100) {
            0..60 => operator::act(self),
            60..67 if self.faults.managed => backend::act(self),
            67..70 if self.faults.managed => autoscaler::act(self),
            60..84 => kubelet::act(self),
            84..87 if self.faults.multi_node > 0 => node_sets::act(self),
            84..91 => scheduler::act(self),
            91..94 => collector::act(self),
            _ => users::act(self),
        }
        backend::sweep(self);
    }

    /// The faults stop: from now on everything must come to rest.
    pub fn calm_down(&mut self) {
        self.step = None;
        self.calm_since = Some(self.now);
        backend::calm_down(self);
        autoscaler::calm_down(self);
        let Faults { operators, managed, gpus, sieges, multi_node, .. } = self.faults;
        self.faults = Faults { operators, managed, gpus, sieges, multi_node, ..Faults::none() };
        self.refusal = None;
        self.store.machine_refusal = None;
        users::calm_down(self);
        kubelet::calm_down(self);
        let leader = self.operators.remove(0);
        self.operators = vec![leader];
        worst::pause(self, false);
        self.tell(|| "-- the faults stop".to_owned());
    }

    /// Runs without faults until nothing happens any more, or for so many rounds; true when all came to rest.
    pub fn settle(&mut self, rounds: u32) -> bool {
        self.rest_before(Cluster::NEVER, rounds)
    }

    /// Kubernetes' garbage collector and namespace controller do all there is for them to do. True when there was anything.
    pub fn collect_garbage(&mut self) -> bool {
        let mut busy = false;
        while collector::collect_garbage(self) {
            busy = true;
        }
        busy
    }

    /// The pod garbage collector looks at a pod. True when it had to do something about it.
    pub fn look_at_pod(&mut self, key: &ObjectKey) -> bool {
        collector::look_at_pod(self, key)
    }

    /// Runs without faults until this time; true when all came to rest before.
    pub fn run_until(&mut self, end: Time, rounds: u32) -> bool {
        let rested = self.rest_before(end, rounds);
        self.now = self.now.max(end);
        rested
    }

    /// Runs without faults until nothing happens any more, or nothing before this time; true when it came to that.
    pub fn rest_before(&mut self, end: Time, rounds: u32) -> bool {
        (0..rounds).any(|_| self.round(end))
    }

    /// Everybody does all there is to do, then time passes until there is something again. True when there is nothing before
    /// `end`.
    pub fn round(&mut self, end: Time) -> bool {
        self.rounds += 1;
        operator::land_late_requests(self);
        let mut busy = operator::run_to_rest(self);
        busy |= node_sets::run_to_rest(self);
        busy |= scheduler::run_to_rest(self);
        busy |= backend::run_to_rest(self);
        busy |= autoscaler::run_to_rest(self);
        busy |= kubelet::run_to_rest(self);
        busy |= collector::run_to_rest(self);
        if busy {
            self.now = self.now + Duration::from_millis(20);
            return false;
        }
        let wakes = self.operators.iter().filter_map(|operator| operator.next_wake(self.now));
        let wakes = wakes.chain(kubelet::next_wake(self)).chain(backend::next_wake(self));
        let wakes = wakes.chain(autoscaler::next_wake(self));
        let Some(wake) = wakes.chain(self.late.iter().map(|late| late.lands_at)).min() else {
            return true;
        };
        if wake >= end {
            return true;
        }
        self.now = wake.max(self.now + Duration::from_millis(1));
        false
    }
}
