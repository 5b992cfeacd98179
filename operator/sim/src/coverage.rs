//! What runs have met: without it nobody knows whether a rule that was never broken was ever put to the test.

use crate::cluster::Cluster;
use std::collections::BTreeMap;
use std::fmt;

/// What a number is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// What users asked for, and what ran.
    Work,
    /// What went wrong, and what people did.
    Faults,
    /// How watches went.
    Watches,
    /// Requests that the API server carried out, by verb and kind.
    Requests,
    /// Its answers to them.
    Answers,
}

impl About {
    const ALL: [About; 5] = [About::Work, About::Faults, About::Watches, About::Requests, About::Answers];

    const fn title(self) -> &'static str {
        match self {
            About::Work => "work",
            About::Faults => "faults and people",
            About::Watches => "watches",
            About::Requests => "requests",
            About::Answers => "answers",
        }
    }
}

/// How often each thing was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    met: BTreeMap<(About, &'static str), u64>,
}

impl Coverage {
    /// Notes that something was met once.
    pub fn note(&mut self, about: About, what: &'static str) {
        self.add(about, what, 1);
    }

    /// Notes that something was met so many times.
    pub fn add(&mut self, about: About, what: &'static str, times: u64) {
        *self.met.entry((about, what)).or_default() += times;
    }

    /// How often something was met.
    pub fn of_one(&self, about: About, what: &'static str) -> u64 {
        self.met.get(&(about, what)).copied().unwrap_or_default()
    }

    /// Adds what another run has met.
    pub fn merge(&mut self, other: &Coverage) {
        for ((about, what), times) in &other.met {
            self.add(*about, what, *times);
        }
    }

    /// What a run has met, at its end.
    pub(crate) fn of(cluster: &mut Cluster) -> Coverage {
        let mut coverage = std::mem::take(&mut cluster.coverage);
        for (request, times) in &cluster.store.requests {
            coverage.add(About::Requests, request, *times);
        }
        for (_, container) in cluster.truth.all() {
            coverage.note(About::Work, "containers");
            if container.attempt > 1 {
                coverage.note(About::Work, "containers of a second or later attempt");
            }
            if container.given_up {
                coverage.note(About::Work, "containers that somebody gave up");
            }
        }
        for job in cluster.store.jobs.values() {
            let state = job.status.state;
            coverage.note(About::Work, if state.is_final() { "jobs that ended" } else { "jobs left open" });
        }
        coverage
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for about in About::ALL {
            writeln!(formatter, "{}", about.title())?;
            for ((_, what), times) in self.met.iter().filter(|((found, _), _)| *found == about) {
                writeln!(formatter, "  {times:>10} {what}")?;
            }
        }
        Ok(())
    }
}
