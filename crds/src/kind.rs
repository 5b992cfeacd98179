//! The kinds of the API.

use std::fmt;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::{ComputeEnvironment, Job, JobDefinition, JobQueue, JobRecord, SchedulingPolicy};

/// A kind of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`ComputeEnvironment`].
    ComputeEnvironment,
    /// [`Job`].
    Job,
    /// [`JobDefinition`].
    JobDefinition,
    /// [`JobQueue`].
    JobQueue,
    /// [`JobRecord`].
    JobRecord,
    /// [`SchedulingPolicy`].
    SchedulingPolicy,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::ComputeEnvironment,
        Self::Job,
        Self::JobDefinition,
        Self::JobQueue,
        Self::JobRecord,
        Self::SchedulingPolicy,
    ];

    /// The kind's name, as manifests have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ComputeEnvironment => "ComputeEnvironment",
            Self::Job => "Job",
            Self::JobDefinition => "JobDefinition",
            Self::JobQueue => "JobQueue",
            Self::JobRecord => "JobRecord",
            Self::SchedulingPolicy => "SchedulingPolicy",
        }
    }

    /// The definition as its type gives it, before the tables of this crate are applied.
    pub(crate) fn derived(self) -> CustomResourceDefinition {
        match self {
            Self::ComputeEnvironment => ComputeEnvironment::crd(),
            Self::Job => Job::crd(),
            Self::JobDefinition => JobDefinition::crd(),
            Self::JobQueue => JobQueue::crd(),
            Self::JobRecord => JobRecord::crd(),
            Self::SchedulingPolicy => SchedulingPolicy::crd(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
