//! The resource definitions of Cluster API, from its own module: nothing else of it runs here.

use anyhow::Result;

use super::go_module;
use super::paths::Checkout;
use crate::command::Command;
use crate::kubectl::Kubectl;

const MODULE: &str = "sigs.k8s.io/cluster-api";

/// The kinds that Windlass reads.
const KINDS: [&str; 2] = ["machinedeployments", "machines"];

/// Gives the cluster its definitions. The module is pinned apart from the cluster's programs, which it must not change.
pub(crate) fn prepare(checkout: &Checkout, kubectl: &Kubectl) -> Result<()> {
    let main = checkout.go_module().join("cluster-api");
    Command::line("go mod download").args([MODULE]).current_dir(&main).run()?;
    let module = go_module::folder(&main, MODULE)?;
    for kind in KINDS {
        let definition = module.join("core/config/crd/bases").join(format!("cluster.x-k8s.io_{kind}.yaml"));
        kubectl
            .line("apply --server-side --force-conflicts -f")
            .args([definition.display().to_string()])
            .run()?;
    }
    Ok(())
}
