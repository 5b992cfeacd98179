//! The Windlass operator: AWS Batch's behaviour on a Kubernetes cluster.

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;
use windlass::shell;

/// AWS Batch's behaviour on a Kubernetes cluster.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the operator.
    Run(shell::Options),
    /// Takes the operator's finalizers from everything, before it is uninstalled.
    Release,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("WINDLASS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match Arguments::parse().command {
        Command::Run(options) => shell::run(options).await,
        Command::Release => shell::release().await,
    }
}
