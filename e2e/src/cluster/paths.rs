//! Where everything is: the cluster's state, which belongs to the machine, and a checkout's links to it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The cluster's state. It is outside any checkout, so that every checkout finds the same cluster, and `cargo
/// clean` does not take from a running cluster what is needed to stop it.
const STATE: &str = "/var/lib/windlass-e2e";

/// The folder of the cluster's state.
#[derive(Clone, Debug)]
pub(crate) struct State {
    root: PathBuf,
}

impl State {
    /// This machine's.
    pub(crate) fn of_machine() -> Self {
        Self { root: PathBuf::from(STATE) }
    }

    /// One at another place, for tests.
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// One inside this one, in which something is made before it is put in place.
    pub(crate) fn aside(&self, name: &str) -> Self {
        Self { root: self.root.join(name) }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What was started and for whom.
    pub(crate) fn record(&self) -> PathBuf {
        self.root.join("cluster.json")
    }

    /// The process that is, or was, `component`.
    pub(crate) fn process(&self, component: &str) -> PathBuf {
        self.root.join("processes").join(format!("{component}.json"))
    }

    /// Output of `component`.
    pub(crate) fn log(&self, component: &str) -> PathBuf {
        self.logs().join(format!("{component}.log"))
    }

    /// Outputs of all components.
    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// A certificate, PEM.
    pub(crate) fn certificate(&self, name: &str) -> PathBuf {
        self.pki().join(format!("{name}.crt"))
    }

    /// The private key of a certificate, PEM.
    pub(crate) fn key(&self, name: &str) -> PathBuf {
        self.pki().join(format!("{name}.key"))
    }

    /// A public key without a certificate, PEM.
    pub(crate) fn public_key(&self, name: &str) -> PathBuf {
        self.pki().join(format!("{name}.pub"))
    }

    /// All certificates, keys and kubeconfigs.
    pub(crate) fn pki(&self) -> PathBuf {
        self.root.join("pki")
    }

    /// How `identity` reaches the API server.
    pub(crate) fn kubeconfig(&self, identity: &str) -> PathBuf {
        self.pki().join(format!("{identity}.kubeconfig"))
    }

    /// A configuration file of a component.
    pub(crate) fn config(&self, name: &str) -> PathBuf {
        self.root.join("config").join(name)
    }

    /// etcd's data.
    pub(crate) fn etcd(&self) -> PathBuf {
        self.root.join("etcd")
    }

    /// The API server's audit log. Rotated ones are beside it.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.root.join("audit").join("audit.log")
    }

    /// The archive of images that every node has.
    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("images.tar")
    }

    /// What a node has of its own.
    pub(crate) fn node(&self, name: &str) -> PathBuf {
        self.root.join("nodes").join(name)
    }
}

/// A checkout of this repository.
#[derive(Clone, Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The one that the current folder is in.
    pub(crate) fn find() -> Result<Self> {
        let start = std::env::current_dir().context("cannot tell the current folder")?;
        match start.ancestors().find(|folder| folder.join("e2e/cluster/go.mod").is_file()) {
            Some(root) => Ok(Self { root: root.to_owned() }),
            None => bail!("{} is not in a checkout of Windlass: change to one", start.display()),
        }
    }

    /// The one at `root`, which may be gone.
    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Its top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The Go module that pins the cluster's programs.
    pub(crate) fn go_module(&self) -> PathBuf {
        self.root.join("e2e/cluster")
    }

    /// The Go module that pins Argo CD.
    pub(crate) fn argocd_module(&self) -> PathBuf {
        self.root.join("e2e/argocd")
    }

    /// Its way to the running cluster.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target/cluster")
    }

    /// Makes `target/cluster` lead to the cluster: kubeconfig, programs, audit log and logs.
    pub(crate) fn link(&self, state: &State, programs: &Path) -> Result<()> {
        let target = self.target();
        fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
        let links = [
            ("bin", programs.to_owned()),
            ("kubeconfig", state.kubeconfig("admin")),
            ("audit.log", state.audit_log()),
            ("logs", state.logs()),
        ];
        for (name, to) in links {
            let link = target.join(name);
            remove(&link)?;
            symlink(&to, &link)
                .with_context(|| format!("cannot link {} to {}", link.display(), to.display()))?;
        }
        Ok(())
    }

    /// Removes `target/cluster`.
    pub(crate) fn unlink(&self) -> Result<()> {
        remove(&self.target())
    }
}

/// Removes a file, a link (not what it leads to) or a folder with all it holds. Fine when it is not there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let outcome = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all, with its folder: a killed writer leaves the old one.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let attempt = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let temporary = path.with_extension(format!("new-{}", std::process::id()));
        fs::write(&temporary, content)?;
        fs::rename(&temporary, path)
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_linked_and_unlinked_without_touching_the_state() {
        let folder = tempfile::tempdir().unwrap();
        let (state, checkout) =
            (State::at(&folder.path().join("state")), Checkout::at(&folder.path().join("a")));
        write(&state.audit_log(), "entries").unwrap();
        checkout.link(&state, Path::new("/programs")).unwrap();
        checkout.link(&state, Path::new("/other-programs")).unwrap();
        assert_eq!(fs::read_to_string(checkout.target().join("audit.log")).unwrap(), "entries");
        assert_eq!(fs::read_link(checkout.target().join("bin")).unwrap(), Path::new("/other-programs"));
        checkout.unlink().unwrap();
        assert!(!checkout.target().exists());
        assert!(state.audit_log().exists());
    }

    #[test]
    fn removing_what_is_not_there_is_fine_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        remove(&folder.path().join("none")).unwrap();
        let kept = folder.path().join("kept");
        write(&kept.join("file"), "x").unwrap();
        symlink(&kept, folder.path().join("link")).unwrap();
        remove(&folder.path().join("link")).unwrap();
        assert!(kept.join("file").exists());
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file.json");
        write(&path, "first").unwrap();
        write(&path, "2").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "2");
        assert_eq!(fs::read_dir(folder.path().join("deep")).unwrap().count(), 1);
    }
}
