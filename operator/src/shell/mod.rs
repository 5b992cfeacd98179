//! The only part that does input and output: watch streams in, requests out. It decides nothing.

mod api;
mod clock;
mod driver;
mod execute;
mod http;
mod leader;
mod metrics;
mod release;
mod run;
mod watch;

pub use release::release;
pub use run::{Options, run};
