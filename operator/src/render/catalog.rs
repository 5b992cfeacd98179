//! Statuses of definitions, queues and compute environments.

use super::conditions::{Holds, Kind, condition};
use super::number;
use crate::convert::timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use windlass_core::ids::Name;
use windlass_core::objects::{
    DefinitionStatus, EnvironmentStatus, FairShareUse, Launch, PoolStatus, QueueStatus, RevisionEntry,
    ShareUse, Validity as Validated, WEIGHT_ONE, WaitingJob,
};
use windlass_core::state::State;
use windlass_core::units::{Resources, vcpus};
use windlass_crds::compute_environment::{Capacity, MachineBooks, MachineLaunch, VcpuCapacity};
use windlass_crds::job_definition::Revision;
use windlass_crds::job_queue::{self as api, JobCounts};
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
        front_of_queue: status.front.iter().map(waiting).collect(),
        fair_share: status.fair_share.as_ref().map(fair_share),
        conditions,
    }
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
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mib = |resources: &Resources| count(resources.memory_mib());
    let mut conditions = vec![ready(&status.validity, "Valid", "it can be used", generation)];
    conditions.extend(told(Kind::InUse, "InUse", status.in_use.as_ref(), &status.validity, generation));
    conditions.extend(told(
        Kind::NameTaken,
        "NameTaken",
        status.name_taken.as_ref(),
        &status.validity,
        generation,
    ));
    conditions.extend(told(
        Kind::Ignored,
        "NoMeaningHere",
        status.ignored.as_ref(),
        &status.validity,
        generation,
    ));
    let pool = Some(&status.pool).filter(|pool| pool.desired_vcpus.is_some());
    ComputeEnvironmentStatus {
        desired_vcpus: pool.and_then(|pool| pool.desired_vcpus).map(number),
        launching_vcpus: pool.map(|pool| number(pool.launching_vcpus)),
        machines: pool.map(books),
        observed_generation: Some(generation),
        status: Some(validity(&status.validity)),
        status_reason: Some(words(&status.validity, "it can be used")),
        hosts: Some(number(status.hosts)),
        vcpus: Some(VcpuCapacity {
            total: vcpus(status.total.cpu_millis),
            used: vcpus(status.used.cpu_millis),
            free: vcpus(free.cpu_millis),
        }),
        memory_mib: Some(Capacity { total: mib(&status.total), used: mib(&status.used), free: mib(&free) }),
        gpus: (status.total.gpus > 0 || status.used.gpus > 0).then(|| Capacity {
            total: count(status.total.gpus),
            used: count(status.used.gpus),
            free: count(free.gpus),
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
