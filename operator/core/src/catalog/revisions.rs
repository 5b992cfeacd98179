//! The revisions of job definitions: ControllerRevisions, kept as long as an unfinished job runs with them (SPEC.md D1).

use crate::action::{Action, Guard, Held};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::job::{Job, Jobs};
use crate::limits::REVISION_GRACE;
use crate::mutant::{self, Mutant};
use crate::objects::ObservedRevision;
use crate::outbox::Purpose;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// One revision.
#[derive(Debug)]
pub(crate) struct Revision {
    pub(crate) observed: ObservedRevision,
    /// Since when it is known to be deleted.
    deleted_since: Option<Time>,
    releasing: bool,
}

/// All revisions.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    revisions: BTreeMap<Uid, Revision>,
    numbers: BTreeMap<Uid, BTreeMap<u32, Uid>>,
    /// Revisions jobs run with that are not known here: the jobs that wait to hear of each.
    sought: BTreeMap<Uid, BTreeSet<Uid>>,
    /// Revisions that the API server says are gone.
    lost: BTreeSet<Uid>,
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
        let deleted_since = self.revisions.get(&observed.uid).and_then(|known| known.deleted_since);
        self.revisions.insert(observed.uid, Revision { observed, deleted_since, releasing: false });
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

    /// Revisions in a namespace.
    pub(crate) fn within<'a>(&'a self, namespace: &'a Name) -> impl Iterator<Item = Uid> + 'a {
        let here = |revision: &&Revision| revision.observed.key.namespace == *namespace;
        self.revisions.values().filter(here).map(|revision| revision.observed.uid)
    }

    /// Revisions that are not among these.
    pub(crate) fn not_in(&self, listed: &BTreeSet<Uid>) -> Vec<Uid> {
        self.revisions.keys().filter(|uid| !listed.contains(*uid)).copied().collect()
    }

    /// True when the API server said that there is no such revision any more.
    pub(crate) fn is_lost(&self, uid: Uid) -> bool {
        self.lost.contains(&uid)
    }

    /// A job waits to hear of a revision; true when it is the first to ask.
    pub(crate) fn seek(&mut self, uid: Uid, job: Uid) -> bool {
        let is_first = !self.sought.contains_key(&uid);
        self.sought.entry(uid).or_default().insert(job);
        is_first
    }

    /// The API server's answer about a revision: it is gone (true), there, or not answered. Returns the jobs that wait for it.
    pub(crate) fn sought(&mut self, uid: Uid, is_gone: bool) -> BTreeSet<Uid> {
        if is_gone {
            self.lost.insert(uid);
        }
        self.sought.remove(&uid).unwrap_or_default()
    }

    /// The release of a revision failed: it is tried again when it is next looked at.
    pub(crate) fn not_released(&mut self, uid: Uid) {
        if let Some(revision) = self.revisions.get_mut(&uid) {
            revision.releasing = false;
        }
    }
}

/// Lets a deleted revision go once no unfinished job runs with it.
pub(crate) fn tend_revision(uid: Uid, jobs: &Jobs, desk: &mut Desk) {
    let Some(revision) = desk.revisions.revisions.get_mut(&uid) else { return };
    if !revision.observed.deleting || !revision.observed.held || revision.releasing {
        return;
    }
    let safe_at = *revision.deleted_since.get_or_insert(desk.now) + REVISION_GRACE;
    if safe_at > desk.now && !desk.terminating_namespaces.contains(&revision.observed.key.namespace) {
        return desk.agenda.wake(safe_at, Item::Revision(uid));
    }
    let uses_it = |job: &Job| match &job.loading {
        Some(status) => {
            !status.state.is_final() && status.pinned.as_ref().is_some_and(|pinned| pinned.uid == uid)
        }
        None => {
            let is_over = job.verdict.is_some() && job.report.is_written();
            !is_over && job.pinned.as_ref().is_some_and(|pinned| pinned.uid == uid)
        }
    };
    if jobs.values().any(|job| uses_it(job)) && !mutant::is(Mutant::RevisionReleasedInUse) {
        return;
    }
    revision.releasing = true;
    let observed = &revision.observed;
    let guard = Guard { key: observed.key.clone(), uid, resource_version: observed.resource_version };
    desk.outbox.send(Action::Hold(Held::Revision, guard, false), Purpose::HoldRevision(uid));
}
