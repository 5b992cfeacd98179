//! Building a job from what the API has: its status, its records and its pods. A restart is nothing else.

use super::live::{History, Live, Stage};
use super::{Chunks, Job, Urgency, Verdict, accept, adopt, flush, nodes, settle};
use crate::action::Action;
use crate::agenda::Item;
use crate::array::Intervals;
use crate::desk::Desk;
use crate::ids::{Name, ObjectKey, Uid};
use crate::limits::TOMBSTONE;
use crate::mutant::{self, Mutant};
use crate::objects::{ArrayStatus, DependencyStatus, JobSpec, JobStatus, Nodes};
use crate::outbox::Purpose;
use crate::state::State;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Takes over a status that was not written by us, or not in this life. False while records are still being read.
pub(crate) fn load(job: &mut Job, desk: &mut Desk) -> bool {
    let Some(status) = job.loading.take() else { return true };
    if !revision_is_here(job, &status, desk) || !records_are_here(job, &status, desk) {
        job.loading = Some(status);
        return false;
    }
    take_over(job, *status, desk);
    if desk.nodes_unknown.remove(&job.uid).is_some() {
        desk.agenda.mark(Item::Schedule);
    }
    adopt::meet_pods(job, desk);
    if job.verdict.is_none() {
        job.report.ask(Urgency::Patient);
    }
    true
}

/// A launch of a multi-node job that stands has hosts of which no pod tells while it is kept off them: nobody is to be placed
/// there before the job's records are read.
pub(crate) fn note_unknown_nodes(uid: Uid, status: &JobStatus, desk: &mut Desk) {
    let stands = status.attempts.last().is_some_and(|attempt| !attempt.is_over());
    if status.main_node.is_some() && stands {
        desk.nodes_unknown.entry(uid).or_insert(desk.now);
    }
}

/// A revision that is not seen is not gone: the API server is asked.
fn revision_is_here(job: &Job, status: &JobStatus, desk: &mut Desk) -> bool {
    let Some(pinned) = status.pinned.as_ref().filter(|_| !status.state.is_final()) else { return true };
    if desk.revisions.get(pinned.uid).is_some() || desk.revisions.is_lost(pinned.uid) {
        return true;
    }
    if desk.revisions.seek(pinned.uid, job.uid) {
        let key = ObjectKey { namespace: job.key.namespace.clone(), name: pinned.name.clone() };
        desk.outbox.send(Action::ReadRevision(key), Purpose::ReadRevision(pinned.uid));
    }
    false
}

/// Reads the records of children that are not final, if any child ever began. True when all are here.
fn records_are_here(job: &mut Job, status: &JobStatus, desk: &mut Desk) -> bool {
    let mut missing = false;
    for first_index in records_needed(status, &job.chunks) {
        if job.chunks.get(first_index).is_some() {
            continue;
        }
        missing = true;
        if job.chunks.is_unread(first_index) {
            let read = Action::ReadRecord { job: job.key.clone(), job_uid: job.uid, first_index };
            let action = desk.outbox.send(read, Purpose::ReadRecord(job.uid, first_index));
            job.chunks.start_reading(first_index, action);
        }
    }
    !missing
}

fn records_needed(status: &JobStatus, chunks: &Chunks) -> BTreeSet<u32> {
    let Some(array) = status.array.as_ref().filter(|_| !status.state.is_final()) else {
        return BTreeSet::new();
    };
    if !array.has_begun && !chunks.has_begun || mutant::is(Mutant::RecordsNotRead) {
        return BTreeSet::new();
    }
    if status.main_node.is_some() {
        // A node that has ended in the attempt under way is not done.
        return (0..array.size).step_by(chunks.span as usize).collect();
    }
    let unfinished = array.children.iter().filter(|(state, _)| !state.is_final());
    let runs = unfinished.flat_map(|(_, indexes)| indexes.runs());
    runs.flat_map(|(first, last)| (chunks.first_index_of(first)..=last).step_by(chunks.span as usize))
        .collect()
}

/// Drops what was under way, so that no answer to it counts: all is built anew from status, records and pods.
pub(crate) fn forget(job: &mut Job, desk: &mut Desk) {
    for (index, live) in std::mem::take(&mut job.tasks).live {
        desk.launching.remove(&(job.uid, index));
        desk.take_claim_back(&job.pod_key(live.slot));
    }
    desk.lines.remove(job.queue, &job.terms.shape, job.order);
    job.chunks.forget();
    job.touched.clear();
    job.tombs = None;
    job.sets = None;
    job.waits_for = None;
    job.verdict = None;
    job.final_is_written = false;
    job.failed_for_sure = Intervals::default();
    job.ordered = None;
    job.held_until = None;
}

