//! Whose turn it is among the jobs of one queue. In order of submission; in a fair-share queue first the share that has used the
//! least for its weight, within it by priority and submission (SPEC.md Q4). Work is by shares and kinds of need, not by jobs.

use super::explain::Waiting;
use super::lines::{OrderKey, Shape};
use super::shares::score;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::mutant::{self, Mutant};
use std::collections::{BTreeMap, BTreeSet};

/// The jobs of a queue that come next, and whose turn it is.
pub(crate) struct Turns {
    shares: BTreeMap<Name, Share>,
    /// Shares with jobs to look at: by score, then by the age of their first job.
    next: BTreeSet<(u64, OrderKey, Name)>,
    fair: Option<Fair>,
}

/// A share with jobs in line; in a queue without shares there is one, that has no name.
#[derive(Default)]
struct Share {
    /// The first job of each kind of need that was not looked at yet.
    heads: BTreeSet<(OrderKey, Shape)>,
    weight: u32,
    recent: f64,
    /// Thousandths of vCPUs, with what this pass has given it.
    used: u64,
}

impl Share {
    fn score(&self) -> u64 {
        score(self.used, self.recent, self.weight)
    }
}

/// What only a fair-share queue has.
struct Fair {
    /// Percent that are kept for shares that are not active, and of how much.
    reservation: u32,
    capacity: u64,
    /// What all shares use, and how many use anything.
    used: u64,
    active: u32,
    /// The first share that got no host for a job.
    denied: Option<Name>,
}

impl Turns {
    /// Everyone in line in a queue whose environments have so much in all.
    pub(crate) fn of(queue: Uid, capacity: u64, desk: &Desk) -> Turns {
        let mut turns = Turns { shares: BTreeMap::new(), next: BTreeSet::new(), fair: None };
        for (shape, orders) in desk.lines.of(queue).into_iter().flatten() {
            let share = turns.shares.entry(shape.share.clone()).or_default();
            let number = if mutant::is(Mutant::OrderReversed) { orders.len() } else { 1 };
            share.heads.extend(orders.iter().take(number).map(|order| (*order, shape.clone())));
        }
        if let Some(policy) = desk.policy_of(queue) {
            let mut fair =
                Fair { reservation: policy.reservation, capacity, used: 0, active: 0, denied: None };
            for (name, known) in desk.shares.of(queue) {
                fair.used += known.now.used;
                fair.active += u32::from(known.now.used > 0);
                if let Some(share) = turns.shares.get_mut(name) {
                    share.used = known.now.used;
                    share.recent = known.recent(desk.now, policy.window);
                }
            }
            for (name, share) in &mut turns.shares {
                share.weight = policy.weight(name);
            }
            turns.fair = Some(fair);
        }
        for name in turns.shares.keys().cloned().collect::<Vec<_>>() {
            turns.line_up(&name);
        }
        turns
    }

    /// The job whose turn it is, and what kind it is of. What becomes of it is told by [`Turns::placed`] and [`Turns::go_on`].
    pub(crate) fn next(&mut self) -> Option<(OrderKey, Shape)> {
        let (_, _, name) = self.next.pop_first()?;
        let heads = &mut self.shares.get_mut(&name)?.heads;
        let reversed = mutant::is(Mutant::OrderReversed);
        if reversed { heads.pop_last() } else { heads.pop_first() }
    }

    /// The shares with jobs in line when this began.
    pub(crate) fn in_line(&self) -> impl Iterator<Item = &Name> {
        self.shares.keys()
    }

    /// How many tasks of a job may be placed before it is looked at again whose turn it is.
    pub(crate) const fn at_once(&self) -> usize {
        if self.fair.is_some() { 1 } else { usize::MAX }
    }

    /// So many tasks were given to hosts.
    pub(crate) fn placed(&mut self, shape: &Shape, tasks: usize) {
        let (Some(fair), Some(share)) = (&mut self.fair, self.shares.get_mut(&shape.share)) else { return };
        if tasks == 0 || mutant::is(Mutant::ShareOfPassForgotten) {
            return;
        }
        let used = shape.need.cpu_millis.saturating_mul(u64::try_from(tasks).unwrap_or(u64::MAX));
        fair.active += u32::from(share.used == 0);
        fair.used = fair.used.saturating_add(used);
        share.used = share.used.saturating_add(used);
    }

    /// The same, when it was not the share's turn.
    pub(crate) fn placed_ahead(&mut self, shape: &Shape, tasks: usize) {
        self.next.retain(|(_, _, share)| *share != shape.share);
        self.placed(shape, tasks);
        self.line_up(&shape.share);
    }

    /// A share's turn is over; `next` comes in place of the job that had it.
    pub(crate) fn go_on(&mut self, shape: &Shape, next: Option<OrderKey>) {
        if let Some(share) = self.shares.get_mut(&shape.share) {
            share.heads.extend(next.map(|order| (order, shape.clone())));
        }
        self.line_up(&shape.share);
    }

    fn line_up(&mut self, name: &Name) {
        let Some(share) = self.shares.get(name) else { return };
        if let Some((first, _)) = share.heads.first() {
            let score = if self.fair.is_some() { share.score() } else { 0 };
            self.next.insert((score, first.by_age(), name.clone()));
        }
    }

    /// Why a share may not take more although there may be room: it is kept for shares that are not active.
    pub(crate) fn hindrance(&self, shape: &Shape, tasks: u32) -> Option<Waiting> {
        let fair = self.fair.as_ref().filter(|fair| fair.used > 0)?;
        let share = self.shares.get(&shape.share)?;
        if fair.reservation == 0 || mutant::is(Mutant::ReservationIgnored) {
            return None;
        }
        let active = fair.active + u32::from(share.used == 0);
        let ratio = (f64::from(fair.reservation) / 100.0).powi(i32::try_from(active).unwrap_or(i32::MAX));
        let reserved = (fair.capacity as f64 * ratio) as u64;
        let open = fair.capacity.saturating_sub(reserved);
        let need = shape.need.times(u64::from(tasks));
        (fair.used.saturating_add(need.cpu_millis) > open).then(|| Waiting::Reserved {
            share: shape.share.clone(),
            need,
            reserved,
            capacity: fair.capacity,
            used: fair.used,
        })
    }

    /// A job of this share got no host: the share that comes before it for the next one, if there is such.
    pub(crate) fn denied(&mut self, name: &Name) -> Option<Name> {
        let fair = self.fair.as_mut()?;
        let first = fair.denied.get_or_insert_with(|| name.clone());
        let is_before = self.shares.get(first)?.score() < self.shares.get(name)?.score();
        is_before.then(|| first.clone())
    }
}

/// The first jobs of a queue, in about the order in which they start; `tasks` tells how many a job has to place.
pub(crate) fn front(queue: Uid, number: usize, desk: &Desk, tasks: impl Fn(Uid) -> usize) -> Vec<OrderKey> {
    let mut turns = Turns::of(queue, 0, desk);
    let mut front = Vec::new();
    while front.len() < number {
        let Some((order, shape)) = turns.next() else { break };
        front.push(order);
        turns.placed(&shape, tasks(order.uid));
        turns.go_on(&shape, desk.lines.next(queue, &shape, Some(order)));
    }
    front
}
