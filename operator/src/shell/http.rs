//! Health and metrics over HTTP.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How long the driver may be silent before the kubelet is told to start the process anew: many times its tick.
const SILENCE_OF_DRIVER: Duration = Duration::from_secs(60);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Signs of life of the process.
#[derive(Debug)]
pub(super) struct Pulse {
    started: Instant,
    beat_millis: AtomicU64,
}

impl Pulse {
    pub(super) fn new() -> Pulse {
        Pulse { started: Instant::now(), beat_millis: AtomicU64::new(0) }
    }

    /// The driver made progress, or waits for its turn as leader.
    pub(super) fn beat(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat_millis.store(millis, Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        let last = Duration::from_millis(self.beat_millis.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last) < SILENCE_OF_DRIVER
    }
}

#[derive(Clone)]
struct Told {
    pulse: Arc<Pulse>,
    registry: Arc<Registry>,
}

/// Answers `/healthz`, `/readyz` and `/metrics` until the process ends.
///
/// # Errors
/// When the listener fails.
pub(super) async fn serve(
    listener: TcpListener,
    pulse: Arc<Pulse>,
    registry: Registry,
) -> std::io::Result<()> {
    let told = Told { pulse, registry: Arc::new(registry) };
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(health))
        .route("/metrics", get(metrics))
        .with_state(told);
    axum::serve(listener, router).await
}

async fn health(State(told): State<Told>) -> Response {
    if told.pulse.is_alive() {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no progress for a minute\n").into_response()
    }
}

async fn metrics(State(told): State<Told>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &told.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
