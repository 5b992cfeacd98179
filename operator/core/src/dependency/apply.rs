//! What follows for a job from what is seen of those it depends on.

use super::Found;
use super::sight::Sight;
use crate::array::Intervals;
use crate::desk::Desk;
use crate::ids::Name;
use crate::job::{Job, Urgency, fail_waiting};
use crate::limits::WORDS_IN_STATUS;
use crate::mutant::{self, Mutant};
use crate::objects::Dependency;
use crate::schedule::Waiting;
use crate::state::State;
use crate::text::{cut, list};

/// Reason code of what fails because of another job.
const DEPENDENCY_FAILED: &str = "DependencyFailed";

/// What all entries together say.
#[derive(Default)]
struct Sum {
    /// Jobs that are waited for, in words.
    open: Vec<String>,
    /// Some of them are not there.
    missing: bool,
    /// No child may start yet.
    blocked: bool,
    /// Children that may start, as far as N_TO_N entries go; `None` for all.
    ready: Option<Intervals>,
    /// Children that can never start, and why.
    doomed: Vec<(Intervals, Name)>,
}

/// Takes in what is seen: pins, outcomes; starts what may start, fails what never will. True when a job was newly pinned, so
/// that there may be a circle.
pub(crate) fn apply(job: &mut Job, sights: Vec<Sight>, desk: &mut Desk) -> bool {
    if job.verdict.is_some() || job.dependencies.is_empty() {
        return false;
    }
    let mut sum = Sum::default();
    let mut pinned = false;
    for (at, sight) in sights.into_iter().enumerate() {
        let Some(text) = job.dependencies.get(at).and_then(|entry| entry.on.job()).map(|on| on.text.clone())
        else {
            continue;
        };
        match sight {
            Sight::Settled => {}
            Sight::NotThere(key) => {
                desk.dependents.wait_for_name(key, job.uid);
                sum.open.push(format!("{text} (there is no such job yet)"));
                (sum.missing, sum.blocked) = (true, true);
            }
            Sight::NeverThere => {
                let words = format!(
                    "there is no job {text}: it was deleted or has expired, or is in another namespace"
                );
                job.fail("DependencyNotFound", words, desk);
            }
            Sight::Ambiguous(candidates) => {
                let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
                let words = format!(
                    "{} jobs are called {text}: {}; depend on one of them by its name in Kubernetes or its ID",
                    candidates.len(),
                    list(&candidates)
                );
                job.fail("DependencyAmbiguous", words, desk);
            }
            Sight::Unclear => {
                sum.open.push(text.to_string());
                sum.blocked = true;
            }
            Sight::Lost => {
                let words = Name::from(format!("job {text} is gone, and nobody saw how it ended"));
                end(job, at, (State::Failed, words), None, &mut sum, desk);
            }
            Sight::Found(found) => {
                pinned |= pin(job, at, &found, desk);
                take(job, at, &found, &mut sum, desk);
            }
        }
        if job.verdict.is_some() {
            return false;
        }
    }
    sequence(job, &mut sum);
    release(job, &sum, desk);
    pinned
}

/// From now on this object is meant.
fn pin(job: &mut Job, at: usize, found: &Found, desk: &mut Desk) -> bool {
    desk.dependents.wait_for_job(found.uid, job.uid);
    let Some(entry) = job.dependencies.get_mut(at).filter(|entry| entry.pinned.is_none()) else {
        return false;
    };
    entry.pinned = Some((found.name.clone(), found.uid));
    job.report.ask(Urgency::Soon);
    true
}

fn take(job: &mut Job, at: usize, found: &Found, sum: &mut Sum, desk: &mut Desk) {
    let Some(on) = job.dependencies.get(at).map(|entry| entry.on.clone()) else { return };
    let outcome = match &on {
        Dependency::Whole(reference) => {
            if let Some(words) = wrong_child(found, reference.index) {
                return job.fail("InvalidDependency", words, desk);
            }
            found.outcome(reference.index)
        }
        Dependency::NToN(_) => {
            let size = job.spec.size.unwrap_or(1);
            if found.size != Some(size) {
                let theirs =
                    found.size.map_or("is no array".to_owned(), |size| format!("has {size} children"));
                let words = format!(
                    "N_TO_N needs an array of the same size: job {} {theirs}, this one has {size}",
                    found.name
                );
                return job.fail("InvalidDependency", words, desk);
            }
            let failed =
                Name::from(format!("the same child of job {}, which it waits for, failed", found.name));
            sum.doomed.push((found.failed.clone(), failed));
            let shifted = mutant::is(Mutant::NToNOffByOne);
            let succeeded = if shifted { shift(&found.succeeded, size) } else { found.succeeded.clone() };
            let ready = sum.ready.as_ref().map(|ready| ready.intersection(&succeeded));
            if found.ended.is_none() {
                sum.ready = Some(ready.unwrap_or(succeeded));
            }
            found.outcome(None)
        }
        Dependency::Sequential => None,
    };
    match outcome {
        Some(outcome) => end(job, at, outcome, Some(found), sum, desk),
        None => {
            sum.open.push(format!("{} ({})", found.name, found.state));
            sum.blocked |= matches!(on, Dependency::Whole(_));
        }
    }
}

