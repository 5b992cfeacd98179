//! Charts, rendered as Helm renders them.

use serde_json::Value;

use crate::programs::{Run, run};

/// The operator's chart.
pub(crate) const WINDLASS: &str = "charts/windlass";

/// The chart of the CustomResourceDefinitions.
pub(crate) const CRDS: &str = "charts/windlass-crds";

/// The namespace that charts are rendered for.
pub(crate) const NAMESPACE: &str = "windlass-system";

/// Every option that adds something, with values that must show up where they belong.
pub(crate) const ALL_ON: &str = "e2e/tests/chart/all-on.yaml";

/// Runs `helm template` with further arguments.
pub(crate) fn template(chart: &str, arguments: &[&str]) -> Run {
    let fixed = ["template", "windlass", chart, "--namespace", NAMESPACE, "--kube-version", "1.35.0"];
    run("helm", &[&fixed, arguments].concat(), "")
}

/// The objects that a chart gives, hooks included.
pub(crate) fn objects(chart: &str, arguments: &[&str]) -> Vec<Value> {
    let text = template(chart, arguments).succeeded();
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    objects.into_iter().filter(|object| !object.is_null()).collect()
}

/// `Kind name` of an object.
pub(crate) fn name(object: &Value) -> String {
    let part = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    format!("{} {}", part("/kind"), part("/metadata/name"))
}
