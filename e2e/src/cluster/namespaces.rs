//! A machine of the cluster is a set of namespaces, held by one process. Kill the process, and whatever else
//! lives in them, and the kernel takes away its network, its mounts and its host name, as when a host loses
//! power.
//!
//! A node has a `/var` and a `/run` of its own: its kubelet and containerd use their standard paths, and
//! nothing of what they mount is seen by the machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{self, MsFlags};
use nix::sched::{self, CloneFlags};
use nix::unistd;
use sha2::{Digest, Sha256};

use super::addresses::NODES;
use super::cpus;
use super::paths::{self, State};
use super::process::Process;
use super::record::Record;
use crate::command::Command;

/// The machine between the nodes and this one: a bridge that they are all plugged into, and the way to
/// services.
pub(crate) const ROUTER: &str = "router";

/// Where a node sees the cluster's programs: they may be below the `/var` that is hidden from it.
pub(crate) const PROGRAMS: &str = "/var/lib/windlass-e2e-programs";

/// The name of the process that holds a machine's namespaces.
pub(crate) fn holder(machine: &str) -> String {
    format!("{machine}/namespaces")
}

/// A run of the words of `line` inside a machine's namespaces.
pub(crate) fn inside(state: &State, machine: &str, line: &str) -> Result<Command> {
    Ok(Command::new("nsenter").args(entering(state, machine)?).args(line.split_whitespace()))
}

/// Arguments of `nsenter` to get into a machine.
pub(crate) fn entering(state: &State, machine: &str) -> Result<[String; 5]> {
    let pid = Process::required(state, &holder(machine))?.pid;
    Ok([format!("--target={pid}"), "--net".into(), "--mount".into(), "--uts".into(), "--".into()])
}

/// A start of the node's own, new each time: after `kill-node` and `start-node` the Node reports another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const MACHINE_ID: &str = "/etc/machine-id";

/// What a kubelet sets. With files of their own nodes do not change how this machine treats a panic.
const TUNABLES: [(&str, &str); 6] = [
    ("/proc/sys/vm/overcommit_memory", "1"),
    ("/proc/sys/vm/panic_on_oom", "0"),
    ("/proc/sys/kernel/panic", "10"),
    ("/proc/sys/kernel/panic_on_oops", "1"),
    ("/proc/sys/kernel/keys/root_maxkeys", "1000000"),
    ("/proc/sys/kernel/keys/root_maxbytes", "25000000"),
];

/// Files and folders of this machine that a node sees its own of.
fn shadowed() -> impl Iterator<Item = &'static str> {
    [BOOT_ID, MACHINE_ID, cpus::FOLDER].into_iter().chain(TUNABLES.map(|(path, _)| path))
}

/// Where a node has its own: at the same path below its folder `shadow`.
fn shadow(own: &Path, target: &str) -> PathBuf {
    own.join("shadow").join(target.trim_start_matches('/'))
}

/// Makes the folders and files that a machine's mounts need. What it had stored stays.
pub(crate) fn prepare(state: &State, machine: &str) -> Result<()> {
    if NODES.iter().any(|node| node.name == machine) {
        let record = Record::existing(state)?;
        prepare_node(state, &record, machine)
            .with_context(|| format!("cannot prepare the folders of {machine}"))?;
    }
    Ok(())
}

fn prepare_node(state: &State, record: &Record, node: &str) -> Result<()> {
    let own = state.node(node);
    for folder in
        ["lib/windlass-e2e", "lib/windlass-e2e-programs", "lib/kubelet", "lib/containerd", "log", "tmp"]
    {
        fs::create_dir_all(own.join("var").join(folder))?;
    }
    let run = own.join("var/run");
    paths::remove(&run)?;
    symlink("/run", run)?;
    let boot_id = fs::read("/proc/sys/kernel/random/uuid").context("cannot make a boot ID")?;
    paths::write(&shadow(&own, BOOT_ID), boot_id)?;
    let digits: String = Sha256::digest(node).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    paths::write(&shadow(&own, MACHINE_ID), digits + "\n")?;
    for (path, value) in TUNABLES {
        paths::write(&shadow(&own, path), format!("{value}\n"))?;
    }
    cpus::write(&shadow(&own, cpus::FOLDER), record.node_cpus)
}

/// Runs in the holder: leaves the machine's namespaces for new ones and furnishes them.
pub(crate) fn create(machine: &str) -> Result<()> {
    let state = State::of_machine();
    let record = Record::existing(&state)?;
    sched::unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS)
        .context("cannot make namespaces")?;
    unistd::sethostname(machine).context("cannot set the host name")?;
    sysctl("net/ipv4/ip_forward", "1")?;
    // Mounts of the machine come in, so that it can still unmount them; those made here do not get out.
    // Inside they are shared, as pods with mount propagation need.
    remount(MsFlags::MS_SLAVE)?;
    remount(MsFlags::MS_SHARED)?;
    match NODES.iter().find(|node| node.name == machine) {
        Some(node) => furnish_node(&state, &record, node.name),
        None => furnish_router(),
    }
}

fn furnish_router() -> Result<()> {
    for family in ["iptables", "ip6tables", "arptables"] {
        let name = format!("net/bridge/bridge-nf-call-{family}");
        // The router's own rules for services must not touch what only crosses its bridge. Without the module
        // br_netfilter they cannot.
        if Path::new("/proc/sys").join(&name).exists() {
            sysctl(&name, "0")?;
        }
    }
    sysctl("net/ipv4/conf/all/send_redirects", "0")
}

fn furnish_node(state: &State, record: &Record, node: &str) -> Result<()> {
    let own = state.node(node);
    let var = own.join("var");
    bind(state.root(), &var.join("lib/windlass-e2e"))?;
    bind(&record.programs, &var.join("lib/windlass-e2e-programs"))?;
    bind(&var, Path::new("/var"))?;
    let none: Option<&Path> = None;
    mount::mount(Some("tmpfs"), Path::new("/run"), Some("tmpfs"), MsFlags::empty(), none)
        .context("cannot mount /run")?;
    // The node's folder as it is seen now, with its own `/var` in place.
    let own = State::of_machine().node(node);
    for target in shadowed() {
        // Not every kernel and machine has each of them.
        if Path::new(target).exists() {
            bind(&shadow(&own, target), Path::new(target))?;
        }
    }
    Ok(())
}

fn sysctl(name: &str, value: &str) -> Result<()> {
    let path = PathBuf::from("/proc/sys").join(name);
    fs::write(&path, value).with_context(|| format!("cannot set {} to {value}", path.display()))
}

fn remount(propagation: MsFlags) -> Result<()> {
    let none: Option<&Path> = None;
    mount::mount(none, Path::new("/"), none, MsFlags::MS_REC | propagation, none)
        .context("cannot set how mounts propagate")
}

fn bind(source: &Path, target: &Path) -> Result<()> {
    let none: Option<&Path> = None;
    mount::mount(Some(source), target, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
        .with_context(|| format!("cannot mount {} on {}", source.display(), target.display()))
}

/// What a node's kubelet reports as its boot ID since the node was last turned on.
pub(crate) fn boot_id(state: &State, node: &str) -> Result<String> {
    let path = shadow(&state.node(node), BOOT_ID);
    Ok(fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .trim()
        .to_owned())
}
