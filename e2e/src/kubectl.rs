//! Questions to the API server, and objects for it, through kubectl.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::Command;

/// kubectl, and the cluster that it talks to.
pub(crate) struct Kubectl {
    program: PathBuf,
    connection: String,
}

/// What is of interest in a Node object.
#[derive(Debug, PartialEq)]
pub(crate) struct NodeObject {
    /// Its name.
    pub(crate) name: String,
    /// Whether its condition `Ready` is true.
    pub(crate) ready: bool,
    /// What that condition says.
    pub(crate) reason: String,
    /// The start of the host that its kubelet last reported.
    pub(crate) boot_id: String,
    /// The whole object.
    pub(crate) object: Value,
}

impl Kubectl {
    /// One that talks to the cluster of a kubeconfig.
    pub(crate) fn of_kubeconfig(program: PathBuf, kubeconfig: &Path) -> Self {
        Self { program, connection: format!("--kubeconfig={}", kubeconfig.display()) }
    }

    /// The user's own, with a context of the user's own kubeconfig.
    pub(crate) fn of_context(context: &str) -> Self {
        Self { program: "kubectl".into(), connection: format!("--context={context}") }
    }

    /// A run with the words of `line` as its arguments.
    pub(crate) fn line(&self, line: &str) -> Command {
        Command::new(&self.program)
            .args([&self.connection])
            // It would keep its cache in the user's home, where `down` leaves things alone.
            .args(["--cache-dir=/dev/null", "--request-timeout=20s"])
            .args(line.split_whitespace())
    }

    /// Creates or changes objects, given as YAML or JSON, so that they are as given.
    pub(crate) fn apply(&self, objects: &str) -> Result<()> {
        self.line("apply --server-side --force-conflicts --field-manager=windlass-e2e -f -")
            .input(objects)
            .run()
    }

    /// Whether there is such a Node.
    pub(crate) fn has_node(&self, name: &str) -> Result<bool> {
        Ok(self.node(name)?.is_some())
    }

    /// A Node, if there is one.
    pub(crate) fn node(&self, name: &str) -> Result<Option<NodeObject>> {
        Ok(self.nodes(&format!("--field-selector=metadata.name={name}"))?.pop())
    }

    /// The Nodes that a selector (an argument of `kubectl get`) matches.
    pub(crate) fn nodes(&self, selector: &str) -> Result<Vec<NodeObject>> {
        Ok(self.list(&format!("nodes {selector}"))?.into_iter().map(NodeObject::from).collect())
    }

    /// The objects that `kubectl get` finds with these arguments.
    pub(crate) fn list(&self, arguments: &str) -> Result<Vec<Value>> {
        let text = self.line(&format!("get -o json {arguments}")).output()?;
        let mut list: Value =
            serde_json::from_str(&text).context("kubectl wrote something else than JSON")?;
        let items = list.get_mut("items").map(Value::take);
        match items {
            Some(Value::Array(items)) => Ok(items),
            _ => bail!("kubectl wrote no list"),
        }
    }
}

impl From<Value> for NodeObject {
    fn from(object: Value) -> Self {
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        let ready = conditions.and_then(|all| {
            all.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some("Ready"))
        });
        let of_ready =
            |name: &str| ready.and_then(|condition| condition.get(name)?.as_str()).unwrap_or_default();
        Self {
            name: text("/metadata/name"),
            ready: of_ready("status") == "True",
            reason: format!("{}: {}", of_ready("reason"), of_ready("message")),
            boot_id: text("/status/nodeInfo/bootID"),
            object,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_is_ready_only_when_its_condition_is_true() {
        let node = |status: &str| {
            let conditions = json!([
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": status, "reason": "KubeletReady", "message": "posting"},
            ]);
            NodeObject::from(json!({
                "metadata": {"name": "node-1"},
                "status": {"conditions": conditions, "nodeInfo": {"bootID": "b"}},
            }))
        };
        let ready = node("True");
        assert!(ready.ready);
        assert_eq!((ready.name.as_str(), ready.boot_id.as_str()), ("node-1", "b"));
        assert_eq!(ready.reason, "KubeletReady: posting");
        assert!(!node("Unknown").ready);
        assert!(!NodeObject::from(json!({})).ready);
    }
}
