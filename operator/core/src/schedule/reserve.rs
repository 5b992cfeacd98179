//! Room kept for the job that waits first in its queue, when it is too large for what is free anywhere: jobs behind it that are
//! smaller cannot starve it (SPEC.md, Order). They may go there only if they are sure to have ended by then.
//!
//! Once room is kept for a job, it stays so until the job starts, whoever's turn it is meanwhile. A job that was told a time
//! comes before those of queues with a higher priority, too: what was promised is kept. In a fair-share queue the shares with
//! large jobs take turns: none has room kept a second time before every other one that waits for some has had it.

use super::floor::Floor;
use super::pass::{held_up, open_environments};
use super::promise::{Promise, Site};
use super::search::{Offer, Search};
use super::together::start_together;
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::job::{Job, Jobs, admit};
use crate::limits::LAUNCH_PATIENCE;
use crate::mutant::{self, Mutant};
use crate::time::Time;
use crate::units::Resources;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// When a pass that only tells what the last one kept comes at the earliest: it has no hurry, and more may be new by then.
const UNTIL_NEXT_PASS: Duration = Duration::from_secs(1);

/// Room kept for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) queue: Uid,
    pub(crate) job: Uid,
    pub(crate) job_name: Name,
    pub(crate) need: Resources,
    /// The environment it is in.
    pub(crate) environment: Uid,
    pub(crate) promise: Promise,
    /// The time that it was told last, also while nobody can say one.
    pub(crate) told: Option<Time>,
    /// Until when others may be where it is kept, if that is known.
    pub(crate) until: Option<Time>,
    /// Machines that go to leave their vCPUs.
    pub(crate) going: Vec<Name>,
    /// Hosts without jobs that wait with it until machines for all its nodes are there.
    pub(crate) waiting: Vec<Name>,
    /// vCPUs that are held for machines that it lacks.
    pub(crate) hold: u32,
}

/// All room that is kept.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    kept: Vec<Reservation>,
    /// Shares of each queue that had room kept since all had that waited for some.
    had: BTreeMap<Uid, BTreeSet<Name>>,
    /// Queues of which it is known whom an earlier process has told a time.
    taken_over: BTreeSet<Uid>,
}

impl Reservations {
    /// What is promised to a job.
    pub(crate) fn promise(&self, job: Uid) -> Option<&Promise> {
        self.kept.iter().find(|kept| kept.job == job).map(|kept| &kept.promise)
    }

    /// The environment in which machines come for a job, or are to be made once others have gone.
    pub(super) fn awaited_in(&self, job: Uid) -> Option<Uid> {
        let mut kept = self.kept.iter().filter(|kept| kept.job == job);
        kept.find(|kept| matches!(kept.promise.site, Site::NewMachine { .. })).map(|kept| kept.environment)
    }

    /// Which jobs were told what time, if any.
    pub(super) fn told(&self) -> Vec<(Uid, Option<Time>)> {
        self.kept.iter().map(|kept| (kept.job, kept.promise.start)).collect()
    }

    /// The jobs of a queue that room is kept for.
    pub(super) fn jobs(&self, queue: Uid) -> Vec<Uid> {
        self.of(queue).map(|kept| kept.job).collect()
    }

    /// True while others are kept off a host for a job of this queue.
    fn keeps_off(&self, queue: Uid) -> bool {
        self.of(queue).any(|kept| !matches!(kept.promise.site, Site::Machine(_)))
    }

    /// True while room on a machine on its way is kept for a job of this queue.
    fn is_coming(&self, queue: Uid) -> bool {
        self.of(queue).any(|kept| matches!(kept.promise.site, Site::Machine(_)))
    }

    fn of(&self, queue: Uid) -> impl Iterator<Item = &Reservation> {
        self.kept.iter().filter(move |kept| kept.queue == queue)
    }

