//! Job definitions: each change of content becomes a revision (SPEC.md D1).

use super::report::{Due, Meaning, StatusReport};
use super::revisions::{Revision, Revisions};
use super::{name_taken, validity};
use crate::action::{Action, Guard, Outcome};
use crate::agenda::Item;
use crate::backoff::Backoff;
use crate::desk::Desk;
use crate::finding::Finding;
use crate::ids::{Name, ObjectKey, Uid};
use crate::limits::PAUSE_BETWEEN_DEFINITION_READS;
use crate::objects::{DefinitionStatus, ObservedDefinition, ObservedRevision, RevisionEntry};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::Registered;
use std::collections::BTreeSet;

/// One definition.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) observed: ObservedDefinition,
    pub(crate) report: StatusReport<DefinitionStatus>,
    /// A revision is being made.
    creating: bool,
    create_backoff: Backoff,
    reads: Reads,
}

/// Jobs that wait to see the definition as the API server has it after they were submitted: one read serves all of them.
#[derive(Debug, Default)]
struct Reads {
    /// For the next read.
    asking: BTreeSet<Uid>,
    /// For the read under way.
    asked: Option<BTreeSet<Uid>>,
    /// Read; they wait for its revision.
    answered: BTreeSet<Uid>,
    /// All is there.
    served: BTreeSet<Uid>,
    sent_at: Option<Time>,
}

impl Registered for Definition {
    fn key(&self) -> ObjectKey {
        self.observed.key.clone()
    }
    fn uid(&self) -> Uid {
        self.observed.uid
    }
    fn aws_name(&self) -> Option<&Name> {
        self.observed.aws_name.as_ref()
    }
    fn created_at(&self) -> Time {
        self.observed.created_at
    }
}

impl Meaning for DefinitionStatus {
    fn means_the_same(&self, other: &DefinitionStatus) -> bool {
        self == other
    }
}

impl Definition {
    pub(crate) fn new(observed: ObservedDefinition) -> Definition {
        Definition {
            report: StatusReport::stored(observed.status.clone()),
            observed,
            creating: false,
            create_backoff: Backoff::default(),
            reads: Reads::default(),
        }
    }

    /// A later version of this definition; jobs that wait for it go on waiting.
    pub(crate) fn later(self, observed: ObservedDefinition) -> Definition {
        let mut report = self.report;
        report.take_stored(observed.status.clone(), observed.resource_version);
        Definition { observed, report, ..self }
    }

    /// The name its owner calls it.
    pub(crate) fn display_name(&self) -> &Name {
        self.observed.aws_name.as_ref().unwrap_or(&self.observed.key.name)
    }

    /// Its latest revision.
    pub(crate) fn latest<'a>(&self, revisions: &'a Revisions) -> Option<&'a ObservedRevision> {
        revisions.of(self.observed.uid).next_back()
    }

    /// The number of its latest revision that new jobs may use.
    pub(crate) fn latest_active(&self, revisions: &Revisions) -> Option<u32> {
        let mut numbers = revisions.of(self.observed.uid).map(|revision| revision.number);
        numbers.rfind(|number| !self.observed.inactive_revisions.contains(number))
    }

    /// One of its revisions.
    pub(crate) fn revision<'a>(&self, number: u32, revisions: &'a Revisions) -> Option<&'a Revision> {
        revisions.numbered(self.observed.uid, number)
    }

    /// True when its content is a revision already.
    fn is_registered(&self, revisions: &Revisions) -> bool {
        self.latest(revisions).is_some_and(|latest| latest.content.payload == self.observed.content.payload)
    }

    /// Has `job` served by the next read.
    pub(crate) fn ask(&mut self, job: Uid) {
        let known = [&self.reads.answered, &self.reads.served].iter().any(|jobs| jobs.contains(&job))
            || self.reads.asked.as_ref().is_some_and(|jobs| jobs.contains(&job));
        if !known {
            self.reads.asking.insert(job);
        }
    }

    /// True once for a job whose read is answered and whose revision is made.
    pub(crate) fn take_served(&mut self, job: Uid) -> bool {
        self.reads.served.remove(&job)
    }

    /// Jobs that wait for anything of it.
    pub(crate) fn waiting_jobs(&self) -> BTreeSet<Uid> {
        let asked = self.reads.asked.iter().flatten();
        self.reads
            .asking
            .iter()
            .chain(asked)
            .chain(&self.reads.answered)
            .chain(&self.reads.served)
            .copied()
            .collect()
    }

    /// The read came back, or not: those it was for are answered, or ask again.
    pub(crate) fn read_answered(&mut self, answered: bool) {
        let jobs = self.reads.asked.take().unwrap_or_default();
        if answered { self.reads.answered.extend(jobs) } else { self.reads.asking.extend(jobs) }
    }

    /// What became of a revision's creation.
    pub(crate) fn revision_created(&mut self, outcome: &Outcome, now: Time) -> Option<Time> {
        self.creating = false;
        match outcome {
            Outcome::Revision(_) => {
                self.create_backoff.succeeded();
                None
            }
            _ => Some(self.create_backoff.failed(now)),
        }
    }
}

