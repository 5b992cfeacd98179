//! An operator that is there must not touch the test's objects: the test takes its Lease for a while. That operator stops, as it
//! would for another leader, and goes on once the test is over, however that ends.

use crate::server::Server;
use serde_json::{Value, json};
use std::time::Duration;

const HOLDER: &str = "conformance-test";

/// How long the operator waits after the test, also after one that was killed.
const SECONDS: u64 = 15;

/// How long an operator may take to notice that it is not the leader any more: it renews more often than its lease lasts.
const NOTICE: Duration = Duration::from_secs(20);

/// How often the leases are written: an operator that has not noticed yet shortens one when it renews what it takes for its own.
const PAUSE: Duration = Duration::from_secs(2);

/// Takes the leases of all operators that run; their paths.
pub(crate) async fn take(server: &Server) -> Vec<String> {
    let all = server.send("GET", "/apis/coordination.k8s.io/v1/leases", None).await.unwrap();
    let leases = all["items"].as_array().cloned().unwrap_or_default();
    let held: Vec<String> = leases.iter().filter(|lease| is_held(lease)).map(path).collect();
    if !held.is_empty() {
        let _ = tokio::time::timeout(NOTICE, renew(server, &held)).await;
    }
    held
}

/// Keeps the leases, for ever.
pub(crate) async fn renew(server: &Server, leases: &[String]) {
    loop {
        for lease in leases {
            write(server, lease, HOLDER, SECONDS).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Gives them back.
pub(crate) async fn give_back(server: &Server, leases: &[String]) {
    for lease in leases {
        write(server, lease, "", 1).await;
    }
}

fn is_held(lease: &Value) -> bool {
    let is_ours = lease["metadata"]["name"] == "windlass";
    is_ours
        && lease["spec"]["holderIdentity"]
            .as_str()
            .is_some_and(|holder| !holder.is_empty() && holder != HOLDER)
}

fn path(lease: &Value) -> String {
    let namespace = lease["metadata"]["namespace"].as_str().unwrap_or_default();
    format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/windlass")
}

async fn write(server: &Server, path: &str, holder: &str, seconds: u64) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = windlass_core::time::Time::from_millis(i64::try_from(now.as_millis()).unwrap());
    let now = windlass::convert::timestamp(now).replace('Z', ".000000Z");
    let spec = json!({
        "holderIdentity": holder, "leaseDurationSeconds": seconds, "acquireTime": now, "renewTime": now,
    });
    let _ = server.send("PATCH", path, Some(json!({ "spec": spec }))).await;
}
