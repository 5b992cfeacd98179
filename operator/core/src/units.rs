//! Amounts of what a host has and a job needs.

use crate::ids::Name;
use std::collections::BTreeMap;
use std::fmt;

/// What GPUs are called where an environment does not say otherwise: the name that NVIDIA's device plugin registers.
pub const GPUS: &str = "nvidia.com/gpu";

/// Processors in thousandths of a vCPU, memory in bytes, GPUs and pods by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resources {
    /// Thousandths of a vCPU.
    pub cpu_millis: u64,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Whole GPUs.
    pub gpus: u64,
    /// Pods: a host takes only so many, each pod counts one.
    pub pods: u64,
}

const MEBIBYTE: u64 = 1024 * 1024;

impl Resources {
    /// What a job asks for: vCPUs in thousandths, memory in MiB, GPUs; one pod.
    pub const fn of_job(cpu_millis: u64, memory_mib: u64, gpus: u64) -> Resources {
        Resources { cpu_millis, memory_bytes: memory_mib.saturating_mul(MEBIBYTE), gpus, pods: 1 }
    }

    /// True when all of `need` can be had from what is here.
    pub const fn covers(&self, need: &Resources) -> bool {
        self.cpu_millis >= need.cpu_millis
            && self.memory_bytes >= need.memory_bytes
            && self.gpus >= need.gpus
            && self.pods >= need.pods
    }

    /// The sum, held at the largest number.
    #[must_use]
    pub const fn plus(&self, other: &Resources) -> Resources {
        Resources {
            cpu_millis: self.cpu_millis.saturating_add(other.cpu_millis),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            gpus: self.gpus.saturating_add(other.gpus),
            pods: self.pods.saturating_add(other.pods),
        }
    }

    /// What is left after `other` is taken; never below zero.
    #[must_use]
    pub const fn minus(&self, other: &Resources) -> Resources {
        Resources {
            cpu_millis: self.cpu_millis.saturating_sub(other.cpu_millis),
            memory_bytes: self.memory_bytes.saturating_sub(other.memory_bytes),
            gpus: self.gpus.saturating_sub(other.gpus),
            pods: self.pods.saturating_sub(other.pods),
        }
    }

    /// So many times this.
    #[must_use]
    pub const fn times(&self, number: u64) -> Resources {
        Resources {
            cpu_millis: self.cpu_millis.saturating_mul(number),
            memory_bytes: self.memory_bytes.saturating_mul(number),
            gpus: self.gpus.saturating_mul(number),
            pods: self.pods.saturating_mul(number),
        }
    }

    /// How many times `need` can be had from what is here.
    pub fn holds(&self, need: &Resources) -> u64 {
        let of = |have: u64, need: u64| have.checked_div(need).unwrap_or(u64::MAX);
        of(self.cpu_millis, need.cpu_millis)
            .min(of(self.memory_bytes, need.memory_bytes))
            .min(of(self.gpus, need.gpus))
            .min(of(self.pods, need.pods))
    }

    /// The larger of each amount.
    #[must_use]
    pub fn max_each(&self, other: &Resources) -> Resources {
        Resources {
            cpu_millis: self.cpu_millis.max(other.cpu_millis),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            gpus: self.gpus.max(other.gpus),
            pods: self.pods.max(other.pods),
        }
    }

    /// Whole MiB of memory, rounded down.
    pub const fn memory_mib(&self) -> u64 {
        self.memory_bytes / MEBIBYTE
    }
}

/// Amounts as Kubernetes counts them: GPUs, like other devices, each under the name of its extended resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceList {
    /// All amounts but GPUs, of which there are none here.
    pub amounts: Resources,
    /// Extended resources (`nvidia.com/gpu`) of which there are some, by name.
    pub extended: BTreeMap<Name, u64>,
}

impl ResourceList {
    /// These amounts, where GPUs go by this name.
    pub fn with_gpus(amounts: Resources, name: &Name) -> ResourceList {
        let gpus = (amounts.gpus > 0).then(|| (name.clone(), amounts.gpus));
        ResourceList { amounts: Resources { gpus: 0, ..amounts }, extended: gpus.into_iter().collect() }
    }

    /// The amounts as those see them for whom GPUs go by this name.
    pub fn seen_with(&self, gpus: &Name) -> Resources {
        Resources { gpus: self.extended.get(gpus).copied().unwrap_or(0), ..self.amounts }
    }

