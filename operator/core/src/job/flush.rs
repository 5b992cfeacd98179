//! When a job's status is written, and what its outcome means.

use super::render::render;
use super::{Job, Stage, launch, load, nodes, tombs};
use crate::action::{Action, Guard, Outcome};
use crate::agenda::Item;
use crate::array::Intervals;
use crate::backoff::Backoff;
use crate::desk::Desk;
use crate::digest::digest;
use crate::finding::Finding;
use crate::ids::{ActionId, Name, ResourceVersion, Uid};
use crate::limits::{CHANGES_WORTH_A_WRITE, PAUSE_BEFORE_RUNNING, PAUSE_BETWEEN_WRITES, REASON_NUMBERS_AGE};
use crate::mutant::{self, Mutant};
use crate::objects::{JobStatus, ObservedJob};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::Slot;
use std::collections::BTreeSet;

/// How soon a change has to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Nothing to write.
    #[default]
    None,
    /// Only the numbers in a reason changed: once they are old.
    Numbers,
    /// A reason to wait changed: after everything else.
    Patient,
    /// A container runs: once it has done so for a while. Its end may come first, and one write tells both.
    Lasting,
    /// Once the pause since the last write is over, or enough has changed.
    Soon,
    /// At once: nothing more will happen, or nothing can before it is written.
    Now,
}

/// A status write whose outcome is awaited.
#[derive(Debug)]
pub(crate) struct InFlight {
    action: ActionId,
    /// The version it is to replace.
    version: ResourceVersion,
    /// Fingerprint of what it says; `None` once somebody else's status was taken over: it is not what we know any more.
    digest: Option<u64>,
    sent_at: Time,
    patient: bool,
    /// Launches that may be made once the write is confirmed.
    launches: Vec<Slot>,
    /// Pods whose end it records.
    sealed: Vec<Slot>,
    /// Launches of a multi-node job of which it tells that they are over.
    over: BTreeSet<nodes::Launch>,
    /// It says that the job has ended.
    is_final: bool,
    /// Children that it says have failed.
    failed: Intervals,
    /// Jobs it waited for, all of whose outcomes it holds.
    settled: Vec<Uid>,
}

/// What is known of the stored status, and what is to be written.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Fingerprint of the status the API server has.
    written: u64,
    written_at: Option<Time>,
    in_flight: Option<Box<InFlight>>,
    urgency: Urgency,
    /// When a container that began to run has done so for long enough to be told of.
    lasting_at: Option<Time>,
    changes: u32,
    /// Write even if nothing changed: launches wait for the confirmation.
    fence: bool,
    /// The Job is being read, because a write failed or its outcome is unknown.
    reading: bool,
    read_sent_at: Time,
    /// That read failed.
    read_again: bool,
    backoff: Backoff,
}

impl Report {
    /// The report of a job whose status was just read.
    pub(crate) fn stored(status: &JobStatus) -> Report {
        Report { written: digest(status), ..Report::default() }
    }

    /// True when the API server has all there is to say.
    pub(crate) fn is_written(&self) -> bool {
        self.in_flight.is_none() && !self.reading && self.urgency == Urgency::None
    }

    /// True while a write is under way that tells of this launch.
    pub(crate) fn tells_of(&self, slot: Slot) -> bool {
        self.in_flight.as_ref().is_some_and(|in_flight| in_flight.launches.contains(&slot))
    }

    /// Asks for a write.
    pub(crate) fn ask(&mut self, urgency: Urgency) {
        self.urgency = self.urgency.max(urgency);
        if urgency >= Urgency::Soon {
            self.changes = self.changes.saturating_add(1);
        }
    }

    /// Asks for a write that a container runs, unless it ends soon.
    pub(crate) fn ask_if_it_lasts(&mut self, now: Time) {
        self.lasting_at.get_or_insert(now + PAUSE_BEFORE_RUNNING);
        self.ask(Urgency::Lasting);
    }

