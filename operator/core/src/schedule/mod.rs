//! Who runs next, and where.

mod explain;
mod floor;
mod lines;
mod pass;

pub use explain::{Obstacle, Waiting};
pub(crate) use lines::{Lines, OrderKey};
pub(crate) use pass::pass;
