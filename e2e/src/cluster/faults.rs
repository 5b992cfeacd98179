//! Breaking and mending single parts of the cluster, for tests.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::Signal;

use super::cgroup::Hierarchies;
use super::control_plane::api_server;
use super::node;
use super::paths::State;
use super::process::Process;
use super::record::{Lock, Record};
use super::up::require_root;
use super::{images, inventory, kwok, services};
use crate::helm::Helm;
use crate::kubectl::Kubectl;
use crate::progress::say;

/// A component is given this long to end when it is asked to; then it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// The running cluster, locked.
pub(crate) struct Cluster {
    state: State,
    record: Record,
    _lock: Lock,
}

impl Cluster {
    /// The one that runs on this machine.
    pub(crate) fn open() -> Result<Self> {
        require_root()?;
        let state = State::of_machine();
        // Asked first, because the lock would make the state's folder.
        Record::existing(&state)?;
        let lock = Lock::take(&state)?;
        Hierarchies::find()?.enter()?;
        Ok(Self { record: Record::existing(&state)?, state, _lock: lock })
    }

    /// Imports archives of images into its nodes.
    pub(crate) fn load_images(&self, archives: &[PathBuf]) -> Result<()> {
        images::load(&self.state, archives)
    }

    /// kubectl as its administrator.
    pub(crate) fn kubectl(&self) -> Kubectl {
        self.record.kubectl(&self.state)
    }

    /// Helm as its administrator.
    pub(crate) fn helm(&self) -> Helm {
        self.record.helm(&self.state)
    }

    /// Starts a component that does not run.
    pub(crate) fn start(&self, name: &str) -> Result<()> {
        let component = inventory::named(&self.state, &self.record, name)?;
        if name == kwok::component(&self.state, &self.record).name {
            kwok::release(&self.state, &self.kubectl())?;
        }
        let started = component.start(&self.state)?;
        let server = api_server(&self.state, &self.record);
        if name == server.name {
            services::wait_for_api_server(&self.state, &server, &self.kubectl())?;
        }
        say(format!("{name} {}", if started { "is started" } else { "runs already" }));
        Ok(())
    }

    /// Ends a component; `kill` does not ask it.
    pub(crate) fn stop(&self, name: &str, kill: bool) -> Result<()> {
        let component = inventory::named(&self.state, &self.record, name)?;
        let Some(process) = Process::alive(&self.state, &component.name)? else {
            say(format!("{name} does not run"));
            return Ok(());
        };
        let asked = !kill && process.end(Signal::SIGTERM, GRACE).is_ok();
        if !asked {
            process.end(Signal::SIGKILL, GRACE)?;
        }
        say(format!("{name} is {}", if asked { "stopped" } else { "killed" }));
        Ok(())
    }

    /// Stops a component where it is, or lets it go on.
    pub(crate) fn pause(&self, name: &str, paused: bool) -> Result<()> {
        let component = inventory::named(&self.state, &self.record, name)?;
        let process = Process::required(&self.state, &component.name)?;
        process.signal(if paused { Signal::SIGSTOP } else { Signal::SIGCONT })?;
        say(format!("{name} {}", if paused { "is paused" } else { "goes on" }));
        Ok(())
    }

    /// Cuts a node's power.
    pub(crate) fn kill_node(&self, name: &str) -> Result<()> {
        node::power_off(node::named(name)?)?;
        say(format!("{name} is off: all that ran on it is dead"));
        Ok(())
    }

    /// Turns a node on, or what of it does not run, and waits until it is ready.
    pub(crate) fn start_node(&self, name: &str) -> Result<()> {
        let (node, kubectl) = (node::named(name)?, self.kubectl());
        node::begin(&self.state, node)?;
        node::finish(&self.state, &kubectl, node)?;
        node::wait_ready(&self.state, &kubectl, node)?;
        say(format!("{name} is on and ready"));
        Ok(())
    }

    /// Plugs a node's network out or in. What runs on it goes on.
    pub(crate) fn plug(&self, name: &str, connected: bool) -> Result<()> {
        node::plug(&self.state, node::named(name)?, connected)?;
        say(format!(
            "{name} is {}",
            if connected { "reachable again" } else { "unreachable; what runs on it goes on" }
        ));
        Ok(())
    }
}