    /// Asks for a write that confirms launches.
    pub(crate) fn ask_with_fence(&mut self) {
        self.fence = true;
        self.ask(Urgency::Soon);
    }

    /// When the next write is due; `None` for now.
    fn due_at(&self, now: Time) -> Option<Time> {
        if let Some(until) = self.backoff.wait(now) {
            return Some(until);
        }
        let after = |pause| self.written_at.map(|written_at| written_at + pause);
        let due_at = match self.urgency {
            Urgency::Numbers => after(REASON_NUMBERS_AGE),
            Urgency::Lasting => self.lasting_at.max(after(PAUSE_BETWEEN_WRITES)),
            Urgency::Soon if self.changes < CHANGES_WORTH_A_WRITE => after(PAUSE_BETWEEN_WRITES),
            _ => return None,
        };
        due_at.filter(|at| *at > now)
    }
}

/// Writes the job's status if it is due. What only tells why the job waits stands in a line of its own.
pub(crate) fn flush(job: &mut Job, desk: &mut Desk) {
    if job.report.in_flight.is_some() || job.report.reading || job.report.urgency == Urgency::None {
        return;
    }
    if let Some(at) = job.report.due_at(desk.now) {
        desk.agenda.wake(at, Item::Job(job.uid));
    } else if job.report.urgency <= Urgency::Patient {
        desk.patient.insert((job.order, job.uid));
    } else {
        write_status(job, desk);
    }
}

/// Writes the job's status now, if it says anything new or launches wait for it.
pub(crate) fn write_status(job: &mut Job, desk: &mut Desk) {
    if job.report.in_flight.is_some() || job.report.reading || job.loading.is_some() {
        return;
    }
    desk.patient.remove(&(job.order, job.uid));
    let status = render(job, desk.now);
    let fingerprint = digest(&status);
    let patient = std::mem::take(&mut job.report.urgency) <= Urgency::Patient;
    job.report.changes = 0;
    job.report.lasting_at = None;
    let sealed = job.tombs.as_mut().map(|tombs| tombs.take_unsealed()).unwrap_or_default();
    let over = nodes::take_over_launches(job);
    if fingerprint == job.report.written && !job.report.fence && !mutant::is(Mutant::HotLoop) {
        let is_final = job.verdict.is_some();
        let failed = job.tasks.failed.clone();
        safe(job, is_final, &failed, &settled(job), desk);
        if is_final {
            // Its expiry waited for there being nothing left to write.
            desk.agenda.mark(Item::Job(job.uid));
        }
        nodes::may_go(job, over, desk);
        return tombs::seal(job, sealed, desk);
    }
    job.report.fence = false;
    let unconfirmed = |live: &&super::Live| matches!(live.stage, Stage::Decided | Stage::Recorded);
    let decided = job.tasks.live.values().filter(unconfirmed);
    let launches = decided.map(|live| live.slot).collect();
    let guard = Guard { key: job.key.clone(), uid: job.uid, resource_version: job.resource_version };
    let action = desk.outbox.send(Action::WriteJob(guard, Box::new(status)), Purpose::WriteJob(job.uid));
    job.report.written_at = Some(desk.now);
    job.report.in_flight = Some(Box::new(InFlight {
        action,
        version: job.resource_version,
        digest: Some(fingerprint),
        sent_at: desk.now,
        patient,
        launches,
        sealed,
        over,
        is_final: job.verdict.is_some(),
        failed: job.tasks.failed.clone(),
        settled: settled(job),
    }));
    desk.patient_under_way += usize::from(patient);
}

