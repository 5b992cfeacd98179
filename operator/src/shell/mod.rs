//! The only part that does input and output: watch streams in, requests out. It decides nothing.

mod api;
mod clock;
mod driver;
mod execute;
mod http;
mod leader;
mod metrics;
mod release;
mod requests;
mod run;
mod watch;

pub use release::release;
pub use requests::Requests;
pub use run::{Options, run};
