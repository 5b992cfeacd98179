//! What was asked of the API server since a moment, from its audit log: each request is there before it is answered.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

use crate::programs::of_cluster;

/// A place in the audit log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u64);

/// One request that succeeded.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// When the API server received it.
    pub(crate) at: Timestamp,
    /// Who sent it.
    pub(crate) user: String,
    /// Verb and resource: `create pods`, `update batchjobs/status`.
    pub(crate) what: String,
    /// The object's name; a create of most kinds has one too.
    pub(crate) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    stage: String,
    verb: String,
    user: User,
    object_ref: Option<Reference>,
    response_status: Option<Answer>,
    request_received_timestamp: MicroTime,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
struct Reference {
    resource: String,
    subresource: Option<String>,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Answer {
    code: u16,
}

impl Mark {
    /// The end of the log.
    pub(crate) fn now() -> Self {
        Self(std::fs::metadata(of_cluster("audit.log")).unwrap().len())
    }

    /// The requests since then that succeeded, whoever sent them, about objects of a namespace and about cluster-scoped ones
    /// whose names begin with its name. As the public comparison counts: all verbs, 2xx, Events included.
    pub(crate) fn requests(self, namespace: &str) -> Vec<Request> {
        let mut log = File::open(of_cluster("audit.log")).unwrap();
        let length = log.metadata().unwrap().len();
        assert!(
            length >= self.0,
            "the audit log was full and begun anew while this was measured: run it again"
        );
        log.seek(SeekFrom::Start(self.0)).unwrap();
        let lines = BufReader::new(log).lines().map(Result::unwrap);
        // Cheap, before a line is read in earnest. The last may not be whole yet; nobody waits for its answer.
        let candidates = lines.filter(|line| line.contains(namespace) && line.ends_with('}'));
        candidates.filter_map(|line| request(&line, namespace)).collect()
    }
}

fn request(line: &str, namespace: &str) -> Option<Request> {
    let entry: Entry = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let object = entry.object_ref?;
    let is_about = object.namespace == namespace
        || object.namespace.is_empty() && object.name.starts_with(&format!("{namespace}-"));
    // The beginning of a watch has an entry of its own.
    let has_succeeded = entry.response_status.is_some_and(|answer| (200..300).contains(&answer.code))
        && entry.stage == "ResponseComplete";
    let part = object.subresource.map(|part| format!("/{part}")).unwrap_or_default();
    (is_about && has_succeeded).then(|| Request {
        at: entry.request_received_timestamp.0,
        user: entry.user.username,
        what: format!("{} {}{part}", entry.verb, object.resource),
        name: object.name,
    })
}

/// How many of each there are, by a part of theirs.
pub(crate) fn counts(requests: &[Request], part: impl Fn(&Request) -> &String) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(part(request).clone()).or_default() += 1;
    }
    counts
}
