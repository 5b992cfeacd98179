//! The test cluster: Kubernetes's own programs as processes of this machine, and two nodes that can die.

mod addresses;
mod argocd;
mod cgroup;
mod cluster_api;
mod component;
mod config;
mod control_plane;
mod cpus;
mod down;
mod faults;
mod go_build;
mod go_module;
mod images;
mod inventory;
mod karpenter;
mod kwok;
mod launch;
mod namespaces;
mod network;
mod node;
mod packages;
mod paths;
mod pki;
mod process;
mod programs;
mod record;
mod services;
mod status;
mod up;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use faults::Cluster;
pub(crate) use launch::Internal;
pub(crate) use paths::Checkout;

/// What can be done with the cluster.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start the cluster, or whatever of it does not run; safe to repeat
    Up(Box<up::Options>),
    /// Stop the cluster and remove all it had; safe to repeat, from any checkout
    Down,
    /// Show each component and node; exit code 1 unless all is well
    Status,
    /// Build Argo CD for the test that runs it, which takes half an hour once, and link it to target/argocd
    BuildArgocd,
    /// Start a component that was stopped or has died
    StartComponent {
        /// Its name, as `status` shows it
        name: String,
    },
    /// End a component, and leave it so
    StopComponent {
        /// Its name, as `status` shows it
        name: String,
        /// Kill it at once instead of asking it to end
        #[arg(long)]
        kill: bool,
    },
    /// End a component and start it again
    RestartComponent {
        /// Its name, as `status` shows it
        name: String,
        /// Kill it at once instead of asking it to end
        #[arg(long)]
        kill: bool,
    },
    /// Stop a component where it is, as if it hung
    Pause {
        /// Its name, as `status` shows it
        name: String,
    },
    /// Let a paused component go on
    Resume {
        /// Its name, as `status` shows it
        name: String,
    },
    /// Cut a node's power: kubelet, containerd and all containers die at once
    KillNode {
        /// node-1 or node-2
        name: String,
    },
    /// Turn a node on, and wait until it is ready; it registers again if its Node object is gone
    StartNode {
        /// node-1 or node-2
        name: String,
    },
    /// Unplug a node's network: its containers go on, nobody can reach it
    PartitionNode {
        /// node-1 or node-2
        name: String,
    },
    /// Plug a node's network in again
    HealNode {
        /// node-1 or node-2
        name: String,
    },
}

/// Runs one of them.
pub(crate) fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Status => return status::run(),
        Command::Up(options) => up::run(&options)?,
        Command::Down => down::run()?,
        Command::BuildArgocd => argocd::build()?,
        Command::StartComponent { name } => Cluster::open()?.start(&name)?,
        Command::StopComponent { name, kill } => Cluster::open()?.stop(&name, kill)?,
        Command::RestartComponent { name, kill } => {
            let cluster = Cluster::open()?;
            cluster.stop(&name, kill)?;
            cluster.start(&name)?;
        }
        Command::Pause { name } => Cluster::open()?.pause(&name, true)?,
        Command::Resume { name } => Cluster::open()?.pause(&name, false)?,
        Command::KillNode { name } => Cluster::open()?.kill_node(&name)?,
        Command::StartNode { name } => Cluster::open()?.start_node(&name)?,
        Command::PartitionNode { name } => Cluster::open()?.plug(&name, false)?,
        Command::HealNode { name } => Cluster::open()?.plug(&name, true)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the other side of a fork.
pub(crate) fn run_internal(command: Internal) -> Result<()> {
    launch::run(command)
}
