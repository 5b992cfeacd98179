//! `deploy/` is the charts with their default values, for those who do not use Helm.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::helm::{CRDS, NAMESPACE, WINDLASS, name, objects, template};
use crate::programs::{checkout, run};

/// Rewrites the files when this environment variable is set.
const UPDATE: &str = "WINDLASS_UPDATE";

/// The templates of what runs after an uninstallation.
const RELEASE: [&str; 2] = ["templates/release/rbac.yaml", "templates/release/job.yaml"];

/// A chart as manifests that do not mention Helm.
fn plain(chart: &str, arguments: &[&str]) -> String {
    let text = template(chart, arguments).succeeded();
    let is_of_helm = |line: &str| line.starts_with("# Source: ") || line.trim_start().starts_with("helm.sh/");
    let lines: Vec<&str> = text.lines().filter(|line| !is_of_helm(line)).collect();
    let mut plain =
        "# Made from the Helm charts: WINDLASS_UPDATE=1 cargo test -p windlass-e2e --test chart\n".to_owned();
    for (index, line) in lines.iter().enumerate() {
        // Helm's annotations were all that there were.
        let is_empty =
            *line == "  annotations:" && lines.get(index + 1).is_none_or(|next| !next.starts_with("    "));
        if !is_empty && !line.trim().is_empty() {
            plain += line.trim_end();
            plain.push('\n');
        }
    }
    plain
}

#[test]
fn the_plain_manifests_are_the_rendered_charts() {
    let release: Vec<&str> = RELEASE.iter().flat_map(|template| ["--show-only", template]).collect();
    let files = [
        ("crds.yaml", plain(CRDS, &["--set", "keep=false"])),
        ("windlass.yaml", plain(WINDLASS, &["--set", "crds.enabled=false", "--no-hooks"])),
        ("release.yaml", plain(WINDLASS, &release)),
    ];
    for (file, expected) in files {
        let path = checkout().join("deploy").join(file);
        if std::env::var_os(UPDATE).is_some() {
            fs::write(&path, &expected).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == expected, "deploy/{file} is not the rendered chart; rewrite it with {UPDATE}=1");
        assert!(!committed.contains("helm"), "deploy/{file} mentions Helm");
    }
}

#[test]
fn the_kustomization_is_the_chart_and_its_namespace() {
    let built = run("kubectl", &["kustomize", "deploy"], "").succeeded();
    let built: Vec<Value> = serde_saphyr::from_multiple(&built).unwrap();
    let no_hooks = objects(WINDLASS, &["--no-hooks"]);
    let names = |objects: &[Value]| objects.iter().map(name).collect::<BTreeSet<_>>();
    let mut expected = names(&no_hooks);
    expected.insert(format!("Namespace {NAMESPACE}"));
    assert_eq!(names(&built), expected);
    let namespace = built.iter().find(|object| object["kind"] == "Namespace").unwrap();
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
}

/// The health check is a file, so that it can be run by itself, and a part of the ConfigMap, so that it can be applied.
#[test]
fn the_health_check_is_in_the_config_map() {
    let read = |file: &str| fs::read_to_string(checkout().join("deploy/argocd").join(file)).unwrap();
    let map: Value = serde_saphyr::from_str(&read("argocd-cm.yaml")).unwrap();
    let customizations = map["data"]["resource.customizations"].as_str().unwrap();
    let customizations: Value = serde_saphyr::from_str(customizations).unwrap();
    assert_eq!(customizations["batch.windlass.dev/*"]["health.lua"].as_str().unwrap(), read("health.lua"));
}
