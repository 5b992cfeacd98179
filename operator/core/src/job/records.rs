//! The records of an array's children, each of some hundred neighbours, written before the status that counts them.

use super::live::History;
use super::{Job, Urgency, nodes, settle};
use crate::action::{Action, Outcome, RecordOrder, Refusal};
use crate::agenda::Item;
use crate::backoff::Backoff;
use crate::desk::Desk;
use crate::digest::digest;
use crate::finding::Finding;
use crate::ids::{ActionId, Name, ResourceVersion};
use crate::limits::{CHANGES_WORTH_A_WRITE, PAUSE_BETWEEN_WRITES, WORDS_IN_RECORD};
use crate::mutant::{self, Mutant};
use crate::objects::{Attempt, ChildRecord, Launched, Record};
use crate::outbox::Purpose;
use crate::state::State;
use crate::text::cut;
use crate::time::Time;
use crate::world::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// One record in memory, while it has children that are not final.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    version: Option<ResourceVersion>,
    record: Record,
    /// Children changed since the last write was sent.
    unwritten: BTreeSet<u32>,
    /// Launches withdrawn since the last write was sent.
    withdrawn: Vec<Slot>,
    writing: Option<Writing>,
    /// The read under way: answers to earlier ones do not count.
    reading: Option<ActionId>,
    written_at: Option<Time>,
    backoff: Backoff,
}

/// What a write under way carries.
#[derive(Debug)]
struct Writing {
    /// The write, or the read that looks whether it landed: answers to earlier ones do not count.
    action: ActionId,
    indexes: BTreeSet<u32>,
    withdrawn: Vec<Slot>,
    /// Of the record as sent: tells whether a write of unknown outcome landed.
    digest: u64,
}

/// The records of one job.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    /// Children one record holds.
    pub(crate) span: u32,
    chunks: BTreeMap<u32, Chunk>,
    /// Some child was given to a host once: records may exist. Written with the launch, so before any record is.
    pub(crate) has_begun: bool,
    /// Set when somebody else wrote a record: all is to be loaded again.
    pub(crate) overtaken: bool,
}

impl Chunks {
    /// No records yet, of `span` children each.
    pub(crate) fn new(span: u32) -> Chunks {
        Chunks { span: span.max(1), ..Chunks::default() }
    }

    /// The first index of the record that holds child `index`.
    pub(crate) const fn first_index_of(&self, index: u32) -> u32 {
        match index.checked_rem(self.span) {
            Some(rest) => index - rest,
            None => index,
        }
    }

    /// Notes a child's finished attempt.
    pub(crate) fn note_end(&mut self, index: u32, state: State, mut attempt: Attempt) {
        attempt.reason = cut(&attempt.reason, WORDS_IN_RECORD);
        attempt.words = cut(&attempt.words, WORDS_IN_RECORD);
        let child = self.child(index);
        child.state = state;
        child.launch = 0;
        child.launched = None;
        child.attempts.push(attempt);
    }

    /// Notes the pod and the host of a node's launch.
    pub(crate) fn note_launch(&mut self, slot: Slot, launched: Launched) {
        let child = self.child(slot.index);
        child.state = State::Starting;
        child.launch = slot.launch;
        child.launched = Some(launched);
    }

    /// Notes that a child ended without a further attempt. One that never had an attempt, nor a withdrawn launch, has no record.
    pub(crate) fn note_final(&mut self, index: u32) {
        let first_index = self.first_index_of(index);
        let has_record = |chunk: &Chunk| chunk.record.children.contains_key(&index);
        if self.chunks.get(&first_index).is_some_and(has_record) {
            let child = self.child(index);
            child.state = State::Failed;
        }
    }

    /// Notes that a launch was withdrawn: the serial of the next one.
    pub(crate) fn note_withdrawal(&mut self, slot: Slot, history: History) {
        let child = self.child(slot.index);
        child.state = State::Runnable;
        child.launch = history.launch;
        let first_index = self.first_index_of(slot.index);
        self.chunks.entry(first_index).or_default().withdrawn.push(slot);
    }

