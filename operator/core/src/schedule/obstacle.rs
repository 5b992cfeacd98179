//! What keeps a job from an environment, with numbers, in words.

use super::closed::Closed;
use crate::ids::Name;
use crate::units::{Resources, gpus_in_words, vcpus_in_words};

/// Why one compute environment does not take a job now. From nearest to starting to furthest from it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// Machines are on their way that will have the room.
    Launching {
        /// The environment.
        environment: Name,
        /// vCPUs of these machines.
        vcpus: u32,
    },
    /// Its hosts are large enough, but none has the room now.
    Full {
        /// The environment.
        environment: Name,
        /// Its hosts that take jobs.
        hosts: usize,
        /// The free room of the host that comes closest.
        most_free: Resources,
        /// A host that has the room and is kept free for a job that was submitted before, and that job.
        kept: Option<(Name, Name)>,
    },
    /// Nothing is added while one of its hosts is kept free: kube-scheduler might bind there what waits for a new one.
    Kept {
        /// The environment.
        environment: Name,
        /// The host that is kept free, and the job that was submitted before.
        kept: (Name, Name),
    },
    /// It has no room now, and all the machines that `maxvCpus` allows.
    AtMaximum {
        /// The environment.
        environment: Name,
        /// `maxvCpus`.
        max_vcpus: u32,
        /// vCPUs of machines on their way, for jobs that were first.
        launching_vcpus: u32,
    },
    /// It has, or will have, enough hosts for all nodes of a multi-node job, but not all of them are without other jobs now.
    NodesWait {
        /// The environment.
        environment: Name,
        /// Of one instance type: hosts that no job is on and that take a node now.
        idle: usize,
        /// Those that will.
        hosts: usize,
        /// Hosts that do not, however large.
        closed: Closed,
        /// One without jobs that is kept free for a job that was submitted before, and that job.
        kept: Option<(Name, Name)>,
    },
    /// No machine was to be had lately.
    CannotLaunch {
        /// The environment.
        environment: Name,
        /// The backend's words.
        words: Name,
    },
    /// The smallest machine that fits is larger than all it may have.
    OverMaximum {
        /// The environment.
        environment: Name,
        /// vCPUs of that machine.
        vcpus: u32,
        /// `maxvCpus`.
        max_vcpus: u32,
    },
    /// It has too few hosts for all nodes of a multi-node job, and may not come to have them.
    TooFewHosts {
        /// The environment.
        environment: Name,
        /// Those of one instance type that take a node.
        hosts: usize,
        /// Hosts that do not, however large.
        closed: Closed,
    },
    /// It gives no job hosts of its own: somebody else's autoscaler decides where pods go.
    HostsShared {
        /// The environment.
        environment: Name,
    },
    /// Its machines are SPOT capacity, where no multi-node job runs.
    SpotOnly {
        /// The environment.
        environment: Name,
    },
    /// Too few of its hosts have a kubelet that runs a container once only.
    OldKubelets {
        /// The environment.
        environment: Name,
        /// Hosts of one instance type that take a node each.
        hosts: usize,
        /// Those whose kubelet is too old; 0 while the machines that were are gone again.
        old: usize,
    },
    /// No host of it is large enough.
    TooSmall {
        /// The environment.
        environment: Name,
        /// The most of each amount one host has.
        largest: Resources,
        /// Hosts that do not take it, however large.
        closed: Closed,
    },
    /// It has no host that takes the job.
    NoHosts {
        /// The environment.
        environment: Name,
        /// Those that do not.
        closed: Closed,
    },
    /// It is INVALID.
    Invalid {
        /// The environment.
        environment: Name,
        /// Why, in words.
        words: Name,
    },
    /// Its hosts are of another architecture than those of the environments before it.
    OtherArchitecture {
        /// The environment.
        environment: Name,
        /// Its architecture.
        theirs: Name,
        /// The queue's.
        queue: Name,
    },
    /// It is DISABLED, or being deleted.
    Disabled {
        /// The environment.
        environment: Name,
    },
    /// The queue names it, and there is none.
    Missing {
        /// The environment, as the queue names it.
        environment: Name,
    },
}

