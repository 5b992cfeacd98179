//! The core in a world that does at once what is asked of it: only jobs take time.

use super::trace::Trace;
use super::{Hosts, Start};
use crate::cluster::Cluster;
use crate::store::{Cursor, Store};
use crate::{operator, script};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ObjectKey, ResourceVersion};
use windlass_core::objects::{
    Container, JobSpec, JobStatus, ObservedJob, ObservedPod, Payload, PodPhase, ResourceRequest, TaskPod,
};
use windlass_core::reference::Reference;
use windlass_core::time::Time;

/// How long a round of requests takes.
const ROUND: Duration = Duration::from_millis(20);

/// Pause between two looks of the garbage collector.
const PAUSE_BETWEEN_COLLECTIONS: Duration = Duration::from_secs(60);

/// Over how long a share's past use is forgotten, in seconds: a day.
const DECAY: u64 = 86_400;

/// Runs a trace through Windlass: in one queue, in order of submission, or by fair share with a share for each user. When and
/// where each job starts, in the order of the trace.
///
/// # Errors
/// When a job does not start, is stopped, or finds no room on its host: what happened, in words.
pub fn windlass(trace: &Trace, hosts: Hosts, fair: bool) -> Result<Vec<Start>, String> {
    let mut world = World::new(trace, hosts, fair)?;
    while world.ended < trace.jobs.len() {
        world.round()?;
    }
    let breaches = world.cluster.store.breaches.first().cloned();
    breaches.map_or_else(|| Ok(world.starts.into_iter().flatten().collect()), Err)
}

struct World<'a> {
    trace: &'a Trace,
    fair: bool,
    cluster: Cluster,
    /// When the first job is submitted.
    beginning: Time,
    submitted: usize,
    /// What the kubelets have heard.
    heard: Cursor,
    free: Vec<u64>,
    starts: Vec<Option<Start>>,
    /// When containers exit.
    exits: BinaryHeap<Reverse<(Time, ObjectKey)>>,
    ended: usize,
    collected_at: Time,
}

