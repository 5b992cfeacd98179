//! What the distribution provides: the container runtime and the tools that set up networks.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::Command;
use crate::progress::Progress;

/// Debian's packages, each with a file that is there when it is installed.
const PACKAGES: [(&str, &str); 8] = [
    ("busybox-static", "/bin/busybox"),
    ("ca-certificates", "/etc/ssl/certs/ca-certificates.crt"),
    ("containerd", "/usr/bin/containerd"),
    ("containernetworking-plugins", "/usr/lib/cni/ptp"),
    ("iproute2", "/usr/sbin/ip"),
    ("nftables", "/usr/sbin/nft"),
    ("runc", "/usr/sbin/runc"),
    ("util-linux", "/usr/bin/nsenter"),
];

/// Installs those that are missing; on another system than Debian it says which to install.
pub(crate) fn install(progress: &Progress) -> Result<()> {
    let missing = missing(Path::new("/"));
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
            // RUNLEVEL=1 keeps the package from starting a containerd that the cluster would not use.
            apt(&format!("apt-get install --yes --no-install-recommends {list}")).env("RUNLEVEL", "1").run()
        })
        .with_context(|| format!("cannot install {list}"))
}

fn missing(root: &Path) -> Vec<&'static str> {
    let is_missing = |file: &str| !root.join(file.trim_start_matches('/')).exists();
    PACKAGES.iter().filter(|(_, file)| is_missing(file)).map(|(package, _)| *package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_without_their_file_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(missing(folder.path()).len(), PACKAGES.len());
        std::fs::create_dir_all(folder.path().join("usr/sbin")).unwrap();
        std::fs::write(folder.path().join("usr/sbin/nft"), "").unwrap();
        assert!(!missing(folder.path()).contains(&"nftables"));
        assert!(missing(folder.path()).contains(&"runc"));
    }
}