/// What became of the job's status write. True when the job turns out to be gone.
pub(crate) fn write_outcome(job: &mut Job, action: ActionId, outcome: Outcome, desk: &mut Desk) -> bool {
    let Some(in_flight) = job.report.in_flight.take_if(|in_flight| in_flight.action == action) else {
        return false;
    };
    let in_flight = *in_flight;
    desk.patient_under_way = desk.patient_under_way.saturating_sub(usize::from(in_flight.patient));
    let is_taken_for_success = match &outcome {
        Outcome::Conflict => mutant::is(Mutant::ConflictIsSuccess),
        Outcome::Unknown(_) => mutant::is(Mutant::UnknownIsSuccess),
        _ => false,
    };
    if is_taken_for_success {
        let sent_at = in_flight.sent_at;
        job.report.written = in_flight.digest.unwrap_or_default();
        confirmed(job, in_flight, sent_at, desk);
        return false;
    }
    match outcome {
        Outcome::Written(version) => {
            if let Some(digest) = in_flight.digest.filter(|_| version >= job.resource_version) {
                job.resource_version = version;
                job.report.written = digest;
            }
            let sent_at = in_flight.sent_at;
            confirmed(job, in_flight, sent_at, desk);
        }
        Outcome::NotFound => return true,
        Outcome::Conflict if job.resource_version > in_flight.version => not_written(job, in_flight),
        Outcome::Conflict | Outcome::Unknown(_) => {
            job.report.in_flight = Some(Box::new(InFlight { patient: false, ..in_flight }));
            read(job, desk);
        }
        // A status that is refused is not one to insist on: all is built anew from what the API server has.
        Outcome::Refused(_, words) => {
            not_written(job, in_flight);
            desk.findings
                .push(Finding::Trouble(job.key.clone(), Name::from(format!("status not written: {words}"))));
            job.report.backoff.failed(desk.now);
            job.report.written = 0;
            read(job, desk);
        }
        _ => not_written(job, in_flight),
    }
    false
}

/// Asks the API server what it has of the job.
pub(crate) fn read(job: &mut Job, desk: &mut Desk) {
    if job.report.reading {
        return;
    }
    if let Some(until) = job.report.backoff.wait(desk.now) {
        job.report.read_again = true;
        return desk.agenda.wake(until, Item::Job(job.uid));
    }
    job.report.read_again = false;
    job.report.reading = true;
    job.report.read_sent_at = desk.now;
    desk.outbox.send(Action::ReadJob(job.key.clone()), Purpose::ReadJob(job.key.clone(), job.uid));
}

/// Reads the job if that failed before, or if somebody else wrote one of its records.
pub(crate) fn read_if_in_doubt(job: &mut Job, desk: &mut Desk) {
    if job.report.read_again || job.chunks.overtaken {
        read(job, desk);
    }
}

/// The API server's own view of the job, after a write failed or its outcome stayed unknown; `None` when it did not answer.
pub(crate) fn job_read(job: &mut Job, observed: Option<ObservedJob>, desk: &mut Desk) {
    job.report.reading = false;
    let Some(observed) = observed else {
        job.report.read_again = true;
        job.report.backoff.failed(desk.now);
        return;
    };
    let fingerprint = digest(&observed.status);
    let sent_at = job.report.read_sent_at;
    if let Some(in_flight) = job.report.in_flight.take() {
        let in_flight = *in_flight;
        if in_flight.digest == Some(fingerprint) {
            job.report.written = fingerprint;
            confirmed(job, in_flight, sent_at, desk);
        } else {
            not_written(job, in_flight);
        }
    }
    if observed.resource_version >= job.resource_version {
        take_version(job, observed, desk);
    }
}