fn take_over(job: &mut Job, status: JobStatus, desk: &mut Desk) {
    if mutant::is(Mutant::StopForgotten) && status.observed_generation == job.generation {
        let spec = JobSpec { stop: None, stop_children: Vec::new(), ..(*job.spec).clone() };
        job.spec = Arc::new(spec);
    }
    job.environment = status.environment;
    job.milestones = status.milestones;
    job.started_at = status.started_at;
    job.stopped_at = status.stopped_at;
    let before = std::mem::replace(&mut job.pinned, status.pinned.map(|pinned| desk.pins.one(pinned)));
    before.iter().for_each(|pinned| desk.pins.let_go(pinned));
    // Whoever wrote the status may be done with jobs that this process still waits for.
    if status.state.is_final() {
        desk.let_go_of_dependencies(job);
    }
    let before = std::mem::take(&mut job.dependencies);
    job.dependencies = dependencies(job, status.dependencies);
    let is_meant = |uid: &Uid| {
        job.dependencies.iter().any(|entry| entry.pinned.as_ref().is_some_and(|(_, meant)| meant == uid))
    };
    for (_, uid) in before.into_iter().filter_map(|entry| entry.pinned).filter(|(_, uid)| !is_meant(uid)) {
        desk.dependents.done_with(uid, job.uid);
    }
    for uid in flush::settled(job) {
        desk.dependents.done_with(uid, job.uid);
    }
    job.may_be_in_circle = true;
    // Whoever wrote this status may have sent creates that are still under way.
    job.unsafe_until = job
        .environment
        .as_ref()
        .filter(|_| !mutant::is(Mutant::OpenCreatesForgotten))
        .map(|_| desk.now + TOMBSTONE);
    // Which nodes there are, its revision says.
    job.nodes = job.nodes.take().filter(|_| job.pinned.is_some());
    let size = job.size();
    if status.state.is_final() {
        let verdict = Verdict { state: status.state, reason: status.reason, words: status.words };
        job.verdict = Some(Box::new(verdict));
        job.final_is_written = true;
        // Its revision may be gone by now.
        job.nodes = status
            .main_node
            .zip(status.array.as_ref())
            .map(|(main, array)| Arc::new(Nodes { count: array.size, main, ..Nodes::default() }));
        match status.array {
            Some(array) => take_over_final_children(job, &array),
            None if status.state == State::Succeeded => job.tasks.succeeded = Intervals::below(size),
            None => job.tasks.failed = Intervals::below(size),
        }
        job.tasks.attempts = status.attempts;
        job.chunks.forget();
        return;
    }
    if job.pinned.is_none() {
        if let Some(array) = &status.array {
            take_over_final_children(job, array);
        }
        job.tasks.submitted = Intervals::below(size);
        job.tasks.submitted.subtract(&job.tasks.failed);
        return;
    }
    if !accept::learn_need(job, desk) {
        return;
    }
    match status.array {
        Some(array) if job.nodes.is_some() => {
            nodes::take_over(job, status.state, &array, status.launch, status.attempts, desk);
        }
        Some(array) => take_over_children(job, &array, desk),
        None => take_over_single(job, status.state, status.launch, status.attempts),
    }
    accept::enter_queue(job, desk);
}

/// What the status knows of each entry of `dependsOn`; nothing yet, where it says something else than the spec.
fn dependencies(job: &Job, known: Vec<DependencyStatus>) -> Vec<DependencyStatus> {
    let mut known = known.into_iter();
    let entries = job.spec.depends_on.iter().map(|on| {
        let fresh = DependencyStatus { on: on.clone(), pinned: None, outcome: None };
        known.next().filter(|known| known.on == *on).unwrap_or(fresh)
    });
    entries.collect()
}

fn take_over_final_children(job: &mut Job, array: &ArrayStatus) {
    let of = |state| array.children.get(&state).cloned().unwrap_or_default();
    job.tasks.succeeded = of(State::Succeeded);
    job.tasks.failed = of(State::Failed);
    job.failed_for_sure = job.tasks.failed.clone();
    job.tasks.failures = array.failures.clone();
}

fn take_over_single(job: &mut Job, state: State, launch: u16, attempts: Vec<crate::objects::Attempt>) {
    let under_way = attempts.last().filter(|attempt| !attempt.is_over());
    let host = under_way.and_then(|attempt| attempt.host.clone()).unwrap_or_default();
    job.tasks.attempts = attempts.into_iter().filter(crate::objects::Attempt::is_over).collect();
    let over = u8::try_from(job.tasks.attempts.len()).unwrap_or(u8::MAX);
    let history = History { over, launch, unsafe_until: None };
    if history != History::default() {
        job.tasks.histories.insert(0, history);
    }
    take_up(job, 0, state, host);
}

/// A child with attempts in its record that the status calls RUNNING may have run the last of those: nobody knows whether the
/// next was begun. It counts as begun only when its pod is seen.
fn take_over_children(job: &mut Job, array: &ArrayStatus, desk: &mut Desk) {
    job.chunks.has_begun |= array.has_begun;
    take_over_final_children(job, array);
    for (state, indexes) in &array.children {
        if state.is_final() {
            continue;
        }
        if *state == State::Pending && mutant::is(Mutant::PendingForgotten) {
            continue;
        }
        if *state == State::Pending {
            job.tasks.pending.extend(indexes);
            continue;
        }
        job.tasks.runnable.extend(indexes);
        for index in indexes.iter() {
            let child = job
                .chunks
                .get(job.chunks.first_index_of(index))
                .and_then(|record| record.children.get(&index))
                .cloned();
            let state = if child.is_some() { (*state).min(State::Starting) } else { *state };
            if let Some(child) = child {
                settle::take_record(job, index, &child);
            }
            if job.tasks.is_final(index) {
                job.tasks.runnable.remove(index);
            } else {
                take_up(job, index, state, Name::default());
            }
        }
    }
    settle::finish_if_all_final(job, desk);
}

/// A task that is said to run, and whose pod may be gone, is looked into. Any other is runnable until its pod is seen: the pod
/// of a launch that was under way has the same name, so that it cannot be made twice.
fn take_up(job: &mut Job, index: u32, state: State, host: Name) {
    if state == State::Pending {
        job.tasks.pending.insert(index);
    } else if state == State::Running {
        job.tasks.runnable.remove(index);
        let slot = job.tasks.current(index);
        let environment = job.environment.clone().unwrap_or_default();
        let live = Live::new(slot, host, environment, Stage::Missing { since: None });
        // An array's status does not say which launch of a child it means.
        job.tasks.live.insert(index, Live { has_run: !job.is_array(), ..live });
        job.touched.insert(index);
    } else {
        job.tasks.runnable.insert(index);
    }
}
