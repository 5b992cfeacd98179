//! A deterministic model cluster: the same core as in the operator runs against a model API server, scheduler, kubelets and
//! users, under faults chosen by a seed. After every step invariants are checked; then the faults stop and everything must
//! come to rest.
//!
//! A seed and a commit give the same run, always. The model is held to the real API server by the end-to-end tests.

pub mod autoscaler;
pub mod backend;
mod behaviour;
pub mod check;
mod classes;
pub mod cluster;
mod collector;
mod coverage;
mod deployments;
mod faults;
mod kubelet;
#[cfg(feature = "mutants")]
pub mod mutants;
mod news;
mod node_sets;
mod nodes;
mod operator;
mod options;
mod plan;
pub mod pools;
pub mod replay;
mod run;
mod scheduler;
pub mod script;
mod shares;
mod shrink;
mod siege;
mod stage;
pub mod store;
mod told;
mod truth;
pub mod users;
mod wishes;
mod worst;

pub use coverage::{About, Coverage};
pub use faults::Faults;
pub use plan::{Plan, Size};
pub use run::{Report, Rule, run};
pub use shrink::{Shrunk, shrink};
