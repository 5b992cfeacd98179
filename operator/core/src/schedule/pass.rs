//! One pass over the waiting jobs: queues by priority, jobs about in order of submission. Work is by kinds of need, not by jobs.

use super::closed::Closed;
use super::explain::Waiting;
use super::floor::{Floor, Room};
use super::lines::{OrderKey, Shape};
use super::obstacle::Obstacle;
use super::reserve::{
    keep_coming, keep_free, keep_free_after_all, keep_on, keep_promises, release, start_promised,
};
use super::stuck::watch_head;
use super::together::place_together;
use super::turns::Turns;
use crate::agenda::Item;
use crate::catalog::{architecture_of, architecture_of_queue};
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::job::{Job, Jobs, admit, would_end_by};
use crate::limits::{LAUNCHES_UNDER_WAY, SILENCE};
use crate::mutant::{self, Mutant};
use crate::pool::{self, Prospect};
use crate::time::Time;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Share of the launches under way that must be answered before another pass is worth its work.
const WORTH_A_PASS: usize = LAUNCHES_UNDER_WAY / 8;

/// Gives as many tasks to hosts as there is room, and notes for each kind of need why the rest waits.
pub(crate) fn pass(jobs: &mut Jobs, desk: &mut Desk) {
    if let Some(until) = hosts_unknown_until(desk) {
        desk.agenda.wake(until, Item::Schedule);
        return;
    }
    let mut budget = LAUNCHES_UNDER_WAY.saturating_sub(desk.launching.len());
    if budget < WORTH_A_PASS {
        desk.pass_is_owed = true;
        return;
    }
    desk.pass_is_owed = false;
    let mut floor = Floor::of(desk);
    let told = desk.reservations.told();
    keep_promises(&mut floor, jobs, desk);
    start_promised(&mut floor, &mut budget, jobs, desk);
    for queue in by_priority(desk) {
        serve(queue, &mut floor, &mut budget, jobs, desk);
        if budget == 0 {
            desk.pass_is_owed = true;
            break;
        }
    }
    if desk.reservations.told() != told {
        desk.numbers_changed();
    }
    order_machines(floor, desk);
}

/// Nobody knows which hosts nodes have whose records are still being read; one job whose records cannot be read does not hold up
/// all others for longer than that.
fn hosts_unknown_until(desk: &Desk) -> Option<Time> {
    let patience = desk.nodes_unknown.values().map(|since| *since + SILENCE);
    patience.filter(|until| *until > desk.now).min()
}

/// Notes the machines that the pass found missing, in the books of their environments.
fn order_machines(floor: Floor, desk: &mut Desk) {
    let waiting: BTreeMap<Uid, BTreeSet<Name>> =
        desk.environments.uids().into_iter().map(|uid| (uid, floor.waiting(uid))).collect();
    for (uid, (orders, lacking_vcpus)) in floor.into_orders() {
        let has_orders = !orders.is_empty();
        pool::order_machines(uid, orders, desk);
        let Some(environment) = desk.environments.get_mut(uid) else { continue };
        let is_news = has_orders || environment.pool.lacking_vcpus != lacking_vcpus;
        // A pass that was not finished has not seen all that is lacking.
        if (!desk.pass_is_owed || lacking_vcpus > 0) && !mutant::is(Mutant::IdleMachineInTheWay) {
            environment.pool.lacking_vcpus = lacking_vcpus;
        }
        let mut waiting = waiting.get(&uid).cloned().unwrap_or_default();
        if desk.pass_is_owed {
            waiting.extend(environment.pool.waiting.iter().cloned());
        }
        let is_news = is_news || waiting != environment.pool.waiting;
        environment.pool.waiting = waiting;
        if is_news {
            desk.agenda.mark(Item::Environment(uid));
        }
    }
}

/// Queues with waiting jobs: the highest priority first, among equals the oldest.
fn by_priority(desk: &Desk) -> Vec<Uid> {
    let mut queues: Vec<_> =
        desk.lines.queues().filter_map(|uid| desk.queues.get(uid)).map(|queue| &queue.observed).collect();
    queues.sort_by_key(|queue| (Reverse(queue.priority), queue.created_at, queue.uid));
    if mutant::is(Mutant::PriorityReversed) {
        queues.reverse();
    }
    queues.into_iter().map(|queue| queue.uid).collect()
}

/// An environment of a queue: its identity and name when jobs may be placed there, else what is in the way.
pub(super) type Choice = Result<(Uid, Name), Obstacle>;

/// Environments of a queue where jobs may be placed.
pub(super) fn open_environments(queue: Uid, desk: &Desk) -> Vec<Uid> {
    open(&choices(queue, desk))
}

