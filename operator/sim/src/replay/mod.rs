//! Recorded workloads, replayed: the same core as in the operator, in a world without faults and in simulated time, beside what
//! strictly first come, first served would have done on the same hosts.
//!
//! A trace's job of n processors is a single job that needs n vCPUs on one host, and what its user asked for is its timeout. It
//! runs as long as it ran when it was recorded, and starts the moment it is given to a host. Memory is not looked at.

mod figures;
mod first_come;
mod model;
mod trace;
mod world;

pub use figures::{Figures, figures, table};
pub use first_come::first_come;
pub use model::Model;
pub use trace::{Trace, TraceJob};
pub use world::windlass;

/// Hosts that are all alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// How many there are.
    pub number: usize,
    /// vCPUs of each.
    pub vcpus: u64,
}

impl Hosts {
    /// As many hosts as this trace keeps busy to a share of `load`, if none of its jobs waits.
    pub fn for_load(trace: &Trace, vcpus: u64, load: f64) -> Hosts {
        let number = (trace.load(vcpus) / load).round() as usize;
        Hosts { number: number.max(1), vcpus }
    }

    /// vCPUs of all together.
    pub const fn all_vcpus(self) -> u64 {
        self.vcpus * self.number as u64
    }
}

/// When and where a job starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    /// Seconds since the first submission.
    pub at: f64,
    /// The number of its host.
    pub host: usize,
}
