//! What is seen of the jobs that a job depends on.

use crate::array::Intervals;
use crate::desk::Desk;
use crate::ids::{Name, ObjectKey, Uid};
use crate::job::{Job, Jobs};
use crate::mutant::{self, Mutant};
use crate::objects::{Dependency, DependencyStatus, JobReference};
use crate::state::State;

/// One entry of `dependsOn`, as things are.
#[derive(Clone, Debug)]
pub(crate) enum Sight {
    /// Its outcome is known, or it is about the job's own children.
    Settled,
    /// No job has this name yet.
    NotThere(ObjectKey),
    /// There is no job of this identity, and none will be.
    NeverThere,
    /// Several jobs have this AWS name: their names in Kubernetes.
    Ambiguous(Vec<Name>),
    /// Not seen, but the watch may be behind: nothing is decided yet.
    Unclear,
    /// The job it was pinned to is gone, and nobody saw how it ended.
    Lost,
    /// The job.
    Found(Box<Found>),
}

/// A job that another one depends on.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) name: Name,
    pub(crate) uid: Uid,
    pub(crate) size: Option<u32>,
    pub(crate) state: State,
    /// Its final state, once that is written, and why.
    pub(crate) ended: Option<(State, Name)>,
    /// Children whose end is safe.
    pub(crate) succeeded: Intervals,
    pub(crate) failed: Intervals,
    /// It is not there any more.
    pub(crate) gone: bool,
}

impl Found {
    pub(crate) fn of(job: &Job, gone: bool) -> Found {
        let verdict = job
            .verdict
            .as_ref()
            .filter(|_| job.final_is_written || mutant::is(Mutant::UnwrittenOutcomeTaken));
        Found {
            name: job.key.name.clone(),
            uid: job.uid,
            size: job.spec.size,
            state: job.state(),
            ended: verdict.map(|verdict| (verdict.state, verdict.words.clone())),
            succeeded: job.tasks.succeeded.clone(),
            failed: if mutant::is(Mutant::UnwrittenOutcomeTaken) {
                job.tasks.failed.clone()
            } else {
                job.failed_for_sure.clone()
            },
            gone,
        }
    }

    /// How the job, or the child that is named, ended; `None` while it has not.
    pub(crate) fn outcome(&self, index: Option<u32>) -> Option<(State, Name)> {
        let child = index.filter(|_| self.size.is_some());
        let ended = match child {
            Some(index) if self.succeeded.contains(index) => Some((State::Succeeded, Name::default())),
            Some(index) if self.failed.contains(index) => {
                Some((State::Failed, Name::from(format!("child {index} of job {} failed", self.name))))
            }
            Some(_) => None,
            None => self.ended.clone(),
        };
        ended.or_else(|| {
            let words = format!("job {} disappeared before it had ended", self.name);
            let is_over = self.gone && !mutant::is(Mutant::DeletedDependencyWaitedFor);
            is_over.then(|| (State::Failed, Name::from(words)))
        })
    }
}

/// What is seen of each entry of the job's `dependsOn`.
pub(crate) fn look(job: &Job, jobs: &Jobs, desk: &Desk) -> Vec<Sight> {
    job.dependencies.iter().map(|entry| sight(job, entry, jobs, desk)).collect()
}

fn sight(job: &Job, entry: &DependencyStatus, jobs: &Jobs, desk: &Desk) -> Sight {
    let reference = match &entry.on {
        Dependency::Sequential => return Sight::Settled,
        _ if entry.outcome.is_some() => return Sight::Settled,
        Dependency::Whole(reference) | Dependency::NToN(reference) => reference,
    };
    let found = |uid: &Uid| {
        let here = jobs.get(uid).filter(|found| found.key.namespace == job.key.namespace);
        here.map(|found| Found::of(found, false)).or_else(|| desk.dependents.last_seen(*uid).cloned())
    };
    let sight = match &entry.pinned {
        Some((_, uid)) => found(uid).map_or(Sight::Lost, |found| Sight::Found(Box::new(found))),
        None => resolve(job, reference, jobs, desk, found),
    };
    // What the watch has not told yet is not missing: this version of the job may come from an answer, or from half a list.
    let is_current = job.watched >= job.resource_version && !desk.jobs_are_being_listed;
    match sight {
        Sight::Lost | Sight::NeverThere if !is_current && !mutant::is(Mutant::UnseenJobIsLost) => {
            Sight::Unclear
        }
        sight => sight,
    }
}

fn resolve(
    job: &Job,
    reference: &JobReference,
    jobs: &Jobs,
    desk: &Desk,
    found: impl Fn(&Uid) -> Option<Found>,
) -> Sight {
    if let Some(uid) = &reference.uid {
        return found(uid).map_or(Sight::NeverThere, |found| Sight::Found(Box::new(found)));
    }
    let key = ObjectKey { namespace: job.key.namespace.clone(), name: reference.name.clone() };
    let candidates = desk.dependents.named(&key);
    let mut candidates = candidates.iter();
    match (candidates.next(), candidates.len()) {
        (None, _) => Sight::NotThere(key),
        (Some(uid), 0) => found(uid).map_or(Sight::NotThere(key), |found| Sight::Found(Box::new(found))),
        (Some(_), _) => {
            let all = desk.dependents.named(&key);
            let mut names: Vec<Name> =
                all.iter().filter_map(|uid| Some(jobs.get(uid)?.key.name.clone())).collect();
            names.sort_unstable();
            Sight::Ambiguous(names)
        }
    }
}
