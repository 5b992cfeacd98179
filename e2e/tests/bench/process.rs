//! The operator's process, as the kernel sees it.

use std::fs;

use kube::Client;

use crate::operator::{pods, processes_of};

/// A process of the operator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(u32);

impl Process {
    /// The operator's.
    pub(crate) async fn of_operator(client: &Client) -> Self {
        let pods = pods(client).await;
        let [pod] = pods.as_slice() else { panic!("{} pods of the operator, not one", pods.len()) };
        let processes = processes_of(pod.metadata.uid.as_deref().unwrap());
        let [process] = processes.as_slice() else { panic!("{processes:?} are the operator's, not one") };
        Self(*process)
    }

    /// Its number.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// Seconds of CPU it has used so far.
    pub(crate) fn cpu(self) -> f64 {
        let told = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap();
        // The second field is a name in parentheses; of those after it the 12th and 13th are time in user and system mode,
        // in hundredths of a second on every architecture that Rust has a Linux for.
        let fields: Vec<&str> = told.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
        ticks as f64 / 100.0
    }

    /// Its memory now, in MiB.
    pub(crate) fn resident(self) -> f64 {
        self.mib("VmRSS:")
    }

    /// The most memory it ever had, in MiB.
    pub(crate) fn peak(self) -> f64 {
        self.mib("VmHWM:")
    }

    fn mib(self, name: &str) -> f64 {
        let told = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}
