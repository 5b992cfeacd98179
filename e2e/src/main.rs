//! The test cluster's program: starts, breaks, mends and stops a real Kubernetes on this machine, and builds
//! images.

mod cluster;
mod command;
mod demo;
mod helm;
mod image;
mod install;
mod kubectl;
mod progress;
mod wait;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A real Kubernetes for Windlass's tests, made of package registries alone.
#[derive(Parser)]
#[command(name = "windlass-e2e", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start, inspect, break, mend and stop the cluster.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Build OCI archives, and import them into the cluster's nodes.
    #[command(subcommand)]
    Image(image::Command),
    /// Install Windlass on the cluster with Helm, or bring it up to date; safe to repeat.
    Install(install::Options),
    /// Install Windlass, run the rainbow array job, and show what became of each child.
    Demo(demo::Options),
    /// What the program runs itself as, on the other side of a fork.
    #[command(subcommand, hide = true)]
    Internal(cluster::Internal),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Cluster(command) => cluster::run(command),
        Command::Image(command) => image::run(command).map(|()| ExitCode::SUCCESS),
        Command::Install(options) => install::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Demo(options) => demo::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Internal(command) => cluster::run_internal(command).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
