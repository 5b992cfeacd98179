//! What the program runs itself as to start a component: in its own session, in the cluster's control group,
//! and recorded before it does anything. A program killed between any two of these leaves nothing that `down`
//! misses.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use nix::unistd;

use super::process::Process;
use super::{cgroup, namespaces};

/// The other side of a fork.
#[derive(Subcommand)]
pub(crate) enum Internal {
    /// Become another program.
    Launch {
        #[command(flatten)]
        place: Place,
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Hold the namespaces of a machine until killed.
    Hold {
        #[command(flatten)]
        place: Place,
        /// The machine's name.
        machine: String,
    },
}

/// Where a process belongs.
#[derive(Args)]
pub(crate) struct Place {
    /// The file that says which process it is.
    #[arg(long)]
    record: PathBuf,
    /// The folder of the control group it joins.
    #[arg(long)]
    group: PathBuf,
}

/// Runs one of them; returns only with an error.
pub(crate) fn run(command: Internal) -> Result<()> {
    match command {
        Internal::Launch { place, command } => {
            let process = place.enter()?;
            process.record(&place.record)?;
            become_program(&command)
        }
        Internal::Hold { place, machine } => {
            let process = place.enter()?;
            namespaces::create(&machine)?;
            // Recorded last: whoever reads it may rely on the namespaces. Until then the control group knows
            // it.
            process.record(&place.record)?;
            loop {
                unistd::pause();
            }
        }
    }
}

impl Place {
    fn enter(&self) -> Result<Process> {
        cgroup::join(&self.group)?;
        // Out of the terminal's reach: Ctrl-C ends the program that starts a cluster, not the cluster.
        unistd::setsid().context("cannot begin a session")?;
        Process::with_pid(std::process::id())
    }
}

fn become_program(command: &[OsString]) -> Result<()> {
    let Some((program, arguments)) = command.split_first() else { bail!("no program is given") };
    let error = std::process::Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}
