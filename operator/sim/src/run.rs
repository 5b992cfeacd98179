//! One run: faults for a while, then rest.

use crate::check;
use crate::cluster::Cluster;
use crate::coverage::Coverage;
use crate::plan::{Part, Plan};
use crate::{operator, users};
use std::time::Duration;
use windlass_core::time::Time;

/// Rounds without faults within which everything must come to rest.
const ROUNDS_TO_REST: u32 = 20_000;

/// By when everything has come to rest but for finished jobs, which are kept for a day: their records can be checked then.
const HORIZON: Duration = Duration::from_secs(12 * 3600);

/// Something that must hold after every step: says in words how it is broken.
pub type Rule = fn(&Cluster) -> Option<String>;

/// What a run did.
#[derive(Debug)]
pub struct Report {
    /// Steps under faults.
    pub steps: u64,
    /// Rounds until everything came to rest.
    pub rounds: u64,
    /// What was met.
    pub coverage: Coverage,
    /// The rule that was broken, in words.
    pub broken: Option<String>,
    /// The step after which it was broken; `None` also when that was after the faults had stopped.
    pub broken_at: Option<u32>,
    /// One line an event, when asked for.
    pub transcript: Vec<String>,
    /// What each operator knew when a rule broke, when a transcript was asked for.
    pub minds: Vec<String>,
}

/// Runs one seed. The same seed gives the same run.
pub fn run(seed: u64, transcript: bool) -> Report {
    Plan::of(seed).run(&[], transcript)
}

impl Plan {
    /// Makes the run, with `rules` beside those that always hold.
    pub fn run(&self, rules: &[Rule], transcript: bool) -> Report {
        let mut cluster = Cluster::new(self.rng(Part::Start), self.faults(), self.size, transcript);
        let mut broken_at = None;
        let mut broken = None;
        for step in self.steps.iter() {
            cluster.rng = self.rng(Part::Step(step));
            cluster.step(step);
            broken = broken_rule(&cluster, rules);
            if broken.is_some() {
                broken_at = Some(step);
                break;
            }
        }
        if broken.is_none() {
            cluster.rng = self.rng(Part::End);
            broken = come_to_rest(&mut cluster, rules);
        }
        report(cluster, broken, broken_at)
    }
}

fn broken_rule(cluster: &Cluster, rules: &[Rule]) -> Option<String> {
    check::after_step(cluster).or_else(|| rules.iter().find_map(|rule| rule(cluster)))
}

fn come_to_rest(cluster: &mut Cluster, rules: &[Rule]) -> Option<String> {
    cluster.calm_down();
    let before_expiry = cluster.now + HORIZON;
    rest_before(before_expiry, cluster, rules)
        .or_else(|| check::at_rest(cluster))
        .or_else(|| rest_before(Cluster::NEVER, cluster, rules))
        .or_else(|| check::after_expiry(cluster))
}

/// Goes on until nothing is left to be done before `end`.
fn rest_before(end: Time, cluster: &mut Cluster, rules: &[Rule]) -> Option<String> {
    for _ in 0..ROUNDS_TO_REST {
        check::keep_book(cluster);
        check::take_promises(cluster);
        let before = check::before_round(cluster);
        let is_at_rest = cluster.round(end);
        let broken = broken_rule(cluster, rules).or_else(|| check::after_round(cluster, &before));
        if broken.is_some() {
            return broken;
        }
        if is_at_rest && !users::bring_back(cluster) {
            return operator::plans_again(cluster);
        }
    }
    Some("no rest: something is done again and again".to_owned())
}

fn report(mut cluster: Cluster, broken: Option<String>, broken_at: Option<u32>) -> Report {
    let is_told = broken.is_some() && cluster.transcript.is_some();
    if let Some(broken) = &broken {
        cluster.tell(|| format!("BROKEN: {broken}"));
    }
    let minds = cluster.operators.iter().filter(|_| is_told);
    Report {
        steps: cluster.steps,
        rounds: cluster.rounds,
        broken,
        broken_at,
        minds: minds.map(|operator| format!("operator {}: {:#?}", operator.number, operator.core)).collect(),
        coverage: Coverage::of(&mut cluster),
        transcript: cluster.transcript.unwrap_or_default(),
    }
}
