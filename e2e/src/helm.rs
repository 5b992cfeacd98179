//! Helm, and the cluster that it talks to.

use std::path::{Path, PathBuf};

use crate::command::Command;

/// Helm for one cluster.
pub(crate) struct Helm {
    program: PathBuf,
    connection: String,
}

impl Helm {
    /// One that talks to the cluster of a kubeconfig.
    pub(crate) fn of_kubeconfig(program: PathBuf, kubeconfig: &Path) -> Self {
        Self { program, connection: format!("--kubeconfig={}", kubeconfig.display()) }
    }

    /// The user's own, with a context of the user's own kubeconfig.
    pub(crate) fn of_context(context: &str) -> Self {
        Self { program: "helm".into(), connection: format!("--kube-context={context}") }
    }

    /// A run with the words of `line` as its arguments.
    pub(crate) fn line(&self, line: &str) -> Command {
        // HELM_KUBEAPISERVER and its like would win over the connection.
        Command::new(&self.program)
            .without_env("HELM_KUBE")
            .args([&self.connection])
            .args(line.split_whitespace())
    }
}
