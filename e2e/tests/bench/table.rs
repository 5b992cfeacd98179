//! The one table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use crate::measure::Measured;
use crate::programs::checkout;
use crate::queued::{Plans, Queued};

/// A figure, what it is beside, and what it should be.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// What it is of.
    pub(crate) what: String,
    /// Windlass's.
    pub(crate) ours: String,
    /// The bare client's.
    pub(crate) bare: String,
    /// batch/v1's.
    pub(crate) native: String,
    /// What it should be, and whether it is.
    pub(crate) goal: Option<(String, bool)>,
}

const HEAD: [&str; 6] = ["figure", "Windlass", "bare client", "batch/v1 Job", "goal", ""];

impl Row {
    /// A figure that is beside nothing.
    pub(crate) fn alone(what: impl Into<String>, ours: String) -> Self {
        Self { what: what.into(), ours, ..Self::default() }
    }

    /// It should be at most this.
    pub(crate) fn at_most(mut self, measured: f64, goal: f64, unit: &str) -> Self {
        self.goal = Some((format!("≤ {goal}{unit}"), measured <= goal));
        self
    }

    fn cells(&self) -> [String; 6] {
        let (goal, met) = self.goal.clone().map_or_else(Default::default, |(goal, is_met)| {
            (goal, if is_met { "met".to_owned() } else { "SHORT OF IT".to_owned() })
        });
        [self.what.clone(), self.ours.clone(), self.bare.clone(), self.native.clone(), goal, met]
    }
}

/// Rows of pods that ran, each with what it is beside.
pub(crate) fn of_runs(
    what: &str,
    ours: &Measured,
    bare: &Measured,
    native: Option<&Measured>,
    most: f64,
) -> Vec<Row> {
    let row = |figure: &str, of: &dyn Fn(&Measured) -> String| Row {
        what: format!("{what}: {figure}"),
        ours: of(ours),
        bare: of(bare),
        native: native.map(of).unwrap_or_default(),
        goal: None,
    };
    let share = |mut row: Row, of: &dyn Fn(&Measured) -> f64| {
        let goal = of(bare) * 0.8;
        row.goal = Some((format!("≥ {goal:.0} (80 % of bare)"), of(ours) >= goal));
        row
    };
    let each = |number: usize, of: &Measured| format!("{:.3}", of.each(number));
    let mut rows = vec![
        share(row("pods made per second", &|run| format!("{:.0}", run.dispatch)), &|run| run.dispatch),
        share(row("pods done per second", &|run| format!("{:.0}", run.completion())), &Measured::completion),
        row("seconds until all was done", &|run| format!("{:.1}", run.seconds)),
        row("requests each until done, by anybody", &|run| format!("{:.3}", run.requests())).at_most(
            ours.requests(),
            most,
            "",
        ),
        row("of these by who made the pods", &|run| each(run.own, run)),
    ];
    let all = [Some(ours), Some(bare), native];
    let whats: BTreeSet<&String> = all.iter().flatten().flat_map(|run| run.counts.keys()).collect();
    for what in whats {
        let count = |run: &Measured| run.counts.get(what).copied().unwrap_or(0);
        // What is done once for many is in the sum.
        if all.iter().flatten().any(|run| run.each(count(run)) >= 0.005) {
            rows.push(row(&format!("— {what}"), &|run| each(count(run), run)));
        }
    }
    rows.push(row("cleanup requests each, by anybody", &|run| each(run.cleanup, run)));
    rows.push(row("of these by who made the pods", &|run| each(run.own_cleanup, run)));
    if let Some(cost) = ours.operator {
        let thousand = |seconds: f64| format!("{:.2} s", seconds * 1000.0 / ours.tasks as f64);
        rows.push(Row::alone(format!("{what}: operator's CPU per 1,000"), thousand(cost.cpu)));
        rows.push(Row::alone(
            format!("{what}: operator's CPU per 1,000, cleanup"),
            thousand(cost.cleanup_cpu),
        ));
        rows.push(Row::alone(format!("{what}: operator's memory at most"), format!("{:.0} MiB", cost.peak)));
    }
    rows
}

/// Requests of a run, by what is counted.
type Counts = fn(&Measured) -> &BTreeMap<String, usize>;

/// Rows of the same array, its pods placed directly: each figure beside that of the one whose pods kube-scheduler bound.
pub(crate) fn of_direct(direct: &Measured, bound: &Measured) -> Vec<Row> {
    let row = |figure: &str, of: &dyn Fn(&Measured) -> String| {
        let both = format!("{} (kube-scheduler: {})", of(direct), of(bound));
        Row::alone(format!("array, placed directly: {figure}"), both)
    };
    let mut rows = vec![
        row("pods made per second", &|run| format!("{:.0}", run.dispatch)),
        row("pods done per second", &|run| format!("{:.0}", run.completion())),
        row("requests each until done, by anybody", &|run| format!("{:.3}", run.requests())),
    ];
    let parts: [Counts; 2] = [|run| &run.counts, |run| &run.senders];
    for of in parts {
        let names: BTreeSet<&String> = of(direct).keys().chain(of(bound).keys()).collect();
        for name in names {
            let each = |run: &Measured| run.each(of(run).get(name).copied().unwrap_or(0));
            // What is done once for many is in the sum.
            if each(direct).max(each(bound)) >= 0.005 {
                rows.push(row(&format!("— {name}"), &|run| format!("{:.3}", each(run))));
            }
        }
    }
    rows
}

/// Rows of the time of plans.
pub(crate) fn of_plans(what: &str, queued: &Queued) -> [Row; 3] {
    let told = |plans: &Plans| format!("{:.1} ms, at most {:.1} ms", plans.median_ms, plans.longest_ms);
    [
        Row::alone(format!("{what}: one plan, no room"), told(&queued.full)),
        Row::alone(format!("{what}: one plan, up to 512 placed"), told(&queued.placing)),
        Row::alone(
            format!("{what}: given to hosts per second of the core"),
            format!("{:.0}", queued.admitted_per_second),
        ),
    ]
}

/// Prints the table, and writes it to `target/bench.md`.
pub(crate) fn publish(title: &str, rows: &[Row]) {
    let cells: Vec<[String; 6]> = rows.iter().map(Row::cells).collect();
    let head = HEAD.map(str::to_owned);
    let width = |column: usize| {
        let all = cells.iter().chain([&head]);
        all.map(|row| row[column].chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut text = format!("{title}\n\n");
    let mut line = |row: &[String; 6]| {
        for (cell, width) in row.iter().zip(&widths) {
            write!(text, "| {cell:width$} ").unwrap();
        }
        text.push_str("|\n");
    };
    line(&head);
    line(&[0, 1, 2, 3, 4, 5].map(|column: usize| "-".repeat(widths[column])));
    cells.iter().for_each(line);
    let path = checkout().join("target/bench.md");
    fs::write(&path, &text).unwrap();
    println!("{text}\nwritten to {}", path.display());
}
