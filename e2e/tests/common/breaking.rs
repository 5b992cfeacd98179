//! Breaking the cluster, and mending it whatever happens in between.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process::Command;

use futures::FutureExt;

/// Runs the cluster's program: `cluster(&["kill-node", "node-1"])`.
pub(crate) fn cluster(arguments: &[&str]) {
    let program = env!("CARGO_BIN_EXE_windlass-e2e");
    let ended = Command::new(program).arg("cluster").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "cluster {arguments:?}: {errors}");
}

/// Runs a test, then what mends what it broke, also when the test fails.
pub(crate) async fn mended<T>(test: impl Future<Output = T>, mend: impl AsyncFnOnce()) -> T {
    let outcome = AssertUnwindSafe(test).catch_unwind().await;
    mend().await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}
