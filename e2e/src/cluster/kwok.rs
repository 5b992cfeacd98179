//! Nodes that only exist in the API, played by KWOK: hundreds of them for the price of one process.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::component::Component;
use super::control_plane;
use super::paths::State;
use super::process::Process;
use super::record::Record;
use crate::kubectl::{Kubectl, NodeObject};
use crate::wait::{self, Seen};

const SELECTOR: &str = "--selector=windlass.dev/pool=kwok";

/// The annotation that says how a node was to be.
const MADE_AS: &str = "windlass.dev/kwok-made-as";

/// How KWOK is run.
pub(crate) fn component(state: &State, record: &Record) -> Component {
    let arguments = vec![
        format!("--kubeconfig={}", state.kubeconfig("kwok").display()),
        format!("--config={}", state.config("kwok.yaml").display()),
        // Else it writes a line for each of its writes.
        "--v=WARN".into(),
    ];
    control_plane::component(record, "kwok", arguments)
}

/// Takes the nodes' leases from a KWOK that has ended: one that starts has another name, and would play no
/// node until they expire. Kubelets' leases go too, in the one request that this takes; they make theirs anew
/// within seconds.
pub(crate) fn release(state: &State, kubectl: &Kubectl) -> Result<()> {
    if Process::alive(state, "kwok")?.is_some() {
        return Ok(());
    }
    kubectl.line("delete --raw /apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases").run()
}

/// How the KWOK nodes are to be.
#[derive(Args, Clone, Debug)]
pub(crate) struct KwokOptions {
    /// How many KWOK nodes there are to be; as many as there are when not given
    #[arg(long, value_name = "NUMBER")]
    kwok_nodes: Option<usize>,
    /// CPUs of a KWOK node
    #[arg(long, value_name = "QUANTITY", default_value = "64")]
    kwok_cpu: String,
    /// Memory of a KWOK node
    #[arg(long, value_name = "QUANTITY", default_value = "256Gi")]
    kwok_memory: String,
    /// Pods a KWOK node takes
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    kwok_pods: u32,
    /// Taint KWOK nodes with kwok.x-k8s.io/node=fake:NoSchedule
    #[arg(long)]
    kwok_taint: bool,
}

impl KwokOptions {
    fn node(&self, name: &str) -> Value {
        let resources =
            json!({"cpu": self.kwok_cpu, "memory": self.kwok_memory, "pods": self.kwok_pods.to_string()});
        let taint = json!({"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"});
        let taints: Vec<Value> = self.kwok_taint.then_some(taint).into_iter().collect();
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "annotations": {"kwok.x-k8s.io/node": "fake", MADE_AS: self.made_as()},
                "labels": {
                    "windlass.dev/pool": "kwok",
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": "amd64",
                },
            },
            "spec": {"taints": taints},
            "status": {"capacity": resources, "allocatable": resources},
        })
    }

    /// What is compared: the API server writes quantities in another way than they were given.
    fn made_as(&self) -> String {
        let taint = if self.kwok_taint { ", tainted" } else { "" };
        format!("{} CPUs, {}, {} pods{taint}", self.kwok_cpu, self.kwok_memory, self.kwok_pods)
    }

    /// Whether a node that is there is one that would be made now.
    fn matches(&self, node: &NodeObject) -> bool {
        let annotations = node.object.pointer("/metadata/annotations");
        annotations.and_then(|all| all.get(MADE_AS)?.as_str()) == Some(&self.made_as())
    }
}

/// Which nodes to delete, and which to create afterwards.
#[derive(Debug, PartialEq)]
struct Change {
    delete: Vec<String>,
    create: Vec<String>,
}

fn change(options: &KwokOptions, number: usize, existing: &[NodeObject]) -> Change {
    let wanted: BTreeSet<String> = (0..number).map(|index| format!("kwok-{index}")).collect();
    let fit = |node: &&NodeObject| wanted.contains(&node.name) && options.matches(node);
    let kept: BTreeSet<&String> = existing.iter().filter(fit).map(|node| &node.name).collect();
    Change {
        delete: existing.iter().map(|node| &node.name).filter(|name| !kept.contains(name)).cloned().collect(),
        create: wanted.iter().filter(|name| !kept.contains(name)).cloned().collect(),
    }
}

/// Makes the KWOK nodes as wanted, and waits until they are ready. Gives their number.
pub(crate) fn scale(kubectl: &Kubectl, options: &KwokOptions) -> Result<usize> {
    let existing = kubectl.nodes(SELECTOR)?;
    let Some(number) = options.kwok_nodes else { return Ok(existing.len()) };
    let change = change(options, number, &existing);
    if !change.delete.is_empty() {
        // By a selector: given names, kubectl takes a fifth of a second for each.
        let selector = format!("--selector=kubernetes.io/hostname in ({})", change.delete.join(","));
        kubectl.line("delete nodes --wait=false").args([selector]).run()?;
    }
    if !change.create.is_empty() {
        let items: Vec<Value> = change.create.iter().map(|name| options.node(name)).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        kubectl.line("create -f -").input(list.to_string()).run()?;
    }
    wait::until(&format!("{number} KWOK nodes are ready"), Duration::from_secs(120), || {
        let ready = kubectl.nodes(SELECTOR)?.iter().filter(|node| node.ready).count();
        Ok(Seen::when(ready == number, format!("{ready} ready")))
    })?;
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(cpu: &str, taint: bool) -> KwokOptions {
        KwokOptions {
            kwok_nodes: None,
            kwok_cpu: cpu.into(),
            kwok_memory: "256Gi".into(),
            kwok_pods: 1000,
            kwok_taint: taint,
        }
    }

    fn nodes(options: &KwokOptions, names: &[&str]) -> Vec<NodeObject> {
        names.iter().map(|name| NodeObject::from(options.node(name))).collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn grows_shrinks_and_is_content() {
        let options = options("64", false);
        let existing = nodes(&options, &["kwok-0", "kwok-1"]);
        let grown = Change { delete: vec![], create: names(&["kwok-2"]) };
        assert_eq!(change(&options, 3, &existing), grown);
        let shrunk = Change { delete: names(&["kwok-1"]), create: vec![] };
        assert_eq!(change(&options, 1, &existing), shrunk);
        assert_eq!(change(&options, 2, &existing), Change { delete: vec![], create: vec![] });
    }

    #[test]
    fn nodes_of_another_size_or_taint_are_made_anew() {
        let existing = nodes(&options("64", false), &["kwok-0"]);
        let anew = Change { delete: names(&["kwok-0"]), create: names(&["kwok-0"]) };
        assert_eq!(change(&options("32", false), 1, &existing), anew);
        assert_eq!(change(&options("64", true), 1, &existing), anew);
    }
}