    fn child(&mut self, index: u32) -> &mut ChildRecord {
        let first_index = self.first_index_of(index);
        let chunk = self.chunks.entry(first_index).or_default();
        chunk.unwritten.insert(index);
        chunk.record.children.entry(index).or_default()
    }

    /// Puts a record in as read from the API; `None` when there is none. Ignores the answer to any but the latest read.
    pub(crate) fn put(
        &mut self,
        action: ActionId,
        first_index: u32,
        found: Option<(Record, ResourceVersion)>,
    ) {
        if !self.is_reading(action, first_index) {
            return;
        }
        let (record, version) =
            found.map_or((Record::default(), None), |(record, version)| (record, Some(version)));
        self.chunks.insert(first_index, Chunk { version, record, ..Chunk::default() });
    }

    /// The children in a record that was read.
    pub(crate) fn get(&self, first_index: u32) -> Option<&Record> {
        self.chunks.get(&first_index).filter(|chunk| chunk.reading.is_none()).map(|chunk| &chunk.record)
    }

    /// True when a record was neither read nor is being read.
    pub(crate) fn is_unread(&self, first_index: u32) -> bool {
        !self.chunks.contains_key(&first_index)
    }

    /// Marks a record as being read.
    pub(crate) fn start_reading(&mut self, first_index: u32, action: ActionId) {
        self.chunks.insert(first_index, Chunk { reading: Some(action), ..Chunk::default() });
    }

    /// A read did not come back.
    pub(crate) fn read_failed(&mut self, action: ActionId, first_index: u32) {
        if self.is_reading(action, first_index) {
            self.chunks.remove(&first_index);
        }
    }

    fn is_reading(&self, action: ActionId, first_index: u32) -> bool {
        self.chunks.get(&first_index).is_some_and(|chunk| chunk.reading == Some(action))
    }

    /// True while a withdrawn launch is not in its record yet.
    pub(crate) fn is_unrecorded(&self, slot: Slot) -> bool {
        let Some(chunk) = self.chunks.get(&self.first_index_of(slot.index)) else { return false };
        let under_way = chunk.writing.as_ref().map(|writing| &writing.withdrawn);
        chunk.withdrawn.iter().chain(under_way.into_iter().flatten()).any(|withdrawn| *withdrawn == slot)
    }

    /// Forgets all records.
    pub(crate) fn forget(&mut self) {
        self.chunks.clear();
        self.overtaken = false;
    }
}

/// Sends the record writes that are due.
pub(crate) fn flush_records(job: &mut Job, desk: &mut Desk) {
    if job.chunks.chunks.is_empty() || !job.has_records() {
        return;
    }
    let hurry = job.nodes.is_some() || job.tasks.only_records_are_awaited();
    let Some(pinned) = &job.pinned else { return };
    for (first_index, chunk) in &mut job.chunks.chunks {
        if chunk.unwritten.is_empty() || chunk.writing.is_some() || chunk.reading.is_some() {
            continue;
        }
        if let Some(at) = chunk.due_at(desk.now, hurry) {
            desk.agenda.wake(at, Item::Job(job.uid));
            continue;
        }
        let order = RecordOrder {
            job: job.key.clone(),
            job_uid: job.uid,
            definition: pinned.definition.clone(),
            nodes: job.nodes.clone(),
            first_index: *first_index,
            resource_version: chunk.version,
            record: chunk.record.clone(),
        };
        let purpose = Purpose::WriteRecord(job.uid, *first_index);
        let action = desk.outbox.send(Action::WriteRecord(Box::new(order)), purpose);
        chunk.written_at = Some(desk.now);
        chunk.writing = Some(Writing {
            action,
            indexes: std::mem::take(&mut chunk.unwritten),
            withdrawn: std::mem::take(&mut chunk.withdrawn),
            digest: digest(&chunk.record),
        });
    }
}

impl Chunk {
    /// When a write is due; `None` for now.
    fn due_at(&self, now: Time, hurry: bool) -> Option<Time> {
        if let Some(until) = self.backoff.wait(now) {
            return Some(until);
        }
        let many = self.unwritten.len() >= CHANGES_WORTH_A_WRITE as usize;
        if hurry || many {
            return None;
        }
        self.written_at.map(|written_at| written_at + PAUSE_BETWEEN_WRITES).filter(|at| *at > now)
    }

