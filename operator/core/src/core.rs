//! The two doors of the core: events in, plans out.

use crate::action::Action;
use crate::agenda::Item;
use crate::catalog::{DEPTH_STATES, tend_definition, tend_environment, tend_queue, tend_revision};
use crate::dependency::{apply, cycle_through, look};
use crate::desk::{Desk, Settings};
use crate::event::Event;
use crate::finding::Finding;
use crate::ghosts::{Ghosts, tend_ghost};
use crate::ids::{ActionId, Name, Uid};

use crate::job::{Jobs, advance, meet_pods_of, prepare, write_status};
use crate::limits::{JOBS_PER_PLAN, LAUNCHES_UNDER_WAY, PATIENT_WRITES};
use crate::lists::Lists;
use crate::objects::MachineType;
use crate::outcomes::take_outcome;
use crate::schedule::pass;
use crate::state::State;
use crate::time::Time;

/// What is to be done now.
#[derive(Debug, Default)]
pub struct Plan {
    /// Requests to make; each is answered by an [`Event::Outcome`].
    pub actions: Vec<(ActionId, Action)>,
    /// When to plan again even if no event comes; at once when it is not later than now.
    pub next_wake: Option<Time>,
    /// What was noticed.
    pub findings: Vec<Finding>,
}

/// The decisions of one operator process.
#[derive(Debug, Default)]
pub struct Core {
    pub(crate) jobs: Jobs,
    pub(crate) desk: Desk,
    pub(crate) ghosts: Ghosts,
    pub(crate) lists: Lists,
}

impl Core {
    /// A core that knows nothing yet.
    pub fn new(settings: Settings) -> Core {
        let mut core = Core::default();
        core.desk.settings = settings;
        core
    }

    /// Changes what an administrator sets.
    pub fn set(&mut self, settings: Settings) {
        self.desk.settings = settings;
        self.desk.capacity_changed();
        self.desk.tend_catalog();
    }

    /// Says which machines can be had.
    pub fn know_machine_types(&mut self, types: Vec<MachineType>) {
        self.desk.machine_types = types.into_iter().map(|found| (found.name.clone(), found)).collect();
        self.desk.capacity_changed();
        self.desk.tend_catalog();
    }

    /// Takes one event in.
    pub fn observe(&mut self, event: Event) {
        self.note_listed(&event);
        match event {
            Event::ListStarted(kind) => self.start_list(kind),
            Event::ListEnded(kind) => self.end_list(kind),
            Event::Namespace(name, true) => self.namespace_ends(name),
            Event::Namespace(name, false) | Event::NamespaceGone(name) => self.namespace_opens(&name),
            Event::Host(host) => self.take_host(*host),
            Event::HostGone(name) => self.host_gone(&name),
            Event::Machine(machine) => self.take_machine(*machine),
            Event::MachineGone(uid) => self.machine_gone(uid),
            Event::NodeClass(class) => self.take_node_class(*class),
            Event::NodeClassGone(uid) => self.node_class_gone(uid),
            Event::MachineDeployment(deployment) => self.take_machine_deployment(*deployment),
            Event::MachineDeploymentGone(uid) => self.machine_deployment_gone(uid),
            Event::Environment(environment) => self.take_environment(*environment),
            Event::EnvironmentGone(uid) => self.environment_gone(uid),
            Event::Policy(policy) => self.take_policy(*policy),
            Event::PolicyGone(uid) => self.policy_gone(uid),
            Event::Queue(queue) => self.take_queue(*queue),
            Event::QueueGone(uid) => self.queue_gone(uid),
            Event::Definition(definition) => self.take_definition(*definition),
            Event::DefinitionGone(uid) => self.definition_gone(uid),
            Event::Revision(revision) => self.take_revision(*revision),
            Event::RevisionGone(uid) => self.revision_gone(uid),
            Event::Job(job) => {
                let (uid, version) = (job.uid, job.resource_version);
                self.take_job(*job);
                self.job_watched(uid, version);
            }
            Event::JobGone(uid) => self.job_gone(uid),
            Event::Pod(pod) => self.desk.take_pod(*pod),
            Event::PodGone(key, uid) => self.pod_gone(&key, Some(uid)),
            Event::Outcome(id, outcome) => take_outcome(self, id, outcome),
        }
    }

