//! Operators: the same core as in production, with a shell that can be slow, unlucky, or dead.

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::faults::Faults;
use crate::store::{Cursor, Heard};
use crate::told;
use crate::{check, pools, worst};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_core::action::{Action, Outcome, Refusal};
use windlass_core::event::{Event, Kind};
use windlass_core::finding::Finding;
use windlass_core::ids::{ActionId, Name, ResourceVersion};
use windlass_core::time::Time;
use windlass_core::{Core, Settings};

/// One operator process.
pub struct Operator {
    /// Its number.
    pub number: usize,
    /// Its decisions.
    pub core: Core,
    cursor: Cursor,
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
    /// What is to be done.
    pub action: Action,
    /// When it is carried out.
    pub lands_at: Time,
    /// What there was when it was sent.
    sent_at: ResourceVersion,
    sender: usize,
}

/// Children one record holds here: few, so that small arrays have several records.
pub const CHILDREN_PER_RECORD: u32 = 3;

/// How long an API server may still carry out a request.
const LATEST_MILLIS: u64 = 60_000;

/// How far a clock can be off before a time server sets it right.
const CLOCK_MILLIS: i64 = 20_000;

impl Operator {
    /// A process that has just started.
    pub fn new(number: usize, faults: &Faults, rng: &mut Rng) -> Operator {
        let skew = faults.clock_skew_seconds * 1000;
        let clock = if skew == 0 { (0, 1000) } else { (rng.i64(-skew..=skew), rng.i64(980..=1020)) };
        let settings = Settings { children_per_record: CHILDREN_PER_RECORD, ..Settings::default() };
        let mut core = Core::new(settings);
        core.know_machine_types(pools::catalogue().to_vec());
        Operator {
            number,
            core,
            cursor: Cursor::default(),
            stalled: BTreeMap::new(),
            to_send: Vec::new(),
            answers: Vec::new(),
            wake: None,
            clock,
            started_at: Cluster::BEGINNING,
        }
    }

