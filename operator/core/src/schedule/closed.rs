//! Hosts that take no jobs, in words.

use crate::ids::Name;
use crate::limits::TAINTS_TOLD;
use crate::objects::Taint;
use std::collections::BTreeMap;
use std::fmt;

/// Hosts of an environment that do not take a job, by what keeps it off.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closed {
    /// By their first taint that it does not tolerate: how many, and one of them.
    pub(super) tainted: BTreeMap<Name, (usize, Name)>,
    /// How many have other taints than those listed.
    pub(super) tainted_otherwise: usize,
    /// How many are cordoned.
    pub(crate) cordoned: usize,
    /// How many are not ready.
    pub(crate) not_ready: usize,
}

impl Closed {
    /// Adds a host with a taint.
    pub(crate) fn add(&mut self, taint: &Taint, host: &Name) {
        let taint = Name::from(taint.to_string());
        if self.tainted.len() < TAINTS_TOLD || self.tainted.contains_key(&taint) {
            self.tainted.entry(taint).or_insert_with(|| (0, host.clone())).0 += 1;
        } else {
            self.tainted_otherwise += 1;
        }
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = |number: usize, one: &str, several: &str| match number {
            0 => None,
            1 => Some(format!("1 host {one}")),
            number => Some(format!("{number} hosts {several}")),
        };
        let tainted = self.tainted.iter().map(|(taint, (number, host))| match number {
            1 => format!("host {host} has the taint {taint}"),
            number => format!("{number} hosts have the taint {taint}"),
        });
        let others = [
            hosts(self.tainted_otherwise, "has another taint", "have other taints"),
            hosts(self.cordoned, "is cordoned", "are cordoned"),
            hosts(self.not_ready, "is not ready", "are not ready"),
        ];
        let all: Vec<String> = tainted.chain(others.into_iter().flatten()).collect();
        formatter.write_str(&all.join(", "))
    }
}