/// The neighbours of some children: only for a mutant.
fn shift(indexes: &Intervals, size: u32) -> Intervals {
    indexes.iter().map(|index| if index + 1 < size { index + 1 } else { 0 }).collect()
}

fn wrong_child(found: &Found, index: Option<u32>) -> Option<String> {
    let index = index?;
    match found.size {
        None => Some(format!("job {} is no array: it has no child {index}", found.name)),
        Some(size) if index >= size => {
            Some(format!("job {} has children 0 to {}: there is no child {index}", found.name, size - 1))
        }
        Some(_) => None,
    }
}

/// Keeps how a job that is waited for ended.
fn end(
    job: &mut Job,
    at: usize,
    (state, words): (State, Name),
    found: Option<&Found>,
    sum: &mut Sum,
    desk: &mut Desk,
) {
    let Some(entry) = job.dependencies.get_mut(at) else { return };
    let text = entry.on.job().map(|on| on.text.to_string()).unwrap_or_default();
    entry.outcome = Some((state, cut(&words, WORDS_IN_STATUS)));
    job.report.ask(Urgency::Soon);
    if state == State::Succeeded {
        return;
    }
    match &job.dependencies.get(at).map(|entry| entry.on.clone()) {
        Some(Dependency::Whole(_)) => {
            job.fail(DEPENDENCY_FAILED, format!("job {text}, which it waits for, failed: {words}"), desk);
        }
        // Those of its children that succeeded stand; any other never will.
        _ => {
            let mut rest = Intervals::below(job.size());
            rest.subtract(&found.map(|found| found.succeeded.clone()).unwrap_or_default());
            sum.doomed.push((rest, words));
        }
    }
}

/// SEQUENTIAL: one child after the other, and none after one that failed.
fn sequence(job: &Job, sum: &mut Sum) {
    if !job.dependencies.iter().any(|entry| entry.on == Dependency::Sequential) {
        return;
    }
    if let Some(failed) = job.tasks.failed.runs().next().map(|(first, _)| first) {
        let mut after = Intervals::below(job.size());
        after.subtract(&Intervals::below(failed));
        let words = format!("child {failed}, after which it was to run, failed");
        sum.doomed.push((after, Name::from(words)));
    }
    let next = job.tasks.pending.runs().next().map(|(first, _)| first);
    let next = next.filter(|next| *next == 0 || job.tasks.succeeded.contains(next - 1));
    let mut allowed: Intervals = next.into_iter().collect();
    if let Some(next) = next.filter(|_| mutant::is(Mutant::SequentialRunsTwo)) {
        allowed.insert(next + 1);
    }
    sum.ready = Some(sum.ready.as_ref().map_or(allowed.clone(), |ready| ready.intersection(&allowed)));
}

fn release(job: &mut Job, sum: &Sum, desk: &mut Desk) {
    for (doomed, words) in &sum.doomed {
        let mut waiting = job.tasks.submitted.clone();
        waiting.extend(&job.tasks.pending);
        let doomed = waiting.intersection(doomed);
        fail_waiting(job, &doomed, DEPENDENCY_FAILED, words, desk);
    }
    let mut ready = match &sum.ready {
        Some(ready) => job.tasks.pending.intersection(ready),
        None => job.tasks.pending.clone(),
    };
    if sum.blocked {
        ready = Intervals::default();
    }
    if !ready.is_empty() {
        job.tasks.pending.subtract(&ready);
        job.tasks.runnable.extend(&ready);
        job.waits_for = None;
        job.report.ask(Urgency::Soon);
        desk.stand_in_line(job);
    }
    if job.state() == State::Pending {
        let waiting = if sum.missing {
            Waiting::DependencyNotFound(Name::from(list(&sum.open)))
        } else {
            Waiting::Dependencies(Name::from(list(&sum.open)))
        };
        job.wait_for(waiting, desk);
    }
}
