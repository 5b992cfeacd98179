//! Images without a registry or a container tool: OCI archives written file by file, the same bytes each
//! time.

pub(crate) mod base;
mod elf;
mod layer;
pub(crate) mod oci;
mod operator;

use std::fs;
use std::path::{Path, PathBuf};

use crate::progress::say;
use anyhow::{Context, Result};
use clap::Subcommand;

/// What can be done with images.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write the operator's image: one static program and CA certificates, nothing else
    Operator {
        /// The operator, linked statically
        #[arg(long)]
        binary: PathBuf,
        /// The archive to write
        #[arg(long)]
        out: PathBuf,
        /// The image's name
        #[arg(long, default_value = operator::NAME)]
        name: String,
    },
    /// Import archives into the nodes of the running cluster
    Load {
        /// The archives
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
}

/// Runs one of them.
pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Operator { binary, out, name } => write_operator(&binary, &out, &name),
        Command::Load { archives } => crate::cluster::Cluster::open()?.load_images(&archives),
    }
}

fn write_operator(binary: &Path, out: &Path, name: &str) -> Result<()> {
    let archive = oci::archive(&[operator::image(binary, name)?])?;
    fs::write(out, &archive).with_context(|| format!("cannot write {}", out.display()))?;
    say(format!("{}: {name} in {:.1} MB", out.display(), archive.len() as f64 / 1e6));
    Ok(())
}
