//! The cluster's own programs, as people run them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// Whether it succeeded.
    pub(crate) is_ok: bool,
    /// Its standard output.
    pub(crate) output: String,
    /// Its standard error.
    pub(crate) errors: String,
}

impl Run {
    /// Its standard output, when it succeeded.
    pub(crate) fn succeeded(self) -> String {
        assert!(self.is_ok, "{}{}", self.output, self.errors);
        self.output
    }

    /// What it said, when it failed.
    pub(crate) fn failed(self) -> String {
        assert!(!self.is_ok, "it should have failed, and said: {}", self.output);
        self.output + &self.errors
    }
}

/// The top folder of the checkout.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A file that `make cluster` leaves in `target/cluster`.
pub(crate) fn of_cluster(name: &str) -> PathBuf {
    let path = checkout().join("target/cluster").join(name);
    assert!(path.exists(), "{} is not there: run `make cluster`, which makes it", path.display());
    path
}

/// Runs a program of the cluster in the checkout's top folder, with `input` as its standard input.
pub(crate) fn run(program: &str, arguments: &[&str], input: &str) -> Run {
    let mut child = Command::new(of_cluster(&format!("bin/{program}")))
        .args(arguments)
        .current_dir(checkout())
        .env_remove("KUBECONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Inputs are smaller than a pipe, so that nobody waits for anybody; one that reads nothing may have ended.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let ended = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { is_ok: ended.status.success(), output: text(ended.stdout), errors: text(ended.stderr) }
}
