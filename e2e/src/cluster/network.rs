//! The cluster's network: a bridge in the router's namespace, into which the nodes and this machine are
//! plugged.
//!
//! The bridge is not on the machine itself because the machine's firewall (Docker's `FORWARD DROP` is a
//! common one) would see what nodes send each other. The router forwards to services what the machine sends
//! there.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::addresses::{self, NODES, Node};
use super::namespaces::{ROUTER, holder, inside};
use super::paths::State;
use super::process::Process;
use crate::command::Command;

/// The machine's network device on the cluster's network.
const HOST_DEVICE: &str = "windlass0";
const BRIDGE: &str = "bridge0";

/// An error when something else on the machine uses the cluster's addresses.
pub(crate) fn check_addresses_are_free() -> Result<()> {
    let routes = Command::line("ip -json -4 route show root").args([addresses::BLOCK]).output()?;
    let routes: Value = serde_json::from_str(&routes).context("`ip -json` wrote something else than JSON")?;
    match routes.as_array().and_then(|routes| routes.first()) {
        None => Ok(()),
        Some(route) => bail!(
            "this machine already has a route into {}, which the cluster's addresses are from: {route}",
            addresses::BLOCK
        ),
    }
}

/// The network of this machine, or of one of the cluster's.
struct Network<'a> {
    state: &'a State,
    /// None for this machine.
    machine: Option<&'a str>,
}

impl Network<'_> {
    fn command(&self, line: &str) -> Result<Command> {
        match self.machine {
            None => Ok(Command::line(line)),
            Some(machine) => inside(self.state, machine, line),
        }
    }

    fn run(&self, line: &str) -> Result<()> {
        self.command(line)?.run()
    }

    fn has(&self, device: &str) -> Result<bool> {
        self.command(&format!("ip link show {device}"))?.succeeds()
    }

    /// Removes a device; fine when there is none.
    fn remove(&self, device: &str) -> Result<()> {
        match self.run(&format!("ip link delete {device}")) {
            // Looked at afterwards, because the kernel may be removing it too: a moment after a machine's end
            // it takes what was connected to it.
            Err(error) if self.has(device)? => Err(error),
            _ => Ok(()),
        }
    }
}

/// Connects this machine to the router.
pub(crate) fn connect_host(state: &State) -> Result<()> {
    let router = Network { state, machine: Some(ROUTER) };
    if !router.has(BRIDGE)? {
        router.run(&format!("ip link add {BRIDGE} type bridge"))?;
    }
    router.run("ip link set lo up")?;
    router.run(&format!("ip link set {BRIDGE} up"))?;
    router.run(&format!("ip address replace {}/24 dev {BRIDGE}", addresses::ROUTER))?;
    for node in &NODES {
        router.run(&format!("ip route replace {} via {}", node.pods, node.address))?;
    }
    let host = Network { state, machine: None };
    if !router.has("host")? {
        host.remove(HOST_DEVICE)?;
        let pid = Process::required(state, &holder(ROUTER))?.pid;
        host.run(&format!("ip link add {HOST_DEVICE} type veth peer name host netns {pid}"))?;
    }
    router.run(&format!("ip link set host master {BRIDGE} up"))?;
    host.run(&format!("ip link set {HOST_DEVICE} up"))?;
    host.run(&format!("ip address replace {}/24 dev {HOST_DEVICE}", addresses::HOST))?;
    for node in &NODES {
        host.run(&format!("ip route replace {} via {}", node.pods, node.address))?;
    }
    host.run(&format!("ip route replace {} via {}", addresses::SERVICES, addresses::ROUTER))
}

/// Connects a node to the router.
pub(crate) fn connect_node(state: &State, node: &Node) -> Result<()> {
    let router = Network { state, machine: Some(ROUTER) };
    let inner = Network { state, machine: Some(node.name) };
    if !inner.has("eth0")? {
        router.remove(node.name)?;
        let pid = Process::required(state, &holder(node.name))?.pid;
        // Made inside the router: this machine never has the device.
        router.run(&format!("ip link add {} type veth peer name eth0 netns {pid}", node.name))?;
    }
    router.run(&format!("ip link set {} master {BRIDGE} up", node.name))?;
    inner.run("ip link set lo up")?;
    inner.run("ip link set eth0 up")?;
    inner.run(&format!("ip address replace {}/24 dev eth0", node.address))?;
    inner.run(&format!("ip route replace default via {}", addresses::HOST))?;
    for other in NODES.iter().filter(|other| other.name != node.name) {
        inner.run(&format!("ip route replace {} via {}", other.pods, other.address))?;
    }
    Ok(())
}

/// Plugs a node's cable out, or in again. What runs on the node goes on.
pub(crate) fn plug(state: &State, node: &Node, connected: bool) -> Result<()> {
    let router = Network { state, machine: Some(ROUTER) };
    router.run(&format!("ip link set {} {}", node.name, if connected { "up" } else { "down" }))
}

/// Whether a running node is plugged in.
pub(crate) fn is_plugged(state: &State, node: &Node) -> Result<bool> {
    let router = Network { state, machine: Some(ROUTER) };
    let output = router.command(&format!("ip link show {} up", node.name))?.output()?;
    Ok(!output.is_empty())
}

/// Removes this machine's device, and with it its routes.
pub(crate) fn disconnect_host(state: &State) -> Result<()> {
    // A machine that never had the cluster may lack the tool too.
    if !Path::new("/sys/class/net").join(HOST_DEVICE).exists() {
        return Ok(());
    }
    Network { state, machine: None }.remove(HOST_DEVICE)
}
