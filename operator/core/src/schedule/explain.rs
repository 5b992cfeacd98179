//! Why a job waits: a closed list, with numbers, in words (SPEC.md Q5).

use super::obstacle::{Amount, Obstacle};
use super::promise::Promise;
use crate::ids::Name;
use crate::units::{Resources, vcpus, vcpus_in_words};
use std::fmt;

/// Why a job waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// There is no queue of that name yet.
    QueueNotFound(Name),
    /// There is no definition of that name yet.
    DefinitionNotFound(Name),
    /// It waits for jobs of which at least one is not there yet; all of them, in words.
    DependencyNotFound(Name),
    /// It waits for these jobs, in words.
    Dependencies(Name),
    /// An administrator switched all admission off.
    AdmissionPaused,
    /// Its queue names no environment.
    NoEnvironment,
    /// There is no scheduling policy of the name its queue gives.
    PolicyNotFound(Name),
    /// What is left is kept for shares of which nothing runs.
    Reserved {
        /// Its share.
        share: Name,
        /// What it needs.
        need: Resources,
        /// Thousandths of vCPUs: what is kept, of how much, and what the queue's jobs use.
        reserved: u64,
        /// The vCPUs of the queue's environments.
        capacity: u64,
        /// What the queue's jobs use.
        used: u64,
    },
    /// No environment of its queue takes it now.
    Capacity {
        /// What it needs.
        need: Resources,
        /// How many nodes of a multi-node job need that, each on a host of its own; and of which instance type, if it names one.
        nodes: Option<(u32, Option<Name>)>,
        /// Why each environment does not, in the queue's order; at least one.
        obstacles: Vec<Obstacle>,
        /// The room that is kept for it.
        kept: Option<Promise>,
        /// Its share, when that has used more for its weight than another one that waits too: that one.
        share: Option<(Name, Name)>,
    },
    /// The namespace's quota is used up; the API server's words.
    QuotaUsedUp(Name),
    /// The API server refused its pod for a reason that may pass; its words.
    PodRefused(Name),
}