    /// True when all of `need` can be had from what is here.
    pub fn covers(&self, need: &ResourceList) -> bool {
        let has = |(name, number): (&Name, &u64)| self.extended.get(name).is_some_and(|have| have >= number);
        self.amounts.covers(&need.amounts) && need.extended.iter().all(has)
    }

    /// The sum, held at the largest number.
    #[must_use]
    pub fn plus(self, other: &ResourceList) -> ResourceList {
        let amounts = self.amounts.plus(&other.amounts);
        self.joined(amounts, other, u64::saturating_add)
    }

    /// The larger of each amount.
    #[must_use]
    pub fn max_each(self, other: &ResourceList) -> ResourceList {
        let amounts = self.amounts.max_each(&other.amounts);
        self.joined(amounts, other, u64::max)
    }

    /// These amounts, and of each extended resource what becomes of both numbers.
    fn joined(mut self, amounts: Resources, other: &ResourceList, both: fn(u64, u64) -> u64) -> ResourceList {
        for (name, number) in &other.extended {
            let here = self.extended.entry(name.clone()).or_default();
            *here = both(*here, *number);
        }
        ResourceList { amounts, ..self }
    }

    /// What is left after `other` is taken; never below zero.
    #[must_use]
    pub fn minus(mut self, other: &ResourceList) -> ResourceList {
        self.amounts = self.amounts.minus(&other.amounts);
        for (name, number) in &other.extended {
            if let Some(left) = self.extended.get_mut(name) {
                *left = left.saturating_sub(*number);
            }
        }
        self.extended.retain(|_, left| *left > 0);
        self
    }
}

impl From<Resources> for ResourceList {
    /// GPUs go by their usual name.
    fn from(amounts: Resources) -> ResourceList {
        ResourceList::with_gpus(amounts, &Name::from(GPUS))
    }
}

/// Thousandths of a vCPU as people write them: `2`, `0.5`, `63.89`.
pub fn vcpus(millis: u64) -> String {
    let whole = millis / 1000;
    match millis % 1000 {
        0 => whole.to_string(),
        rest => format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

/// `2 vCPUs`, `1 vCPU`.
pub fn vcpus_in_words(millis: u64) -> String {
    format!("{} vCPU{}", vcpus(millis), if millis == 1000 { "" } else { "s" })
}

/// `1 GPU`, `2 GPUs`.
pub fn gpus_in_words(gpus: u64) -> String {
    format!("{gpus} GPU{}", if gpus == 1 { "" } else { "s" })
}

impl fmt::Display for Resources {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {} MiB", vcpus_in_words(self.cpu_millis), self.memory_mib())?;
        if self.gpus > 0 {
            write!(formatter, ", {}", gpus_in_words(self.gpus))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_people_use() {
        assert_eq!(Resources::of_job(2000, 64, 0).to_string(), "2 vCPUs, 64 MiB");
        assert_eq!(Resources::of_job(1000, 8192, 1).to_string(), "1 vCPU, 8192 MiB, 1 GPU");
        assert_eq!(vcpus(63_890), "63.89");
        assert_eq!(vcpus(500), "0.5");
    }

    #[test]
    fn devices_are_counted_each_under_its_name() {
        let (nvidia, amd) = (Name::from(GPUS), Name::from("amd.com/gpu"));
        let two = ResourceList::from(Resources::of_job(4000, 64, 2));
        let one = ResourceList::with_gpus(Resources::of_job(1000, 64, 1), &amd);
        assert_eq!((two.seen_with(&nvidia).gpus, two.seen_with(&amd).gpus), (2, 0));
        assert!(!two.covers(&one));
        let both = two.plus(&one);
        assert!(both.covers(&one));
        let left = both.minus(&one);
        assert_eq!((left.seen_with(&nvidia).gpus, left.seen_with(&amd).gpus), (2, 0));
        assert!(!left.covers(&one));
    }

    #[test]
    fn every_amount_must_be_covered() {
        let host = Resources { cpu_millis: 4000, memory_bytes: 8 << 30, gpus: 0, pods: 2 };
        assert!(host.covers(&Resources::of_job(4000, 8192, 0)));
        assert!(!host.covers(&Resources::of_job(4001, 1, 0)));
        assert!(!host.covers(&Resources::of_job(1, 8193, 0)));
        assert!(!host.covers(&Resources::of_job(1, 1, 1)));
        assert!(
            !host.minus(&Resources { pods: 2, ..Resources::default() }).covers(&Resources::of_job(1, 1, 0))
        );
    }
}
