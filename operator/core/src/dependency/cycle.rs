//! Jobs that wait for each other in a circle never start: said so at once.

use crate::ids::{Name, Uid};
use crate::job::{Job, Jobs};
use crate::mutant::{self, Mutant};
use std::collections::BTreeSet;

/// The names of the jobs in a circle of dependencies that leads back to `start`, in order; `None` when there is none.
pub(crate) fn cycle_through(start: Uid, jobs: &Jobs) -> Option<Vec<Name>> {
    // Depth first, with the way back kept: a circle is told as the way that was taken.
    let mut way: Vec<(Uid, Vec<Uid>)> = vec![(start, unfinished(jobs.get(&start)?))];
    let mut seen = BTreeSet::new();
    while let Some((_, next)) = way.last_mut() {
        match next.pop() {
            Some(uid) if uid == start && !mutant::is(Mutant::CycleNotSeen) => {
                let name = |(uid, _): &(Uid, Vec<Uid>)| jobs.get(uid).map(|job| job.key.name.clone());
                return Some(way.iter().filter_map(name).collect());
            }
            Some(uid) if seen.insert(uid) => {
                if let Some(job) = jobs.get(&uid) {
                    way.push((uid, unfinished(job)));
                }
            }
            Some(_) => {}
            None => {
                way.pop();
            }
        }
    }
    None
}

/// The jobs that it waits for.
fn unfinished(job: &Job) -> Vec<Uid> {
    if job.verdict.is_some() {
        return Vec::new();
    }
    let open = job.dependencies.iter().filter(|entry| entry.outcome.is_none());
    open.filter_map(|entry| entry.pinned.as_ref().map(|(_, uid)| *uid)).collect()
}
