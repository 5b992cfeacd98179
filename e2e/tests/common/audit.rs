//! What was asked of the API server, from its audit log: each request is there before it is answered.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

use serde::Deserialize;

use crate::cluster::OPERATOR;
use crate::programs::of_cluster;

/// One request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    /// What was asked: `create`, `update`, …
    pub(crate) verb: String,
    /// Of which object.
    pub(crate) object_ref: Option<Reference>,
    /// The answer.
    pub(crate) response_status: Option<Answer>,
    user: User,
}

/// Which object a request is about.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Reference {
    /// The plural of its kind.
    pub(crate) resource: String,
    /// `status`, `binding`, …
    pub(crate) subresource: Option<String>,
    /// Its name; lists have none.
    pub(crate) name: Option<String>,
    namespace: Option<String>,
}

/// The API server's answer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    /// As of HTTP.
    pub(crate) code: u16,
}

#[derive(Clone, Debug, Deserialize)]
struct User {
    username: String,
}

impl Request {
    /// `pods`, `batchjobs/status`.
    pub(crate) fn resource(&self) -> String {
        let Some(object) = &self.object_ref else { return String::new() };
        match &object.subresource {
            Some(subresource) => format!("{}/{subresource}", object.resource),
            None => object.resource.clone(),
        }
    }

    /// Whether it made, or read, or changed anything.
    pub(crate) fn succeeded(&self) -> bool {
        self.response_status.as_ref().is_some_and(|answer| (200..300).contains(&answer.code))
    }

    /// The name of the object.
    pub(crate) fn name(&self) -> Option<&str> {
        self.object_ref.as_ref()?.name.as_deref()
    }

    fn is_about(&self, namespace: &str) -> bool {
        self.object_ref.as_ref().is_some_and(|object| object.namespace.as_deref() == Some(namespace))
    }
}

/// The requests so far about objects of a namespace, whoever sent them.
pub(crate) fn requests(namespace: &str) -> Vec<Request> {
    let log = BufReader::new(File::open(of_cluster("audit.log")).unwrap());
    let mut requests = Vec::new();
    for line in log.lines() {
        let line = line.unwrap();
        // Cheap, before a line is read in earnest. The last may not be whole yet; nobody waits for its answer.
        if !line.contains(namespace) || !line.ends_with('}') {
            continue;
        }
        let request: Request = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        if request.is_about(namespace) {
            requests.push(request);
        }
    }
    requests
}

/// How many requests the operator sent about objects of a namespace so far, by verb and resource.
pub(crate) fn operators(namespace: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests(namespace).iter().filter(|request| request.user.username == OPERATOR) {
        *counts.entry(format!("{} {}", request.verb, request.resource())).or_default() += 1;
    }
    counts
}

/// Prints such counts, each divided by `parts`.
pub(crate) fn print(what: &str, counts: &BTreeMap<String, usize>, parts: usize) {
    let all: usize = counts.values().sum();
    println!("{what}: {:.3} requests", all as f64 / parts as f64);
    for (request, number) in counts {
        println!("  {:8.3}  {request} ({number})", *number as f64 / parts as f64);
    }
}