fn open(choices: &[Choice]) -> Vec<Uid> {
    choices.iter().filter_map(|choice| Some(choice.as_ref().ok()?.0)).collect()
}

fn choices(queue: Uid, desk: &Desk) -> Vec<Choice> {
    let Some(queue) = desk.queues.get(queue) else { return Vec::new() };
    let references = queue.observed.environments.iter();
    let mut choices: Vec<Choice> = references
        .map(|reference| {
            let found = desk.environments.find(&Name::default(), reference);
            let environment =
                found.ok_or_else(|| Obstacle::Missing { environment: reference.name.clone() })?;
            let name = environment.display_name().clone();
            let fault = environment.report.current.validity.fault.as_ref();
            // One that could not launch machines is put to the test again now and then; others wait for a person.
            let may_try =
                environment.lasting_fault(desk).is_none() && environment.pool.may_try_again(desk.now);
            if let Some((_, words)) = fault.filter(|_| !may_try) {
                return Err(Obstacle::Invalid { environment: name, words: words.clone() });
            }
            let is_enabled = environment.observed.enabled || mutant::is(Mutant::DisabledScalesOut);
            if !is_enabled || environment.observed.deleting {
                return Err(Obstacle::Disabled { environment: name });
            }
            Ok((environment.observed.uid, name))
        })
        .collect();
    pass_over_other_architectures(&mut choices, desk);
    choices
}

/// An image runs on one architecture: environments of another than the first one's take no jobs of the queue (SPEC.md Q1).
fn pass_over_other_architectures(choices: &mut [Choice], desk: &Desk) {
    let Some(ours) = architecture_of_queue(&open(choices), desk) else { return };
    for choice in choices {
        let Ok((uid, name)) = choice else { continue };
        if let Some(theirs) = architecture_of(*uid, desk).filter(|theirs| *theirs != ours) {
            *choice =
                Err(Obstacle::OtherArchitecture { environment: name.clone(), theirs, queue: ours.clone() });
        }
    }
}

/// What holds up all jobs of a queue.
pub(super) fn held_up(queue: Uid, desk: &Desk) -> Option<Waiting> {
    if desk.settings.paused && !mutant::is(Mutant::PauseIgnored) {
        return Some(Waiting::AdmissionPaused);
    }
    let policy = desk.queues.get(queue)?.observed.policy.as_ref()?;
    desk.policy_of(queue).is_none().then(|| Waiting::PolicyNotFound(policy.name.clone()))
}

/// Those that room is kept for are looked at first, one task of each. Why they wait, where they do.
fn serve_kept(
    queue: Uid,
    choices: &[Choice],
    turns: &mut Turns,
    floor: &mut Floor,
    budget: &mut usize,
    jobs: &mut Jobs,
    desk: &mut Desk,
) -> BTreeMap<Uid, Waiting> {
    let mut waiting = BTreeMap::new();
    for uid in desk.reservations.jobs(queue) {
        let Some(job) = jobs.get_mut(&uid) else { continue };
        let (before, shape) = (*budget, job.terms.shape.clone());
        let why = turns
            .hindrance(&shape, job.at_once())
            .or_else(|| place(job, choices, floor, 1.min(before), budget, desk));
        if before > *budget {
            turns.placed_ahead(&shape, before - *budget);
            release(uid, floor, desk);
        } else if let Some(why) = why {
            waiting.insert(uid, why);
        }
    }
    waiting
}

