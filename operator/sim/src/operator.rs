//! Operators: the same core as in production, with a shell that can be slow, unlucky, or dead.

use crate::cluster::Cluster;
use crate::faults::Faults;
use crate::store::Cursor;
use fastrand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_core::action::{Action, Outcome};
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{ActionId, Name};
use windlass_core::time::Time;
use windlass_core::{Core, Settings};

/// One operator process.
pub struct Operator {
    /// Its number.
    pub number: usize,
    /// Its decisions.
    pub core: Core,
    cursor: Cursor,
    /// Kinds it has listed since its start.
    listed: Vec<Kind>,
    /// Kinds it hears nothing of, and until when.
    stalled: BTreeMap<Kind, Time>,
    /// Actions handed out and not sent yet.
    to_send: Vec<(ActionId, Action)>,
    /// Outcomes not taken in yet.
    answers: Vec<(ActionId, Outcome)>,
    wake: Option<Time>,
    /// How far its clock is off, in milliseconds, and how fast it runs, in thousandths.
    clock: (i64, i64),
    started_at: Time,
}

/// A request that the API server carries out later than its sender waits.
pub struct LateRequest {
    action: Action,
    /// When it is carried out.
    pub lands_at: Time,
    sender: usize,
}

/// Children one record holds here: few, so that small arrays have several records.
const CHILDREN_PER_RECORD: u32 = 3;

/// How long an API server may still carry out a request.
const LATEST_MILLIS: u64 = 60_000;

impl Operator {
    /// A process that has just started.
    pub fn new(number: usize, faults: &Faults, rng: &mut Rng) -> Operator {
        let skew = faults.clock_skew_seconds * 1000;
        let clock = if skew == 0 { (0, 1000) } else { (rng.i64(-skew..=skew), rng.i64(980..=1020)) };
        let settings = Settings { children_per_record: CHILDREN_PER_RECORD, ..Settings::default() };
        Operator {
            number,
            core: Core::new(settings),
            cursor: Cursor::default(),
            listed: Vec::new(),
            stalled: BTreeMap::new(),
            to_send: Vec::new(),
            answers: Vec::new(),
            wake: None,
            clock,
            started_at: Cluster::BEGINNING,
        }
    }

    /// What its clock shows.
    fn clock(&self, now: Time) -> Time {
        let since = i64::try_from(now.since(self.started_at).as_millis()).unwrap_or(i64::MAX);
        let drift = since / 1000 * (self.clock.1 - 1000);
        Time::from_millis(now.as_millis() + self.clock.0 + drift)
    }

    /// When it wants to plan again, in true time; a wish for now counts as soon.
    pub fn next_wake(&self, now: Time) -> Option<Time> {
        let ahead = self.wake?.since(self.clock(now));
        Some(now + ahead.max(Duration::from_millis(1)))
    }
}

/// One operator does one thing.
pub fn act(cluster: &mut Cluster) {
    let number = cluster.rng.usize(0..cluster.operators.len());
    if cluster.chance(cluster.faults.crashes) {
        return restart(cluster, number);
    }
    match cluster.rng.u64(0..10) {
        0..4 => hear(cluster, number),
        4..6 => plan(cluster, number),
        6..9 => send(cluster, number),
        _ => take_answer(cluster, number),
    }
}

/// The process is killed, and another starts: what was sent may still land, all else is forgotten.
pub fn restart(cluster: &mut Cluster, number: usize) {
    cluster.tell(|| format!("operator {number}: killed and started"));
    let mut operator = Operator::new(number, &cluster.faults, &mut cluster.rng);
    operator.started_at = cluster.now;
    cluster.operators[number] = operator;
}

/// A watch delivers: a list at first, then event after event.
fn hear(cluster: &mut Cluster, number: usize) {
    let kind = Kind::ALL[cluster.rng.usize(0..Kind::ALL.len())];
    let stall = cluster.chance(cluster.faults.stalls);
    let relist = cluster.chance(cluster.faults.relists);
    let again = cluster.chance(cluster.faults.duplicates);
    let bunch = cluster.rng.usize(1..=6);
    let until = cluster.now + Duration::from_millis(cluster.rng.u64(0..120_000));
    let now = cluster.now;
    let operator = &mut cluster.operators[number];
    if operator.stalled.get(&kind).is_some_and(|until| *until > now) {
        return;
    }
    let events = if !operator.listed.contains(&kind) || relist {
        operator.listed.push(kind);
        cluster.store.list(&mut operator.cursor, kind)
    } else if again {
        cluster.store.last_event(&operator.cursor, kind).into_iter().collect()
    } else {
        std::iter::from_fn(|| cluster.store.next_event(&mut operator.cursor, kind)).take(bunch).collect()
    };
    for event in events {
        operator.core.observe(event);
    }
    if stall {
        operator.stalled.insert(kind, until);
    }
}

fn plan(cluster: &mut Cluster, number: usize) {
    let now = cluster.now;
    let operator = &mut cluster.operators[number];
    let plan = operator.core.plan(operator.clock(now));
    operator.wake = plan.next_wake;
    let planned = plan.actions.len();
    operator.to_send.extend(plan.actions);
    if planned > 0 {
        cluster.tell(|| format!("operator {number}: plans {planned} actions"));
    }
}

