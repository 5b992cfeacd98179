//! Karpenter with its KWOK provider: real node provisioning, on nodes that only exist in the API.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::addresses::port;
use super::component::Component;
use super::paths::{self, Checkout, State};
use super::record::Record;
use super::{control_plane, go_module};
use crate::kubectl::Kubectl;

const MODULE: &str = "sigs.k8s.io/karpenter";
const INSTANCE_TYPES: &str = "karpenter-instance-types.json";

/// How it is run.
pub(crate) fn component(state: &State, record: &Record) -> Component {
    let environment = [
        ("KUBECONFIG", state.kubeconfig("karpenter").display().to_string()),
        ("SYSTEM_NAMESPACE", "kube-system".into()),
        ("METRICS_PORT", port::KARPENTER_METRICS.to_string()),
        ("HEALTH_PROBE_PORT", port::KARPENTER_HEALTH.to_string()),
        ("INSTANCE_TYPES_FILE_PATH", state.config(INSTANCE_TYPES).display().to_string()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    let arguments = vec!["--disable-leader-election".to_owned()];
    control_plane::with_environment(record, "karpenter-kwok", arguments, environment)
}

/// Gives it its resource definitions and instance types, both from its own module.
pub(crate) fn prepare(state: &State, checkout: &Checkout, kubectl: &Kubectl) -> Result<()> {
    let module = go_module::folder(&checkout.go_module(), MODULE)?;
    for folder in ["pkg/apis/crds", "kwok/apis/crds"] {
        let folder = module.join(folder).display().to_string();
        kubectl.line("apply --server-side --force-conflicts -f").args([folder]).run()?;
    }
    let path = module.join("kwok/examples/aws_instance_types.json");
    let all = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let all: Vec<Value> =
        serde_json::from_slice(&all).with_context(|| format!("{} is damaged", path.display()))?;
    let usable: Vec<Value> = all.into_iter().filter_map(usable).collect();
    paths::write(&state.config(INSTANCE_TYPES), serde_json::to_vec(&usable)?)
}

/// An instance type of the module's list, if it is of use: the list says `x86_64` where Kubernetes' label is
/// `amd64`, and has a twin with windows of each.
fn usable(mut instance_type: Value) -> Option<Value> {
    let systems = instance_type.get("operatingSystems")?.as_array()?;
    if !systems.iter().any(|system| system == "linux") {
        return None;
    }
    let architecture = match instance_type.get("architecture")?.as_str()? {
        "x86_64" => "amd64",
        "arm64" => "arm64",
        _ => return None,
    };
    *instance_type.get_mut("architecture")? = architecture.into();
    Some(instance_type)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn instance(architecture: &str, system: &str) -> Value {
        json!({"architecture": architecture, "operatingSystems": [system]})
    }

    #[test]
    fn only_linux_on_known_architectures_is_of_use_and_gets_the_labels_words() {
        assert_eq!(usable(instance("x86_64", "linux")), Some(instance("amd64", "linux")));
        assert_eq!(usable(instance("arm64", "linux")), Some(instance("arm64", "linux")));
        assert_eq!(usable(instance("i386", "linux")), None);
        assert_eq!(usable(instance("x86_64", "windows")), None);
        assert_eq!(usable(json!({})), None);
    }
}