impl Waiting {
    /// The reason code in the Job's status.
    pub fn code(&self) -> &'static str {
        match self {
            Waiting::QueueNotFound(_) => "QueueNotFound",
            Waiting::DefinitionNotFound(_) => "DefinitionNotFound",
            Waiting::DependencyNotFound(_) => "DependencyNotFound",
            Waiting::Dependencies(_) => "WaitingForDependencies",
            Waiting::AdmissionPaused => "AdmissionPaused",
            Waiting::NoEnvironment => "NoComputeEnvironment",
            Waiting::PolicyNotFound(_) => "SchedulingPolicyNotFound",
            Waiting::Reserved { .. } => "CapacityReserved",
            Waiting::Capacity { obstacles, .. } => match obstacles.iter().min() {
                Some(Obstacle::Launching { .. }) => "WaitingForMachines",
                Some(
                    Obstacle::Full { .. }
                    | Obstacle::Kept { .. }
                    | Obstacle::AtMaximum { .. }
                    | Obstacle::NodesWait { .. },
                ) => "WaitingForCapacity",
                Some(Obstacle::CannotLaunch { .. }) => "LaunchFailed",
                Some(Obstacle::OverMaximum { .. }) => "MaxvCpusTooSmall",
                Some(Obstacle::TooFewHosts { .. }) => "TooFewHosts",
                Some(Obstacle::HostsShared { .. }) => "NoHostsOfItsOwn",
                Some(Obstacle::SpotOnly { .. }) => "SpotOnly",
                Some(Obstacle::OldKubelets { .. }) => "KubeletsTooOld",
                Some(Obstacle::TooSmall { .. }) => "NoHostLargeEnough",
                Some(Obstacle::NoHosts { .. }) => "NoHosts",
                Some(Obstacle::Invalid { .. }) => "ComputeEnvironmentInvalid",
                Some(Obstacle::OtherArchitecture { .. }) => "OtherArchitecture",
                Some(Obstacle::Disabled { .. }) => "ComputeEnvironmentDisabled",
                Some(Obstacle::Missing { .. }) | None => "ComputeEnvironmentNotFound",
            },
            Waiting::QuotaUsedUp(_) => "QuotaUsedUp",
            Waiting::PodRefused(_) => "PodRefused",
        }
    }

    /// The same for the job that room is kept for.
    pub(crate) fn promised(self, promise: Promise) -> Waiting {
        match self {
            Waiting::Capacity { need, nodes, obstacles, share, .. } => {
                Waiting::Capacity { need, nodes, obstacles, kept: Some(promise), share }
            }
            other => other,
        }
    }

    /// True when room is on its way for all of it.
    pub(crate) fn is_coming(&self) -> bool {
        match self {
            Waiting::Capacity { obstacles, .. } => {
                !obstacles.is_empty()
                    && obstacles.iter().all(|obstacle| matches!(obstacle, Obstacle::Launching { .. }))
            }
            _ => false,
        }
    }

    /// True when nothing that is there, or that could be added, will ever let the job start: condition `Stalled`.
    pub fn is_hopeless(&self) -> bool {
        match self {
            Waiting::Capacity { obstacles, .. } => {
                let never = |obstacle: &Obstacle| {
                    matches!(
                        obstacle,
                        Obstacle::TooSmall { .. }
                            | Obstacle::OverMaximum { .. }
                            | Obstacle::TooFewHosts { .. }
                            | Obstacle::OtherArchitecture { .. }
                            | Obstacle::HostsShared { .. }
                            | Obstacle::SpotOnly { .. }
                            | Obstacle::OldKubelets { .. }
                    )
                };
                obstacles.iter().all(never)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waiting::QueueNotFound(queue) => write!(formatter, "job queue {queue} does not exist (yet)"),
            Waiting::DefinitionNotFound(definition) => {
                write!(formatter, "job definition {definition} does not exist (yet) in this namespace")
            }
            Waiting::DependencyNotFound(jobs) | Waiting::Dependencies(jobs) => {
                write!(formatter, "waits for {jobs}")
            }
            Waiting::AdmissionPaused => {
                formatter.write_str("an administrator has paused the admission of all jobs")
            }
            Waiting::NoEnvironment => formatter.write_str("its job queue has no compute environment"),
            Waiting::PolicyNotFound(policy) => {
                write!(formatter, "scheduling policy {policy} of its job queue does not exist (yet)")
            }
            Waiting::Reserved { share, need, reserved, capacity, used } => write!(
                formatter,
                "needs {need}; share {share} may not take more now: {} of {} are kept for shares of which nothing runs \
                 (computeReservation), and the queue's jobs use {}",
                vcpus(*reserved),
                vcpus_in_words(*capacity),
                vcpus(*used)
            ),
            Waiting::Capacity { need, nodes, obstacles, kept, share } => {
                let matters = what_matters(need, obstacles);
                match nodes {
                    Some((nodes, None)) => {
                        write!(formatter, "needs {nodes} hosts of its own at once with {matters} each")?;
                    }
                    Some((nodes, Some(kind))) => write!(
                        formatter,
                        "needs {nodes} hosts of instance type {kind} of its own at once with {matters} each"
                    )?,
                    None => write!(formatter, "needs {matters}")?,
                }
                for obstacle in obstacles {
                    write!(formatter, "; {}", obstacle.in_words(need))?;
                }
                if let Some(kept) = kept {
                    write!(formatter, "; {kept}")?;
                }
                if let Some((share, other)) = share {
                    let words = "has used more for its weight than share";
                    write!(formatter, "; share {share} {words} {other}, which is served first")?;
                }
                Ok(())
            }
            Waiting::QuotaUsedUp(words) => write!(formatter, "the namespace's quota is used up: {words}"),
            Waiting::PodRefused(words) => {
                write!(formatter, "the API server refused its pod, will be tried again: {words}")
            }
        }
    }
}

