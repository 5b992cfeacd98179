//! The invariants: what must hold after every step, and what must hold once everything has come to rest.

mod end;
mod life;
mod step;

pub use end::at_rest;
pub use life::{may_start, may_stop};
pub use step::after_step;
