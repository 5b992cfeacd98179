//! Scenarios: a text of what people and hosts do, and the transcript of what follows. No faults, no chance.
//!
//! One command a line; `#` begins a comment. See `tests/scenarios`.

use crate::classes;
use crate::cluster::Cluster;
use crate::faults::Faults;
use crate::kubelet::{self, Link, forget_node};
use crate::options::{self, number, option, submission, time_limits};
use crate::store::{Cascade, Store, content};
use crate::{news, operator, shares, stage, users, worst};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use windlass_core::array::Intervals;
use windlass_core::ids::{Name, ObjectKey, ResourceVersion};
use windlass_core::objects::{
    EnvironmentStatus, JobSpec, JobStatus, ObservedEnvironment, ObservedJob, ObservedPolicy, ObservedQueue,
    Pattern, Payload, QueueStatus, Stop, StopChildren, StopKind,
};
use windlass_core::reference::Reference;
use windlass_core::units::GPUS;

const NAMESPACE: &str = "default";

/// Rounds after which a scenario that does not come to rest is given up.
const ROUNDS: u32 = 5_000;

/// What lies further ahead than this does not happen between two commands: jobs expire after a day.
const HORIZON: Duration = Duration::from_secs(3600);

/// Runs a scenario and returns its transcript: each command, and under it what it brought about.
///
/// # Errors
/// When a line is no command, in words, with its number.
pub fn play(text: &str) -> Result<String, String> {
    Ok(run(text)?.transcript)
}

/// The cluster that a scenario leaves behind.
pub(crate) fn stage(text: &str) -> Result<Cluster, String> {
    Ok(run(text)?.cluster)
}

fn run(text: &str) -> Result<Script, String> {
    let faults = Faults::none();
    let mut script = Script {
        cluster: Cluster::bare(Rng::with_seed(0), faults, false),
        shown: BTreeMap::new(),
        transcript: String::new(),
        started: Cluster::BEGINNING,
    };
    for (number, line) in text.lines().enumerate() {
        let command = line.split('#').next().unwrap_or_default().trim();
        let _ = writeln!(script.transcript, "{line}");
        if !command.is_empty() {
            let words: Vec<&str> = command.split_whitespace().collect();
            script.command(&words).map_err(|error| format!("line {}: {error}: {line}", number + 1))?;
            script.tell_news();
        }
    }
    Ok(script)
}

struct Script {
    cluster: Cluster,
    /// What was last told of each object.
    shown: BTreeMap<String, String>,
    transcript: String,
    started: windlass_core::time::Time,
}

impl Script {
    fn command(&mut self, words: &[&str]) -> Result<(), String> {
        let unknown = || format!("'{}' is no command", words.join(" "));
        let (verb, rest) = words.split_first().ok_or_else(unknown)?;
        match (*verb, rest) {
            ("namespace", [name]) => {
                self.cluster.store.put_namespace(&(*name).into(), false);
            }
            ("host", [name, cpus, options @ ..]) => stage::host(&mut self.cluster, name, cpus, options)?,
            ("environment", [name, options @ ..]) => self.environment(name, options),
            ("kubelets", [age]) => self.cluster.store.old_kubelets = *age == "old",
            ("managed", [name, backend, options @ ..]) => {
                stage::managed(&mut self.cluster, name, backend, options)?;
            }
            ("machines", [what]) => stage::machines(&mut self.cluster, what)?,
            ("machinedeployment", [name, options @ ..]) => {
                stage::machine_deployment(&mut self.cluster, name, options)?;
            }
            ("autoscaler", [what]) => stage::autoscaler(&mut self.cluster, what)?,
            ("interrupt", [machine]) => stage::interrupt(&mut self.cluster, machine)?,
            ("policy", [name, options @ ..]) => self.policy(name, options)?,
            ("queue", [name, options @ ..]) => self.queue(name, options)?,
            ("definition", [name, cpus, mib, options @ ..]) => self.definition(name, cpus, mib, options)?,
            ("job", [name, queue, definition, options @ ..]) => self.job(name, queue, definition, options)?,
            ("exit", [job, code]) => self.exit(job, code)?,
            ("hold", [job]) => {
                self.cluster.held_jobs.insert((*job).into());
            }
            ("break", [job]) => {
                self.cluster.broken_jobs.insert((*job).into());
            }
            ("cancel", [job, reason @ ..]) => self.stop(job, StopKind::Cancel, reason)?,
            ("terminate", [job, reason @ ..]) => self.stop(job, StopKind::Terminate, reason)?,
            ("finish", [job]) => {
                self.cluster.held_jobs.remove(&Name::from(*job));
            }
            ("delete", [kind, name]) => self.delete(kind, name)?,
            ("remove", [pod]) => self.remove(pod),
            ("squat", [pod]) => worst::squat_on(&mut self.cluster, ObjectKey::new(NAMESPACE, *pod)),
            ("power-off", [host]) => self.power_off(host),
            ("lose-sandbox", [pod]) => {
                kubelet::lose_sandbox(&mut self.cluster, &ObjectKey::new(NAMESPACE, *pod))?;
            }
            ("restart", []) => operator::restart(&mut self.cluster, 0),
            ("pause", [seconds]) => self.pause(seconds)?,
            ("rest", []) => {}
            _ => return Err(unknown()),
        }
        let horizon = self.cluster.now + HORIZON;
        if self.cluster.rest_before(horizon, ROUNDS) {
            Ok(())
        } else {
            Err("nothing comes to rest".to_owned())
        }
    }

