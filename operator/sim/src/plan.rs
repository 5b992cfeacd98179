//! What a run is made of. A seed gives a plan, and a plan gives the same run, always.
//!
//! Every step has a source of chance of its own, made of the seed and the step's number. So a step can be left out, or a fault,
//! and the other steps still do what they did as far as what they meet allows: that is what makes a run reducible.

use crate::faults::Faults;
use fastrand::Rng;
use std::collections::BTreeSet;
use std::fmt;
use windlass_core::array::Intervals;

/// How large a cluster may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Hosts there are at the start.
    pub hosts: u32,
    /// Jobs users make.
    pub jobs: u32,
    /// Children of an array.
    pub children: u32,
}

impl Size {
    /// As large as any run gets.
    pub const FULL: Size = Size { hosts: 6, jobs: 8, children: 7 };
}

/// A run that can be made again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// The numbers of the steps that are made under faults.
    pub steps: Intervals,
    /// Faults of the seed's mix that are left out, by name.
    pub without: BTreeSet<&'static str>,
    /// How large the cluster may get.
    pub size: Size,
}

/// Parts of a run that are no steps, each with its own chance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// What is decided before all else: the mix of faults, the number of steps.
    Mix,
    /// How the cluster is at the start.
    Start,
    /// A step under faults.
    Step(u32),
    /// What happens when the faults stop.
    End,
}

impl Plan {
    /// All that a seed stands for.
    pub fn of(seed: u64) -> Plan {
        let mut plan = Plan { seed, steps: Intervals::default(), without: BTreeSet::new(), size: Size::FULL };
        let mut rng = plan.rng(Part::Mix);
        // The nodes of a job take more steps to start than a pod.
        let longest = if Faults::mixed(&mut rng).multi_node > 0 { 3000 } else { 1500 };
        plan.steps = Intervals::below(rng.u32(200..=longest));
        plan
    }

    /// The faults of the run.
    pub fn faults(&self) -> Faults {
        let mut faults = Faults::mixed(&mut self.rng(Part::Mix));
        for (_, leave_out) in Faults::ALL.into_iter().filter(|(name, _)| self.without.contains(name)) {
            leave_out(&mut faults);
        }
        faults
    }

    /// The chance of one part of the run.
    pub(crate) fn rng(&self, part: Part) -> Rng {
        let number = match part {
            Part::Mix => 0,
            Part::Start => 1,
            Part::End => 2,
            Part::Step(number) => 3 + u64::from(number),
        };
        Rng::with_seed(scatter(scatter(self.seed) ^ number))
    }
}

/// Spreads neighbouring numbers over all there are (the finalizer of SplitMix64), so that neighbouring steps are not alike.
const fn scatter(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The command line that makes this run again.
impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "windlass-sim --trace {}", self.seed)?;
        let whole = Plan::of(self.seed);
        if self.steps != whole.steps {
            let runs = self.steps.runs().map(|(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            });
            write!(formatter, " --steps {}", runs.collect::<Vec<_>>().join(","))?;
        }
        if !self.without.is_empty() {
            let names: Vec<&str> = self.without.iter().copied().collect();
            write!(formatter, " --without {}", names.join(","))?;
        }
        let (size, full) = (self.size, whole.size);
        for (option, number, most) in [
            ("hosts", size.hosts, full.hosts),
            ("jobs", size.jobs, full.jobs),
            ("children", size.children, full.children),
        ] {
            if number != most {
                write!(formatter, " --{option} {number}")?;
            }
        }
        Ok(())
    }
}