    /// Works out what is to be done. Bounded: what is left over is asked for by `next_wake`.
    pub fn plan(&mut self, now: Time) -> Plan {
        self.desk.now = self.desk.now.max(now);
        if !self.lists.are_complete() {
            return Plan { findings: std::mem::take(&mut self.desk.findings), ..Plan::default() };
        }
        self.desk.pods_listed_at.get_or_insert(self.desk.now);
        self.desk.agenda.fall_due(self.desk.now);
        if self.desk.pass_is_owed {
            self.desk.agenda.mark(Item::Schedule);
        }
        self.desk.survey();
        for _ in 0..JOBS_PER_PLAN {
            let Some(item) = self.desk.agenda.take() else { break };
            self.tend(item);
        }
        self.write_patient_statuses();
        let next_wake = if self.desk.agenda.is_busy() { Some(self.desk.now) } else { self.next_wake() };
        Plan {
            actions: self.desk.outbox.hand_out(),
            next_wake,
            findings: std::mem::take(&mut self.desk.findings),
        }
    }

    /// Hosts and shares whose use, added up anew, is not what decisions go by: always 0 (DESIGN.md, rule 7).
    pub fn drift(&self) -> usize {
        self.desk.hosts.drift()
            + self.desk.shares.drift(self.jobs.values().filter_map(|job| job.counted.part()))
    }

    /// Numbers for metrics.
    pub fn summary(&self) -> Summary {
        let depth = self.desk.queues.iter().flat_map(|queue| {
            let depth = self.desk.depth.get(&queue.observed.uid);
            let states = DEPTH_STATES.into_iter();
            states.map(move |state| {
                (
                    queue.observed.name.clone(),
                    state,
                    depth.and_then(|depth| depth.get(&state)).copied().unwrap_or(0),
                )
            })
        });
        Summary { depth: depth.collect(), drift: self.drift() }
    }

    fn next_wake(&self) -> Option<Time> {
        self.desk.agenda.next_wake().into_iter().chain(self.desk.survey_at).min()
    }

    fn tend(&mut self, item: Item) {
        let Core { jobs, desk, ghosts, .. } = self;
        match item {
            Item::Job(uid) => tend_job(uid, jobs, desk),
            Item::Task(uid, index) => match jobs.get_mut(&uid) {
                Some(job) => {
                    meet_pods_of(job, index, desk);
                    desk.agenda.mark(Item::Job(uid));
                }
                None => ghosts.meet(uid, desk),
            },
            Item::Ghost(uid) => tend_ghost(uid, ghosts, desk),
            Item::Definition(uid) => tend_definition(uid, desk),
            Item::Revision(uid) => tend_revision(uid, jobs, desk),
            Item::Queue(uid) => tend_queue(uid, jobs, desk),
            Item::Environment(uid) => tend_environment(uid, jobs, desk),
            Item::Schedule => pass(jobs, desk),
        }
    }

    /// Writes why jobs wait, a few at a time, and only while launches leave the API server time for it.
    fn write_patient_statuses(&mut self) {
        let busy = self.desk.launching.len() > LAUNCHES_UNDER_WAY / 8;
        let allowed = if busy { 1 } else { PATIENT_WRITES };
        while self.desk.patient_under_way < allowed {
            let Some((_, uid)) = self.desk.patient.pop_first() else { return };
            if let Some(job) = self.jobs.get_mut(&uid) {
                write_status(job, &mut self.desk);
            }
        }
    }
}

/// Looks at a job: at those it depends on first, which takes a look at the others.
fn tend_job(uid: Uid, jobs: &mut Jobs, desk: &mut Desk) {
    let Some(job) = jobs.get_mut(&uid) else { return };
    if !prepare(job, desk) {
        return;
    }
    if job.verdict.is_none() && !job.dependencies.is_empty() {
        wait_for_others(uid, jobs, desk);
    }
    if let Some(job) = jobs.get_mut(&uid) {
        advance(job, desk);
    }
}

fn wait_for_others(uid: Uid, jobs: &mut Jobs, desk: &mut Desk) {
    let Some(sights) = jobs.get(&uid).map(|job| look(job, jobs, desk)) else { return };
    let Some(job) = jobs.get_mut(&uid) else { return };
    let is_news = apply(job, sights, desk);
    if !std::mem::take(&mut job.may_be_in_circle) && !is_news {
        return;
    }
    if let Some(mut circle) = cycle_through(uid, jobs) {
        circle.extend(circle.first().cloned());
        let circle: Vec<&str> = circle.iter().map(Name::as_str).collect();
        let words = format!("it depends on itself: {}", circle.join(" → "));
        if let Some(job) = jobs.get_mut(&uid) {
            job.fail("DependencyCycle", words, desk);
        }
    }
}

/// Numbers for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Unfinished jobs and children by queue and state.
    pub depth: Vec<(Name, State, u64)>,
    /// Hosts and shares whose use is not the sum of their pods or jobs: always 0.
    pub drift: usize,
}
