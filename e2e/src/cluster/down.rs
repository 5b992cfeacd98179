//! Stopping the cluster, whoever started it and however far: what it has has fixed names, and all of its
//! processes are in one control group, so nothing has to be known that a killed program might not have
//! written down.

use anyhow::Result;

use super::cgroup::{CLUSTER, Hierarchies};
use super::network;
use super::paths::{self, Checkout, State};
use super::record::{Lock, Record};
use super::up::require_root;
use crate::progress::Progress;

/// Stops everything and removes what the cluster had, its data and logs too. Fine when there is none.
pub(crate) fn run() -> Result<()> {
    let progress = Progress::start();
    require_root()?;
    let state = State::of_machine();
    let _lock = Lock::take(&state)?;
    let checkouts = match Record::read(&state) {
        Ok(record) => record.map(|record| record.checkouts).unwrap_or_default(),
        Err(error) => {
            progress.step(format!("{error:#}; links to the cluster in checkouts may stay behind"));
            Default::default()
        }
    };
    progress.step("killing all processes of the cluster");
    let hierarchies = Hierarchies::find()?;
    hierarchies.kill(CLUSTER)?;
    hierarchies.remove(CLUSTER)?;
    // Namespaces went with their processes, and with them bridges, routes, firewall rules and mounts; the
    // machine's own end of the cable is left.
    network::disconnect_host(&state)?;
    progress.step("removing the cluster's data");
    for checkout in checkouts {
        Checkout::at(&checkout).unlink()?;
    }
    paths::remove(state.root())?;
    progress.step("The cluster is down, and nothing is left of it.");
    Ok(())
}