    fn environment(&mut self, name: &str, options: &[&str]) {
        let pool = option(options, "pool").unwrap_or("batch");
        let enabled = !options.contains(&"disabled");
        let known = self.cluster.store.environments.get(&Name::from(name)).cloned();
        let environment = match known {
            Some(known) => ObservedEnvironment { enabled, generation: known.generation + 1, ..known },
            None => ObservedEnvironment {
                name: name.into(),
                uid: self.cluster.store.next_uid(),
                resource_version: ResourceVersion(0),
                generation: 1,
                created_at: Store::stamp(self.cluster.now),
                aws_name: option(options, "aws").map(Name::from),
                enabled,
                selector: BTreeMap::from([("pool".into(), pool.into())]),
                gpu_resource: option(options, "gpus").unwrap_or(GPUS).into(),
                managed: None,
                autoscaled: None,
                ignored: None,
                deleting: false,
                held: false,
                status: EnvironmentStatus::default(),
            },
        };
        self.cluster.store.put_environment(environment);
    }

    /// `policy NAME weights=red:5000,b*:20000 reservation=50 decay=600`: weights in ten-thousandths.
    fn policy(&mut self, name: &str, options: &[&str]) -> Result<(), String> {
        let weights = option(options, "weights").into_iter().flat_map(|weights| weights.split(','));
        let weight = |text: &str| match text.split_once(':').map(|(share, weight)| (share, weight.parse())) {
            Some((share, Ok(weight))) => Ok((Pattern(share.into()), weight)),
            _ => Err(format!("'{text}' is no weight")),
        };
        let numeric = |key: &str, otherwise| option(options, key).map_or(Ok(otherwise), number);
        let policy = ObservedPolicy {
            weights: weights.map(weight).collect::<Result<_, _>>()?,
            reservation: u32::try_from(numeric("reservation", 0)?).map_err(|error| error.to_string())?,
            window: Duration::from_secs(numeric("decay", 600)?),
            ..shares::made(&mut self.cluster, name.into())
        };
        self.cluster.store.put_policy(policy);
        Ok(())
    }

    fn queue(&mut self, name: &str, options: &[&str]) -> Result<(), String> {
        let enabled = !options.contains(&"disabled");
        let known = self.cluster.store.queues.get(&Name::from(name)).cloned();
        let queue = match known {
            Some(known) => {
                let policy = option(options, "policy").map(Reference::plain).or(known.policy.clone());
                ObservedQueue { enabled, policy, generation: known.generation + 1, ..known }
            }
            None => ObservedQueue {
                name: name.into(),
                uid: self.cluster.store.next_uid(),
                resource_version: ResourceVersion(0),
                generation: 1,
                created_at: Store::stamp(self.cluster.now),
                aws_name: option(options, "aws").map(Name::from),
                enabled,
                priority: option(options, "priority")
                    .map_or(Ok(1), |text| text.parse().map_err(|_| format!("priority {text}")))?,
                policy: option(options, "policy").map(Reference::plain),
                environments: option(options, "environments")
                    .unwrap_or("ce")
                    .split(',')
                    .map(Reference::plain)
                    .collect(),
                time_limits: time_limits(options)?,
                deleting: false,
                held: false,
                status: QueueStatus::default(),
            },
        };
        self.cluster.store.put_queue(queue);
        Ok(())
    }

    fn definition(&mut self, name: &str, cpus: &str, mib: &str, options: &[&str]) -> Result<(), String> {
        let text = options::definition(cpus, mib, options)?;
        let content = content(Payload(Arc::from(text.as_bytes())));
        let mut definition = users::definition(&mut self.cluster, NAMESPACE, name, content);
        definition.active = !options.contains(&"inactive");
        let numbers = option(options, "inactive-revisions").unwrap_or_default();
        definition.inactive_revisions =
            numbers.split(',').filter_map(|text| text.parse().ok()).collect::<BTreeSet<u32>>();
        self.cluster.store.put_definition(definition);
        Ok(())
    }