/// The need; only the amount that is too large when that is all that is in the way.
fn what_matters(need: &Resources, obstacles: &[Obstacle]) -> String {
    let mut short_of: Vec<Amount> = Vec::new();
    for obstacle in obstacles {
        let Obstacle::TooSmall { largest, .. } = obstacle else { return need.to_string() };
        short_of.extend(Amount::ALL.into_iter().filter(|amount| amount.of(largest) < amount.of(need)));
    }
    match Amount::ALL.into_iter().filter(|amount| short_of.contains(amount)).collect::<Vec<_>>().as_slice() {
        [] => need.to_string(),
        amounts => amounts.iter().map(|amount| amount.words(need)).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Taint;
    use crate::schedule::Closed;

    fn capacity(need: Resources, obstacles: Vec<Obstacle>) -> Waiting {
        Waiting::Capacity { need, nodes: None, obstacles, kept: None, share: None }
    }

    #[test]
    fn every_obstacle_is_told_with_its_numbers() {
        let (need, environment) = (Resources::of_job(64_000, 1024, 0), Name::from("c5-ondemand"));
        let largest = Resources::of_job(36_000, 69_632, 0);
        let told = |obstacle: Obstacle| {
            let waiting = capacity(need, vec![obstacle]);
            format!("{}: {waiting}", waiting.code())
        };
        assert_eq!(
            told(Obstacle::TooSmall { environment: environment.clone(), largest, closed: Closed::default() }),
            "NoHostLargeEnough: needs 64 vCPUs; largest host in c5-ondemand has 36 vCPUs"
        );
        assert_eq!(
            told(Obstacle::Full {
                environment: environment.clone(),
                hosts: 1,
                most_free: largest,
                kept: None
            }),
            "WaitingForCapacity: needs 64 vCPUs, 1024 MiB; no host of c5-ondemand has that free now: the most free of its \
             1 host is 36 vCPUs, 69632 MiB"
        );
        assert_eq!(
            told(Obstacle::NoHosts { environment: environment.clone(), closed: Closed::default() }),
            "NoHosts: needs 64 vCPUs, 1024 MiB; c5-ondemand has no host that takes jobs"
        );
        assert_eq!(
            told(Obstacle::Disabled { environment: environment.clone() }),
            "ComputeEnvironmentDisabled: needs 64 vCPUs, 1024 MiB; c5-ondemand is DISABLED"
        );
        assert_eq!(
            told(Obstacle::Missing { environment }),
            "ComputeEnvironmentNotFound: needs 64 vCPUs, 1024 MiB; compute environment c5-ondemand does not exist"
        );
    }

    #[test]
    fn the_code_is_that_of_the_environment_nearest_to_taking_the_job() {
        let need = Resources::of_job(1000, 64, 0);
        let disabled = Obstacle::Disabled { environment: "a".into() };
        let full =
            Obstacle::Full { environment: "b".into(), hosts: 2, most_free: Resources::default(), kept: None };
        let waiting = capacity(need, vec![disabled.clone(), full]);
        assert_eq!(waiting.code(), "WaitingForCapacity");
        assert!(!waiting.is_hopeless());
        let (largest, closed) = (Resources::default(), Closed::default());
        let too_small = Obstacle::TooSmall { environment: "c".into(), largest, closed };
        assert!(capacity(need, vec![too_small.clone()]).is_hopeless());
        assert!(!capacity(need, vec![too_small, disabled]).is_hopeless());
    }

    #[test]
    fn gpus_and_hosts_that_are_closed_are_told() {
        let mut closed = Closed { cordoned: 1, not_ready: 2, ..Closed::default() };
        for (number, key) in ["a", "a", "b", "c", "d", "e"].into_iter().enumerate() {
            let taint = Taint { key: key.into(), value: "x".into(), evicts: key == "b" };
            closed.add(&taint, &format!("n{number}").into());
        }
        let (need, largest) = (Resources::of_job(1000, 64, 2), Resources::of_job(8000, 4096, 1));
        let told = |obstacle| capacity(need, vec![obstacle]).to_string();
        assert_eq!(
            told(Obstacle::TooSmall { environment: "p3".into(), largest, closed: Closed::default() }),
            "needs 2 GPUs; largest host in p3 has 1 GPU"
        );
        assert_eq!(
            told(Obstacle::NoHosts { environment: "p3".into(), closed }),
            "needs 1 vCPU, 64 MiB, 2 GPUs; p3 has no host that takes it: 2 hosts have the taint a=x:NoSchedule, host n2 has \
             the taint b=x:NoExecute, host n3 has the taint c=x:NoSchedule, 2 hosts have other taints, 1 host is cordoned, 2 \
             hosts are not ready"
        );
    }
}
