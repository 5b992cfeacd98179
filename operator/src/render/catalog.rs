//! Statuses of definitions, queues and compute environments.

use super::conditions::{Holds, Kind, condition};
use super::{number, text};
use crate::convert::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use windlass_core::ids::Name;
use windlass_core::objects::{
    DefinitionStatus, EnvironmentStatus, FairShareUse, HeadOfLine, Launch, PoolStatus, QueueStatus,
    RevisionEntry, ShareUse, Validity as Validated, WEIGHT_ONE, WaitingJob,
};
use windlass_core::state::State;
use windlass_core::units::vcpus;
use windlass_crds::compute_environment::{Capacity, MachineBooks, MachineLaunch, VcpuCapacity};
use windlass_crds::job_definition::Revision;
use windlass_crds::job_queue::{self as api, JobCounts, QueueUse};
use windlass_crds::shared::state::{Activity, Validity};
use windlass_crds::{ComputeEnvironmentStatus, JobDefinitionStatus, JobQueueStatus};

/// A definition's status.
pub fn definition_status(status: &DefinitionStatus) -> JobDefinitionStatus {
    let activity = |active| if active { Activity::Active } else { Activity::Inactive };
    let revision = |entry: &RevisionEntry| Revision {
        revision: number(entry.number),
        name: entry.name.to_string(),
        uid: entry.uid.to_string(),
        status: activity(entry.active),
        created_at: timestamp(entry.created_at),
    };
    let generation = status.observed_generation;
    let mut conditions = vec![ready(&status.validity, "Registered", "its content is a revision", generation)];
    conditions.extend(told(
        Kind::NameTaken,
        "NameTaken",
        status.name_taken.as_ref(),
        &status.validity,
        generation,
    ));
    JobDefinitionStatus {
        observed_generation: Some(generation),
        latest_revision: status.revisions.last().map(|latest| number(latest.number)),
        revisions: status.revisions.iter().map(revision).collect(),
        status: Some(activity(status.revisions.iter().any(|entry| entry.active))),
        conditions,
    }
}

/// A queue's status.
pub fn queue_status(status: &QueueStatus) -> JobQueueStatus {
    let count = |state| number(status.depth.get(&state).copied().unwrap_or(0));
    let generation = status.observed_generation;
    let mut conditions = vec![ready(&status.validity, "Valid", "it can be used", generation)];
    if status.paused {
        let words = "an administrator has paused the admission of all jobs";
        conditions.push(condition(
            Kind::AdmissionPaused,
            Holds::True,
            status.validity.since,
            "Paused",
            words,
            generation,
        ));
    }
    conditions.extend(told(Kind::InUse, "InUse", status.in_use.as_ref(), &status.validity, generation));
    conditions.extend(told(
        Kind::NameTaken,
        "NameTaken",
        status.name_taken.as_ref(),
        &status.validity,
        generation,
    ));
    JobQueueStatus {
        observed_generation: Some(generation),
        status: Some(validity(&status.validity)),
        status_reason: Some(words(&status.validity, "it can be used")),
        jobs: Some(JobCounts {
            submitted: count(State::Submitted),
            pending: count(State::Pending),
            runnable: count(State::Runnable),
            starting: count(State::Starting),
            running: count(State::Running),
        }),
        oldest_wait_since: status.oldest_wait.map(timestamp),
        head_of_line: status.head.as_ref().map(head),
        used: Some(QueueUse {
            vcpus: vcpus(status.used.cpu_millis),
            memory_mib: mib(status.used.memory_bytes),
            gpus: (status.used.gpus > 0).then(|| whole(status.used.gpus)),
        }),
        front_of_queue: status.front.iter().map(waiting).collect(),
        fair_share: status.fair_share.as_ref().map(fair_share),
        conditions,
    }
}

fn head(head: &HeadOfLine) -> api::HeadOfLine {
    api::HeadOfLine {
        namespace: head.job.namespace.to_string(),
        name: head.job.name.to_string(),
        reason: head.reason.to_string(),
        status_reason: text(&head.words),
        since: timestamp(head.since),
    }
}

