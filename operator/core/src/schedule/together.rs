//! Multi-node jobs: all nodes are placed at once, or none. Each has a host for itself, as far as jobs are concerned, and all
//! hosts are of one instance type: the smallest of which there are enough (SPEC.md M2, M6; decision 0009).

mod hosts;
mod room;

use super::floor::Floor;
use super::obstacle::Obstacle;
use super::pass::Choice;
use super::promise::Site;
use super::reserve::{Reservation, keep_waiting};
use super::search::Offer;
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::job::{Job, admit, would_end_by};
use crate::pool::{Gang, GangMachines};

/// What becomes of the nodes of a job in one environment.
enum Found {
    /// They are placed on these hosts.
    Hosts(Vec<Name>),
    /// There will be enough of one type: hosts that are there, and machines.
    Coming(GangMachines),
}

/// Places all nodes of a multi-node job; else none, and what is in the way. Launches under way may be more than usual for once.
pub(super) fn place_together(
    job: &mut Job,
    choices: &[Choice],
    floor: &mut Floor,
    budget: &mut usize,
    desk: &mut Desk,
) -> Result<(), Vec<Obstacle>> {
    let (gang, ends_by) = (floor.gang(job), would_end_by(job, desk));
    // One that was told a time does not leave that for machines of which nobody can say by when the last is there.
    let was_told = desk.reservations.promise(job.uid).is_some_and(|promise| promise.start.is_some());
    let open = choices.iter().filter_map(|choice| choice.as_ref().ok());
    let mut open: Vec<(Uid, &Name)> = open.map(|(uid, name)| (*uid, name)).collect();
    // Where its machines come is looked at first: else others would be asked for wherever vCPUs become free.
    let awaited_in = desk.reservations.awaited_in(job.uid);
    open.sort_by_key(|(uid, _)| Some(*uid) != awaited_in);
    let found = open.into_iter().find_map(|(uid, name)| {
        let found = match floor.take_together(uid, &gang, ends_by) {
            Some(hosts) => Some(Found::Hosts(hosts)),
            None if was_told => None,
            None => floor.expect_together(uid, &gang).map(Found::Coming),
        };
        Some((found?, uid, name))
    });
    match found {
        Some((Found::Hosts(hosts), _, environment)) => {
            admit_together(job, &hosts, environment, desk);
            *budget = budget.saturating_sub(hosts.len());
            Ok(())
        }
        Some((Found::Coming(found), uid, environment)) => {
            let vcpus = floor.growth(uid).map_or(0, |growth| growth.launching_vcpus);
            if let Some(queue) = job.queue {
                keep_waiting(queue, job, coming(uid, environment, found, &gang), floor, desk);
            }
            Err(vec![Obstacle::Launching { environment: environment.clone(), vcpus }])
        }
        None => Err(choices.iter().map(|choice| floor.obstacle_together(choice, &gang)).collect()),
    }
}

/// Hosts that wait with a job for machines on their way.
fn coming(uid: Uid, environment: &Name, found: GangMachines, gang: &Gang) -> Offer {
    let waiting = u32::try_from(found.hosts.len()).unwrap_or(u32::MAX);
    let (environment, machines) = (environment.clone(), gang.nodes.saturating_sub(waiting));
    let vcpus = found.machine_type.vcpus;
    let site = Site::NewMachine { environment, machines, vcpus, leaving: Vec::new() };
    Offer { waiting: found.hosts, ..Offer::at(uid, site) }
}

/// Places a multi-node job on the hosts that were kept for it, once no other job is on any of them; how many nodes.
pub(super) fn start_together(
    job: &mut Job,
    kept: &Reservation,
    hosts: &[Name],
    floor: &mut Floor,
    desk: &mut Desk,
) -> Option<usize> {
    let environment = desk.environments.get(kept.environment)?.display_name().clone();
    let gang = floor.gang(job);
    let hosts = floor.take_these(kept.environment, hosts, &gang)?;
    admit_together(job, &hosts, &environment, desk);
    Some(hosts.len())
}

fn admit_together(job: &mut Job, hosts: &[Name], environment: &Name, desk: &mut Desk) {
    let nodes: Vec<u32> = job.tasks.runnable.iter().collect();
    for (index, host) in nodes.into_iter().zip(hosts) {
        admit(job, index, host, environment, desk);
    }
    desk.lines.remove(job.queue, &job.terms.shape, job.order);
    desk.agenda.mark(Item::Job(job.uid));
}
