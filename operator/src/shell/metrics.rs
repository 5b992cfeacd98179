//! What Prometheus is told. No label ever holds a job.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use windlass_core::Summary;
use windlass_core::finding::Finding;

/// A request to the API server.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Request {
    pub(super) verb: &'static str,
    pub(super) kind: &'static str,
    /// `ok`, or how it failed: `not_found`, `conflict`, `refused`, `unknown`.
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Depth {
    queue: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// All metrics.
#[derive(Clone)]
pub(super) struct Metrics {
    requests: Family<Request, Counter>,
    request_seconds: Histogram,
    depth: Family<Depth, Gauge>,
    /// What `depth` has, to take out what is gone.
    queues_told: Arc<Mutex<HashSet<Depth>>>,
    admission_seconds: Histogram,
    start_seconds: Histogram,
    events: Family<Kind, Counter>,
    unreadable: Family<Kind, Counter>,
    plan_seconds: Histogram,
    actions_waiting: Gauge,
    troubles: Counter,
    drift: Gauge,
    leader: Gauge,
}

impl Metrics {
    /// The metrics, and the registry that tells them.
    pub(super) fn new() -> (Metrics, Registry) {
        let seconds = |first, number| Histogram::new(exponential_buckets(first, 2.0, number));
        let metrics = Metrics {
            requests: Family::default(),
            request_seconds: seconds(0.001, 16),
            depth: Family::default(),
            queues_told: Arc::default(),
            admission_seconds: seconds(0.1, 20),
            start_seconds: seconds(0.1, 20),
            events: Family::default(),
            unreadable: Family::default(),
            plan_seconds: seconds(0.000_1, 16),
            actions_waiting: Gauge::default(),
            troubles: Counter::default(),
            drift: Gauge::default(),
            leader: Gauge::default(),
        };
        let registry = metrics.register();
        (metrics, registry)
    }

    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("windlass");
        registry.register("api_requests", "Requests to the API server", self.requests.clone());
        let unit = Unit::Seconds;
        let mut histogram = |name: &str, help: &str, histogram: &Histogram| {
            registry.register_with_unit(name, help, unit.clone(), histogram.clone());
        };
        histogram("api_request", "How long a request took", &self.request_seconds);
        histogram(
            "admission",
            "From a job's submission until a task of it was given to a host",
            &self.admission_seconds,
        );
        histogram("start", "From a job's submission until a container of it started", &self.start_seconds);
        histogram("plan", "How long a plan took; alert when it nears 1", &self.plan_seconds);
        registry.register("jobs", "Unfinished jobs and children by queue and state", self.depth.clone());
        registry.register("watch_events", "Events taken in", self.events.clone());
        registry.register(
            "unreadable_objects",
            "Objects set aside because they cannot be read; alert when it grows",
            self.unreadable.clone(),
        );
        registry.register(
            "actions_waiting",
            "Requests decided and not sent yet",
            self.actions_waiting.clone(),
        );
        registry.register(
            "troubles",
            "Requests refused and other things a person should look at",
            self.troubles.clone(),
        );
        registry.register(
            "drift",
            "Hosts and shares whose use is not the sum of their pods or jobs; alert unless 0",
            self.drift.clone(),
        );
        registry.register("leader", "1 while this process decides", self.leader.clone());
        registry
    }

    pub(super) fn request(&self, request: &Request, took: Duration) {
        self.requests.get_or_create(request).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn event(&self, kind: &'static str) {
        self.events.get_or_create(&Kind { kind }).inc();
    }

    pub(super) fn unreadable(&self, kind: &'static str) {
        self.unreadable.get_or_create(&Kind { kind }).inc();
    }

    pub(super) fn planned(&self, took: Duration) {
        self.plan_seconds.observe(took.as_secs_f64());
    }

    pub(super) fn actions_waiting(&self, number: usize) {
        self.actions_waiting.set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    pub(super) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    pub(super) fn finding(&self, finding: &Finding) {
        match finding {
            Finding::Admitted { waited, .. } => self.admission_seconds.observe(waited.as_secs_f64()),
            Finding::Started { waited, .. } => self.start_seconds.observe(waited.as_secs_f64()),
            Finding::Trouble(..) => {
                self.troubles.inc();
            }
        }
    }

    pub(super) fn summary(&self, summary: &Summary) {
        self.drift.set(i64::try_from(summary.drift).unwrap_or(i64::MAX));
        // Never cleared: a scrape in between would see no queue.
        let mut told = HashSet::new();
        for (queue, state, number) in &summary.depth {
            let labels = Depth { queue: queue.to_string(), state: state.as_str() };
            self.depth.get_or_create(&labels).set(i64::try_from(*number).unwrap_or(i64::MAX));
            told.insert(labels);
        }
        let Ok(mut known) = self.queues_told.lock() else { return };
        for gone in known.difference(&told) {
            self.depth.remove(gone);
        }
        *known = told;
    }
}