/// Whole MiB.
fn mib(bytes: u64) -> i64 {
    whole(bytes >> 20)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn waiting(waiting: &WaitingJob) -> api::WaitingJob {
    api::WaitingJob {
        namespace: waiting.job.namespace.to_string(),
        name: waiting.job.name.to_string(),
        created_at: timestamp(waiting.submitted_at),
        reason: waiting.reason.to_string(),
        expected_start: waiting.expected_start.map(timestamp),
    }
}

fn fair_share(told: &FairShareUse) -> api::FairShareUse {
    let share = |share: &ShareUse| api::ShareUse {
        share_identifier: share.share.to_string(),
        weight_factor: f64::from(share.weight) / f64::from(WEIGHT_ONE),
        vcpus: vcpus(share.used),
        recent_vcpus: vcpus(share.recent),
        runnable: number(share.runnable),
    };
    api::FairShareUse { observed_at: timestamp(told.at), shares: told.shares.iter().map(share).collect() }
}

/// An environment's status.
pub fn environment_status(status: &EnvironmentStatus) -> ComputeEnvironmentStatus {
    let generation = status.observed_generation;
    let free = status.total.minus(&status.used);
    let has_gpus = status.total.gpus > 0 || status.used.gpus > 0 || status.pool.launching_gpus > 0;
    let mut conditions = vec![ready(&status.validity, "Valid", "it can be used", generation)];
    for (kind, reason, words) in [
        (Kind::LaunchFailed, "LaunchFailed", &status.launch_failure),
        (Kind::InUse, "InUse", &status.in_use),
        (Kind::NameTaken, "NameTaken", &status.name_taken),
        (Kind::Ignored, "NoMeaningHere", &status.ignored),
    ] {
        conditions.extend(told(kind, reason, words.as_ref(), &status.validity, generation));
    }
    let pool = Some(&status.pool).filter(|pool| pool.desired_vcpus.is_some());
    ComputeEnvironmentStatus {
        desired_vcpus: pool.and_then(|pool| pool.desired_vcpus).map(number),
        machines: pool.map(books),
        observed_generation: Some(generation),
        status: Some(validity(&status.validity)),
        status_reason: Some(words(&status.validity, "it can be used")),
        hosts: Some(number(status.hosts)),
        vcpus: Some(VcpuCapacity {
            total: vcpus(status.total.cpu_millis),
            used: vcpus(status.used.cpu_millis),
            free: vcpus(free.cpu_millis),
            launching: pool.map(|pool| pool.launching_vcpus.to_string()),
            max: status.max_vcpus.map(|most| most.to_string()),
        }),
        memory_mib: Some(Capacity {
            total: mib(status.total.memory_bytes),
            used: mib(status.used.memory_bytes),
            free: mib(free.memory_bytes),
            launching: pool.map(|pool| mib(pool.launching_memory)),
        }),
        gpus: has_gpus.then(|| Capacity {
            total: whole(status.total.gpus),
            used: whole(status.used.gpus),
            free: whole(free.gpus),
            launching: pool.map(|pool| whole(pool.launching_gpus)),
        }),
        conditions,
    }
}

fn books(pool: &PoolStatus) -> MachineBooks {
    let serial = |serial: u64| i64::try_from(serial).unwrap_or(i64::MAX);
    let launch = |launch: &Launch| MachineLaunch {
        serial: serial(launch.serial),
        instance_type: launch.machine_type.to_string(),
        decided_at: timestamp(launch.decided_at),
        replicas: launch.replicas.map(number),
    };
    MachineBooks {
        last_serial: serial(pool.last_serial),
        launches: pool.launches.iter().map(launch).collect(),
    }
}

fn validity(validated: &Validated) -> Validity {
    if validated.fault.is_none() { Validity::Valid } else { Validity::Invalid }
}

fn words(validated: &Validated, otherwise: &str) -> String {
    validated.fault.as_ref().map_or_else(|| otherwise.to_owned(), |(_, words)| words.to_string())
}

fn ready(validated: &Validated, reason: &str, message: &str, generation: i64) -> Condition {
    match &validated.fault {
        None => condition(Kind::Ready, Holds::True, validated.since, reason, message, generation),
        Some((reason, words)) => {
            condition(Kind::Ready, Holds::False, validated.since, reason.as_str(), words.as_str(), generation)
        }
    }
}

/// A condition that is there only while it has something to say.
fn told(
    kind: Kind,
    reason: &str,
    words: Option<&Name>,
    validated: &Validated,
    generation: i64,
) -> Option<Condition> {
    Some(condition(kind, Holds::True, validated.since, reason, words?.as_str(), generation))
}
