//! The catalogue of instance types. The built-in one is Amazon's: from the list that Karpenter 1.14.1 ships for its KWOK
//! provider (`kwok/examples/aws_instance_types.json`, Linux only, as of November 2026), GPUs as Amazon's pages give them.

use crate::convert::quantity;
use serde::Deserialize;
use windlass_core::ids::Name;
use windlass_core::objects::MachineType;
use windlass_core::units::Resources;

const BUILT_IN: &str = include_str!("instance-types.json");

/// Pods that a node takes when nobody says otherwise: the kubelet's default.
const PODS: u64 = 110;

/// Why a catalogue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It is no list of instance types.
    #[error(
        "the catalogue of instance types cannot be read: {0}; it is a JSON list of {{\"name\", \"vcpus\", \"memoryMiB\", \
         \"architecture\"}}, with \"gpus\", \"pods\" and \"allocatable\": {{\"cpu\", \"memory\"}} where they are known"
    )]
    Unreadable(#[from] serde_json::Error),
    /// An amount is no quantity.
    #[error("instance type {0}: {1} is no quantity, as in 1930m or 6Gi")]
    Quantity(String, String),
    /// One line of it is of no use.
    #[error("instance type {0}: {1} is 0")]
    Zero(String, &'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    name: String,
    vcpus: u32,
    #[serde(rename = "memoryMiB")]
    memory_mib: u64,
    architecture: String,
    #[serde(default)]
    gpus: u64,
    pods: Option<u64>,
    #[serde(default)]
    allocatable: Allocatable,
}

/// Quantities, as a node reports them.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Allocatable {
    cpu: Option<String>,
    memory: Option<String>,
}

/// Amazon's instance types.
///
/// # Errors
/// Never, which a test shows.
pub fn built_in() -> Result<Vec<MachineType>, CatalogueError> {
    read(BUILT_IN)
}

/// Reads a catalogue.
///
/// # Errors
/// When it is no list of instance types.
pub fn read(text: &str) -> Result<Vec<MachineType>, CatalogueError> {
    let lines: Vec<Line> = serde_json::from_str(text)?;
    lines.into_iter().map(machine_type).collect()
}

fn machine_type(line: Line) -> Result<MachineType, CatalogueError> {
    let amounts = [("vcpus", u64::from(line.vcpus)), ("memoryMiB", line.memory_mib)];
    if let Some((what, _)) = amounts.into_iter().find(|(_, amount)| *amount == 0) {
        return Err(CatalogueError::Zero(line.name, what));
    }
    let pods = line.pods.unwrap_or(PODS);
    let Allocatable { cpu, memory } = &line.allocatable;
    let unreadable = |text: &String| CatalogueError::Quantity(line.name.clone(), text.clone());
    let millis = match cpu {
        Some(text) => quantity::millis(text).ok_or_else(|| unreadable(text))?,
        None => usable_millis(line.vcpus),
    };
    let mib = match memory {
        Some(text) => quantity::units(text).ok_or_else(|| unreadable(text))? >> 20,
        None => usable_mib(line.memory_mib, pods),
    };
    Ok(MachineType {
        name: Name::from(line.name),
        vcpus: line.vcpus,
        architecture: Name::from(line.architecture),
        allocatable: Resources { pods, ..Resources::of_job(millis, mib, line.gpus) },
    })
}

/// What a node on a machine usually offers to pods, of so many thousandths of vCPUs and so much memory.
pub fn usable(cpu_millis: u64, memory_mib: u64, pods: u64) -> Resources {
    let vcpus = u32::try_from(cpu_millis.div_ceil(1000)).unwrap_or(u32::MAX);
    let kept = (u64::from(vcpus) * 1000).saturating_sub(usable_millis(vcpus));
    Resources { pods, ..Resources::of_job(cpu_millis.saturating_sub(kept), usable_mib(memory_mib, pods), 0) }
}

/// What nodes usually keep of their processors for themselves: 6 % of the first, 1 % of the second, 0.5 % of the next two, 0.25 %
/// of the rest (GKE's and EKS' formula).
fn usable_millis(vcpus: u32) -> u64 {
    let kept_in_hundredths: u64 = (0..u64::from(vcpus))
        .map(|processor| match processor {
            0 => 6000,
            1 => 1000,
            2 | 3 => 500,
            _ => 250,
        })
        .sum();
    u64::from(vcpus) * 1000 - kept_in_hundredths / 100
}

/// What nodes usually keep of their memory: 7.5 % for the hypervisor and the kernel (Karpenter's estimate), 255 MiB and 11 MiB a
/// pod (EKS), 100 MiB before pods are evicted. It is an estimate; the first node of a type tells what there really is.
fn usable_mib(memory_mib: u64, pods: u64) -> u64 {
    let usual_pods = pods.min(memory_mib / 256);
    (memory_mib * 925 / 1000).saturating_sub(355 + 11 * usual_pods)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(name: &str) -> MachineType {
        built_in().unwrap().into_iter().find(|found| found.name.as_str() == name).unwrap()
    }

    #[test]
    fn a_job_of_8192_mib_does_not_fit_a_machine_of_8_gib() {
        let (large, xlarge) = (found("m4.large"), found("m4.xlarge"));
        assert!(large.allocatable.memory_mib() < 8192, "{}", large.allocatable.memory_mib());
        assert!(xlarge.allocatable.memory_mib() > 8192);
        assert_eq!((large.vcpus, xlarge.vcpus), (2, 4));
        assert_eq!(large.allocatable.cpu_millis, 1930);
    }

    #[test]
    fn gpus_and_architectures_are_told() {
        assert_eq!(found("p3.8xlarge").allocatable.gpus, 4);
        assert_eq!(found("m6g.large").architecture.as_str(), "arm64");
        assert!(built_in().unwrap().len() > 800);
    }

    #[test]
    fn another_catalogue_may_say_what_is_allocatable_and_errors_are_told() {
        let line = |vcpus: u32, cpu: &str| {
            let allocatable = json!({ "cpu": cpu, "memory": "6000Mi" });
            let line = json!({ "name": "n2", "vcpus": vcpus, "memoryMiB": 8192, "architecture": "amd64",
                "allocatable": allocatable });
            read(&json!([line]).to_string())
        };
        let types = line(2, "1500m").unwrap();
        assert_eq!(types[0].allocatable, Resources { pods: 110, ..Resources::of_job(1500, 6000, 0) });
        assert_eq!(line(0, "1").unwrap_err().to_string(), "instance type n2: vcpus is 0");
        assert!(line(2, "much").unwrap_err().to_string().contains("much is no quantity"));
        assert!(read("{}").unwrap_err().to_string().contains("JSON list"));
    }
}
