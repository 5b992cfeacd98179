//! The test cluster, and nobody else's: its own kubeconfig is read, whatever the environment says.

use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::programs::{Run, of_cluster, run};

/// The user that the operator is to the API server.
pub(crate) const OPERATOR: &str = "system:serviceaccount:windlass-system:windlass";

/// The namespace that the operator runs in.
pub(crate) const SYSTEM: &str = "windlass-system";

/// A client of the administrator.
pub(crate) async fn client() -> Client {
    client_as(None).await
}

/// A client of the administrator, who acts as somebody else.
pub(crate) async fn client_as(user: Option<&str>) -> Client {
    let kubeconfig = Kubeconfig::read_from(of_cluster("kubeconfig")).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.connect_timeout = Some(Duration::from_secs(10));
    config.auth_info.impersonate = user.map(str::to_owned);
    Client::try_from(config).unwrap()
}

/// Runs the cluster's kubectl as the administrator.
pub(crate) fn kubectl(arguments: &[&str]) -> Run {
    let kubeconfig = format!("--kubeconfig={}", of_cluster("kubeconfig").display());
    // What kinds there are is kept for hours under the server's address, also of a cluster that is gone.
    let cache = format!("--cache-dir={}/kubectl/{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    run("kubectl", &[&[kubeconfig.as_str(), cache.as_str()], arguments].concat(), "")
}
