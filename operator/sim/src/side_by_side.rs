//! `windlass-sim replay`: a workload run in several ways, and their figures side by side.

use clap::Args;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use windlass_sim::replay::{Hosts, Model, Start, Trace, figures, first_come, table, windlass};

/// What is replayed.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A recorded workload in the Standard Workload Format; without one, one is made (Lublin and Feitelson's model).
    file: Option<PathBuf>,
    /// vCPUs of a host; jobs that need more are left out, and counted.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=96))]
    host_vcpus: u64,
    /// Percent of all vCPUs that would be busy if no job waited: a recorded workload gets as many hosts, a made one is submitted
    /// as fast.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=1000))]
    load: u64,
    /// Hosts of a made workload.
    #[arg(long, default_value_t = 16, conflicts_with = "file")]
    hosts: usize,
    /// Jobs of a made workload.
    #[arg(long, default_value_t = 10_000, conflicts_with = "file")]
    jobs: usize,
    /// The chance in a made workload.
    #[arg(long, default_value_t = 1, conflicts_with = "file")]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match replay(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

fn replay(arguments: &Arguments) -> Result<(), String> {
    let (name, trace, hosts) = workload(arguments)?;
    println!("{}", heading(&name, &trace, hosts));
    let started = Instant::now();
    let strict = first_come(&trace, hosts);
    let (backfill, fair) = std::thread::scope(|scope| {
        let fair = scope.spawn(|| windlass(&trace, hosts, true));
        (windlass(&trace, hosts, false), fair.join())
    });
    let fair = fair.map_err(|_| "the replay by fair share panicked: see above".to_owned())?;
    let of = |starts: &[Start]| figures(&trace, starts, hosts);
    let ways = [
        ("strictly first come", of(&strict)),
        ("Windlass", of(&backfill?)),
        ("Windlass, fair share", of(&fair?)),
    ];
    println!("{}\nreplayed in {:.0} s", table(&ways), started.elapsed().as_secs_f64());
    Ok(())
}

fn workload(arguments: &Arguments) -> Result<(String, Trace, Hosts), String> {
    let load = arguments.load as f64 / 100.0;
    let vcpus = arguments.host_vcpus;
    let Some(file) = &arguments.file else {
        let hosts = Hosts { number: arguments.hosts.max(1), vcpus };
        let (jobs, seed) = (arguments.jobs.max(2), arguments.seed);
        let model = Model { jobs, host_vcpus: vcpus, vcpus: hosts.all_vcpus(), load, seed };
        return Ok((format!("a workload made by the model, seed {seed}"), model.make(), hosts));
    };
    let name = file.display().to_string();
    // Headers name people and places in whatever encoding they had.
    let bytes = fs::read(file).map_err(|error| format!("cannot read {name}: {error}"))?;
    let trace =
        Trace::read(&String::from_utf8_lossy(&bytes), vcpus).map_err(|error| format!("{name}: {error}"))?;
    let hosts = Hosts::for_load(&trace, vcpus, load);
    Ok((name, trace, hosts))
}

fn heading(name: &str, trace: &Trace, hosts: Hosts) -> String {
    let users: std::collections::BTreeSet<i64> = trace.jobs.iter().map(|job| job.user).collect();
    let mut heading = format!(
        "{name}: {} jobs of {} users in {:.0} days, on {} hosts of {} vCPUs, which they would keep busy to {:.0} %",
        trace.jobs.len(),
        users.len(),
        trace.span() as f64 / 86_400.0,
        hosts.number,
        hosts.vcpus,
        trace.load(hosts.all_vcpus()) * 100.0
    );
    let (too_large, work) = trace.too_large;
    if too_large > 0 {
        let share = work as f64 * 100.0 / (work + trace.work()) as f64;
        let _ = write!(
            heading,
            "\nleft out: {too_large} jobs ({share:.0} % of all work) that need more vCPUs than a host has"
        );
    }
    if trace.never_ran > 0 {
        let _ = write!(heading, "\nleft out: {} jobs that never ran", trace.never_ran);
    }
    heading + "\n"
}