    /// True when it is this share's turn to have room kept, among those of its queue that have jobs in line.
    fn is_turn_of<'a>(
        &mut self,
        queue: Uid,
        share: &Name,
        mut in_line: impl Iterator<Item = &'a Name>,
    ) -> bool {
        let had = self.had.entry(queue).or_default();
        if had.contains(share) && in_line.all(|other| had.contains(other)) {
            had.clear();
        }
        !had.contains(share)
    }

    /// A queue is gone.
    pub(crate) fn forget(&mut self, queue: Uid) {
        self.kept.retain(|kept| kept.queue != queue);
        self.had.remove(&queue);
        self.taken_over.remove(&queue);
    }
}

/// Before any queue is served: room is kept again for the jobs that were told a time.
pub(super) fn keep_promises(floor: &mut Floor, jobs: &Jobs, desk: &mut Desk) {
    take_over(jobs, desk);
    if mutant::is(Mutant::ReservationLostWithTurn) {
        desk.reservations.kept.clear();
    }
    let before = std::mem::take(&mut desk.reservations.kept);
    let mut all: Vec<(&Reservation, Option<Reservation>)> =
        before.iter().map(|before| (before, None)).collect();
    let mut in_turn: Vec<_> = all.iter_mut().collect();
    // Of the machines that have been decided since each takes one that is there in time: whoever was told the least first.
    in_turn.sort_by_key(|(before, _)| {
        let start = before.promise.start;
        matches!(before.promise.site, Site::NewMachine { .. }).then_some(start)
    });
    // What one was told of is not given to another, who has to look for other room than what he was told of.
    for may_move in [false, true] {
        for (before, kept) in in_turn.iter_mut().filter(|(_, kept)| kept.is_none()) {
            *kept = again(before, may_move, floor, jobs, desk);
            if let Some(kept) = kept.as_ref().filter(|kept| kept.promise.start.is_some()) {
                floor.keep(kept);
            }
        }
    }
    let kept = all.into_iter().filter_map(|(_, kept)| kept).collect();
    desk.reservations.kept = kept;
}

/// Jobs that were told a time start where room was kept for them, as soon as it is there: one task of each. What is left on
/// their hosts is then for whoever's turn it is.
pub(super) fn start_promised(floor: &mut Floor, budget: &mut usize, jobs: &mut Jobs, desk: &mut Desk) {
    for kept in desk.reservations.kept.clone() {
        let Some(job) = jobs.get_mut(&kept.job) else { continue };
        let is_promised = kept.promise.start.is_some() && job.loading.is_none() && *budget > 0;
        if !is_promised {
            continue;
        }
        let placed = match &kept.promise.site {
            Site::Host(host) => start_one(job, &kept, host, floor, desk),
            Site::Hosts(hosts) => start_together(job, &kept, hosts, floor, desk),
            Site::Machine(_) | Site::NewMachine { .. } => None,
        };
        if let Some(placed) = placed {
            *budget = budget.saturating_sub(placed);
            desk.recount(job);
            release(kept.job, floor, desk);
        }
    }
}

/// Gives one task to the host that was kept for it; how many were.
fn start_one(
    job: &mut Job,
    kept: &Reservation,
    host: &Name,
    floor: &mut Floor,
    desk: &mut Desk,
) -> Option<usize> {
    let environment = desk.environments.get(kept.environment)?.display_name().clone();
    let index = job.tasks.runnable.first()?;
    if !floor.take_at(kept.environment, host, &kept.need) {
        return None;
    }
    admit(job, index, host, &environment, desk);
    if job.tasks.runnable.is_empty() {
        desk.lines.remove(job.queue, &job.terms.shape, job.order);
    }
    desk.agenda.mark(Item::Job(job.uid));
    Some(1)
}

