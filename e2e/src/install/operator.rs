//! How the operator does: who decides, health, and what it takes at rest.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::NAMESPACE;
use crate::kubectl::Kubectl;
use crate::progress::Progress;
use crate::wait::{self, Seen};

const SELECTOR: &str = "--selector=app.kubernetes.io/name=windlass,app.kubernetes.io/component=operator";

/// Longer than a lease that nobody gave back takes to expire.
const BOUND: Duration = Duration::from_secs(60);

/// Waits until one of the operator's pods decides, and says how large its image and its memory are.
pub(crate) fn check(progress: &Progress, kubectl: &Kubectl, image_bytes: usize) -> Result<()> {
    let leader = wait_for_leader(kubectl)?;
    let memory = wait::until("the kubelet has measured the operator", BOUND, || {
        Ok(match memory_bytes(kubectl, &leader) {
            Ok(Some(bytes)) => Seen::Holds(bytes),
            Ok(None) => Seen::NotYet("no figures of its pod yet".into()),
            Err(error) => Seen::NotYet(error.to_string()),
        })
    })?;
    progress.step(format!(
        "{} on {} decides; its image takes {:.1} MB, its memory {:.1} MB",
        leader.name,
        leader.node,
        image_bytes as f64 / 1e6,
        memory as f64 / 1e6,
    ));
    Ok(())
}

/// Waits until one of the operator's pods decides, and says which.
pub(crate) fn check_health(progress: &Progress, kubectl: &Kubectl) -> Result<()> {
    let leader = wait_for_leader(kubectl)?;
    progress.step(format!("{} on {} decides", leader.name, leader.node));
    Ok(())
}

struct Pod {
    name: String,
    node: String,
}

impl Pod {
    /// A pod, unless it is on its way out.
    fn of(object: &Value) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
        let stays = object.pointer("/metadata/deletionTimestamp").is_none();
        Some(Self { name: text("/metadata/name")?, node: text("/spec/nodeName")? }).filter(|_| stays)
    }

    fn ask(&self, kubectl: &Kubectl, path: &str) -> Result<String> {
        kubectl
            .line("get --raw")
            .args([format!("/api/v1/namespaces/{NAMESPACE}/pods/{}:8080/proxy/{path}", self.name)])
            .output()
    }
}

fn wait_for_leader(kubectl: &Kubectl) -> Result<Pod> {
    wait::until("a pod of the operator decides", BOUND, || {
        let pods = kubectl.list(&format!("pods --namespace={NAMESPACE} {SELECTOR}"))?;
        let mut seen = "no pod".to_owned();
        for pod in pods.iter().filter_map(Pod::of) {
            match pod.ask(kubectl, "healthz").and_then(|_| pod.ask(kubectl, "metrics")) {
                Ok(metrics) if leads(&metrics) => return Ok(Seen::Holds(pod)),
                Ok(_) => seen = format!("{} is healthy and waits for the lease", pod.name),
                Err(error) => seen = error.to_string(),
            }
        }
        Ok(Seen::NotYet(seen))
    })
}

fn leads(metrics: &str) -> bool {
    metrics.lines().any(|line| line == "windlass_leader 1")
}

fn memory_bytes(kubectl: &Kubectl, pod: &Pod) -> Result<Option<u64>> {
    let path = format!("/api/v1/nodes/{}/proxy/stats/summary", pod.node);
    let summary: Value = serde_json::from_str(&kubectl.line("get --raw").args([path]).output()?)?;
    let pods = summary.get("pods").and_then(Value::as_array);
    let is_it = |stats: &&Value| {
        let text = |name: &str| stats.pointer(&format!("/podRef/{name}")).and_then(Value::as_str);
        text("name") == Some(&pod.name) && text("namespace") == Some(NAMESPACE)
    };
    let stats = pods.and_then(|pods| pods.iter().find(is_it));
    Ok(stats.and_then(|stats| stats.pointer("/containers/0/memory/workingSetBytes")?.as_u64()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_leader_is_told_by_its_metric() {
        assert!(leads("# TYPE windlass_leader gauge\nwindlass_leader 1\n# EOF\n"));
        assert!(!leads("windlass_leader 0\n"));
        assert!(!leads("windlass_leader 10\n"));
    }

    #[test]
    fn a_pod_without_a_host_or_on_its_way_out_does_not_count() {
        let pod = |metadata: Value, spec: Value| Pod::of(&json!({"metadata": metadata, "spec": spec}));
        assert!(pod(json!({"name": "a"}), json!({"nodeName": "n"})).is_some());
        assert!(pod(json!({"name": "a"}), json!({})).is_none());
        let leaving = json!({"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert!(pod(leaving, json!({"nodeName": "n"})).is_none());
    }
}
