//! Jobs that wait for other jobs (SPEC.md J6, A4, Dependencies): what is seen of those they name, and what follows from it.

mod apply;
mod cycle;
mod sight;
mod table;

pub(crate) use apply::apply;
pub(crate) use cycle::cycle_through;
pub(crate) use sight::{Found, look};
pub(crate) use table::Dependents;
