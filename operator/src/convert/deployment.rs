//! MachineDeployments of Cluster API. What their machines are is told as Cluster Autoscaler reads it (its provider `clusterapi`,
//! `clusterapi_utils.go`, as of August 2026).

use super::wire::{Metadata, Wire, kinds};
use super::{Error, name, quantity};
use crate::machines;
use crate::names;
use serde::Deserialize;
use std::collections::BTreeMap;
use windlass_core::ids::Name;
use windlass_core::objects::{MachineType, Made, ObservedMachineDeployment};
use windlass_core::units::Resources;

const CPU: &str = "capacity.cluster-autoscaler.kubernetes.io/cpu";
const MEMORY: &str = "capacity.cluster-autoscaler.kubernetes.io/memory";
const GPU_COUNT: &str = "capacity.cluster-autoscaler.kubernetes.io/gpu-count";
const GPU_TYPE: &str = "capacity.cluster-autoscaler.kubernetes.io/gpu-type";
const MAX_PODS: &str = "capacity.cluster-autoscaler.kubernetes.io/maxPods";
const LABELS: &str = "capacity.cluster-autoscaler.kubernetes.io/labels";
const TAINTS: &str = "capacity.cluster-autoscaler.kubernetes.io/taints";
const MIN_SIZE: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size";
const MAX_SIZE: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size";
const PAUSED: &str = "cluster.x-k8s.io/paused";

/// What Cluster Autoscaler takes where nothing says otherwise, as the kubelet does.
const PODS: u64 = 110;