/// Serves one queue: always the job whose turn it is among those whose need may still fit.
fn serve(queue: Uid, floor: &mut Floor, budget: &mut usize, jobs: &mut Jobs, desk: &mut Desk) {
    let choices = choices(queue, desk);
    let open = open(&choices);
    keep_on(queue, floor, jobs, desk);
    let mut turns = Turns::of(queue, floor.vcpus(&open), desk);
    let held_up = held_up(queue, desk);
    let reversed = mutant::is(Mutant::OrderReversed);
    let mut ahead = serve_kept(queue, &choices, &mut turns, floor, budget, jobs, desk);
    let (mut stands_back, mut head) = (None, None);
    let mut coming: BTreeMap<Shape, Waiting> = BTreeMap::new();
    while let Some((order, shape)) = turns.next() {
        let Some(job) = jobs.get_mut(&order.uid) else { continue };
        let before = *budget;
        let known = held_up.clone().or_else(|| ahead.remove(&order.uid));
        let mut waiting = known.or_else(|| turns.hindrance(&shape, job.at_once())).or_else(|| {
            let most = turns.at_once().min(*budget);
            place(job, &choices, floor, most, budget, desk)
        });
        let has_more = !job.tasks.runnable.is_empty();
        if *budget == 0 {
            return;
        }
        turns.placed(&shape, before - *budget);
        if before > *budget || matches!(waiting, Some(Waiting::Reserved { .. })) {
            release(order.uid, floor, desk);
        }
        let is_coming = waiting.as_ref().is_some_and(Waiting::is_coming);
        if let Some(Waiting::Capacity { obstacles, share, .. }) = &mut waiting
            && obstacles.iter().any(Obstacle::is_passing)
            // A node comes for it as soon as another job has the host that is kept free for it.
            && !obstacles.iter().any(|obstacle| matches!(obstacle, Obstacle::Kept { .. }))
            && let Some(job) = jobs.get(&order.uid)
        {
            *share = turns.denied(&shape.share).map(|other| (shape.share.clone(), other));
            if !keep_free(job, turns.in_line(), &open, floor, jobs, desk) {
                stands_back.get_or_insert(order.uid);
            }
        } else if is_coming && let Some(job) = jobs.get(&order.uid) {
            keep_coming(job, &open, floor, jobs, desk);
        }
        if let Some(waiting) = &waiting {
            head.get_or_insert((order.uid, waiting.clone()));
        }
        let next = match &waiting {
            // Room is on its way for all of it: there may be more of that for the next.
            Some(_) if is_coming => desk.lines.next(queue, &shape, Some(order)),
            Some(_) => None,
            None if has_more => Some(order),
            None if reversed => None,
            None => desk.lines.next(queue, &shape, Some(order)),
        };
        turns.go_on(&shape, next);
        if let Some(waiting) = waiting {
            if is_coming {
                coming.insert(shape, waiting);
            } else {
                coming.remove(&shape);
                tell(queue, shape, &waiting, jobs, desk);
            }
        }
    }
    for (shape, waiting) in coming {
        tell(queue, shape, &waiting, jobs, desk);
    }
    if let Some(job) = stands_back.and_then(|job: Uid| jobs.get(&job)) {
        keep_free_after_all(job, &open, floor, jobs, desk);
    }
    watch_head(queue, head.as_ref().map(|(job, waiting)| (*job, waiting)), jobs, desk);
}

/// Places up to `most` of a job's tasks, lowest index first. `None` unless one does not fit anywhere: why not.
fn place(
    job: &mut Job,
    choices: &[Choice],
    floor: &mut Floor,
    most: usize,
    budget: &mut usize,
    desk: &mut Desk,
) -> Option<Waiting> {
    if job.nodes.is_some() && !mutant::is(Mutant::NodesPlacedOneByOne) {
        let is_due = most > 0 && !job.tasks.runnable.is_empty();
        let placed = if is_due { place_together(job, choices, floor, budget, desk) } else { Ok(()) };
        return placed.err().map(|obstacles| lacks_capacity(job, obstacles));
    }
    let ends_by = would_end_by(job, desk);
    // One that was told a time does not leave that for a node of which nobody knows whether it comes.
    let may_float = desk.reservations.promise(job.uid).is_none_or(|promise| promise.start.is_none());
    // Tasks that wait for machines on their way: the last ones, whichever that will be then.
    let mut expected = 0;
    let mut placed = 0;
    while let Some(index) = job.tasks.runnable.first() {
        if placed == most {
            break;
        }
        let left = job.tasks.runnable.count().saturating_sub(expected);
        if left == 0 {
            return Some(on_its_way(job, choices, floor));
        }
        let found = choices.iter().filter_map(|choice| choice.as_ref().ok()).find_map(|(uid, name)| {
            let host =
                floor.take(*uid, &job.terms.shape.need, job.uid, ends_by).map(|host| Found::Host(host, name));
            let mut floats = || may_float && floor.float(*uid, &job.terms.shape.need, job.uid, desk);
            let host = host.or_else(|| floats().then(|| Found::Host(Name::default(), name)));
            let mut coming = || {
                Some(floor.expect(*uid, &job.terms.shape.need, job.uid, left)).filter(|number| *number > 0)
            };
            host.or_else(|| coming().map(Found::Coming))
        });
        match found {
            None => return Some(obstacles(job, may_float, choices, floor, desk)),
            Some(Found::Coming(number)) => expected += number,
            Some(Found::Host(host, environment)) => {
                admit(job, index, &host, environment, desk);
                placed += 1;
                *budget -= 1;
                desk.agenda.mark(Item::Job(job.uid));
            }
        }
    }
    if job.tasks.runnable.is_empty() {
        desk.lines.remove(job.queue, &job.terms.shape, job.order);
    }
    None
}

