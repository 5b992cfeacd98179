//! What is told of a replay: the usual figures of the field (Feitelson, "Metrics for parallel job scheduling and their
//! convergence", 2001).

use super::trace::Trace;
use super::{Hosts, Start};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Shorter runs count as so long, in seconds: or the shortest jobs would say all there is of slowdowns.
const SHORTEST: f64 = 10.0;

/// Figures of one way to run a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Share of all vCPUs that were busy, from the first submission to the last: what follows only empties the hosts.
    pub utilisation: f64,
    /// Seconds from submission to start: the mean.
    pub mean_wait: f64,
    /// So long 95 of 100 jobs wait at most.
    pub wait_of_95: f64,
    /// Time from submission to end by run time, at least 1: the mean.
    pub slowdown: f64,
    /// The same, first by user: the mean of the user in the middle, and of the worst off.
    pub slowdown_of_users: (f64, f64),
    /// Jain's index of these means: 1 when all users are slowed down alike, 1 by their number when one alone is.
    pub fairness: f64,
    /// Seconds from the first submission to the last end.
    pub span: f64,
}

/// Works the figures out.
pub fn figures(trace: &Trace, starts: &[Start], hosts: Hosts) -> Figures {
    let end = trace.span() as f64;
    let (mut busy, mut span, mut waits, mut slowdowns) = (0.0, 0.0_f64, Vec::new(), Vec::new());
    let mut users: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (job, start) in trace.jobs.iter().zip(starts) {
        let (runs_for, ended) = (job.runs_for as f64, start.at + job.runs_for as f64);
        busy += job.vcpus as f64 * (ended.min(end) - start.at.min(end));
        span = span.max(ended);
        let wait = start.at - job.submitted_at as f64;
        let slowdown = ((wait + runs_for) / runs_for.max(SHORTEST)).max(1.0);
        waits.push(wait);
        slowdowns.push(slowdown);
        users.entry(job.user).or_default().push(slowdown);
    }
    let users: Vec<f64> = users.values().map(|slowdowns| mean(slowdowns)).collect();
    let squares: Vec<f64> = users.iter().map(|slowdown| slowdown * slowdown).collect();
    Figures {
        utilisation: busy / (hosts.all_vcpus() as f64 * end),
        mean_wait: mean(&waits),
        wait_of_95: rank(waits, 0.95),
        slowdown: mean(&slowdowns),
        fairness: mean(&users).powi(2) / mean(&squares),
        slowdown_of_users: (rank(users.clone(), 0.5), rank(users, 1.0)),
        span,
    }
}

fn mean(all: &[f64]) -> f64 {
    all.iter().sum::<f64>() / all.len().max(1) as f64
}

/// The smallest that so large a share of all do not exceed.
fn rank(mut all: Vec<f64>, share: f64) -> f64 {
    all.sort_by(f64::total_cmp);
    let at = (all.len() as f64 * share).ceil() as usize;
    all.get(at.saturating_sub(1)).copied().unwrap_or_default()
}

/// A line of the table: what it tells, and of a way's figures which.
type Line<'a> = (&'a str, &'a dyn Fn(&Figures) -> String);

/// One table of them all, side by side.
pub fn table(ways: &[(&str, Figures)]) -> String {
    let minutes = |seconds: f64| format!("{:.1}", seconds / 60.0);
    let rows: [Line<'_>; 8] = [
        ("vCPUs busy until the last submission, %", &|of| format!("{:.1}", of.utilisation * 100.0)),
        ("mean wait, minutes", &|of| minutes(of.mean_wait)),
        ("wait of 95 of 100 jobs at most, minutes", &|of| minutes(of.wait_of_95)),
        ("mean bounded slowdown", &|of| format!("{:.1}", of.slowdown)),
        ("the same by user: in the middle", &|of| format!("{:.1}", of.slowdown_of_users.0)),
        ("the same by user: worst off", &|of| format!("{:.1}", of.slowdown_of_users.1)),
        ("Jain's index over users", &|of| format!("{:.3}", of.fairness)),
        ("days until the last end", &|of| format!("{:.1}", of.span / 86_400.0)),
    ];
    let head = std::iter::once("figure").chain(ways.iter().map(|(name, _)| *name));
    let mut lines: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
    for (name, of) in rows {
        lines.push(
            std::iter::once(name.to_owned()).chain(ways.iter().map(|(_, figures)| of(figures))).collect(),
        );
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=ways.len()).map(width).collect();
    lines.insert(1, widths.iter().map(|width| "-".repeat(*width)).collect());
    let mut text = String::new();
    for line in &lines {
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
    }
    text
}
