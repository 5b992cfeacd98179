//! Images in the nodes' containerds. They come from archives; there is no registry.

use std::path::Path;

use anyhow::{Context, Result};

use super::addresses::NODES;
use super::namespaces::{holder, inside};
use super::paths::{self, State};
use super::process::Process;
use crate::image::{base, oci};
use crate::progress::say;

/// The image of every pod's sandbox.
pub(crate) const PAUSE: &str = base::PAUSE;

/// Writes the archive of images that every node has.
pub(crate) fn write_base(state: &State) -> Result<()> {
    let archive = oci::archive(&base::images()?)?;
    paths::write(&state.images(), archive)
}

/// Imports an archive into one node's containerd. The node must see `archive` at the same path.
pub(crate) fn import(state: &State, node: &str, archive: &Path) -> Result<()> {
    // Not `--all-platforms`, and snapshots are unpacked now and not when the first pod needs them.
    inside(state, node, "ctr --namespace k8s.io images import")?
        .args([archive])
        .run()
        .with_context(|| format!("cannot import {} into {node}", archive.display()))
}

/// Imports archives into every node that is on.
pub(crate) fn load(state: &State, archives: &[std::path::PathBuf]) -> Result<()> {
    // A node does not see all folders of this machine; this one it does.
    let seen = state.root().join("import.tar");
    for archive in archives {
        std::fs::copy(archive, &seen).with_context(|| format!("cannot read {}", archive.display()))?;
        for node in &NODES {
            if Process::alive(state, &holder(node.name))?.is_some() {
                import(state, node.name, &seen)?;
                say(format!("{} is in {}", archive.display(), node.name));
            } else {
                say(format!("{} is off, and does not get {}", node.name, archive.display()));
            }
        }
    }
    paths::remove(&seen)
}
