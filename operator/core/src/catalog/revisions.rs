//! The revisions of job definitions: ControllerRevisions, kept as long as an unfinished job runs with them (SPEC.md D1).

use crate::action::{Action, Guard, Held};
use crate::desk::Desk;
use crate::ids::Uid;
use crate::job::Job;
use crate::objects::ObservedRevision;
use crate::outbox::Purpose;
use std::collections::{BTreeMap, BTreeSet};

/// One revision.
#[derive(Debug)]
pub(crate) struct Revision {
    pub(crate) observed: ObservedRevision,
    releasing: bool,
}

/// All revisions.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    revisions: BTreeMap<Uid, Revision>,
    numbers: BTreeMap<Uid, BTreeMap<u32, Uid>>,
}

impl Revisions {
    pub(crate) fn get(&self, uid: Uid) -> Option<&Revision> {
        self.revisions.get(&uid)
    }

    /// Takes a revision in; false when this version of it is old news.
    pub(crate) fn put(&mut self, observed: ObservedRevision) -> bool {
        let known = self.revisions.get(&observed.uid);
        if known.is_some_and(|known| known.observed.resource_version >= observed.resource_version) {
            return false;
        }
        self.numbers.entry(observed.definition).or_default().insert(observed.number, observed.uid);
        self.revisions.insert(observed.uid, Revision { observed, releasing: false });
        true
    }

    /// Takes a revision out; returns its definition.
    pub(crate) fn remove(&mut self, uid: Uid) -> Option<Uid> {
        let definition = self.revisions.remove(&uid)?.observed.definition;
        if let Some(numbers) = self.numbers.get_mut(&definition) {
            numbers.retain(|_, known| *known != uid);
            if numbers.is_empty() {
                self.numbers.remove(&definition);
            }
        }
        Some(definition)
    }

    /// The revisions of a definition, oldest first.
    pub(crate) fn of(&self, definition: Uid) -> impl DoubleEndedIterator<Item = &ObservedRevision> {
        let uids = self.numbers.get(&definition).into_iter().flat_map(BTreeMap::values);
        uids.filter_map(|uid| self.revisions.get(uid)).map(|revision| &revision.observed)
    }

    /// One revision of a definition.
    pub(crate) fn numbered(&self, definition: Uid, number: u32) -> Option<&Revision> {
        self.revisions.get(self.numbers.get(&definition)?.get(&number)?)
    }

    /// Revisions that are not among these.
    pub(crate) fn not_in(&self, listed: &BTreeSet<Uid>) -> Vec<Uid> {
        self.revisions.keys().filter(|uid| !listed.contains(*uid)).copied().collect()
    }

    /// The release of a revision failed: it is tried again when it is next looked at.
    pub(crate) fn not_released(&mut self, uid: Uid) {
        if let Some(revision) = self.revisions.get_mut(&uid) {
            revision.releasing = false;
        }
    }
}

/// Lets a deleted revision go once no unfinished job runs with it.
pub(crate) fn tend_revision(uid: Uid, jobs: &BTreeMap<Uid, Job>, desk: &mut Desk) {
    let Some(revision) = desk.revisions.revisions.get_mut(&uid) else { return };
    if !revision.observed.deleting || !revision.observed.held || revision.releasing {
        return;
    }
    let uses_it = |job: &Job| match &job.loading {
        Some(status) => {
            !status.state.is_final() && status.pinned.as_ref().is_some_and(|pinned| pinned.uid == uid)
        }
        None => job.verdict.is_none() && job.pinned.as_ref().is_some_and(|pinned| pinned.uid == uid),
    };
    if jobs.values().any(uses_it) {
        return;
    }
    revision.releasing = true;
    let observed = &revision.observed;
    let guard = Guard { key: observed.key.clone(), uid, resource_version: observed.resource_version };
    desk.outbox.send(Action::Hold(Held::Revision, guard, false), Purpose::HoldRevision(uid));
}
