//! A multi-node job from its status and its nodes' records. A restart is nothing else.

use super::super::live::{History, Live, Stage};
use super::super::{Job, settle};
use super::end::note_attempt;
use super::sets;
use crate::array::Intervals;
use crate::desk::Desk;
use crate::mutant::{self, Mutant};
use crate::objects::{ArrayStatus, Attempt, ChildRecord, Proof};
use crate::state::State;
use crate::world::Slot;

/// Takes over what status and records say. A launch stands if the status has its attempt under way: the records tell its pods
/// and hosts then. Of any other nothing was let go: it is forgotten, and its serial is not used again.
pub(in crate::job) fn take_over(
    job: &mut Job,
    state: State,
    array: &ArrayStatus,
    launch: u16,
    attempts: Vec<Attempt>,
    desk: &mut Desk,
) {
    let under_way = attempts.last().filter(|last| !last.is_over());
    let stands = under_way.map(|last| (last.number, last.launch));
    let has_run = under_way.is_some_and(|last| last.started_at.is_some());
    job.tasks.attempts = attempts.into_iter().filter(Attempt::is_over).collect();
    job.chunks.has_begun |= array.has_begun;
    let (all, main) = (Intervals::below(job.size()), job.nodes.as_ref().map_or(0, |nodes| nodes.main));
    let nodes: Vec<(u32, ChildRecord)> = all.iter().map(|index| (index, record_of(job, index))).collect();
    // The process before may have got no further than to record them.
    for attempt in nodes.iter().filter(|(index, _)| *index == main).flat_map(|(_, record)| &record.attempts) {
        note_attempt(job, attempt.clone());
    }
    let most = nodes.iter().map(|(_, record)| over(record)).max().unwrap_or(0);
    let all_alike = nodes.iter().all(|(_, record)| over(record) == most);
    let main_is_final =
        nodes.iter().any(|(index, record)| *index == main && over(record) == most && record.state.is_final());
    let has_ends = most > 0 && (!all_alike || main_is_final);
    // The attempt under way, or the last one.
    let attempt = if has_ends { most } else { most.saturating_add(1) };
    let stands = stands.filter(|(number, _)| *number == attempt).map(|(_, launch)| launch);
    let launch_of = |record: &ChildRecord| record.attempts.last().map(|last| last.launch);
    let ended = nodes.iter().find(|(_, record)| has_ends && over(record) == most);
    let known = stands.or_else(|| ended.and_then(|(_, record)| launch_of(record)));
    let Some(launch) = known.filter(|_| state != State::Pending) else {
        let waiting = if state == State::Pending { &mut job.tasks.pending } else { &mut job.tasks.runnable };
        waiting.extend(&all);
        let forgotten = launch;
        let launch =
            launch.saturating_add(u16::from(array.has_begun && !mutant::is(Mutant::NodeLaunchUsedAgain)));
        let history = History { over: most, launch, unsafe_until: None };
        if history != History::default() {
            job.tasks.histories.extend(all.iter().map(|index| (index, history)));
        }
        if array.has_begun {
            // Its sets may be there, without a pod that tells of them.
            sets::is_over(job, (attempt, forgotten));
        }
        return;
    };
    for (index, record) in nodes {
        let slot = Slot { index, attempt, launch };
        let history = History { over: attempt.saturating_sub(1), launch, unsafe_until: None };
        job.tasks.histories.insert(index, history);
        take_up(job, slot, &record, has_run && index == main, desk);
    }
}

fn over(record: &ChildRecord) -> u8 {
    u8::try_from(record.attempts.len()).unwrap_or(u8::MAX)
}

fn record_of(job: &Job, index: u32) -> ChildRecord {
    let record = job.chunks.get(job.chunks.first_index_of(index));
    record.and_then(|record| record.children.get(&index)).cloned().unwrap_or_default()
}

fn take_up(job: &mut Job, slot: Slot, record: &ChildRecord, has_run: bool, desk: &mut Desk) {
    let index = slot.index;
    let environment = job.environment.clone().unwrap_or_default();
    let launched = record.launched.clone().filter(|_| record.launch == slot.launch);
    let host = launched.as_ref().map(|launched| launched.host.clone()).unwrap_or_default();
    let stage = match record.attempts.last().filter(|last| last.number == slot.attempt) {
        Some(last) => {
            if job.is_main(index) {
                note_attempt(job, last.clone());
            }
            Stage::Ended(last.clone(), settle::verdict_recorded(job, index, record))
        }
        None => Stage::Missing { since: None },
    };
    let is_under_way = matches!(stage, Stage::Missing { .. });
    let live = Live::new(slot, host.clone(), environment.clone(), stage);
    job.tasks
        .live
        .insert(index, Live { pod_uid: launched.as_ref().map(|launched| launched.pod), has_run, ..live });
    job.touched.insert(index);
    if !is_under_way {
        return;
    }
    if launched.is_none() {
        let words = "never started: no pod of it was recorded".into();
        let attempt = Attempt {
            number: slot.attempt,
            launch: slot.launch,
            words,
            stopped_at: Some(desk.now.to_second()),
            proof: Some(Proof::NeverBound),
            ..Attempt::default()
        };
        return settle::over(job, index, attempt, None, desk);
    }
    super::keep_host(job, index, desk);
}
