//! `windlass-sim --seeds 0..10000`: runs seeds and tells what they explored; `--trace SEED` shows one, `--shrink SEED` a short
//! run that breaks the same rule. `windlass-sim replay`: a recorded workload, without faults.

#[cfg(feature = "mutants")]
mod hunt;
mod side_by_side;

use clap::{Parser, Subcommand};
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;
use windlass_core::array::Intervals;
use windlass_sim::{Coverage, Faults, Plan, Report, shrink};

/// Runs the core against a model cluster, under faults chosen by a seed.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The seeds to run: FIRST..LAST, LAST not included.
    #[arg(long, default_value = "0..1000", value_parser = parse_range)]
    seeds: std::ops::Range<u64>,
    /// Shows what happened in one seed, a line an event: the step's number, the time, what happened.
    #[arg(long, value_name = "SEED", conflicts_with = "seeds")]
    trace: Option<u64>,
    /// Reduces a seed that breaks a rule to a short run that breaks it too.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "trace"])]
    shrink: Option<u64>,
    /// Of the seed that is shown, only these steps: 3,17-20.
    #[arg(long, requires = "trace", value_parser = parse_steps)]
    steps: Option<Intervals>,
    /// Not these faults.
    #[arg(long, conflicts_with = "shrink", value_delimiter = ',', value_parser = parse_fault)]
    without: Vec<&'static str>,
    /// The most hosts at the start.
    #[arg(long, requires = "trace")]
    hosts: Option<u32>,
    /// The most jobs.
    #[arg(long, requires = "trace")]
    jobs: Option<u32>,
    /// The most children of an array.
    #[arg(long, requires = "trace")]
    children: Option<u32>,
    /// Shows also all that the operators know when a rule breaks.
    #[arg(long, requires = "trace")]
    minds: bool,
}

/// What else it can do.
#[derive(Subcommand)]
enum Command {
    /// Replays a recorded workload: Windlass beside strictly first come, first served.
    Replay(side_by_side::Arguments),
    #[cfg(feature = "mutants")]
    #[command(flatten)]
    Hunt(hunt::Command),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match (&arguments.command, arguments.trace, arguments.shrink) {
        (Some(Command::Replay(replay)), ..) => side_by_side::run(replay),
        #[cfg(feature = "mutants")]
        (Some(Command::Hunt(command)), ..) => hunt::run(command),
        (None, Some(seed), _) => trace(&plan(seed, &arguments), arguments.minds),
        (None, _, Some(seed)) => reduce(seed),
        (None, None, None) => explore(&arguments),
    }
}

/// The part of a seed that is to be shown.
fn plan(seed: u64, arguments: &Arguments) -> Plan {
    let mut plan = Plan::of(seed);
    plan.steps = arguments.steps.clone().unwrap_or(plan.steps);
    plan.without = arguments.without.iter().copied().collect::<BTreeSet<_>>();
    plan.size.hosts = arguments.hosts.unwrap_or(plan.size.hosts);
    plan.size.jobs = arguments.jobs.unwrap_or(plan.size.jobs);
    plan.size.children = arguments.children.unwrap_or(plan.size.children);
    plan
}

fn trace(plan: &Plan, minds: bool) -> ExitCode {
    let report = plan.run(&[], true);
    for line in report.transcript.iter().chain(report.minds.iter().filter(|_| minds)) {
        println!("{line}");
    }
    match report.broken {
        Some(broken) => {
            println!("seed {}: {broken}", plan.seed);
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn reduce(seed: u64) -> ExitCode {
    let whole = Plan::of(seed);
    let started = Instant::now();
    let Some(shrunk) = shrink(&whole, &[]) else {
        println!("seed {seed} breaks no rule");
        return ExitCode::SUCCESS;
    };
    println!(
        "seed {seed}: {} of {} steps are enough ({} runs, {:.1} s)",
        shrunk.plan.steps.count(),
        whole.steps.count(),
        shrunk.runs,
        started.elapsed().as_secs_f64()
    );
    for line in &shrunk.report.transcript {
        println!("{line}");
    }
    println!("again: {}", shrunk.plan);
    ExitCode::FAILURE
}

fn explore(arguments: &Arguments) -> ExitCode {
    let seeds = arguments.seeds.clone();
    let threads = u64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1);
    let started = Instant::now();
    let mut sum = Sum::default();
    std::thread::scope(|scope| {
        let share = |thread: u64| {
            let mine = seeds.clone().filter(move |seed| seed % threads == thread);
            scope.spawn(move || {
                mine.fold(Sum::default(), |mut sum, seed| {
                    sum.add(seed, plan(seed, arguments).run(&[], false));
                    sum
                })
            })
        };
        let handles: Vec<_> = (0..threads).map(share).collect();
        for handle in handles {
            match handle.join() {
                Ok(part) => sum.merge(part),
                Err(_) => sum.broken.push((0, "a seed of one thread panicked: see above".to_owned())),
            }
        }
    });
    sum.broken.sort();
    sum.print(seeds.end.saturating_sub(seeds.start), started.elapsed().as_secs_f64());
    match sum.broken.first() {
        Some((seed, _)) if arguments.without.is_empty() => reduce(*seed),
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    }
}

/// What a number of runs did.
#[derive(Default)]
struct Sum {
    steps: u64,
    rounds: u64,
    coverage: Coverage,
    broken: Vec<(u64, String)>,
}

impl Sum {
    fn add(&mut self, seed: u64, report: Report) {
        self.steps += report.steps;
        self.rounds += report.rounds;
        self.coverage.merge(&report.coverage);
        self.broken.extend(report.broken.map(|words| (seed, words)));
    }

    fn merge(&mut self, other: Sum) {
        self.steps += other.steps;
        self.rounds += other.rounds;
        self.coverage.merge(&other.coverage);
        self.broken.extend(other.broken);
    }

    fn print(&self, seeds: u64, seconds: f64) {
        println!(
            "{seeds} seeds, {} steps under faults, {} rounds to rest in {seconds:.1} s: {:.0} seeds/s, {:.0} steps/s",
            self.steps,
            self.rounds,
            seeds as f64 / seconds,
            self.steps as f64 / seconds
        );
        print!("{}", self.coverage);
        for (seed, words) in self.broken.iter().take(20) {
            println!("BROKEN seed {seed}: {words}");
        }
        println!("{} of {seeds} seeds broke a rule", self.broken.len());
    }
}

fn parse_range(text: &str) -> Result<std::ops::Range<u64>, String> {
    let bounds =
        text.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match bounds {
        Some((first, last)) if first < last => Ok(first..last),
        _ => Err(format!("'{text}' is no range of seeds: write 0..1000")),
    }
}

fn parse_steps(text: &str) -> Result<Intervals, String> {
    Intervals::parse(text).map_err(|error| error.to_string())
}

fn parse_fault(text: &str) -> Result<&'static str, String> {
    let known = Faults::ALL.into_iter().map(|(name, _)| name);
    known.into_iter().find(|name| *name == text).ok_or_else(|| format!("'{text}' is no fault"))
}