    /// What its clock shows: it goes wrong at its own rate, until a time server holds it.
    pub fn clock(&self, now: Time) -> Time {
        let since = i64::try_from(now.since(self.started_at).as_millis()).unwrap_or(i64::MAX);
        let drift = since / 1000 * (self.clock.1 - 1000);
        Time::from_millis(now.as_millis() + (self.clock.0 + drift).clamp(-CLOCK_MILLIS, CLOCK_MILLIS))
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
    let operator = &cluster.operators[number];
    match cluster.rng.u64(0..10) {
        4..6 => plan(cluster, number),
        6..9 if !operator.to_send.is_empty() => send(cluster, number),
        9 if !operator.answers.is_empty() => take_answer(cluster, number),
        _ => hear(cluster, number),
    }
}

/// The process is killed, and another starts: what was sent may still land, all else is forgotten.
pub fn restart(cluster: &mut Cluster, number: usize) {
    cluster.tell(|| format!("operator {number}: killed and started"));
    cluster.note(About::Faults, "operators killed");
    let mut operator = Operator::new(number, &cluster.faults, &mut cluster.rng);
    operator.started_at = cluster.now;
    cluster.operators[number] = operator;
    worst::forget(cluster, number);
    worst::tell_settings(cluster, number);
}

/// A watch delivers: a list at first, then event after event.
fn hear(cluster: &mut Cluster, number: usize) {
    let kind = any_kind(cluster, number);
    let stall = cluster.chance(cluster.faults.stalls);
    let drop = cluster.chance(cluster.faults.drops);
    let compact = cluster.chance(cluster.faults.compactions);
    let again = cluster.chance(cluster.faults.duplicates);
    let bunch = cluster.rng.usize(1..=6);
    let until = cluster.now + Duration::from_millis(cluster.rng.u64(0..120_000));
    if cluster.operators[number].stalled.get(&kind).is_some_and(|until| *until > cluster.now) {
        return;
    }
    if compact {
        cluster.note(About::Watches, "what was before is forgotten");
        cluster.store.compact();
    }
    if drop {
        drop_stream(cluster, number, kind);
    }
    if again {
        hear_again(cluster, number, kind);
    } else {
        hear_news(cluster, number, kind, bunch);
    }
    if stall {
        cluster.note(About::Watches, "nothing heard for a while");
        cluster.operators[number].stalled.insert(kind, until);
    }
}

/// Mostly one of which there is something to tell: else most steps would tell nothing.
fn any_kind(cluster: &mut Cluster, number: usize) -> Kind {
    let operator = &cluster.operators[number];
    let now = cluster.now;
    let is_heard = |kind: &Kind| operator.stalled.get(kind).is_none_or(|until| *until <= now);
    let has_news = |kind: &Kind| !cluster.store.has_told_all(&operator.cursor, *kind) && is_heard(kind);
    let (kinds, others) = (Kind::ALL.iter().copied().filter(has_news).collect::<Vec<_>>(), Kind::ALL);
    let (of_news, of_all) = (cluster.rng.usize(0..kinds.len().max(1)), cluster.rng.usize(0..others.len()));
    let is_news = cluster.rng.u64(0..8) > 0;
    kinds.get(of_news).filter(|_| is_news).copied().unwrap_or(others[of_all])
}

fn drop_stream(cluster: &mut Cluster, number: usize, kind: Kind) {
    let cursor = &mut cluster.operators[number].cursor;
    let what = if cursor.is_listing(kind) { "lists that broke halfway" } else { "watches that ended" };
    cursor.drop_stream(kind);
    cluster.note(About::Watches, what);
}

fn hear_again(cluster: &mut Cluster, number: usize, kind: Kind) {
    let operator = &mut cluster.operators[number];
    if let Some(event) = cluster.store.last_event(&operator.cursor, kind) {
        let words = cluster.transcript.is_some().then(|| told::event(&event));
        operator.core.observe(event);
        cluster.note(About::Watches, "events told twice");
        cluster.tell(|| format!("operator {number}: hears again: {}", words.unwrap_or_default()));
    }
}

/// True when there was anything new.
fn hear_news(cluster: &mut Cluster, number: usize, kind: Kind, most: usize) -> bool {
    let operator = &mut cluster.operators[number];
    let (heard, events) = cluster.store.hear(&mut operator.cursor, kind, most);
    let told = cluster.transcript.is_some().then(|| events.iter().map(told::event).collect::<Vec<_>>());
    let is_news = !events.is_empty();
    for event in events {
        operator.core.observe(event);
    }
    cluster.note(
        About::Watches,
        match heard {
            Heard::ListBegan => "lists",
            Heard::WentOn => "deliveries",
            Heard::Resumed => "watches that went on after their end",
            Heard::Bookmark => "bookmarks",
            Heard::TooOld => "watches that met: too old resource version",
        },
    );
    if heard == Heard::TooOld {
        cluster.tell(|| format!("operator {number}: watch of {kind:?}: too old resource version"));
    }
    if is_news {
        let told = told.unwrap_or_default();
        cluster.tell(|| format!("operator {number}: hears: {}", told.join("; ")));
    }
    is_news
}

fn plan(cluster: &mut Cluster, number: usize) {
    let now = cluster.now;
    let operator = &mut cluster.operators[number];
    let clock = operator.clock(now);
    let plan = operator.core.plan(clock);
    operator.wake = plan.next_wake;
    let admits = plan.findings.iter().any(|finding| matches!(finding, Finding::Admitted { .. }));
    if admits && cluster.paused {
        cluster.truth.breaches.push("tasks are given to hosts although all admission is paused".to_owned());
    }
    if cluster.calm_since.is_some() {
        worst::remember_admissions(&mut cluster.truth, &plan.findings, clock, cluster.now);
    }
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
    let not_after = match &action {
        Action::CreatePod(order) => Some(order.not_after),
        Action::MakeNodeSets(order) => Some(order.not_after),
        Action::LaunchMachine(order) => Some(order.not_after),
        Action::Scale(order) => order.not_after,
        _ => None,
    };
    if not_after.is_some_and(|not_after| operator.clock(cluster.now) > not_after) {
        operator.answers.push((id, Outcome::Expired));
        return cluster.note(About::Faults, "creates that were too old to be sent");
    }
    if worst::stops_halfway(cluster, number, &action) {
        return;
    }
    worst::remember_fence(cluster, number, &action);
    let broken = check::when_sent(cluster, &action);
    cluster.truth.breaches.extend(broken);
    let lost = cluster.chance(cluster.faults.lost_requests);
    let late = cluster.chance(cluster.faults.late_requests);
    let unheard = cluster.chance(cluster.faults.lost_responses);
    let delay = Duration::from_millis(cluster.rng.u64(0..LATEST_MILLIS));
    let outcome = if lost {
        cluster.tell(|| format!("operator {number}: {} is lost", told::action(&action)));
        unknown(cluster, "requests that were lost", "connection refused")
    } else if late {
        cluster.tell(|| format!("operator {number}: {} is late", told::action(&action)));
        let (lands_at, sent_at) = (cluster.now + delay, cluster.store.version());
        cluster.late.push(LateRequest { action, lands_at, sent_at, sender: number });
        unknown(cluster, "requests that were carried out late", "timeout")
    } else {
        let broken = check::before_request(cluster, Some(number), &action);
        cluster.truth.breaches.extend(broken);
        let outcome = carry_out(cluster, number, action);
        if unheard {
            cluster.tell(|| format!("operator {number}: does not get that answer"));
            unknown(cluster, "requests whose answer was lost", "connection reset")
        } else {
            outcome
        }
    };
    cluster.operators[number].answers.push((id, outcome));
}

fn unknown(cluster: &mut Cluster, what: &'static str, words: &str) -> Outcome {
    cluster.note(About::Faults, what);
    Outcome::Unknown(Name::from(words))
}

fn carry_out(cluster: &mut Cluster, number: usize, action: Action) -> Outcome {
    let told = cluster.transcript.is_some().then(|| told::action(&action));
    let was_there = match &action {
        Action::CreatePod(order) => cluster.store.pods.contains_key(&order.pod),
        Action::LaunchMachine(order) => {
            cluster.store.machines.contains_key(&(order.backend, order.name.clone()))
        }
        _ => false,
    };
    let kept = action.clone();
    let outcome = cluster.store.apply(action, cluster.now, &cluster.refusal);
    worst::remember(cluster, &kept, &outcome);
    cluster.note(
        About::Answers,
        match &outcome {
            Outcome::Machine(_) if was_there => "machine found instead of made",
            Outcome::Pod(_) if was_there => "pod found instead of made",
            Outcome::Done | Outcome::Written(_) => "done",
            Outcome::NotFound => "not found",
            Outcome::Conflict => "conflict",
            Outcome::Refused(Refusal::Invalid, _) => "refused: invalid",
            Outcome::Refused(Refusal::Quota, _) => "refused: quota",
            Outcome::Refused(Refusal::NamespaceTerminating, _) => "refused: the namespace ends",
            Outcome::Refused(Refusal::Other, _) => "refused: other",
            Outcome::Unknown(_) | Outcome::Expired => "unknown",
            _ => "an object",
        },
    );
    if let Some(told) = told {
        let ended = told::outcome(&outcome);
        cluster.tell(|| format!("operator {number}: {told} -> {ended}"));
    }
    worst::takes_the_place(cluster, &kept, &outcome);
    outcome
}

fn take_answer(cluster: &mut Cluster, number: usize) {
    let operator = &mut cluster.operators[number];
    if operator.answers.is_empty() {
        return;
    }
    let at = cluster.rng.usize(0..operator.answers.len());
    let (id, outcome) = operator.answers.swap_remove(at);
    let words = cluster.transcript.is_some().then(|| told::outcome(&outcome));
    operator.core.observe(Event::Outcome(id, outcome));
    cluster.tell(|| format!("operator {number}: learns: {}", words.unwrap_or_default()));
}

/// Requests whose time has come are carried out, whoever sent them and whether or not he still lives.
pub fn land_late_requests(cluster: &mut Cluster) {
    while let Some(at) = cluster.late.iter().position(|late| late.lands_at <= cluster.now) {
        let late = cluster.late.swap_remove(at);
        cluster.tell(|| "a late request lands:".to_owned());
        cluster.note(About::Faults, "late requests that landed");
        let broken = check::before_request(cluster, None, &late.action);
        cluster.truth.breaches.extend(broken);
        // The StatefulSets that go were listed before.
        let listed_at = cluster.store.listed_at.replace(late.sent_at);
        carry_out(cluster, late.sender, late.action);
        cluster.store.listed_at = listed_at;
    }
}

/// Lets the operator do all it can do now. True when it did something.
pub fn run_to_rest(cluster: &mut Cluster) -> bool {
    let mut busy = false;
    for number in 0..cluster.operators.len() {
        cluster.operators[number].stalled.clear();
        for kind in Kind::ALL {
            while !cluster.store.has_told_all(&cluster.operators[number].cursor, kind) {
                busy |= hear_news(cluster, number, kind, usize::MAX);
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

/// What an operator would do if it looked again, with nothing having happened: nothing.
pub fn plans_again(cluster: &mut Cluster) -> Option<String> {
    let now = cluster.now;
    cluster.operators.iter_mut().find_map(|operator| {
        let clock = operator.clock(now);
        let plan = operator.core.plan(clock);
        let (_, action) = plan.actions.first()?;
        Some(format!("operator {} is at rest and has something to do: {action:?}", operator.number))
    })
}