    fn job(&mut self, name: &str, queue: &str, definition: &str, options: &[&str]) -> Result<(), String> {
        let spec = JobSpec {
            queue: Reference::plain(queue),
            definition: Reference::to_definition(definition),
            ..submission(options)?
        };
        self.cluster.now = self.cluster.now + Duration::from_secs(1);
        let job = ObservedJob {
            uid: self.cluster.store.next_uid(),
            resource_version: ResourceVersion(0),
            generation: 1,
            created_at: Store::stamp(self.cluster.now),
            deleting: false,
            kept: options.contains(&"kept"),
            spec: Arc::new(spec),
            payload: Payload::default(),
            status: JobStatus::default(),
            key: ObjectKey::new(NAMESPACE, name),
        };
        self.cluster.store.put_job(job);
        Ok(())
    }

    /// `cancel JOB[:INDEXES] REASON`, `terminate JOB[:INDEXES] REASON`.
    fn stop(&mut self, job: &str, kind: StopKind, reason: &[&str]) -> Result<(), String> {
        let (name, indexes) =
            job.split_once(':').map_or((job, None), |(name, indexes)| (name, Some(indexes)));
        let key = ObjectKey::new(NAMESPACE, name);
        let job = self.cluster.store.jobs.get(&key).cloned().ok_or_else(|| format!("no job {name}"))?;
        let stop = Stop { kind, reason: Name::from(reason.join(" ")) };
        let mut spec = (*job.spec).clone();
        match indexes {
            Some(indexes) => {
                let indexes = Intervals::parse(indexes).map_err(|_| format!("indexes {indexes}"))?;
                spec.stop_children.push(StopChildren { indexes, stop });
            }
            None => spec.stop = Some(stop),
        }
        let job = ObservedJob { spec: Arc::new(spec), generation: job.generation + 1, ..job };
        self.cluster.store.put_job(job);
        Ok(())
    }

    /// `exit JOB[:INDEX][@ATTEMPT] CODE`: what a container will exit with.
    fn exit(&mut self, job: &str, code: &str) -> Result<(), String> {
        let (task, attempt) =
            job.split_once('@').map_or((job, None), |(task, attempt)| (task, Some(attempt)));
        let (job, index) = task.split_once(':').unwrap_or((task, "0"));
        let index = u32::try_from(number(index)?).map_err(|error| error.to_string())?;
        let code = code.parse().map_err(|_| format!("'{code}' is no exit code"))?;
        let attempts = match attempt {
            Some(attempt) => vec![attempt.parse().map_err(|_| format!("'{attempt}' is no attempt"))?],
            None => (1..=10).collect(),
        };
        for attempt in attempts {
            self.cluster.exit_codes.insert((job.into(), index, attempt), code);
        }
        Ok(())
    }

    fn delete(&mut self, kind: &str, name: &str) -> Result<(), String> {
        let key = ObjectKey::new(NAMESPACE, name);
        match kind {
            "job" => self.cluster.store.delete_job(&key, Cascade::Background),
            "definition" => self.cluster.store.delete_definition(&key),
            "policy" => self.cluster.store.delete_policy(&name.into()),
            "queue" => self.cluster.store.delete_queue(&name.into()),
            "environment" => self.cluster.store.delete_environment(&name.into()),
            "class" => classes::delete(&mut self.cluster, &name.into()),
            "pod" => self.cluster.store.delete_pod(&key),
            "statefulsets" => self.cluster.store.remove_node_sets(&key, false),
            "node" => forget_node(&mut self.cluster, &name.into()),
            "namespace" => self.cluster.store.delete_namespace(&name.into()),
            _ => return Err(format!("nothing is called a {kind}")),
        }
        Ok(())
    }

    /// Takes a pod away by force, finalizers and all.
    fn remove(&mut self, pod: &str) {
        let key = ObjectKey::new(NAMESPACE, pod);
        if let Some(uid) = self.cluster.store.pods.get(&key).map(|pod| pod.uid) {
            self.cluster.truth.give_up(uid);
            self.cluster.store.remove_pod(&key);
        }
    }

    fn power_off(&mut self, host: &str) {
        if let Some(kubelet) = self.cluster.kubelets.get_mut(&Name::from(host)) {
            kubelet.link = Link::Dead;
        }
        kubelet::set_ready(&mut self.cluster, &host.into(), false);
    }

    fn pause(&mut self, seconds: &str) -> Result<(), String> {
        let until = self.cluster.now + Duration::from_secs(number(seconds)?);
        self.cluster.run_until(until, ROUNDS);
        Ok(())
    }

    /// Tells what changed since the last command.
    fn tell_news(&mut self) {
        let now = news::all(&self.cluster);
        let seconds = self.cluster.now.since(self.started).as_secs();
        for (object, told) in &now {
            if self.shown.get(object) != Some(told) {
                let _ = writeln!(self.transcript, "  {seconds:>4} s  {object}: {told}");
            }
        }
        for object in self.shown.keys().filter(|object| !now.contains_key(*object)) {
            let _ = writeln!(self.transcript, "  {seconds:>4} s  {object}: gone");
        }
        self.shown = now;
    }
}
