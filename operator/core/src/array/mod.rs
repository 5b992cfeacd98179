//! Array jobs: sets of children, their records and their summary.

mod intervals;

pub use intervals::{Intervals, ParseIntervalsError};
