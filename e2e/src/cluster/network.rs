//! The cluster's network: a bridge in the router's namespace, into which the nodes and this machine are
//! plugged.
//!
//! The bridge is not on the machine itself because the machine's firewall (Docker's `FORWARD DROP` is a
//! common one) would see what nodes send each other. The router forwards to services what the machine sends
//! there.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::addresses::{self, NODES, Node};
use super::namespaces::{ROUTER, entering, holder, inside};
use super::paths::State;
use super::process::Process;
use crate::command::Command;

/// The machine's network device on the cluster's network.
pub(crate) const HOST_DEVICE: &str = "windlass0";
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

/// Connects this machine to the router.
pub(crate) fn connect_host(state: &State) -> Result<()> {
    let router = |line: &str| inside(state, ROUTER, line)?.run();
    if !inside(state, ROUTER, &format!("ip link show {BRIDGE}"))?.succeeds()? {
        router(&format!("ip link add {BRIDGE} type bridge"))?;
    }
    router("ip link set lo up")?;
    router(&format!("ip link set {BRIDGE} up"))?;
    router(&format!("ip address replace {}/24 dev {BRIDGE}", addresses::ROUTER))?;
    for node in &NODES {
        router(&format!("ip route replace {} via {}", node.pods, node.address))?;
    }
    if !exists(HOST_DEVICE)? {
        let pid = Process::required(state, &holder(ROUTER))?.pid;
        Command::line(&format!("ip link add {HOST_DEVICE} type veth peer name host netns {pid}")).run()?;
    }
    router(&format!("ip link set host master {BRIDGE} up"))?;
    Command::line(&format!("ip link set {HOST_DEVICE} up")).run()?;
    Command::line(&format!("ip address replace {}/24 dev {HOST_DEVICE}", addresses::HOST)).run()?;
    for node in &NODES {
        Command::line(&format!("ip route replace {} via {}", node.pods, node.address)).run()?;
    }
    Command::line(&format!("ip route replace {} via {}", addresses::SERVICES, addresses::ROUTER)).run()
}

/// Connects a node to the router.
pub(crate) fn connect_node(state: &State, node: &Node) -> Result<()> {
    let inner = |line: &str| inside(state, node.name, line)?.run();
    if !inside(state, node.name, "ip link show eth0")?.succeeds()? {
        let pid = Process::required(state, &holder(node.name))?.pid;
        if inside(state, ROUTER, &format!("ip link show {}", node.name))?.succeeds()? {
            // Of a node that has died: the kernel takes a moment to remove what was in its namespaces.
            inside(state, ROUTER, &format!("ip link delete {}", node.name))?.run()?;
        }
        let add = format!("ip link add {} type veth peer name eth0 netns {pid}", node.name);
        // Made inside the router: this machine never has the device.
        inside(state, ROUTER, &add)?.run()?;
    }
    inside(state, ROUTER, &format!("ip link set {} master {BRIDGE} up", node.name))?.run()?;
    inner("ip link set lo up")?;
    inner("ip link set eth0 up")?;
    inner(&format!("ip address replace {}/24 dev eth0", node.address))?;
    inner(&format!("ip route replace default via {}", addresses::HOST))?;
    for other in NODES.iter().filter(|other| other.name != node.name) {
        inner(&format!("ip route replace {} via {}", other.pods, other.address))?;
    }
    Ok(())
}

/// Plugs a node's cable out, or in again. What runs on the node goes on.
pub(crate) fn plug(state: &State, node: &Node, connected: bool) -> Result<()> {
    let position = if connected { "up" } else { "down" };
    inside(state, ROUTER, &format!("ip link set {} {position}", node.name))?.run()
}

/// Whether a running node is plugged in.
pub(crate) fn is_plugged(state: &State, node: &Node) -> Result<bool> {
    let show = format!("ip link show {} up", node.name);
    let output = Command::new("nsenter").args(entering(state, ROUTER)?).args(show.split(' ')).output()?;
    Ok(!output.is_empty())
}

/// Removes the machine's device, and with it its routes and its end in the router.
pub(crate) fn disconnect_host() -> Result<()> {
    if exists(HOST_DEVICE)? { Command::line(&format!("ip link delete {HOST_DEVICE}")).run() } else { Ok(()) }
}

fn exists(device: &str) -> Result<bool> {
    Command::line(&format!("ip link show {device}")).succeeds()
}
