//! Every decision of Windlass, without any input or output.
//!
//! [`Core::observe`] takes in watch events and the outcomes of actions; it cannot fail and emits nothing. [`Core::plan`] looks
//! at what they touched and returns what is to be done, as plain data. All the core knows can be built again from the API's
//! objects: a restart is a replay of a list.
//!
//! Deliberately absent here: Kubernetes client libraries, async code, clocks, environment variables, randomness, and any map
//! whose order is not fixed. Time is an argument.

pub mod action;
mod agenda;
pub mod array;
mod backoff;
mod catalog;
mod core;
mod dependency;
mod desk;
mod digest;
pub mod event;
pub mod finding;
mod ghosts;
pub mod ids;
mod intake;
mod job;
pub mod limits;
mod lists;
pub mod mutant;
pub mod objects;
mod outbox;
mod outcomes;
mod pool;
pub mod reference;
mod schedule;
pub mod state;
pub mod text;
pub mod time;
pub mod units;
mod world;

pub use crate::core::{Core, Plan, Summary};
pub use desk::Settings;
pub use schedule::{Closed, Obstacle, Promise, Site, Waiting};
pub use world::{node_pod_name, node_set_suffix, node_sets_name, pod_name, pod_name_prefix};