impl<'a> World<'a> {
    fn new(trace: &'a Trace, hosts: Hosts, fair: bool) -> Result<World<'a>, String> {
        let mut stage = String::new();
        for host in 0..hosts.number {
            let _ = writeln!(stage, "host {host} {}", hosts.vcpus);
        }
        let policy = if fair { "policy=fair" } else { "" };
        let _ = write!(
            stage,
            "environment ce\npolicy fair decay={DECAY}\nqueue jobs {policy}\ndefinition job 1 4"
        );
        let cluster = script::stage(&stage)?;
        let beginning = cluster.now.to_second() + Duration::from_secs(60);
        Ok(World {
            trace,
            fair,
            cluster,
            beginning,
            submitted: 0,
            heard: Cursor::default(),
            free: vec![hosts.vcpus; hosts.number],
            starts: vec![None; trace.jobs.len()],
            exits: BinaryHeap::new(),
            ended: 0,
            collected_at: beginning,
        })
    }

    /// Everybody does what there is to do, then time passes until there is something again.
    fn round(&mut self) -> Result<(), String> {
        self.submit();
        let mut busy = operator::run_to_rest(&mut self.cluster);
        busy |= self.start_pods()?;
        busy |= self.exit_pods();
        if busy {
            self.cluster.now = self.cluster.now + ROUND;
            return Ok(());
        }
        self.cluster.store.forget_history();
        if self.cluster.now >= self.collected_at + PAUSE_BETWEEN_COLLECTIONS {
            self.collected_at = self.cluster.now;
            if self.cluster.collect_garbage() {
                return Ok(());
            }
        }
        let now = self.cluster.now;
        let wakes = self.cluster.operators.iter().filter_map(|operator| operator.next_wake(now));
        let exit = self.exits.peek().map(|exit| exit.0.0);
        let next = wakes.chain(exit).chain(self.next_submission()).min();
        self.cluster.now = next.ok_or_else(|| self.words_of_rest())?.max(now);
        Ok(())
    }

    fn next_submission(&self) -> Option<Time> {
        let job = self.trace.jobs.get(self.submitted)?;
        Some(self.beginning + Duration::from_secs(job.submitted_at))
    }

    fn submit(&mut self) {
        while self.next_submission().is_some_and(|at| at <= self.cluster.now) {
            let job = self.trace.jobs[self.submitted];
            let spec = JobSpec {
                queue: Reference::plain("jobs"),
                definition: Reference::plain("job"),
                timeout: Some(Duration::from_secs(job.asked_for)),
                time_to_live: Some(Duration::ZERO),
                share: self.fair.then(|| Name::from(format!("user{}", job.user))),
                overrides: ResourceRequest {
                    cpu_millis: Some(1000 * job.vcpus),
                    ..ResourceRequest::default()
                },
                ..JobSpec::default()
            };
            let job = ObservedJob {
                key: ObjectKey::new("default", format!("job-{}", self.submitted)),
                uid: self.cluster.store.next_uid(),
                resource_version: ResourceVersion(0),
                generation: 1,
                created_at: Store::stamp(self.cluster.now),
                deleting: false,
                kept: false,
                spec: Arc::new(spec),
                payload: Payload::default(),
                status: JobStatus::default(),
            };
            self.cluster.store.put_job(job);
            self.submitted += 1;
        }
    }

    /// New pods are bound to the hosts they were given to, and their containers run. True when there were any.
    fn start_pods(&mut self) -> Result<bool, String> {
        let (_, events) = self.cluster.store.hear(&mut self.heard, Kind::Pod, usize::MAX);
        let mut busy = false;
        for event in events {
            let Event::Pod(pod) = event else { continue };
            match &pod.task {
                Some(_) if pod.phase != PodPhase::Active => {}
                Some(_) if pod.deleting => {
                    return Err(format!("{} is stopped before its end", pod.key.name));
                }
                Some(task) if pod.host.is_none() => {
                    let task = task.clone();
                    self.start(*pod, task)?;
                    busy = true;
                }
                _ => {}
            }
        }
        Ok(busy)
    }

    fn start(&mut self, pod: ObservedPod, task: TaskPod) -> Result<(), String> {
        let now = self.cluster.now;
        let (number, host) = (number(&task)?, task.admitted_to.clone());
        let place: usize = host.as_str().parse().map_err(|_| format!("{host} is no host"))?;
        let job = self.trace.jobs[number];
        let left = self.free[place].checked_sub(job.vcpus);
        self.free[place] = left.ok_or_else(|| format!("host {host} has no room for job {number}"))?;
        let at = now.since(self.beginning).as_secs_f64();
        if self.starts[number].replace(Start { at, host: place }).is_some() {
            return Err(format!("job {number} starts twice"));
        }
        self.exits.push(Reverse((now + Duration::from_secs(job.runs_for), pod.key.clone())));
        let container = Container::Running { started_at: now.to_second() };
        let task = TaskPod { container, bound_at: Some(now.to_second()), ..task };
        self.cluster.store.put_pod(ObservedPod { host: Some(host), task: Some(task), ..pod });
        Ok(())
    }

    /// Containers whose time has come exit. True when there were any.
    fn exit_pods(&mut self) -> bool {
        let now = self.cluster.now;
        let mut busy = false;
        while let Some(Reverse((_, key))) = self.exits.peek().filter(|exit| exit.0.0 <= now) {
            if let Some(pod) = self.cluster.store.pods.get(key).cloned() {
                self.exit(pod);
            }
            self.exits.pop();
            busy = true;
        }
        busy
    }

    fn exit(&mut self, pod: ObservedPod) {
        let Some((task, start)) = pod.task.clone().and_then(|task| {
            let start = self.starts[number(&task).ok()?]?;
            Some((task, start))
        }) else {
            return;
        };
        self.free[start.host] += pod.requests.amounts.cpu_millis / 1000;
        self.ended += 1;
        let container = Container::Terminated {
            exit_code: 0,
            reason: "Completed".into(),
            message: Name::default(),
            started_at: task.bound_at,
            stopped_at: Some(self.cluster.now.to_second()),
        };
        let task = Some(TaskPod { container, ..task });
        self.cluster.store.put_pod(ObservedPod { phase: PodPhase::Succeeded, task, ..pod });
    }

    fn words_of_rest(&self) -> String {
        let never = self.starts.iter().position(Option::is_none);
        let job = never.map(|number| ObjectKey::new("default", format!("job-{number}")));
        let status = job.as_ref().and_then(|key| self.cluster.store.jobs.get(key)).map(|job| &job.status);
        let words = status.map_or("it is gone".into(), |status| status.words.clone());
        format!("nothing happens any more, and job {} never started: {words}", never.unwrap_or_default())
    }
}

/// The place in the trace of the job that a pod is for.
fn number(task: &TaskPod) -> Result<usize, String> {
    let number = task.job_name.as_str().strip_prefix("job-").and_then(|number| number.parse().ok());
    number.ok_or_else(|| format!("{} is no job of the trace", task.job_name))
}
