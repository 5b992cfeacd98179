//! A sample of seeds in every test run; `cargo run -p windlass-sim -- --seeds …` explores many more.

use windlass_sim::{About, Coverage, run};

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
    let mut met = Coverage::default();
    for seed in 3_000..5_000 {
        met.merge(&run(seed, false).coverage);
    }
    let expected: [(About, &[&str]); 5] = [
        (
            About::Work,
            &[
                "single jobs",
                "arrays",
                "containers",
                "containers of a second or later attempt",
                "machines that came",
                "GPUs registered after their node was ready",
                "rushes of all shares",
                "sieges",
            ],
        ),
        (
            About::Faults,
            &[
                "operators killed",
                "requests that were lost",
                "requests whose answer was lost",
                "late requests that landed",
                "hosts that lost power",
                "hosts cut off",
                "nodes deleted",
                "sandboxes lost",
                "pods removed by force",
                "pods deleted by somebody",
                "pods given up with their node",
                "pods collected after their owner or namespace",
                "records collected after their job",
                "jobs deleted",
                "jobs deleted in the foreground",
                "jobs deleted without their pods",
                "namespaces that ended",
                "machines taken away",
                "machines that were not to be had",
                "node classes broken or mended",
                "node classes deleted by somebody",
                "node classes collected after their environment",
                "edits of managed environments",
                "edits of the scheduling policy",
                "scheduling policies deleted",
            ],
        ),
        (
            About::Watches,
            &[
                "bookmarks",
                "events told twice",
                "lists that broke halfway",
                "watches that ended",
                "watches that met: too old resource version",
            ],
        ),
        (
            About::Requests,
            &[
                "create pod",
                "put record",
                "get record",
                "get job",
                "get pod",
                "release pod",
                "delete pod",
                "create machine",
                "get machine",
                "write node class",
                "retire machine",
                "delete machine",
            ],
        ),
        (
            About::Answers,
            &[
                "conflict",
                "not found",
                "pod found instead of made",
                "machine found instead of made",
                "refused: quota",
                "refused: invalid",
            ],
        ),
    ];
    for (about, things) in expected {
        for thing in things {
            assert!(met.of_one(about, thing) > 0, "{thing} was not met:\n{met}");
        }
    }
    assert!(met.of_one(About::Work, "containers") > 1_000, "{met}");
    // Amid faults, not only once they have stopped: 182 when this was written.
    assert!(met.of_one(About::Work, "nodes that started under faults") > 90, "{met}");
}
