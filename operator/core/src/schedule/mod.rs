//! Who runs next, and where.

mod closed;
mod explain;
mod floats;
mod floor;
mod lines;
mod obstacle;
mod pass;
mod place;
mod promise;
mod reserve;
mod search;
mod shares;
mod stuck;
mod together;
mod turns;

pub use closed::Closed;
pub use explain::Waiting;
pub(crate) use lines::{Lines, OrderKey, Shape};
pub use obstacle::Obstacle;
pub(crate) use pass::pass;
pub use promise::{Promise, Site};
pub(crate) use reserve::Reservations;
pub(crate) use shares::{Part, Shares};
pub(crate) use stuck::Head;
pub(crate) use turns::front;
