//! Job queues: their validity, depth and deletion (SPEC.md Q1).

use super::architecture::{of_environment, of_queue};
use super::report::{Due, Meaning, StatusReport};
use super::{as_reported, name_taken, some_are_unknown, validity};
use crate::action::{Action, Guard, Held};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::{Name, ObjectKey, Uid};
use crate::job::{Job, Jobs};
use crate::limits::{WAITING_LISTED, WORDS_IN_STATUS};
use crate::mutant::{self, Mutant};
use crate::objects::{HeadOfLine, ObservedQueue, QueueStatus, WaitingJob};
use crate::outbox::Purpose;
use crate::reference::Reference;
use crate::schedule::{OrderKey, front as front_of_line};
use crate::state::State;
use crate::text::{cut, list};
use crate::time::Time;
use crate::world::Registered;

/// One queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) observed: ObservedQueue,
    pub(crate) report: StatusReport<QueueStatus>,
    /// Its finalizer is being set or taken, until the watch shows it.
    pub(crate) holding: bool,
}

impl Registered for Queue {
    fn key(&self) -> ObjectKey {
        ObjectKey::new("", self.observed.name.clone())
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

impl Meaning for QueueStatus {
    fn means_the_same(&self, other: &QueueStatus) -> bool {
        let QueueStatus { depth, oldest_wait, head, used, front, fair_share, .. } = other.clone();
        QueueStatus { depth, oldest_wait, head, used, front, fair_share, ..self.clone() } == *other
    }
}

impl Queue {
    pub(crate) fn new(observed: ObservedQueue) -> Queue {
        Queue { report: StatusReport::stored(observed.status.clone()), observed, holding: false }
    }

    pub(crate) fn later(self, observed: ObservedQueue) -> Queue {
        let mut report = self.report;
        report.take_stored(observed.status.clone(), observed.resource_version);
        Queue { observed, report, holding: false }
    }

    /// The name its owner calls it.
    pub(crate) fn display_name(&self) -> &Name {
        self.observed.aws_name.as_ref().unwrap_or(&self.observed.name)
    }
}

/// Looks at a queue: whether it is valid, how deep it is; holds it while jobs are in it.
pub(crate) fn tend_queue(uid: Uid, jobs: &Jobs, desk: &mut Desk) {
    let Some(queue) = desk.queues.get(uid) else { return };
    let fault = fault(queue, desk);
    let rival = desk.queues.rival(queue).zip(queue.aws_name());
    let name_taken = rival.map(|(rival, aws_name)| name_taken("job queue", aws_name, &rival.observed.name));
    let depth = desk.depth.get(&uid).cloned().unwrap_or_default();
    let (front, head) = front(uid, queue.report.current.head.as_ref(), jobs, desk);
    let used = desk.used.get(&uid).map(as_reported).unwrap_or_default();
    let told = queue.report.current.fair_share.clone();
    let fair_share = desk.fair_share(uid, told.as_ref());
    let unfinished: u64 = depth.values().sum();
    let (now, paused) = (desk.now, desk.settings.paused);
    let Some(queue) = desk.queues.get_mut(uid) else { return };
    let in_use = (queue.observed.deleting && unfinished > 0).then(|| {
        Name::from(format!(
            "deleted, but kept until its {unfinished} unfinished jobs and children have ended"
        ))
    });
    queue.report.current = QueueStatus {
        observed_generation: queue.observed.generation,
        validity: validity(fault, &queue.report.current.validity, now),
        depth,
        oldest_wait: desk.lines.oldest(uid).map(Time::to_second),
        head,
        used,
        front,
        fair_share,
        paused,
        name_taken,
        in_use,
    };
    let observed = &queue.observed;
    let guard = Guard { key: queue.key(), uid, resource_version: observed.resource_version };
    let wants_hold = !observed.deleting;
    // A job whose end is not confirmed to be written may yet have to go on: also one that we would have turned away.
    let is_its = |job: &Job| job.queue.map_or(job.verdict.is_some(), |queue| queue == uid);
    let has_unwritten = || jobs.values().any(|job| !job.final_is_written && is_its(job));
    let is_empty = || unfinished == 0 && !some_are_unknown(jobs) && !has_unwritten();
    let may_let_go = || is_empty() || mutant::is(Mutant::QueueReleasedInUse);
    if queue.holding {
        // What it is about to become is not known: a status written now would be refused.
        return;
    }
    if observed.held != wants_hold && (wants_hold || may_let_go()) {
        queue.holding = true;
        desk.outbox.send(Action::Hold(Held::Queue, guard, wants_hold), Purpose::HoldQueue(uid));
        return;
    }
    match queue.report.due(now) {
        Due::Nothing => {}
        Due::At(at) => desk.agenda.wake(at, Item::Queue(uid)),
        Due::Write(status) => {
            desk.outbox.send(Action::WriteQueue(guard, Box::new(status)), Purpose::WriteQueue(uid));
        }
    }
}

/// The first jobs that wait for capacity, and what is to be said of the very first.
fn front(
    queue: Uid,
    before: Option<&HeadOfLine>,
    jobs: &Jobs,
    desk: &Desk,
) -> (Vec<WaitingJob>, Option<HeadOfLine>) {
    let reason = |job: &Job| {
        job.waits_for.as_ref().map_or(Name::from("Runnable"), |waiting| Name::from(waiting.code()))
    };
    let waiting = |order: &OrderKey| {
        let job = jobs.get(&order.uid)?;
        Some(WaitingJob {
            job: job.key.clone(),
            submitted_at: job.created_at,
            reason: reason(job),
            expected_start: desk
                .reservations
                .promise(job.uid)
                .and_then(|kept| kept.start)
                .map(Time::to_second),
        })
    };
    let tasks = |uid| jobs.get(&uid).map_or(0, |job| job.tasks.runnable.count() as usize);
    let front = front_of_line(queue, WAITING_LISTED, desk, tasks);
    let head = front.first().and_then(|order| jobs.get(&order.uid)).map(|job| {
        let (key, reason) = (job.key.clone(), reason(job));
        let words =
            job.waits_for.as_ref().map_or_else(Name::default, |waiting| Name::from(waiting.to_string()));
        let known = before.filter(|known| (&known.job, &known.reason) == (&key, &reason));
        let since = known.map_or(desk.now.to_second(), |known| known.since);
        HeadOfLine { job: key, reason, words: cut(&words, WORDS_IN_STATUS), since }
    });
    (front.iter().filter_map(waiting).collect(), head)
}

/// A queue is VALID when all its environments are; jobs go on in those that are (SPEC.md, Order).
fn fault(queue: &Queue, desk: &Desk) -> Option<(&'static str, String)> {
    let mut faults = Vec::new();
    let find = |reference| desk.environments.find(&Name::default(), reference);
    let uids: Vec<Uid> =
        queue.observed.environments.iter().filter_map(find).map(|found| found.observed.uid).collect();
    let architecture = of_queue(&uids, desk);
    for reference in &queue.observed.environments {
        match find(reference) {
            None => faults.push(format!("compute environment {reference} does not exist")),
            Some(environment) => {
                if let Some((_, words)) = &environment.report.current.validity.fault {
                    faults.push(format!("compute environment {reference} is INVALID: {words}"));
                }
                let theirs = of_environment(environment.observed.uid, desk);
                if let Some((theirs, ours)) = theirs.zip(architecture.clone()).filter(|(a, b)| a != b) {
                    faults.push(format!(
                        "compute environment {reference} has hosts of architecture {theirs}, those before it {ours}"
                    ));
                }
            }
        }
    }
    let code = if faults.is_empty() { "SchedulingPolicyInvalid" } else { "ComputeEnvironmentInvalid" };
    faults.extend(queue.observed.policy.as_ref().and_then(|policy| fault_of_policy(policy, desk)));
    (!faults.is_empty()).then(|| (code, list(&faults)))
}

/// Without its policy nobody knows whose turn it is: jobs wait. Of entries that overlap the longest counts.
fn fault_of_policy(reference: &Reference, desk: &Desk) -> Option<String> {
    let Some(policy) = desk.policies.find(&Name::default(), reference) else {
        return Some(format!("scheduling policy {reference} does not exist"));
    };
    let (one, other) = policy.overlap()?;
    Some(format!("scheduling policy {reference} has two weights for one share: {one} and {other} overlap"))
}

/// The states a queue's depth counts.
pub(crate) const DEPTH_STATES: [State; 5] =
    [State::Submitted, State::Pending, State::Runnable, State::Starting, State::Running];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Outcome;
    use crate::event::{Event, Kind};
    use crate::ids::{ActionId, ResourceVersion};
    use crate::{Core, Settings};
    use std::time::Duration;

    fn queue(version: u64, held: bool) -> Event {
        Event::Queue(Box::new(ObservedQueue {
            name: "main".into(),
            uid: Uid::parse("00000001-0000-4000-8000-000000000000").unwrap(),
            resource_version: ResourceVersion(version),
            generation: 1,
            created_at: Time::default(),
            aws_name: None,
            enabled: true,
            priority: 1,
            time_limits: Vec::new(),
            policy: None,
            environments: Vec::new(),
            deleting: false,
            held,
            status: QueueStatus::default(),
        }))
    }

    fn plan(core: &mut Core, seconds: u64) -> Vec<(ActionId, Action)> {
        core.plan(Time::default() + Duration::from_secs(seconds)).actions
    }

    #[test]
    fn a_finalizer_that_is_set_says_nothing_about_the_status() {
        let mut core = Core::new(Settings::default());
        for kind in Kind::ALL {
            core.observe(Event::ListStarted(kind));
            core.observe(Event::ListEnded(kind));
        }
        core.observe(queue(1, false));
        let first = plan(&mut core, 1);
        let [(hold, Action::Hold(Held::Queue, ..))] = first.as_slice() else { panic!("{first:#?}") };
        // Something else makes it looked at meanwhile, and the watch is faster than the answers.
        core.catalog_changed();
        let early = plan(&mut core, 2);
        core.observe(queue(2, true));
        core.observe(Event::Outcome(*hold, Outcome::Written(ResourceVersion(2))));
        let mut actions = plan(&mut core, 3);
        for (id, _) in early {
            core.observe(Event::Outcome(id, Outcome::Conflict));
        }
        actions.extend(plan(&mut core, 60));
        let is_current = |(_, action): &(ActionId, Action)| {
            let Action::WriteQueue(guard, _) = action else { return false };
            guard.resource_version == ResourceVersion(2)
        };
        assert!(actions.iter().any(is_current), "{actions:#?}");
    }
}
