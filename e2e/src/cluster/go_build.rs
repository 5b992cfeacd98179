//! Building programs from Go modules, and where they are kept: in the user's cache folder, under a hash of what they are
//! made of.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::command::Command;
use crate::progress::Progress;

/// Linker flags of every program: without what only a debugger wants.
pub(crate) const STRIPPED: &str = "-s -w";

/// The folder of programs of a kind that are made of these parts.
pub(crate) fn folder(kind: &str, parts: &[&str]) -> Result<PathBuf> {
    Ok(cache()?.join("windlass").join(kind).join(hash(parts)))
}

/// Downloads what a module needs.
pub(crate) fn download(progress: &Progress, module: &Path) -> Result<()> {
    if !Command::line("go version").succeeds().context("building programs needs Go")? {
        bail!("building programs needs Go, and `go version` fails");
    }
    progress
        .long_step("downloading Go modules", || Command::line("go mod download").current_dir(module).run())
}

/// Builds a package of a module. The program is there whole or not at all, so an interrupted build goes on where it was.
pub(crate) fn build(module: &Path, package: &str, linker: &str, program: &Path) -> Result<()> {
    let (Some(folder), Some(name)) = (program.parent(), program.file_name()) else {
        bail!("{} is not a file in a folder", program.display());
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let built = folder.join(format!(".{}-{}", name.display(), std::process::id()));
    Command::line("go build -trimpath -buildvcs=false -mod=readonly")
        .args(["-ldflags", linker, "-o"])
        .args([&built])
        .args([package])
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .run()?;
    fs::rename(&built, program).with_context(|| format!("cannot put {} in place", built.display()))
}

/// A file's text.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that text cannot move from one part to the next unseen.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn cache() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME says where the cache folder is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_changes_with_each_part_and_with_where_parts_meet() {
        let base = hash(&["a", "b", "c", "d"]);
        let others = [["x", "b", "c", "d"], ["a", "b", "c", "x"], ["ab", "", "c", "d"], ["b", "a", "c", "d"]];
        assert_eq!(base.len(), 16);
        assert_eq!(hash(&["a", "b", "c", "d"]), base);
        assert!(others.iter().all(|parts| hash(parts) != base));
    }
}