/// Before a queue is served: room is kept again for its jobs for which it was kept although nobody can say until when.
pub(super) fn keep_on(queue: Uid, floor: &mut Floor, jobs: &Jobs, desk: &mut Desk) {
    for before in std::mem::take(&mut desk.reservations.kept) {
        if before.queue != queue || before.promise.start.is_some() {
            desk.reservations.kept.push(before);
        } else if let Some(again) = again(&before, true, floor, jobs, desk) {
            if matches!(again.promise.site, Site::Hosts(_)) {
                // One of them may be waited for, until it could have been replaced.
                desk.agenda.wake(desk.now + LAUNCH_PATIENCE, Item::Schedule);
            }
            floor.keep(&again);
            desk.reservations.kept.push(again);
        }
    }
}

/// A process that begins keeps what those before it have promised.
fn take_over(jobs: &Jobs, desk: &mut Desk) {
    for queue in desk.queues.uids() {
        if !desk.reservations.taken_over.insert(queue) {
            continue;
        }
        let told = desk.queues.get(queue).map(|found| found.observed.status.front.clone());
        for told in told.into_iter().flatten().filter(|told| told.expected_start.is_some()) {
            let named = desk.dependents.named(&told.job).into_iter().filter_map(|uid| jobs.get(&uid));
            for job in named.filter(|job| job.key == told.job && job.created_at == told.submitted_at) {
                desk.reservations.kept.push(Reservation {
                    queue,
                    job: job.uid,
                    job_name: job.key.name.clone(),
                    need: job.terms.shape.need,
                    environment: Uid::default(),
                    promise: Promise { site: Site::Host(Name::default()), start: told.expected_start },
                    told: told.expected_start,
                    until: None,
                    going: Vec::new(),
                    waiting: Vec::new(),
                    hold: 0,
                });
            }
        }
    }
}

/// The room kept for a job, as things are now, and elsewhere only if it `may_move`; `None` once the job does not wait for it any
/// more, or none could ever be large enough.
fn again(
    before: &Reservation,
    may_move: bool,
    floor: &Floor,
    jobs: &Jobs,
    desk: &Desk,
) -> Option<Reservation> {
    let job = jobs.get(&before.job)?;
    if job.loading.is_some() {
        return Some(before.clone());
    }
    let waits = desk.lines.has(before.queue, &job.terms.shape, job.order);
    if !waits || held_up(before.queue, desk).is_some() {
        return None;
    }
    let open = open_environments(before.queue, desk);
    let search = Search { job, open: &open, floor, jobs, desk };
    let same = search.same(before, may_move);
    let is_same = same.is_some();
    let found = same.or_else(|| if may_move { search.best() } else { None })?;
    let mut again = reservation(before.queue, job, found, desk);
    // Until a machine is there, a time that was told is not told later because nothing has happened meanwhile.
    if is_same
        && !matches!(again.promise.site, Site::Host(_) | Site::Hosts(_))
        && let Some((told, start)) = before.told.zip(again.promise.start)
    {
        again.promise.start = Some(told.min(start)).filter(|start| *start >= desk.now);
    }
    again.told = again.promise.start.or(before.told.filter(|_| is_same));
    Some(again)
}

/// A job of a share found no room that may become free: some is kept for it when it is its share's turn. False when it has to
/// stand back.
pub(super) fn keep_free<'a>(
    job: &Job,
    in_line: impl Iterator<Item = &'a Name>,
    open: &[Uid],
    floor: &mut Floor,
    jobs: &Jobs,
    desk: &mut Desk,
) -> bool {
    let Some(queue) = job.queue.filter(|queue| !desk.reservations.keeps_off(*queue)) else { return true };
    // Among jobs that all need as much it is a matter of whose turn it is.
    let is_in_danger =
        desk.policy_of(queue).is_none() || job.nodes.is_some() || floor.has_smaller(&job.terms.shape.need);
    if !is_in_danger || desk.reservations.promise(job.uid).is_some() {
        return true;
    }
    if !desk.reservations.is_turn_of(queue, &job.terms.shape.share, in_line) {
        return false;
    }
    let search = Search { job, open, floor, jobs, desk };
    if let Some(found) = search.best() {
        let found = reservation(queue, job, found, desk);
        floor.keep(&found);
        desk.reservations.had.entry(queue).or_default().insert(job.terms.shape.share.clone());
        desk.reservations.kept.push(found);
    }
    true
}

