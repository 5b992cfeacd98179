//! What became of each child: from the JobRecords, and from the logs of its pods.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use super::job;
use crate::kubectl::Kubectl;
use crate::progress::say;

/// One attempt of a child.
#[derive(Debug, PartialEq)]
struct Attempt {
    index: i64,
    number: i64,
    status: String,
    exit_code: Option<i64>,
    host: String,
    pod: String,
}

/// Shows each attempt of each child of a job: its host, exit code and last line of its log.
pub(crate) fn show(kubectl: &Kubectl, uid: &str) -> Result<()> {
    let selector = format!("--selector=batch.windlass.dev/job-uid={uid}");
    let namespace = format!("--namespace={}", job::NAMESPACE);
    let records = kubectl.list(&format!("jobrecords {namespace} {selector}"))?;
    let logs =
        kubectl.line("logs --prefix --container=default --tail=1").args([&namespace, &selector]).output()?;
    let logs = last_lines(&logs);
    say(format!("{:<14} {:<10} {:>7} {:>5}  {:<12} LOG", "CHILD", "STATE", "ATTEMPT", "EXIT", "HOST"));
    for attempt in records.iter().flat_map(attempts) {
        let exit_code = attempt.exit_code.map_or("-".into(), |code| code.to_string());
        say(format!(
            "{:<14} {:<10} {:>7} {exit_code:>5}  {:<12} {}",
            format!("{}:{}", job::NAME, attempt.index),
            attempt.status,
            attempt.number,
            attempt.host,
            logs.get(attempt.pod.as_str()).copied().unwrap_or("-"),
        ));
    }
    Ok(())
}

/// The attempts in a JobRecord, which leaves out names that can be derived.
fn attempts(record: &Value) -> Vec<Attempt> {
    let text =
        |object: &Value, name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |object: &Value, name: &str| object.get(name).and_then(Value::as_i64);
    let list =
        |object: &Value, name: &str| object.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let prefix = text(record, "podNamePrefix");
    let mut found = Vec::new();
    for child in list(record, "children") {
        let index = number(&child, "index").unwrap_or_default();
        for attempt in list(&child, "attempts") {
            let of_child = number(&attempt, "attempt").unwrap_or_default();
            let launch = number(&attempt, "launch").map(|launch| format!("-{launch}")).unwrap_or_default();
            found.push(Attempt {
                index,
                number: of_child,
                status: text(&child, "status"),
                exit_code: number(&attempt, "exitCode"),
                host: text(&attempt, "nodeName"),
                pod: format!("{prefix}-{index}-{of_child}{launch}"),
            });
        }
    }
    found
}

/// The last line of each pod's log, by the pod's name, from lines like `[pod/NAME/CONTAINER] text`.
fn last_lines(logs: &str) -> BTreeMap<&str, &str> {
    let split = |line| -> Option<(&str, &str)> {
        let (source, text) = str::split_once(line, "] ")?;
        let (pod, _) = source.strip_prefix("[pod/")?.split_once('/')?;
        Some((pod, text))
    };
    logs.lines().filter_map(split).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_pods_are_derived() {
        let record = json!({
            "podNamePrefix": "rainbow-1a2b3c4d",
            "children": [
                {"index": 3, "status": "SUCCEEDED", "attempts": [
                    {"attempt": 1, "launch": 2, "nodeName": "node-1"},
                    {"attempt": 2, "nodeName": "node-2", "exitCode": 0},
                ]},
                {"index": 4, "status": "RUNNABLE"},
            ],
        });
        let attempts = attempts(&record);
        let pods: Vec<&str> = attempts.iter().map(|attempt| attempt.pod.as_str()).collect();
        assert_eq!(pods, ["rainbow-1a2b3c4d-3-1-2", "rainbow-1a2b3c4d-3-2"]);
        assert_eq!((attempts[0].exit_code, attempts[1].exit_code), (None, Some(0)));
        assert_eq!((attempts[1].index, attempts[1].number, attempts[1].host.as_str()), (3, 2, "node-2"));
    }

    #[test]
    fn the_last_line_of_each_pod_is_found() {
        let logs = "[pod/a-0-1/default] first\n[pod/a-1-1/default] [x] y\n[pod/a-0-1/default] last\nnoise\n";
        assert_eq!(last_lines(logs), BTreeMap::from([("a-0-1", "last"), ("a-1-1", "[x] y")]));
    }
}