/// Takes in a version of the job that is not older than the one known. A status that is not ours is taken over.
pub(crate) fn take_version(job: &mut Job, observed: ObservedJob, desk: &mut Desk) {
    let fingerprint = digest(&observed.status);
    job.resource_version = observed.resource_version;
    job.deleting = observed.deleting;
    job.kept = observed.kept;
    if job.generation != observed.generation {
        job.generation = observed.generation;
        let before = std::mem::replace(&mut job.spec, desk.specs.one(observed.spec));
        desk.specs.let_go(&before);
        job.payload = observed.payload;
        job.report.ask(Urgency::Soon);
    }
    let is_ours = fingerprint == job.report.written
        || job.report.in_flight.as_ref().is_some_and(|in_flight| in_flight.digest == Some(fingerprint));
    job.report.written = fingerprint;
    if !is_ours || job.chunks.overtaken {
        if let Some(in_flight) = &mut job.report.in_flight {
            in_flight.digest = None;
            in_flight.is_final = false;
            in_flight.failed = Intervals::default();
            in_flight.settled.clear();
            in_flight.launches.clear();
            in_flight.sealed.clear();
            in_flight.over.clear();
        }
        load::note_unknown_nodes(job.uid, &observed.status, desk);
        load::forget(job, desk);
        job.loading = Some(Box::new(observed.status));
    }
}

fn confirmed(job: &mut Job, in_flight: InFlight, sent_at: Time, desk: &mut Desk) {
    job.report.backoff.succeeded();
    if mutant::is(Mutant::HotLoop) {
        job.report.ask(Urgency::Soon);
    }
    safe(job, in_flight.is_final, &in_flight.failed, &in_flight.settled, desk);
    tombs::seal(job, in_flight.sealed, desk);
    nodes::may_go(job, in_flight.over, desk);
    if job.verdict.is_some()
        && let Some(pinned) = &job.pinned
    {
        desk.agenda.mark(Item::Revision(pinned.uid));
    }
    launch::fenced(job, &in_flight.launches, sent_at);
    launch::order_pods(job, desk);
    if job.nodes.is_some() {
        desk.agenda.mark(Item::Job(job.uid));
    }
}

/// The API server has the job's end (if it has come to it), of these children that they failed, and the outcomes of these jobs it
/// waited for.
fn safe(job: &mut Job, is_final: bool, failed: &Intervals, settled: &[Uid], desk: &mut Desk) {
    let known = job.failed_for_sure.count();
    job.failed_for_sure.extend(failed);
    if job.failed_for_sure.count() > known {
        desk.agenda.mark(Item::Job(job.uid));
    }
    for uid in settled {
        desk.dependents.done_with(*uid, job.uid);
    }
    if is_final && job.verdict.is_some() && !job.final_is_written {
        job.final_is_written = true;
        desk.numbers_changed();
        desk.let_go_of_dependencies(job);
        desk.numbers_changed();
        desk.agenda.mark(Item::Job(job.uid));
    }
}

/// Jobs it waited for, all of whose outcomes are known.
pub(super) fn settled(job: &Job) -> Vec<Uid> {
    let of = |settled: bool| {
        let entries = job.dependencies.iter().filter(move |entry| entry.outcome.is_some() == settled);
        entries.filter_map(|entry| entry.pinned.as_ref().map(|(_, uid)| *uid))
    };
    of(true).filter(|uid| of(false).all(|open| open != *uid)).collect()
}

fn not_written(job: &mut Job, in_flight: InFlight) {
    if let Some(tombs) = &mut job.tombs {
        tombs.put_unsealed_back(in_flight.sealed);
    }
    nodes::put_back(job, in_flight.over);
    job.report.fence |= !in_flight.launches.is_empty();
    job.report.ask(Urgency::Now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_is_told_once_it_lasts_or_with_what_comes_first() {
        let at = Time::from_seconds;
        let mut report = Report { written_at: Some(at(100)), ..Report::default() };
        report.ask_if_it_lasts(at(101));
        // A container that starts later does not put it off.
        report.ask_if_it_lasts(at(102));
        assert_eq!(report.due_at(at(102)), Some(at(103)));
        assert_eq!(report.due_at(at(103)), None);
        report.ask(Urgency::Soon);
        assert_eq!(report.due_at(at(102)), None, "the pause since the last write is over");
        let mut report = Report { written_at: Some(at(100)), ..Report::default() };
        report.ask_if_it_lasts(at(100));
        report.ask(Urgency::Now);
        assert_eq!(report.due_at(at(100)), None, "an end is told at once");
    }
}
