//! Who runs next, and where.

mod explain;
mod floor;
mod lines;
mod pass;
mod reserve;
mod stuck;

pub use explain::{Obstacle, Waiting};
pub(crate) use lines::{Lines, OrderKey};
pub(crate) use pass::pass;
pub(crate) use reserve::Reservation;
pub(crate) use stuck::Head;