/// Room for a task.
enum Found<'a> {
    /// On a host of this environment; one without a name is still to be added by its autoscaler.
    Host(Name, &'a Name),
    /// On machines on their way, for so many tasks.
    Coming(u32),
}

/// Why a job waits for which room is on its way.
fn on_its_way(job: &Job, choices: &[Choice], floor: &Floor) -> Waiting {
    let coming = choices.iter().filter_map(|choice| {
        let (uid, environment) = choice.as_ref().ok()?;
        let vcpus = floor.growth(*uid)?.launching_vcpus;
        (vcpus > 0).then(|| Obstacle::Launching { environment: environment.clone(), vcpus })
    });
    lacks_capacity(job, coming.collect())
}

fn lacks_capacity(job: &Job, obstacles: Vec<Obstacle>) -> Waiting {
    if obstacles.is_empty() {
        return Waiting::NoEnvironment;
    }
    let need = job.terms.shape.need;
    let nodes = job.nodes.as_ref().map(|nodes| (nodes.count, nodes.instance_type.clone()));
    Waiting::Capacity { need, nodes, obstacles, kept: None, share: None }
}

fn obstacles(job: &Job, may_float: bool, choices: &[Choice], floor: &Floor, desk: &Desk) -> Waiting {
    let need = &job.terms.shape.need;
    let obstacle = |choice: &Choice| match choice {
        Err(obstacle) => obstacle.clone(),
        Ok((uid, environment)) => {
            let (room, environment) = (floor.room(*uid, need), environment.clone());
            let prospect = floor.prospect(*uid, need);
            if let Some(prospect) = prospect.filter(|_| may_float || floor.growth(*uid).is_some()) {
                return growing(prospect, environment, &room, floor.held_up_by(*uid, need, job.uid, desk));
            }
            if room.hosts == 0 {
                Obstacle::NoHosts { environment, closed: room.closed }
            } else if room.one_is_large_enough {
                Obstacle::Full { environment, hosts: room.hosts, most_free: room.most_free, kept: room.kept }
            } else {
                Obstacle::TooSmall { environment, largest: room.largest, closed: room.closed }
            }
        }
    };
    lacks_capacity(job, choices.iter().map(obstacle).collect())
}

/// Why a managed environment takes no more jobs of this need.
fn growing(prospect: Prospect, environment: Name, room: &Room, kept: Option<(Name, Name)>) -> Obstacle {
    if let Some(words) = prospect.failure {
        return Obstacle::CannotLaunch { environment, words };
    }
    if let Some(kept) = &room.kept {
        let (hosts, most_free) = (room.hosts, room.most_free);
        return Obstacle::Full { environment, hosts, most_free, kept: Some(kept.clone()) };
    }
    let (max_vcpus, launching_vcpus) = (prospect.max_vcpus, prospect.launching_vcpus);
    match prospect.smallest {
        _ if room.one_is_large_enough => {}
        None => {
            let largest = room.largest.max_each(&prospect.largest);
            return Obstacle::TooSmall { environment, largest, closed: Closed::default() };
        }
        Some(vcpus) if vcpus > max_vcpus => {
            return Obstacle::OverMaximum { environment, vcpus, max_vcpus };
        }
        Some(_) => {}
    }
    match kept {
        Some(kept) => Obstacle::Kept { environment, kept },
        None => Obstacle::AtMaximum { environment, max_vcpus, launching_vcpus },
    }
}

/// Tells the jobs of one kind of need why they wait: all of them when the reason is another than before, else only the first,
/// whose numbers are kept fresh.
fn tell(queue: Uid, shape: Shape, waiting: &Waiting, jobs: &mut Jobs, desk: &mut Desk) {
    let line = desk.lines.of(queue).and_then(|line| line.get(&shape));
    let waiting = Arc::new(waiting.clone());
    let before = desk.told.insert((queue, shape), waiting.clone());
    let code_is_new = before.is_none_or(|before| before.code() != waiting.code());
    let number = if code_is_new { usize::MAX } else { FRESH_NUMBERS };
    let orders: Vec<OrderKey> = line.into_iter().flatten().take(number).copied().collect();
    for order in orders {
        let promise = desk.reservations.promise(order.uid).cloned();
        if let Some(job) = jobs.get_mut(&order.uid) {
            let its = promise.map(|promise| Arc::new(waiting.as_ref().clone().promised(promise)));
            job.wait_for(its.unwrap_or_else(|| waiting.clone()), desk);
            desk.agenda.mark(Item::Job(job.uid));
        }
    }
}

/// Jobs of each kind of need whose numbers are kept fresh: those a person looks at first.
const FRESH_NUMBERS: usize = 10;
