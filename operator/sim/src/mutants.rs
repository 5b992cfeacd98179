//! Wrong versions of the core's decisions: each must be caught by the checks of some seed.

use crate::plan::Plan;
use crate::run::run;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use windlass_core::mutant::{self, Mutant};

/// How a mutant was caught.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The seed that caught it.
    pub seed: u64,
    /// How many seeds that took.
    pub seeds: u64,
    /// The rule it broke, in words.
    pub rule: String,
}

/// Runs seeds with this wrong decision until one breaks a rule; `None` when none does.
pub fn hunt(mutant: Mutant, seeds: Range<u64>) -> Option<Caught> {
    mutant::set(Some(mutant));
    let first = seeds.start;
    let caught = seeds.into_iter().find_map(|seed| {
        let rule = broken(seed)?;
        mutant::set(None);
        let breaks_anyway = broken(seed).is_some();
        mutant::set(Some(mutant));
        (!breaks_anyway).then_some(Caught { seed, seeds: seed - first + 1, rule })
    });
    mutant::set(None);
    caught
}

/// The transcript of a seed with this wrong decision.
pub fn trace(mutant: Mutant, seed: u64) -> Vec<String> {
    mutant::set(Some(mutant));
    let report = Plan::of(seed).run(&[], true);
    mutant::set(None);
    report.transcript
}

/// The rule that a seed breaks. A panic of the model is one, too: it met what cannot be.
fn broken(seed: u64) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| run(seed, false).broken)) {
        Ok(broken) => broken,
        Err(_) => Some("the model panics".to_owned()),
    }
}

/// A line of the table: the mutant and how it was caught.
pub fn line(mutant: Mutant, caught: Option<&Caught>) -> String {
    let words = mutant.words().trim();
    let name = format!("{mutant:?}");
    match caught {
        Some(Caught { seed, seeds, rule }) => {
            let rule: String = rule.chars().take(110).collect();
            format!("{name:<26} seed {seed:>6} ({seeds:>5})  {words}\n{:<26} {rule}", "")
        }
        None => format!("{name:<26} NOT CAUGHT             {words}"),
    }
}
