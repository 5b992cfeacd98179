//! Components of the cluster: what they are, and how one is started.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::cgroup::Hierarchies;
use super::namespaces;
use super::paths::State;
use super::process::{Process, tail};
use crate::wait::{self, Seen};

/// What is needed to start a component.
pub(crate) struct Component {
    /// Its name: `etcd`, or `node-1/kubelet`.
    pub(crate) name: String,
    /// The machine it is a part of, and dies with.
    pub(crate) machine: String,
    /// What it does.
    pub(crate) work: Work,
}

/// What a component does.
pub(crate) enum Work {
    /// It runs a program on this machine.
    Program {
        /// The program and its arguments.
        command: Vec<String>,
        /// What it has in its environment besides the usual: names and values.
        environment: Vec<(String, String)>,
    },
    /// It runs a program with arguments in the namespaces of its machine.
    Inside(Vec<String>),
    /// It holds the namespaces of its machine.
    Namespaces,
}

impl Component {
    /// The holder of a machine's namespaces.
    pub(crate) fn holder_of(machine: &str) -> Self {
        Self { name: namespaces::holder(machine), machine: machine.to_owned(), work: Work::Namespaces }
    }

    /// Starts it unless it runs, and says whether it had to; a paused one goes on. Its output is appended to
    /// its log.
    pub(crate) fn start(&self, state: &State) -> Result<bool> {
        if let Some(process) = Process::alive(state, &self.name)? {
            process.signal(Signal::SIGCONT)?;
            return Ok(false);
        }
        if matches!(self.work, Work::Namespaces) {
            namespaces::prepare(state, &self.machine)?;
        }
        let hierarchies = Hierarchies::find()?;
        hierarchies.create(&self.machine)?;
        let mut child =
            self.spawn(state, &hierarchies).with_context(|| format!("cannot start {}", self.name))?;
        wait::until(&format!("{} has begun", self.name), Duration::from_secs(10), || {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended at once ({status}){}", self.name, tail(state, &self.name));
            }
            let recorded = Process::recorded(state, &self.name)?.map(|process| process.pid.unsigned_abs());
            Ok(Seen::when(recorded == Some(child.id()), "no record of its process"))
        })?;
        Ok(true)
    }

    /// The child makes itself known (see `launch`) and then becomes the component.
    fn spawn(&self, state: &State, hierarchies: &Hierarchies) -> Result<Child> {
        let log = open_log(&state.log(&self.name))?;
        // Not by its path: this program may have been built anew since it began.
        let mut child = std::process::Command::new("/proc/self/exe");
        child.arg("internal").arg(if matches!(self.work, Work::Namespaces) { "hold" } else { "launch" });
        child.arg("--record").arg(state.process(&self.name));
        child.arg("--group").arg(hierarchies.processes(&self.machine)).arg("--");
        match &self.work {
            Work::Namespaces => child.arg(&self.machine),
            Work::Inside(command) => {
                child.arg("nsenter").args(namespaces::entering(state, &self.machine)?).args(command)
            }
            Work::Program { command, environment } => {
                child.args(command).envs(environment.iter().map(|(name, value)| (name, value)))
            }
        };
        child.current_dir("/").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(child.spawn()?)
    }

    /// An error with the end of its log when it does not run.
    pub(crate) fn check(&self, state: &State) -> Result<()> {
        Process::required(state, &self.name).map(drop)
    }
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let log = File::options().create(true).append(true).open(path);
    log.with_context(|| format!("cannot open {}", path.display()))
}
