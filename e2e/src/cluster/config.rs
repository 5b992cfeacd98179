//! The components' configuration files: templates from `e2e/cluster/`, with `${name}` for what is decided
//! here.

use anyhow::{Context, Result, bail};

use super::addresses::{self, NODES, port};
use super::cgroup;
use super::images;
use super::paths::{self, State};

const NODE_TEMPLATES: [(&str, &str); 4] = [
    ("containerd.toml", include_str!("../../cluster/config/containerd.toml")),
    ("cni.conflist", include_str!("../../cluster/config/cni.conflist")),
    ("kubelet.yaml", include_str!("../../cluster/config/kubelet.yaml")),
    ("kube-proxy.yaml", KUBE_PROXY),
];
const KUBE_PROXY: &str = include_str!("../../cluster/config/kube-proxy.yaml");

/// What KWOK nodes and their pods do, as one file of several documents.
const KWOK: [&str; 6] = [
    include_str!("../../cluster/kwok/configuration.yaml"),
    include_str!("../../cluster/kwok/node-initialize.yaml"),
    include_str!("../../cluster/kwok/node-heartbeat.yaml"),
    include_str!("../../cluster/kwok/pod-run.yaml"),
    include_str!("../../cluster/kwok/pod-complete.yaml"),
    include_str!("../../cluster/kwok/pod-delete.yaml"),
];

/// Objects the cluster itself needs: cluster DNS, and who may do what.
pub(crate) const SYSTEM_OBJECTS: &str = include_str!("../../cluster/manifests/system.yaml");

/// Writes the configuration files of all components.
pub(crate) fn write(state: &State) -> Result<()> {
    let machine = [
        ("audit-policy.yaml", include_str!("../../cluster/config/audit-policy.yaml").to_owned()),
        ("kube-scheduler.yaml", include_str!("../../cluster/config/kube-scheduler.yaml").to_owned()),
        ("Corefile", include_str!("../../cluster/config/Corefile").to_owned()),
        ("resolv.conf", include_str!("../../cluster/config/resolv.conf").to_owned()),
        ("kwok.yaml", KWOK.join("---\n")),
    ];
    for (name, template) in machine {
        paths::write(&state.config(name), render_common(state, &template).context(name)?)?;
    }
    // The router's proxy takes node-1's name: with none of its own it would wait 30 s for its Node to appear.
    let router = render_for(state, KUBE_PROXY, &[("node", NODES[0].name)])?;
    paths::write(&state.config("router/kube-proxy.yaml"), router)?;
    for node in &NODES {
        let group = format!("/{}/{}", cgroup::CLUSTER, node.name);
        let values = [("node", node.name), ("pods", node.pods), ("group", &group)];
        for (name, template) in NODE_TEMPLATES {
            let path = state.config(&format!("{}/{name}", node.name));
            paths::write(&path, render_for(state, template, &values).context(name)?)?;
        }
    }
    Ok(())
}

/// Fills in what is the same for all.
pub(crate) fn render_common(state: &State, template: &str) -> Result<String> {
    render_for(state, template, &[])
}

fn render_for(state: &State, template: &str, special: &[(&str, &str)]) -> Result<String> {
    let state = state.root().display().to_string();
    let dns_port = port::DNS.to_string();
    let mut values = vec![
        ("state", state.as_str()),
        ("host", addresses::HOST),
        ("dns-service", addresses::DNS_SERVICE),
        ("dns-port", &dns_port),
        ("all-pods", addresses::PODS),
        ("kwok-pods", addresses::KWOK_PODS),
        ("pause-image", images::PAUSE),
    ];
    values.extend(special);
    render(template, &values)
}

/// Replaces each `${name}` by its value. A name without a value is an error.
fn render(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut pieces = template.split("${");
    let mut rendered = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((name, rest)) = piece.split_once('}') else { bail!("${{ without }} before: {piece}") };
        let Some((_, value)) = values.iter().find(|(known, _)| *known == name) else {
            bail!("${{{name}}} has no value")
        };
        rendered.push_str(value);
        rendered.push_str(rest);
    }
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_replaced_and_other_braces_are_left() {
        let rendered = render("a: ${x}\nb: {{ .Now }}${y}$${x}", &[("x", "1"), ("y", "")]).unwrap();
        assert_eq!(rendered, "a: 1\nb: {{ .Now }}$1");
    }

    #[test]
    fn an_unknown_name_and_an_open_brace_are_errors() {
        assert_eq!(render("${z}", &[]).unwrap_err().to_string(), "${z} has no value");
        assert_eq!(render("${z", &[]).unwrap_err().to_string(), "${ without } before: z");
    }

    #[test]
    fn every_template_can_be_filled_in() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        write(&state).unwrap();
        render_common(&state, SYSTEM_OBJECTS).unwrap();
        let read = |name: &str| std::fs::read_to_string(state.config(name)).unwrap();
        assert!(read("node-2/cni.conflist").contains("10.219.66.0/24"));
        assert!(read("node-1/kubelet.yaml").contains("cgroupRoot: /windlass-e2e/node-1\n"));
        assert!(read("Corefile").starts_with(".:20053 {"));
        assert!(Path::new(&state.config("kwok.yaml")).exists());
    }
}
