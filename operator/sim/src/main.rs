//! `windlass-sim --seeds 0..10000`: runs seeds and tells what they explored; `--trace SEED` shows one.

use clap::Parser;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;
use windlass_sim::run;

/// Runs the core against a model cluster, under faults chosen by a seed.
#[derive(Parser)]
struct Arguments {
    /// The seeds to run: FIRST..LAST, LAST not included.
    #[arg(long, default_value = "0..1000", value_parser = parse_range)]
    seeds: std::ops::Range<u64>,
    /// Shows what happened in one seed, a line an event.
    #[arg(long, value_name = "SEED", conflicts_with = "seeds")]
    trace: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.trace {
        Some(seed) => trace(seed),
        None => explore(arguments.seeds),
    }
}

fn trace(seed: u64) -> ExitCode {
    let report = run(seed, true);
    for line in report.transcript {
        println!("{line}");
    }
    match report.broken {
        Some(broken) => {
            println!("seed {seed}: {broken}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn explore(seeds: std::ops::Range<u64>) -> ExitCode {
    let threads = u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1);
    let started = Instant::now();
    let (mut steps, mut containers, mut requests) = (0, 0, BTreeMap::<&str, u64>::new());
    let mut broken = Vec::new();
    std::thread::scope(|scope| {
        let share = |thread: u64| {
            let mine = seeds.clone().filter(move |seed| seed % threads == thread);
            scope.spawn(move || mine.map(|seed| (seed, run(seed, false))).collect::<Vec<_>>())
        };
        let handles: Vec<_> = (0..threads).map(share).collect();
        for (seed, report) in handles.into_iter().filter_map(|handle| handle.join().ok()).flatten() {
            steps += report.steps;
            containers += report.containers;
            for (request, number) in report.requests {
                *requests.entry(request).or_default() += number;
            }
            broken.extend(report.broken.map(|words| (seed, words)));
        }
    });
    broken.sort();
    let seconds = started.elapsed().as_secs_f64();
    let number = seeds.end.saturating_sub(seeds.start);
    println!(
        "{number} seeds, {steps} steps, {containers} containers in {seconds:.1} s: {:.0} seeds/s, {:.0} steps/s",
        number as f64 / seconds,
        steps as f64 / seconds
    );
    for (request, number) in requests {
        println!("  {number:>9} {request}");
    }
    for (seed, words) in broken.iter().take(20) {
        println!("BROKEN seed {seed}: {words}");
    }
    println!("{} of {number} seeds broke a rule", broken.len());
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse_range(text: &str) -> Result<std::ops::Range<u64>, String> {
    let bounds =
        text.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match bounds {
        Some((first, last)) if first < last => Ok(first..last),
        _ => Err(format!("'{text}' is no range of seeds: write 0..1000")),
    }
}