impl Obstacle {
    /// True when it passes as soon as jobs end.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(self, Obstacle::Full { .. } | Obstacle::AtMaximum { .. } | Obstacle::NodesWait { .. })
    }

    /// In words, to a job of this need.
    pub(super) fn in_words(&self, need: &Resources) -> String {
        match self {
            Obstacle::Full { environment, kept: Some((host, job)), .. } => {
                format!(
                    "host {host} of {environment} has room, but is kept free for job {job}, which is larger and was first"
                )
            }
            Obstacle::Full { environment, hosts, most_free, kept: None } => format!(
                "no host of {environment} has that free now: the most free of its {hosts} host{} is {most_free}{}",
                if *hosts == 1 { "" } else { "s" },
                if need.gpus > 0 && most_free.gpus == 0 { ", 0 GPUs" } else { "" }
            ),
            Obstacle::Kept { environment, kept: (host, job) } => format!(
                "nothing is added to {environment} while its host {host} is kept free for job {job}, which was first"
            ),
            Obstacle::Launching { environment, vcpus: 0 } => {
                format!("{environment} launches machines for it")
            }
            Obstacle::Launching { environment, vcpus } => {
                format!("{environment} launches machines of {vcpus} vCPUs together, for it and others")
            }
            Obstacle::AtMaximum { environment, max_vcpus, launching_vcpus } => {
                let launching = match launching_vcpus {
                    0 => String::new(),
                    number => format!("; {number} of them are still being launched"),
                };
                format!(
                    "{environment} has no room left, and may have no more than {max_vcpus} vCPUs{launching}"
                )
            }
            Obstacle::OverMaximum { environment, vcpus, max_vcpus } => format!(
                "the smallest machine that fits has {vcpus} vCPUs, and {environment} may have no more than {max_vcpus}"
            ),
            Obstacle::NodesWait { .. }
            | Obstacle::TooFewHosts { .. }
            | Obstacle::HostsShared { .. }
            | Obstacle::SpotOnly { .. }
            | Obstacle::OldKubelets { .. } => self.to_all_nodes(),
            Obstacle::CannotLaunch { environment, words } => {
                format!("{environment} cannot launch machines now: {words}")
            }
            Obstacle::TooSmall { environment, largest, closed } => {
                let beside =
                    if *closed == Closed::default() { String::new() } else { format!(" ({closed})") };
                let short = Amount::ALL.into_iter().filter(|amount| amount.of(largest) < amount.of(need));
                let short: Vec<String> = short.map(|amount| amount.words(largest)).collect();
                if short.is_empty() {
                    format!("no host in {environment} has all of that together{beside}")
                } else {
                    format!("largest host in {environment} has {}{beside}", short.join(", "))
                }
            }
            Obstacle::NoHosts { environment, closed } if *closed == Closed::default() => {
                format!("{environment} has no host that takes jobs")
            }
            Obstacle::NoHosts { environment, closed } => {
                format!("{environment} has no host that takes it: {closed}")
            }
            Obstacle::Invalid { environment, words } => format!("{environment} is INVALID: {words}"),
            Obstacle::OtherArchitecture { environment, theirs, queue } => {
                format!("{environment} is passed over: its hosts are {theirs}, the queue's {queue}")
            }
            Obstacle::Disabled { environment } => format!("{environment} is DISABLED"),
            Obstacle::Missing { environment } => format!("compute environment {environment} does not exist"),
        }
    }

    /// What keeps all nodes of a multi-node job together from an environment, in words; empty for all else.
    fn to_all_nodes(&self) -> String {
        match self {
            Obstacle::NodesWait { environment, idle, hosts, closed, kept } => {
                let kept = kept
                    .as_ref()
                    .map(|(host, job)| format!("; host {host} is kept free for job {job}, which was first"));
                format!(
                    "{idle} of {hosts} hosts of {environment} that take one of its nodes each are without other jobs \
                     now{}{}",
                    beside(closed),
                    kept.unwrap_or_default()
                )
            }
            Obstacle::TooFewHosts { environment, hosts, closed } => format!(
                "{environment} has, or may have, {hosts} hosts of one instance type that take one of its nodes each{}",
                beside(closed)
            ),
            Obstacle::HostsShared { environment } => {
                format!("{environment} gives no job hosts of its own: its autoscaler decides where pods go")
            }
            Obstacle::SpotOnly { environment } => {
                format!("{environment} has SPOT instances only, on which multi-node jobs do not run")
            }
            Obstacle::OldKubelets { environment, old: 0, .. } => format!(
                "the machines of {environment} came with kubelets older than 1.35, which start a node's container again"
            ),
            Obstacle::OldKubelets { environment, hosts, old } => format!(
                "{environment} has {hosts} hosts of one instance type that take one of its nodes each, and {old} whose kubelet \
                 is older than 1.35, which starts a node's container again"
            ),
            _ => String::new(),
        }
    }
}

fn beside(closed: &Closed) -> String {
    if *closed == Closed::default() { String::new() } else { format!(" ({closed})") }
}

/// The amounts of [`Resources`] that can be too small on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    Cpu,
    Memory,
    Gpu,
}

impl Amount {
    pub(super) const ALL: [Amount; 3] = [Amount::Cpu, Amount::Memory, Amount::Gpu];

    pub(super) const fn of(self, resources: &Resources) -> u64 {
        match self {
            Amount::Cpu => resources.cpu_millis,
            Amount::Memory => resources.memory_bytes,
            Amount::Gpu => resources.gpus,
        }
    }

    pub(super) fn words(self, resources: &Resources) -> String {
        match self {
            Amount::Cpu => vcpus_in_words(resources.cpu_millis),
            Amount::Memory => format!("{} MiB", resources.memory_mib()),
            Amount::Gpu => gpus_in_words(resources.gpus),
        }
    }
}
