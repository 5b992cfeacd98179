//! Who runs next, and where.

mod explain;
mod floor;
mod lines;
mod pass;
mod reserve;
mod shares;
mod stuck;
mod turns;

pub use explain::{Closed, Obstacle, Waiting};
pub(crate) use lines::{Lines, OrderKey, Shape};
pub(crate) use pass::pass;
pub(crate) use reserve::Reservation;
pub(crate) use shares::{Part, Shares};
pub(crate) use stuck::Head;
pub(crate) use turns::front;
