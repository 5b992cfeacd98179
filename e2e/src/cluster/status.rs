//! What runs, for people.

use std::process::ExitCode;

use anyhow::Result;

use super::addresses::NODES;
use super::inventory;
use super::namespaces::holder;
use super::network;
use super::paths::State;
use super::process::{Activity, Process};
use super::record::Record;
use crate::kubectl::NodeObject;
use crate::progress::say;

/// Prints each component and each node. Fails when anything that should run does not.
pub(crate) fn run() -> Result<ExitCode> {
    let state = State::of_machine();
    let Some(record) = Record::read(&state)? else {
        say("No cluster runs on this machine.");
        return Ok(ExitCode::FAILURE);
    };
    let mut healthy = true;
    say(format!("{:<26} {:<9} {:>8} {:>9}  LOG", "COMPONENT", "STATE", "PID", "MEMORY"));
    for component in inventory::all(&state, &record) {
        let process = Process::recorded(&state, &component.name)?;
        let activity = process.as_ref().map(Process::activity).transpose()?.flatten();
        healthy &= activity == Some(Activity::Running);
        say(line(&component.name, process.as_ref(), activity, &state));
    }
    say("");
    match record.kubectl(&state).nodes("") {
        Ok(nodes) => healthy &= print_nodes(&state, &nodes)?,
        Err(error) => {
            healthy = false;
            say(format!("Nodes are not known: {error:#}"));
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(name: &str, process: Option<&Process>, activity: Option<Activity>, state: &State) -> String {
    let log = state.log(name);
    match (process, activity) {
        (Some(process), Some(activity)) => {
            let word = if activity == Activity::Paused { "paused" } else { "running" };
            let mebibytes = process.resident() >> 20;
            format!("{name:<26} {word:<9} {:>8} {mebibytes:>5} MiB  {}", process.pid, log.display())
        }
        _ => format!("{name:<26} {:<9} {:>8} {:>9}  {}", "stopped", "-", "-", log.display()),
    }
}

/// Says of each real node whether it is ready, and of the others how many are.
fn print_nodes(state: &State, objects: &[NodeObject]) -> Result<bool> {
    let mut healthy = true;
    for node in &NODES {
        let object = objects.iter().find(|object| object.name == node.name);
        let on = Process::alive(state, &holder(node.name))?.is_some();
        let readiness = match object {
            None => "has no Node object".to_owned(),
            Some(object) if object.ready => "ready".to_owned(),
            Some(object) => format!("not ready, {}", object.reason),
        };
        let power = match (on, on && network::is_plugged(state, node)?) {
            (false, _) => "; it is off",
            (true, false) => "; its network is unplugged",
            (true, true) => "",
        };
        healthy &= power.is_empty() && object.is_some_and(|object| object.ready);
        say(format!("{} ({}): {readiness}{power}", node.name, node.address));
    }
    let is_real = |object: &&NodeObject| NODES.iter().any(|node| node.name == object.name);
    let simulated: Vec<_> = objects.iter().filter(|object| !is_real(object)).collect();
    let ready = simulated.iter().filter(|object| object.ready).count();
    say(format!("simulated nodes: {ready} of {} ready", simulated.len()));
    Ok(healthy && ready == simulated.len())
}
