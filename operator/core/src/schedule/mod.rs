//! Who runs next, and where.

mod closed;
mod explain;
mod floats;
mod floor;
mod lines;
mod pass;
mod promise;
mod reserve;
mod search;
mod shares;
mod stuck;
mod turns;

pub use closed::Closed;
pub use explain::{Obstacle, Waiting};
pub(crate) use lines::{Lines, OrderKey, Shape};
pub(crate) use pass::pass;
pub use promise::{Promise, Site};
pub(crate) use reserve::Reservations;
pub(crate) use shares::{Part, Shares};
pub(crate) use stuck::Head;
pub(crate) use turns::front;
