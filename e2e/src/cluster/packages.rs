//! What the distribution provides: the container runtime, the tools that set up networks, and what Argo CD runs with.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::Command;
use crate::progress::Progress;

/// One of Debian's packages, with a file that is there when it is installed.
type Package = (&'static str, &'static str);

/// What the cluster needs.
pub(crate) const CLUSTER: [Package; 8] = [
    ("busybox-static", "/bin/busybox"),
    ("ca-certificates", "/etc/ssl/certs/ca-certificates.crt"),
    ("containerd", "/usr/bin/containerd"),
    ("containernetworking-plugins", "/usr/lib/cni/ptp"),
    ("iproute2", "/usr/sbin/ip"),
    ("nftables", "/usr/sbin/nft"),
    ("runc", "/usr/sbin/runc"),
    ("util-linux", "/usr/bin/nsenter"),
];

/// What Argo CD needs beside its own program.
pub(crate) const ARGO_CD: [Package; 2] = [("git", "/usr/bin/git"), ("redis-server", "/usr/bin/redis-server")];

/// Installs those that are missing; on another system than Debian it says which to install.
pub(crate) fn install(progress: &Progress, packages: &[Package]) -> Result<()> {
    let missing = missing(Path::new("/"), packages);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("install what Debian calls: {list}");
    }
    progress
        .long_step(&format!("installing {list}"), || {
            let apt = |line: &str| Command::line(line).env("DEBIAN_FRONTEND", "noninteractive");
            apt("apt-get update").run()?;
            // RUNLEVEL=1 keeps packages from starting a containerd or a Redis that nobody would use.
            apt(&format!("apt-get install --yes --no-install-recommends {list}")).env("RUNLEVEL", "1").run()
        })
        .with_context(|| format!("cannot install {list}"))
}

fn missing(root: &Path, packages: &[Package]) -> Vec<&'static str> {
    let is_missing = |file: &str| !root.join(file.trim_start_matches('/')).exists();
    packages.iter().filter(|(_, file)| is_missing(file)).map(|(package, _)| *package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_without_their_file_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(missing(folder.path(), &CLUSTER).len(), CLUSTER.len());
        std::fs::create_dir_all(folder.path().join("usr/sbin")).unwrap();
        std::fs::write(folder.path().join("usr/sbin/nft"), "").unwrap();
        assert!(!missing(folder.path(), &CLUSTER).contains(&"nftables"));
        assert!(missing(folder.path(), &CLUSTER).contains(&"runc"));
    }
}
