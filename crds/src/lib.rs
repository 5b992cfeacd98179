//! The API of Windlass: its custom resources as Rust types, and the manifests made from them.
//!
//! One kind a file. The types are AWS Batch's request shapes; what they cannot say (what "not set" means,
//! what is not supported, what never changes) is in tables that [`manifests`] turns into rules of the schema.

mod blank;
pub mod compute_environment;
mod exclusive;
pub mod ignored;
mod immutable;
pub mod job;
pub mod job_definition;
pub mod job_queue;
pub mod job_record;
pub mod kind;
mod machine_fields;
pub mod manifests;
pub mod scheduling_policy;
mod schema;
pub mod shared;
mod unset;
pub mod unsupported;

pub use compute_environment::{ComputeEnvironment, ComputeEnvironmentSpec, ComputeEnvironmentStatus};
pub use job::{Job, JobSpec, JobStatus};
pub use job_definition::{JobDefinition, JobDefinitionSpec, JobDefinitionStatus};
pub use job_queue::{JobQueue, JobQueueSpec, JobQueueStatus};
pub use job_record::{JobRecord, JobRecordContent};
pub use kind::Kind;
pub use scheduling_policy::{SchedulingPolicy, SchedulingPolicySpec, SchedulingPolicyStatus};

/// The API group of all kinds.
pub const GROUP: &str = "batch.windlass.dev";

/// The version of all kinds.
pub const VERSION: &str = "v1beta1";
