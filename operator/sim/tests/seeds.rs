//! A sample of seeds in every test run; `cargo run -p windlass-sim -- --seeds …` explores many more.

use std::collections::BTreeMap;

use windlass_sim::run;

#[test]
fn seeds_break_no_rule() {
    let broken: Vec<String> = (0..1_000)
        .filter_map(|seed| run(seed, false).broken.map(|words| format!("seed {seed}: {words}")))
        .collect();
    assert!(broken.is_empty(), "{}\nsee `windlass-sim --trace SEED`", broken.join("\n"));
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let mut lines = 0;
    for seed in 0..50 {
        let (first, second) = (run(seed, true), run(seed, true));
        assert!(first.transcript == second.transcript, "seed {seed} went two ways");
        lines += first.transcript.len();
    }
    assert!(lines > 5_000, "{lines} lines: the transcripts tell next to nothing");
}

/// The faults must be met, not only allowed: over a sample of seeds each path has to be taken.
#[test]
fn the_sample_meets_what_it_is_for() {
    let mut containers = 0;
    let mut requests = BTreeMap::<&str, u64>::new();
    for seed in 0..300 {
        let report = run(seed, false);
        containers += report.containers;
        for (request, number) in report.requests {
            *requests.entry(request).or_default() += number;
        }
    }
    assert!(containers > 1_000, "{containers} containers");
    for request in [
        "create pod",
        "put record",
        "get record",
        "get job",
        "get pod",
        "release pod",
        "delete pod",
        "create revision",
    ] {
        assert!(requests.get(request).is_some_and(|number| *number > 0), "no {request} in 300 seeds");
    }
}
