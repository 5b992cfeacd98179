//! The benchmark in one process, `operator/tests/queued`, and what it says.

use std::process::Command;

use serde::Deserialize;

use crate::programs::checkout;

/// What it says.
#[derive(Debug, Deserialize)]
pub(crate) struct Queued {
    pub(crate) resident_kib: u64,
    pub(crate) peak_kib: u64,
    /// Plans that found no room.
    pub(crate) full: Plans,
    /// Plans that gave tasks to hosts.
    pub(crate) placing: Plans,
    /// Tasks given to hosts, by what the core took for all about them.
    pub(crate) admitted_per_second: f64,
}

/// How long plans took, in milliseconds.
#[derive(Debug, Deserialize)]
pub(crate) struct Plans {
    pub(crate) median_ms: f64,
    pub(crate) longest_ms: f64,
}

/// Runs it with so many queued, in a process of its own.
pub(crate) fn run(kind: &str, number: usize) -> Queued {
    let ended = Command::new(std::env::var("CARGO").unwrap())
        .args([
            "test",
            "--quiet",
            "--release",
            "--package",
            "windlass",
            "--test",
            "queued",
            "--",
            "--nocapture",
        ])
        .env("WINDLASS_QUEUED", format!("{kind} {number}"))
        .current_dir(checkout())
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    // The harness adds lines of its own.
    let line = said.lines().find_map(|line| line.find('{').map(|at| &line[at..])).unwrap();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