/// Sends one of the actions handed out, whichever.
fn send(cluster: &mut Cluster, number: usize) {
    let operator = &mut cluster.operators[number];
    if operator.to_send.is_empty() {
        return;
    }
    let at = cluster.rng.usize(0..operator.to_send.len());
    let (id, action) = operator.to_send.swap_remove(at);
    if let Action::CreatePod(order) = &action
        && operator.clock(cluster.now) > order.not_after
    {
        operator.answers.push((id, Outcome::Expired));
        return;
    }
    let outcome = if cluster.chance(cluster.faults.lost_requests) {
        Outcome::Unknown(Name::from("connection refused"))
    } else if cluster.chance(cluster.faults.late_requests) {
        let lands_at = cluster.now + Duration::from_millis(cluster.rng.u64(0..LATEST_MILLIS));
        cluster.late.push(LateRequest { action, lands_at, sender: number });
        Outcome::Unknown(Name::from("timeout"))
    } else {
        let outcome = carry_out(cluster, number, action);
        if cluster.chance(cluster.faults.lost_responses) {
            Outcome::Unknown(Name::from("connection reset"))
        } else {
            outcome
        }
    };
    cluster.operators[number].answers.push((id, outcome));
}

fn carry_out(cluster: &mut Cluster, number: usize, action: Action) -> Outcome {
    let told = cluster.transcript.is_some().then(|| in_short(&action));
    let outcome = cluster.store.apply(action, cluster.now, &cluster.refusal);
    if let Some(told) = told {
        let ended = outcome_in_short(&outcome);
        cluster.tell(|| format!("operator {number}: {told} -> {ended}"));
    }
    outcome
}

fn take_answer(cluster: &mut Cluster, number: usize) {
    let operator = &mut cluster.operators[number];
    if operator.answers.is_empty() {
        return;
    }
    let at = cluster.rng.usize(0..operator.answers.len());
    let (id, outcome) = operator.answers.swap_remove(at);
    operator.core.observe(Event::Outcome(id, outcome));
}

/// Requests whose time has come are carried out, whoever sent them and whether or not he still lives.
pub fn land_late_requests(cluster: &mut Cluster) {
    while let Some(at) = cluster.late.iter().position(|late| late.lands_at <= cluster.now) {
        let late = cluster.late.swap_remove(at);
        cluster.tell(|| "a late request lands:".to_owned());
        carry_out(cluster, late.sender, late.action);
    }
}

/// Lets the operator do all it can do now. True when it did something.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let mut busy = false;
    for number in 0..cluster.operators.len() {
        let operator = &mut cluster.operators[number];
        operator.stalled.clear();
        for kind in Kind::ALL {
            if !operator.listed.contains(&kind) {
                operator.listed.push(kind);
                for event in cluster.store.list(&mut operator.cursor, kind) {
                    operator.core.observe(event);
                }
            }
            while let Some(event) = cluster.store.next_event(&mut operator.cursor, kind) {
                busy = true;
                operator.core.observe(event);
            }
        }
        plan(cluster, number);
        while !cluster.operators[number].to_send.is_empty() {
            busy = true;
            send(cluster, number);
        }
        while !cluster.operators[number].answers.is_empty() {
            busy = true;
            take_answer(cluster, number);
        }
    }
    busy
}

fn in_short(action: &Action) -> String {
    match action {
        Action::CreatePod(order) => format!("create pod {} on {}", order.pod.name, order.host),
        Action::WriteJob(guard, status) => {
            let children = status.array.as_ref().map(|array| {
                let sets = array.children.iter().map(|(state, indexes)| format!("{state}={indexes}"));
                sets.collect::<Vec<_>>().join(" ")
            });
            let attempts: Vec<String> = status
                .attempts
                .iter()
                .map(|a| format!("{}{}", a.number, if a.is_over() { "x" } else { "" }))
                .collect();
            format!(
                "write job {} at {}: {} {} [{}] {}",
                guard.key.name,
                guard.resource_version.0,
                status.state,
                status.reason,
                attempts.join(","),
                children.unwrap_or_default()
            )
        }
        Action::WriteRecord(order) => {
            let children = order.record.children.iter();
            let told =
                children.map(|(index, child)| format!("{index}:{}x{}", child.state, child.attempts.len()));
            format!(
                "write record {}+{} {}",
                order.job.name,
                order.first_index,
                told.collect::<Vec<_>>().join(" ")
            )
        }
        Action::ReleasePod(key, _, delete) => format!("release pod {} (delete {delete})", key.name),
        Action::DeletePod(key, ..) => format!("delete pod {}", key.name),
        Action::StopPod { pod, ending, .. } => format!("stop pod {}: {}", pod.name, ending.cause.as_str()),
        Action::DeleteJob(guard) => format!("delete expired job {}", guard.key.name),
        Action::ReadJob(key) => format!("read job {}", key.name),
        Action::ReadPod(key) => format!("read pod {}", key.name),
        other => format!("{other:?}").chars().take(70).collect(),
    }
}

fn outcome_in_short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Written(version) => format!("written {}", version.0),
        Outcome::Pod(pod) => format!("pod {} {:?}", pod.key.name, pod.phase),
        Outcome::Job(job) => {
            format!("job {} at {}: {}", job.key.name, job.resource_version.0, job.status.state)
        }
        other => format!("{other:?}").chars().take(60).collect(),
    }
}
