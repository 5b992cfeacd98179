//! One run: faults for a while, then rest.

use crate::check;
use crate::cluster::Cluster;
use crate::faults::Faults;
use fastrand::Rng;
use std::collections::BTreeMap;

/// Rounds without faults within which everything must come to rest.
const ROUNDS_TO_REST: u32 = 20_000;

/// What a run did.
#[derive(Debug)]
pub struct Report {
    /// Steps under faults.
    pub steps: u64,
    /// Containers that ran.
    pub containers: usize,
    /// Requests carried out, by verb and kind.
    pub requests: BTreeMap<&'static str, u64>,
    /// The rule that was broken, in words.
    pub broken: Option<String>,
    /// One line an event, when asked for.
    pub transcript: Vec<String>,
}

/// Runs one seed. The same seed gives the same run.
pub fn run(seed: u64, transcript: bool) -> Report {
    let mut rng = Rng::with_seed(seed);
    let faults = Faults::mixed(&mut rng);
    let steps = rng.u64(200..=1500);
    let mut cluster = Cluster::new(rng, faults, transcript);
    let broken = live(&mut cluster, steps);
    if let Some(broken) = &broken {
        cluster.tell(|| format!("BROKEN: {broken}"));
        let cores: Vec<String> =
            cluster.operators.iter().map(|operator| format!("{:#?}", operator.core)).collect();
        cluster.tell(|| cores.join("\n"));
    }
    Report {
        steps: cluster.steps,
        containers: cluster.truth.all().count(),
        requests: std::mem::take(&mut cluster.store.requests),
        broken,
        transcript: cluster.transcript.unwrap_or_default(),
    }
}

fn live(cluster: &mut Cluster, steps: u64) -> Option<String> {
    for _ in 0..steps {
        cluster.step();
        if let Some(broken) = check::after_step(cluster) {
            return Some(broken);
        }
    }
    cluster.calm_down();
    if !cluster.settle(ROUNDS_TO_REST) {
        return Some("no rest: something is done again and again".to_owned());
    }
    check::after_step(cluster).or_else(|| check::at_rest(cluster))
}
