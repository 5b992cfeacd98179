//! A real node: a kubelet, a containerd and a proxy in namespaces of their own. It can lose power, lose its
//! network, and come back.

use std::time::Duration;

use anyhow::{Result, bail};

use super::addresses::{NODES, Node};
use super::cgroup::{CLUSTER, Hierarchies};
use super::component::{Component, Work};
use super::namespaces::{self, PROGRAMS, holder, inside};
use super::paths::State;
use super::pki;
use super::process::Process;
use super::{images, network};
use crate::kubectl::Kubectl;
use crate::wait::{self, Seen};

/// The node called `name`, or an error that lists them.
pub(crate) fn named(name: &str) -> Result<&'static Node> {
    match NODES.iter().find(|node| node.name == name) {
        Some(node) => Ok(node),
        None => bail!("there is no real node {name}; there are {}", NODES.map(|node| node.name).join(", ")),
    }
}

/// All of a node, in the order it starts.
pub(crate) fn components(state: &State, node: &Node) -> Vec<Component> {
    vec![Component::holder_of(node.name), containerd(state, node), proxy(state, node), kubelet(state, node)]
}

/// The container runtime. All its folders are the usual ones, in the node's own `/var` and `/run`.
fn containerd(state: &State, node: &Node) -> Component {
    within(node, "containerd", vec!["/usr/bin/containerd".into(), config(state, node, "containerd.toml")])
}

fn proxy(state: &State, node: &Node) -> Component {
    within(node, "kube-proxy", vec![format!("{PROGRAMS}/kube-proxy"), config(state, node, "kube-proxy.yaml")])
}

fn kubelet(state: &State, node: &Node) -> Component {
    let command = vec![
        format!("{PROGRAMS}/kubelet"),
        config(state, node, "kubelet.yaml"),
        format!("--kubeconfig={}", state.kubeconfig(&pki::kubelet(node.name)).display()),
        format!("--node-ip={}", node.address),
        "--node-labels=windlass.dev/pool=real".into(),
    ];
    within(node, "kubelet", command)
}

fn config(state: &State, node: &Node, name: &str) -> String {
    format!("--config={}", state.config(node.name).join(name).display())
}

fn within(node: &Node, name: &str, command: Vec<String>) -> Component {
    Component {
        name: format!("{}/{name}", node.name),
        machine: node.name.to_owned(),
        work: Work::Inside(command),
    }
}

/// Turns a node on as far as it needs no API server: namespaces, network, containerd. `finish` does the rest.
pub(crate) fn begin(state: &State, node: &Node) -> Result<()> {
    if Process::alive(state, &holder(node.name))?.is_none() {
        // Something may be left of a node whose holder alone has died; groups of dead pods surely are.
        power_off(node)?;
        Hierarchies::find()?.remove(&group(node))?;
    }
    Component::holder_of(node.name).start(state)?;
    network::connect_node(state, node)?;
    containerd(state, node).start(state).map(drop)
}

/// Turns on what is left: images, proxy and kubelet. Does not wait for the node to be ready.
pub(crate) fn finish(state: &State, kubectl: &Kubectl, node: &Node) -> Result<()> {
    let runtime = containerd(state, node);
    wait::until(&format!("{} answers", runtime.name), Duration::from_secs(30), || {
        runtime.check(state)?;
        Ok(Seen::when(inside(state, node.name, "ctr version")?.succeeds()?, "no answer to `ctr version`"))
    })?;
    images::import(state, node.name, &state.images())?;
    proxy(state, node).start(state)?;
    let kubelet = kubelet(state, node);
    let started = kubelet.start(state)?;
    if !started && !kubectl.has_node(node.name)? {
        // A kubelet registers its node once, when it starts.
        let process = Process::required(state, &kubelet.name)?;
        process.end(nix::sys::signal::Signal::SIGTERM, Duration::from_secs(20))?;
        kubelet.start(state)?;
    }
    Ok(())
}

/// Waits until a node that was turned on is ready, as its own kubelet says since then.
pub(crate) fn wait_ready(state: &State, kubectl: &Kubectl, node: &Node) -> Result<()> {
    let kubelet = kubelet(state, node);
    let boot = namespaces::boot_id(state, node.name)?;
    wait::until(&format!("{} is ready", node.name), Duration::from_secs(90), || {
        kubelet.check(state)?;
        let Some(object) = kubectl.node(node.name)? else { return Ok(Seen::NotYet("no Node object".into())) };
        if object.boot_id != boot {
            return Ok(Seen::NotYet("what its kubelet said before this start".into()));
        }
        Ok(Seen::when(object.ready, object.reason))
    })
}

/// Cuts a node's power: everything on it dies at once, containers too, and nothing is told about it.
pub(crate) fn power_off(node: &Node) -> Result<()> {
    Hierarchies::find()?.kill(&group(node))
}

/// Plugs a node's network out or in.
pub(crate) fn plug(state: &State, node: &Node, connected: bool) -> Result<()> {
    if Process::alive(state, &holder(node.name))?.is_none() {
        bail!("{0} is off: `cluster start-node {0}` turns it on", node.name);
    }
    network::plug(state, node, connected)
}

fn group(node: &Node) -> String {
    format!("{CLUSTER}/{}", node.name)
}
