//! What others are measured by: strictly first come, first served. No job starts before one that was submitted before it.

use super::trace::Trace;
use super::{Hosts, Start};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// When and where each job starts, in the order of the trace: on the fullest host with room, as Windlass places it.
pub fn first_come(trace: &Trace, hosts: Hosts) -> Vec<Start> {
    let mut free = vec![hosts.vcpus; hosts.number];
    let mut running: BinaryHeap<Reverse<(u64, usize, u64)>> = BinaryHeap::new();
    let mut now = 0;
    let mut starts = Vec::new();
    for job in &trace.jobs {
        now = now.max(job.submitted_at);
        let host = loop {
            while let Some(Reverse((_, host, vcpus))) = running.peek().copied().filter(|next| next.0.0 <= now)
            {
                running.pop();
                free[host] += vcpus;
            }
            let fitting = (0..free.len()).filter(|host| free[*host] >= job.vcpus);
            if let Some(host) = fitting.min_by_key(|host| free[*host]) {
                break host;
            }
            // Every job fits a host of its own.
            now = running.peek().map_or(now, |next| next.0.0);
        };
        free[host] -= job.vcpus;
        running.push(Reverse((now + job.runs_for, host, job.vcpus)));
        starts.push(Start { at: now as f64, host });
    }
    starts
}
