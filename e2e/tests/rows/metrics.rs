//! What the operator tells Prometheus.

use std::time::Duration;

use tokio::time::{Instant, interval};

use crate::catalog::{BUSYBOX, definition, job};
use crate::cluster::{SYSTEM, kubectl};
use crate::hosts::{self, LABEL, Size};
use crate::records::has_ended;
use crate::scene::Scene;

/// The sum of the samples whose name and labels begin so.
fn sum(metrics: &str, prefix: &str) -> Option<f64> {
    let samples = metrics.lines().filter(|line| line.starts_with(prefix));
    samples.map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn metrics() -> String {
    let path = format!("/api/v1/namespaces/{SYSTEM}/services/windlass-metrics:http/proxy/metrics");
    kubectl(&["get", "--raw", &path]).succeeded()
}

#[tokio::test]
async fn depth_latencies_requests_and_errors_are_told() {
    let scene = Scene::new("metrics").await;
    let (pool, size) = (scene.unique("pool"), Size { cpu: "8", memory: "8Gi" });
    hosts::add(&scene, "host", &pool, size, size).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(job("hello", &queue, "hello")).await;
    scene.job("hello", "ends", has_ended).await;
    let mut waits = job("waits", &queue, "hello");
    waits["spec"]["containerOverrides"] = serde_json::json!({"vcpus": 99});
    scene.create(waits).await;
    let depth = format!("windlass_jobs{{queue=\"{queue}\",state=\"RUNNABLE\"}} 1");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut again = interval(Duration::from_millis(200));
    let told = loop {
        again.tick().await;
        let told = metrics();
        if told.lines().any(|line| line == depth) {
            break told;
        }
        assert!(Instant::now() < deadline, "{depth} is not in\n{told}");
    };
    for at_least_once in [
        "windlass_admission_seconds_count",
        "windlass_start_seconds_count",
        "windlass_plan_seconds_count",
        "windlass_api_request_seconds_count",
        "windlass_api_requests_total{verb=\"post\",kind=\"Pod\",outcome=\"ok\"}",
        "windlass_api_requests_total{verb=\"put status\",kind=\"Job\",outcome=\"ok\"}",
        "windlass_watch_events_total",
        "windlass_leader",
    ] {
        assert!(sum(&told, at_least_once).is_some_and(|sum| sum >= 1.0), "{at_least_once} in\n{told}");
    }
    for never in ["windlass_drift", "windlass_unreadable_objects_total"] {
        assert_eq!(sum(&told, never), Some(0.0), "{never} in\n{told}");
    }
    assert!(told.contains("# TYPE windlass_troubles counter"), "{told}");
    scene.leave().await;
}
