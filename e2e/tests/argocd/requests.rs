//! What Argo CD and Windlass asked of the API server, from its audit log.

use std::fs::File;
use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::cluster::OPERATOR;
use crate::programs::of_cluster;

/// The changes that Argo CD made in a namespace: `create batchjobs`, in order of the words.
pub(crate) fn of_argo_cd(namespace: &str) -> Vec<String> {
    changes(namespace, r#""userAgent":"argocd"#)
}

/// Those that Windlass made.
pub(crate) fn of_windlass(namespace: &str) -> Vec<String> {
    changes(namespace, &format!(r#""username":"{OPERATOR}""#))
}

fn changes(namespace: &str, asker: &str) -> Vec<String> {
    let log = BufReader::new(File::open(of_cluster("audit.log")).unwrap());
    let mut changes = Vec::new();
    for line in log.lines() {
        let line = line.unwrap();
        // Cheap, before a line is read in earnest. The last may not be whole yet.
        if !line.contains(namespace) || !line.contains(asker) || !line.ends_with('}') {
            continue;
        }
        let request: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let [verb, resource] = [&request["verb"], &request["objectRef"]["resource"]].map(Value::as_str);
        let succeeded = request["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300);
        let is_change = verb.is_some_and(|verb| !["get", "list", "watch"].contains(&verb));
        if request["objectRef"]["namespace"] == namespace && succeeded && is_change {
            changes.push(format!("{} {}", verb.unwrap_or_default(), resource.unwrap_or_default()));
        }
    }
    changes.sort();
    changes
}
