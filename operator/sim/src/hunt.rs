//! `windlass-sim mutants`: a table of all wrong decisions, and which seed caught each.

use clap::Subcommand;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use windlass_core::mutant::Mutant;
use windlass_sim::mutants::{Caught, hunt, line, trace};

/// What to do with wrong versions of the core's decisions.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs seeds with each wrong decision until one breaks a rule, and prints a table.
    Mutants {
        /// Seeds after which a mutant counts as not caught.
        #[arg(long, default_value_t = 400_000)]
        most: u64,
        /// Only mutants whose name contains this.
        #[arg(long, default_value = "")]
        only: String,
        /// Shows this seed with the mutant instead.
        #[arg(long)]
        trace: Option<u64>,
    },
}

pub(crate) fn run(command: &Command) -> ExitCode {
    let Command::Mutants { most, only, trace: seed } = command;
    let chosen: Vec<Mutant> =
        Mutant::ALL.iter().copied().filter(|mutant| format!("{mutant:?}").contains(only)).collect();
    if let (Some(seed), Some(mutant)) = (seed, chosen.first()) {
        for line in trace(*mutant, *seed) {
            println!("{line}");
        }
        return ExitCode::SUCCESS;
    }
    table(&chosen, *most)
}

fn table(mutants: &[Mutant], most: u64) -> ExitCode {
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let mut caught: Vec<(Mutant, Option<Caught>)> = Vec::new();
    std::thread::scope(|scope| {
        let work = || {
            let mine = std::iter::from_fn(|| mutants.get(next.fetch_add(1, Ordering::Relaxed)).copied());
            let found = mine.map(|mutant| (mutant, hunt(mutant, 0..most)));
            // At once too: a rare one takes minutes.
            found
                .inspect(|(mutant, caught)| eprintln!("{}", line(*mutant, caught.as_ref())))
                .collect::<Vec<_>>()
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        caught.extend(handles.into_iter().filter_map(|handle| handle.join().ok()).flatten());
    });
    caught.sort_by_key(|(mutant, _)| *mutant);
    for (mutant, caught) in &caught {
        println!("{}", line(*mutant, caught.as_ref()));
    }
    let survivors = mutants.len() - caught.iter().filter(|(_, caught)| caught.is_some()).count();
    let seeds: u64 =
        caught.iter().map(|(_, caught)| caught.as_ref().map_or(most, |caught| caught.seeds)).sum();
    println!(
        "{} mutants, {survivors} not caught, {seeds} seeds in {:.0} s",
        mutants.len(),
        started.elapsed().as_secs_f64()
    );
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