/// The same for the first that stood back, once all shares whose turn it would have been found room. It is told in another pass.
pub(super) fn keep_free_after_all(job: &Job, open: &[Uid], floor: &mut Floor, jobs: &Jobs, desk: &mut Desk) {
    keep_free(job, std::iter::empty(), open, floor, jobs, desk);
    if desk.reservations.promise(job.uid).is_some() {
        desk.agenda.wake(desk.now + UNTIL_NEXT_PASS, Item::Schedule);
    }
}

/// Room on a machine that is on its way is kept for the first job that waits for one.
pub(super) fn keep_coming(job: &Job, open: &[Uid], floor: &mut Floor, jobs: &Jobs, desk: &mut Desk) {
    let Some(queue) = job.queue.filter(|queue| !desk.reservations.is_coming(*queue)) else { return };
    if desk.reservations.promise(job.uid).is_some() || job.nodes.is_some() {
        return;
    }
    let search = Search { job, open, floor, jobs, desk };
    if let Some(found) = search.machines().min_by_key(Offer::key) {
        let found = reservation(queue, job, found, desk);
        floor.keep(&found);
        desk.reservations.kept.push(found);
    }
}

/// Hosts for all nodes of a multi-node job are there or come: those without jobs wait with it, from now on also when it is not
/// its turn.
pub(super) fn keep_waiting(queue: Uid, job: &Job, found: Offer, floor: &mut Floor, desk: &mut Desk) {
    release(job.uid, floor, desk);
    let found = reservation(queue, job, found, desk);
    floor.keep(&found);
    if !desk.reservations.keeps_off(queue) {
        desk.reservations.kept.push(found);
    }
}

/// A task of the job was given to a host, or nothing is to be kept for it for another reason.
pub(super) fn release(job: Uid, floor: &mut Floor, desk: &mut Desk) {
    if desk.reservations.promise(job).is_some() {
        desk.reservations.kept.retain(|kept| kept.job != job);
        floor.release(job);
    }
}

fn reservation(queue: Uid, job: &Job, found: Offer, desk: &Desk) -> Reservation {
    // What is kept for other shares may stand in its way when its time has come (computeReservation): nothing is promised then.
    let may_promise = desk.policy_of(queue).is_none_or(|policy| policy.reservation == 0);
    let start = found.start.filter(|start| may_promise && *start >= desk.now);
    Reservation {
        queue,
        job: job.uid,
        job_name: job.key.name.clone(),
        need: job.terms.shape.need,
        environment: found.environment,
        told: start,
        promise: Promise { site: found.site, start },
        until: found.until,
        going: found.going,
        waiting: found.waiting,
        hold: found.hold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_take_turns_and_nobody_waits_for_one_that_has_nothing_in_line() {
        let queue = Uid::from_u128(1);
        let [red, blue, green] = ["red", "blue", "green"].map(Name::from);
        let mut reservations = Reservations::default();
        let mut is_turn_of = |share: &Name, in_line: &[&Name]| {
            let is_turn = reservations.is_turn_of(queue, share, in_line.iter().copied());
            if is_turn {
                reservations.had.entry(queue).or_default().insert(share.clone());
            }
            is_turn
        };
        assert!(is_turn_of(&red, &[&red, &blue, &green]));
        assert!(!is_turn_of(&red, &[&red, &blue, &green]));
        assert!(is_turn_of(&blue, &[&red, &blue, &green]));
        assert!(!is_turn_of(&red, &[&red, &green]));
        assert!(is_turn_of(&red, &[&red, &blue]));
        assert!(is_turn_of(&red, &[&red]));
    }
}
