//! What jobs refer to, and what is written about it: definitions, queues, compute environments.

mod architecture;
mod definition;
mod environment;
mod queue;
mod report;
mod revisions;

pub(crate) use architecture::{
    Hosting, of_environment as architecture_of, of_queue as architecture_of_queue,
};
pub(crate) use definition::{Definition, tend_definition};
pub(crate) use environment::{Environment, tend_environment};
pub(crate) use queue::{DEPTH_STATES, Queue, tend_queue};
pub(crate) use revisions::{Revisions, tend_revision};

use crate::ids::Name;
use crate::job::Jobs;
use crate::objects::Validity;
use crate::time::Time;
use crate::units::Resources;

/// True while jobs are still being taken over, so that nobody knows what they use.
fn some_are_unknown(jobs: &Jobs) -> bool {
    jobs.values().any(|job| job.loading.is_some())
}

/// The validity now; since when it is so is kept while it stays the same.
fn validity(fault: Option<(&str, String)>, before: &Validity, now: Time) -> Validity {
    let fault = fault.map(|(code, words)| (Name::from(code), Name::from(words)));
    let same = before.since != Time::ZERO
        && before.fault.as_ref().map(|(code, _)| code) == fault.as_ref().map(|(code, _)| code);
    Validity { fault, since: if same { before.since } else { now.to_second() } }
}

/// An amount as a status tells it: vCPUs, whole MiB and GPUs.
fn as_reported(amount: &Resources) -> Resources {
    Resources { pods: 0, ..Resources::of_job(amount.cpu_millis, amount.memory_mib(), amount.gpus) }
}

/// What is said of an object whose AWS name an older one has.
fn name_taken(kind: &str, aws_name: &Name, owner: &Name) -> Name {
    Name::from(format!(
        "the older {kind} {owner} has the AWS name {aws_name}: this one is reached by its own name only"
    ))
}