    fn put_back(&mut self) {
        if let Some(writing) = self.writing.take() {
            self.unwritten.extend(writing.indexes);
            self.withdrawn.extend(writing.withdrawn);
        }
    }
}

/// What became of a record's write, or of the read that looks whether it landed.
pub(crate) fn record_outcome(
    job: &mut Job,
    first_index: u32,
    id: ActionId,
    outcome: Outcome,
    desk: &mut Desk,
) {
    let Some(chunk) = job.chunks.chunks.get_mut(&first_index) else { return };
    let Some(writing) = chunk.writing.as_mut().filter(|writing| writing.action == id) else {
        // Ours of before all was loaded anew: what was read since may lack it.
        if matches!(outcome, Outcome::Written(version) if chunk.version != Some(version)) {
            job.chunks.overtaken = true;
        }
        return;
    };
    match outcome {
        Outcome::Written(version) => written(job, first_index, Some(version), desk),
        Outcome::Record(found, version) if writing.digest == digest(&found) => {
            written(job, first_index, Some(version), desk);
        }
        // The record would go with its Job and its namespace, which waits for the pods whose end is to be recorded.
        Outcome::Refused(Refusal::NamespaceTerminating, _) => written(job, first_index, None, desk),
        Outcome::Record(_, version) if mutant::is(Mutant::RecordOverwritten) => {
            chunk.version = Some(version);
            chunk.put_back();
        }
        Outcome::Record(_, version) if chunk.version == Some(version) => chunk.put_back(),
        Outcome::Conflict if mutant::is(Mutant::RecordConflictIsSuccess) => {
            let version = chunk.version;
            written(job, first_index, version, desk);
        }
        Outcome::Conflict if mutant::is(Mutant::RecordOverwritten) => {
            let read = Action::ReadRecord { job: job.key.clone(), job_uid: job.uid, first_index };
            writing.action = desk.outbox.send(read, Purpose::WriteRecord(job.uid, first_index));
        }
        Outcome::NotFound => {
            chunk.version = None;
            chunk.put_back();
        }
        Outcome::Conflict | Outcome::Record(..) => job.chunks.overtaken = true,
        Outcome::Refused(_, words) => {
            chunk.put_back();
            let again = chunk.backoff.failed(desk.now);
            desk.agenda.wake(again, Item::Job(job.uid));
            desk.findings
                .push(Finding::Trouble(job.key.clone(), Name::from(format!("record not written: {words}"))));
        }
        _ => {
            let read = Action::ReadRecord { job: job.key.clone(), job_uid: job.uid, first_index };
            writing.action = desk.outbox.send(read, Purpose::WriteRecord(job.uid, first_index));
        }
    }
}

fn written(job: &mut Job, first_index: u32, version: Option<ResourceVersion>, desk: &mut Desk) {
    let Some(chunk) = job.chunks.chunks.get_mut(&first_index) else { return };
    chunk.version = version;
    chunk.backoff.succeeded();
    let Some(writing) = chunk.writing.take() else { return };
    // A child that changed since the write was sent has its latest end not in it.
    let recorded: Vec<u32> =
        writing.indexes.into_iter().filter(|index| !chunk.unwritten.contains(index)).collect();
    for slot in writing.withdrawn {
        // The next status seals it: there may be no other reason to write one.
        if job.tombs.get_or_insert_default().bury(slot, false) {
            job.report.ask(Urgency::Soon);
        }
    }
    for index in recorded {
        if job.nodes.is_some() {
            nodes::recorded(job, index);
        } else {
            settle::count(job, index, desk);
        }
    }
    drop_if_complete(job, first_index);
}

/// A record whose children are all final is never written again.
fn drop_if_complete(job: &mut Job, first_index: u32) {
    let last = (first_index + job.chunks.span).min(job.size());
    let complete = (first_index..last).all(|index| job.tasks.is_final(index));
    let idle = job.chunks.chunks.get(&first_index).is_some_and(|chunk| chunk.unwritten.is_empty());
    if complete && idle {
        job.chunks.chunks.remove(&first_index);
    }
}
