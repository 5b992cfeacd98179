//! One way to run many pods, measured.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use crate::requests::{self, Mark, Request};
use crate::scene::Scene;

/// What was seen of it.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Pods, each of which ran once.
    pub(crate) tasks: usize,
    /// Seconds from the submission until all is known to be done.
    pub(crate) seconds: f64,
    /// Pods made per second, between the first and the last tenth.
    pub(crate) dispatch: f64,
    /// Requests of anybody until all was done, by verb and resource.
    pub(crate) counts: BTreeMap<String, usize>,
    /// The same by who sent them.
    pub(crate) senders: BTreeMap<String, usize>,
    /// Of these the ones of who made the pods.
    pub(crate) own: usize,
    /// Requests of anybody from then on, until its pods were gone, and before then those that removed pods which had ended.
    pub(crate) cleanup: usize,
    /// Of these the ones of who made the pods.
    pub(crate) own_cleanup: usize,
    /// CPU and memory of the operator, where it was the one.
    pub(crate) operator: Option<Cost>,
}

/// What it cost the operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Seconds of CPU until all was done.
    pub(crate) cpu: f64,
    /// Seconds of CPU for the cleanup.
    pub(crate) cleanup_cpu: f64,
    /// The most memory, in MiB.
    pub(crate) peak: f64,
}

/// A measurement under way.
pub(crate) struct Watch {
    mark: Mark,
    began: Timestamp,
    tasks: usize,
    maker: &'static str,
}

impl Watch {
    /// Begins now. `maker` is the user that makes the pods.
    pub(crate) fn start(tasks: usize, maker: &'static str) -> Self {
        Self { mark: Mark::now(), began: Timestamp::now(), tasks, maker }
    }

    /// Everything was done at `done`, and is cleaned up now.
    pub(crate) fn stop(self, scene: &Scene, done: Timestamp, operator: Option<Cost>) -> Measured {
        let all = self.mark.requests(&scene.namespace);
        let tidied = tidied(&all, self.maker);
        let (before, after): (Vec<Request>, Vec<Request>) =
            all.into_iter().partition(|request| request.at <= done && !is_tidying(request, &tidied));
        let made: Vec<&Request> = before
            .iter()
            .filter(|request| request.what == "create pods" && request.user == self.maker)
            .collect();
        assert_eq!(made.len(), self.tasks, "pods made by {}", self.maker);
        // batch/v1 leaves it to the API server to name them.
        let named: Vec<&str> =
            made.iter().map(|made| made.name.as_str()).filter(|name| !name.is_empty()).collect();
        let names: BTreeSet<&str> = named.iter().copied().collect();
        assert_eq!(named.len(), names.len(), "pods made by {} under the same name", self.maker);
        let own = |requests: &[Request]| requests.iter().filter(|request| request.user == self.maker).count();
        Measured {
            tasks: self.tasks,
            seconds: seconds(self.began, done),
            dispatch: rate(made.iter().map(|request| request.at).collect()),
            counts: requests::counts(&before, |request| &request.what),
            senders: requests::counts(&before, |request| &request.user),
            own: own(&before),
            cleanup: after.len(),
            own_cleanup: own(&after),
            operator,
        }
    }
}

/// The pods that who made them has removed: on a slow machine the first are, while the last still run.
fn tidied(requests: &[Request], maker: &str) -> BTreeSet<String> {
    let removals = requests.iter().filter(|request| request.user == maker && request.what == "delete pods");
    removals.map(|request| request.name.clone()).collect()
}

/// True for what releases and deletes such a pod.
fn is_tidying(request: &Request, tidied: &BTreeSet<String>) -> bool {
    ["patch pods", "delete pods"].contains(&request.what.as_str()) && tidied.contains(&request.name)
}

/// From one moment to another.
pub(crate) fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_microsecond() - from.as_microsecond()) as f64 / 1e6
}

/// How many per second between the first and the last tenth: beginnings and ends say nothing about a long run.
fn rate(mut times: Vec<Timestamp>) -> f64 {
    times.sort();
    let (from, to) = (times.len() / 10, times.len() * 9 / 10);
    (to - from) as f64 / seconds(times[from], times[to])
}

impl Measured {
    /// Pods that ran to their end per second, from the submission until all was known to be done.
    pub(crate) fn completion(&self) -> f64 {
        self.tasks as f64 / self.seconds
    }

    /// Requests per pod.
    pub(crate) fn requests(&self) -> f64 {
        self.each(self.counts.values().sum())
    }

    /// So many per pod.
    pub(crate) fn each(&self, number: usize) -> f64 {
        number as f64 / self.tasks as f64
    }
}