/// Looks at a definition: reads it for jobs, makes a revision of its content, reports.
pub(crate) fn tend_definition(uid: Uid, desk: &mut Desk) {
    let now = desk.now;
    let Some(rival) = desk.definitions.get(uid).map(|definition| {
        let rival = desk.definitions.rival(definition);
        rival
            .zip(definition.aws_name())
            .map(|(rival, aws_name)| name_taken("job definition", aws_name, &rival.observed.key.name))
    }) else {
        return;
    };
    let Desk { definitions, revisions, outbox, agenda, terminating_namespaces, .. } = desk;
    let Some(definition) = definitions.get_mut(uid) else { return };
    if !definition.reads.asking.is_empty() && definition.reads.asked.is_none() {
        let earliest =
            definition.reads.sent_at.map_or(Time::ZERO, |sent_at| sent_at + PAUSE_BETWEEN_DEFINITION_READS);
        if earliest > now {
            agenda.wake(earliest, Item::Definition(uid));
        } else {
            definition.reads.sent_at = Some(now);
            definition.reads.asked = Some(std::mem::take(&mut definition.reads.asking));
            outbox
                .send(Action::ReadDefinition(definition.observed.key.clone()), Purpose::ReadDefinition(uid));
        }
    }
    if definition.is_registered(revisions) {
        for job in std::mem::take(&mut definition.reads.answered) {
            definition.reads.served.insert(job);
            agenda.mark(Item::Job(job));
        }
    } else if let Some(until) = definition.create_backoff.wait(now) {
        agenda.wake(until, Item::Definition(uid));
    } else if !definition.creating && !terminating_namespaces.contains(&definition.observed.key.namespace) {
        definition.creating = true;
        let number = definition.latest(revisions).map_or(1, |latest| latest.number.saturating_add(1));
        let action = Action::CreateRevision {
            definition: definition.observed.key.clone(),
            definition_uid: uid,
            number,
            content: definition.observed.content.payload.clone(),
        };
        outbox.send(action, Purpose::CreateRevision(uid));
    }
    report(uid, rival, desk);
}

fn report(uid: Uid, name_taken: Option<Name>, desk: &mut Desk) {
    let now = desk.now;
    let Desk { definitions, revisions, outbox, agenda, findings, .. } = desk;
    let Some(definition) = definitions.get_mut(uid) else { return };
    if !definition.is_registered(revisions) {
        return;
    }
    let observed = &definition.observed;
    let entry = |revision: &ObservedRevision| RevisionEntry {
        number: revision.number,
        name: revision.key.name.clone(),
        uid: revision.uid,
        active: observed.active && !observed.inactive_revisions.contains(&revision.number),
        created_at: revision.created_at,
    };
    let fault = observed.content.fault.as_ref().map(|words| ("InvalidDefinition", words.to_string()));
    definition.report.current = DefinitionStatus {
        observed_generation: observed.generation,
        revisions: revisions.of(uid).map(entry).collect(),
        validity: validity(fault, &definition.report.current.validity, now),
        name_taken,
    };
    match definition.report.due(now) {
        Due::Nothing => {}
        Due::At(at) => agenda.wake(at, Item::Definition(uid)),
        Due::Write(status) => {
            if let Some(words) = status.name_taken.clone() {
                findings.push(Finding::Trouble(observed.key.clone(), words));
            }
            let guard = Guard { key: observed.key.clone(), uid, resource_version: observed.resource_version };
            outbox.send(Action::WriteDefinition(guard, Box::new(status)), Purpose::WriteDefinition(uid));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Kind};
    use crate::ids::ResourceVersion;
    use crate::objects::RevisionContent;
    use crate::{Core, Settings};

    fn makes_a_revision(core: &mut Core, seconds: i64) -> bool {
        let plan = core.plan(Time::from_seconds(seconds));
        plan.actions.iter().any(|(_, action)| matches!(action, Action::CreateRevision { .. }))
    }

    #[test]
    fn a_definition_told_of_before_its_new_namespace_is_registered_once_that_is() {
        let mut core = Core::new(Settings::default());
        for kind in Kind::ALL {
            core.observe(Event::ListStarted(kind));
            core.observe(Event::ListEnded(kind));
        }
        core.observe(Event::Namespace("a".into(), true));
        core.observe(Event::Definition(Box::new(ObservedDefinition {
            key: ObjectKey::new("a", "hello"),
            uid: Uid::from_u128(1),
            resource_version: ResourceVersion(1),
            generation: 1,
            created_at: Time::ZERO,
            aws_name: None,
            active: true,
            inactive_revisions: BTreeSet::new(),
            content: RevisionContent::default(),
            status: DefinitionStatus::default(),
        })));
        assert!(!makes_a_revision(&mut core, 1));
        core.observe(Event::NamespaceGone("a".into()));
        assert!(makes_a_revision(&mut core, 2));
    }
}
