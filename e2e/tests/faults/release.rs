//! The operator's release, and its settings.

use kube::Client;

use crate::cluster::SYSTEM;
use crate::operator::until_it_decides;
use crate::programs::{Run, of_cluster, run};

/// Runs the cluster's Helm on the operator's namespace.
pub(crate) fn helm(arguments: &[&str]) -> Run {
    let kubeconfig = format!("--kubeconfig={}", of_cluster("kubeconfig").display());
    run("helm", &[&[kubeconfig.as_str(), "--namespace", SYSTEM], arguments].concat(), "")
}

/// Sets a value of the installed chart, and waits until the operator runs with it.
pub(crate) async fn set(client: &Client, value: &str) {
    let fixed = ["upgrade", "windlass", "charts/windlass", "--reuse-values", "--wait", "--set", value];
    helm(&fixed).succeeded();
    until_it_decides(client).await;
}