/// What it takes, too (`DefaultArch`).
const ARCHITECTURE: &str = "amd64";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    replicas: Option<i64>,
    paused: bool,
    template: Template,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Template {
    spec: MachineSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MachineSpec {
    taints: Vec<Taint>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Taint {
    key: String,
    effect: String,
    propagation: String,
}

/// Reads a MachineDeployment.
///
/// # Errors
/// When a part of it cannot be read.
pub fn machine_deployment(wire: &Wire<kinds::MachineDeployment>) -> Result<ObservedMachineDeployment, Error> {
    let metadata = &wire.metadata;
    let spec: Spec = wire.spec()?;
    let annotations = &metadata.annotations;
    let machine_type = Name::from(metadata.key().to_string());
    let (size, unreadable) = match size(machine_type, annotations) {
        Ok(size) => (size, None),
        Err(words) => (None, Some(words)),
    };
    let gone = metadata.deletion_timestamp.as_ref().map(|_| "is being deleted".to_owned());
    let paused = (spec.paused || annotations.contains_key(PAUSED))
        .then(|| "is paused: Cluster API makes no machines for it".to_owned());
    let fault = gone.or_else(|| kept_off(&spec.template.spec.taints, annotations)).or(unreadable);
    Ok(ObservedMachineDeployment {
        key: metadata.key(),
        uid: metadata.uid()?,
        resource_version: metadata.version()?,
        digest: machines::machine_deployment::digest(wire.spec()?),
        replicas: u32::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0),
        gpu_resource: size
            .as_ref()
            .filter(|size| size.allocatable.gpus > 0)
            .and_then(|_| gpu_type(annotations)),
        size,
        fault: fault.map(Name::from),
        not_to_scale: paused.or_else(|| rival(annotations)).map(Name::from),
        deleting: metadata.deletion_timestamp.is_some(),
        made: made(metadata)?,
    })
}

/// What it was made for, if an environment had it made. Where one of our annotations is not there, or cannot be read, somebody
/// took it away: then it is like no pattern, and outdated.
fn made(metadata: &Metadata) -> Result<Option<Made>, Error> {
    let Some(environment) = metadata.labels.get(names::ENVIRONMENT_UID) else { return Ok(None) };
    let annotation = |key: &str| metadata.annotations.get(key).map_or("", String::as_str);
    Ok(Some(Made {
        environment: super::job::identity(environment)?,
        environment_generation: annotation(names::ENVIRONMENT_GENERATION).parse().unwrap_or(0),
        pattern: name(annotation(names::PATTERN)),
    }))
}

/// Cluster Autoscaler scales what may have more machines than it must have.
fn rival(annotations: &BTreeMap<String, String>) -> Option<String> {
    let number = |key: &str| annotations.get(key).and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    (number(MAX_SIZE) > number(MIN_SIZE)).then(|| {
        format!("is Cluster Autoscaler's too, which would set its replicas as well: remove its annotation {MAX_SIZE}")
    })
}

/// Jobs tolerate no taints of nodes that are not their environment's alone. One that is set only at first may be taken away.
fn kept_off(taints: &[Taint], annotations: &BTreeMap<String, String>) -> Option<String> {
    let keeps_off = |effect: &str| effect == "NoSchedule" || effect == "NoExecute";
    let told = annotations.get(TAINTS).into_iter().flat_map(|text| text.split(','));
    let told = told.filter_map(|taint| taint.trim().split_once(':'));
    let told = told.map(|(taint, effect)| (taint.split('=').next().unwrap_or_default(), effect));
    let lasting = taints.iter().filter(|taint| taint.propagation != "OnInitialization");
    let mut all = lasting.map(|taint| (taint.key.as_str(), taint.effect.as_str())).chain(told);
    let (key, effect) = all.find(|(_, effect)| keeps_off(effect))?;
    Some(format!(
        "has nodes with the taint {key}:{effect}, which keeps jobs off: remove it from its template"
    ))
}

/// What a machine is; `None` where the annotations do not say both what Cluster Autoscaler needs to scale from zero.
fn size(machine_type: Name, annotations: &BTreeMap<String, String>) -> Result<Option<MachineType>, String> {
    let amount = |key: &str, read: fn(&str) -> Option<u64>| match annotations.get(key) {
        Some(text) if !text.is_empty() => {
            let told = read(text).filter(|amount| *amount > 0);
            told.map(Some).ok_or_else(|| format!("has the annotation {key}: {text}, which is no amount"))
        }
        _ => Ok(None),
    };
    let (cpu, memory) = (amount(CPU, quantity::millis)?, amount(MEMORY, quantity::units)?);
    let whole = |text: &str| text.parse().ok();
    let pods = amount(MAX_PODS, whole)?.unwrap_or(PODS);
    let gpus = match annotations.get(GPU_COUNT).map(String::as_str) {
        // Where some have none they are told, too.
        Some("0") => 0,
        _ => amount(GPU_COUNT, whole)?.unwrap_or(0),
    };
    let (Some(millis), Some(bytes)) = (cpu, memory) else { return Ok(None) };
    let label = |wanted: &str| {
        let labels = annotations.get(LABELS).into_iter().flat_map(|text| text.split(','));
        labels
            .filter_map(|label| label.split_once('='))
            .find(|(key, _)| *key == wanted)
            .map(|(_, value)| value)
    };
    let vcpus = u32::try_from(millis.div_ceil(1000)).unwrap_or(u32::MAX);
    Ok(Some(MachineType {
        name: machine_type,
        vcpus,
        architecture: Name::from(label("kubernetes.io/arch").unwrap_or(ARCHITECTURE)),
        allocatable: Resources { gpus, ..machines::usable(millis, bytes >> 20, pods) },
    }))
}

/// What its GPUs are called. Where nothing says so they are called as the environment's.
fn gpu_type(annotations: &BTreeMap<String, String>) -> Option<Name> {
    annotations.get(GPU_TYPE).filter(|told| !told.is_empty()).map(|told| name(told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(annotations: &Value, spec: &Value) -> ObservedMachineDeployment {
        let wire = json!({
            "metadata": {
                "namespace": "pools", "name": "large", "uid": "00000000-0000-0000-0000-000000000001",
                "resourceVersion": "7", "annotations": annotations,
            },
            "spec": spec,
        });
        let wire: Wire<kinds::MachineDeployment> = serde_json::from_str(&wire.to_string()).unwrap();
        machine_deployment(&wire).unwrap()
    }

    fn fault(annotations: &Value, spec: &Value) -> String {
        let found = read(annotations, spec);
        found.fault.or(found.not_to_scale).unwrap_or_default().to_string()
    }

    #[test]
    fn annotations_say_what_a_machine_is() {
        let annotations =
            json!({ CPU: "4", MEMORY: "16G", MAX_PODS: "58", LABELS: "pool=a,kubernetes.io/arch=arm64" });
        let found = read(&annotations, &json!({ "replicas": 3 }));
        let size = found.size.unwrap();
        assert_eq!((size.name.as_str(), size.vcpus, size.architecture.as_str()), ("pools/large", 4, "arm64"));
        assert_eq!((size.allocatable.cpu_millis, size.allocatable.pods), (3920, 58));
        assert!(size.allocatable.memory_mib() < 15_258, "{:?}", size.allocatable);
        assert_eq!((found.replicas, found.fault), (3, None));
        let fraction = read(&json!({ CPU: "1500m", MEMORY: "4Gi" }), &json!({})).size.unwrap();
        assert_eq!((fraction.vcpus, fraction.architecture.as_str()), (2, "amd64"));
        assert!(fraction.allocatable.cpu_millis <= 1500);
        assert_eq!(read(&json!({ CPU: "4" }), &json!({})).size, None, "memory is needed as well");
    }

    #[test]
    fn annotations_say_how_many_gpus_there_are_and_what_they_are_called() {
        let found = |more: Value| {
            let mut annotations = json!({ CPU: "4", MEMORY: "16G" });
            annotations.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(&annotations, &json!({}))
        };
        let gpus = |found: &ObservedMachineDeployment| found.size.as_ref().unwrap().allocatable.gpus;
        let two = found(json!({ GPU_COUNT: "2", GPU_TYPE: "amd.com/gpu" }));
        assert_eq!((gpus(&two), two.gpu_resource), (2, Some("amd.com/gpu".into())));
        let unnamed = found(json!({ GPU_COUNT: "2" }));
        assert_eq!((gpus(&unnamed), unnamed.gpu_resource), (2, None));
        let none = found(json!({ GPU_COUNT: "0", GPU_TYPE: "amd.com/gpu" }));
        assert_eq!((gpus(&none), none.gpu_resource, none.fault), (0, None, None));
        assert!(
            found(json!({ GPU_COUNT: "some" })).fault.unwrap().as_str().contains("some, which is no amount")
        );
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let none = json!({});
        assert_eq!(fault(&none, &none), "");
        assert!(fault(&json!({ CPU: "many" }), &none).contains("many, which is no amount"));
        assert!(fault(&json!({ CPU: "0" }), &none).contains("no amount"));
        assert!(fault(&json!({ MAX_SIZE: "3", MIN_SIZE: "1" }), &none).contains("remove its annotation"));
        assert_eq!(fault(&json!({ MAX_SIZE: "3", MIN_SIZE: "3" }), &none), "", "that is left alone");
        assert!(fault(&none, &json!({ "paused": true })).contains("is paused"));
        assert!(fault(&json!({ PAUSED: "" }), &none).contains("is paused"));
        let taint = |propagation: &str| {
            let taint = json!({ "key": "gpu", "effect": "NoSchedule", "propagation": propagation });
            json!({ "template": { "spec": { "taints": [taint] } } })
        };
        assert!(fault(&none, &taint("Always")).contains("gpu:NoSchedule"));
        assert_eq!(fault(&none, &taint("OnInitialization")), "");
        assert!(
            fault(&json!({ TAINTS: "a=b:PreferNoSchedule,gpu=yes:NoExecute" }), &none)
                .contains("gpu:NoExecute")
        );
    }
}
