//! The invariants: what must hold after every step, of every request, and once everything has come to rest.

mod attempts;
mod awaited;
mod classes;
mod end;
mod fair;
mod life;
mod node_records;
mod nodes;
mod order;
mod pool;
mod promise;
mod request;
mod step;
mod together;

pub use end::{after_expiry, at_rest};
pub use fair::{Book, keep_book};
pub use life::{may_start, may_stop};
pub use order::{after_round, before_round};
pub use pool::{serial, when_sent};
pub use promise::{Promise, take_promises};
pub use request::{at_ease, before_request, is_recorded};
pub use step::after_step;
