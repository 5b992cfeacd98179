//! The cluster's long-running processes. One is known by its process ID together with the moment it began, so
//! that a process that got the ID later is never taken for it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::paths::{self, State};
use crate::wait::{self, Seen};

/// A process that was started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its process ID.
    pub(crate) pid: i32,
    /// When it began, in clock ticks since the machine's start.
    start_time: u64,
    /// The start of the machine it began in.
    boot: String,
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Activity {
    /// It runs.
    Running,
    /// It is stopped by a signal, and can go on.
    Paused,
}

impl Process {
    /// The process with this ID now.
    pub(crate) fn with_pid(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let (_, start_time) =
            parse_stat(&stat).with_context(|| format!("cannot understand {path}: {stat}"))?;
        Ok(Self { pid: i32::try_from(pid)?, start_time, boot: boot()? })
    }

    /// The one recorded for a component, dead or alive. Nothing when it was never started.
    pub(crate) fn recorded(state: &State, component: &str) -> Result<Option<Self>> {
        let path = state.process(component);
        match fs::read(&path) {
            Ok(text) => {
                let process = serde_json::from_slice(&text);
                process.with_context(|| format!("{} is damaged", path.display())).map(Some)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The one recorded for a component, if it is alive.
    pub(crate) fn alive(state: &State, component: &str) -> Result<Option<Self>> {
        let process = Self::recorded(state, component)?;
        Ok(match process {
            Some(process) if process.activity()?.is_some() => Some(process),
            _ => None,
        })
    }

    /// The living process of a component that must be alive.
    pub(crate) fn required(state: &State, component: &str) -> Result<Self> {
        match Self::alive(state, component)? {
            Some(process) => Ok(process),
            None => bail!("{component} is not running{}", tail(state, component)),
        }
    }

    /// Writes it down as the component's.
    pub(crate) fn record(&self, path: &Path) -> Result<()> {
        paths::write(path, serde_json::to_vec(self)?)
    }

    /// What it is doing; nothing when it has ended.
    pub(crate) fn activity(&self) -> Result<Option<Activity>> {
        if self.boot != boot()? {
            return Ok(None);
        }
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else { return Ok(None) };
        Ok(match parse_stat(&stat) {
            Some((_, start_time)) if start_time != self.start_time => None,
            // A zombie has ended, and only its parent has not looked yet; unless it has other threads, which still
            // hold what it had open, such as the port it listened on.
            Some(('Z' | 'X', _)) if self.threads() <= 1 => None,
            None => None,
            Some(('T', _)) => Some(Activity::Paused),
            Some(_) => Some(Activity::Running),
        })
    }

    fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid)).map_or(0, Iterator::count)
    }

    /// Resident memory in bytes; 0 when it has ended.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        kibibytes.unwrap_or(0) * 1024
    }

    /// Sends it a signal; fine when it has ended.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        if self.activity()?.is_none() {
            return Ok(());
        }
        match signal::kill(Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(nix::Error::ESRCH) => Ok(()),
            Err(error) => {
                Err(anyhow!(error).context(format!("cannot send {signal} to process {}", self.pid)))
            }
        }
    }

    /// Sends it a signal that ends it, and waits for the end, at most `bound` long.
    pub(crate) fn end(&self, how: Signal, bound: Duration) -> Result<()> {
        self.signal(how)?;
        // A paused process would see the signal only when it goes on.
        self.signal(Signal::SIGCONT)?;
        wait::until(&format!("process {} has ended after {how}", self.pid), bound, || {
            Ok(Seen::when(self.activity()?.is_none(), "it lives"))
        })
    }
}

/// The end of a component's log, to be put behind an error.
pub(crate) fn tail(state: &State, component: &str) -> String {
    let path = state.log(component);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default();
    format!("; the end of its log, {}:\n{}", path.display(), last.join("\n"))
}

/// A name of this start of the machine.
fn boot() -> Result<String> {
    let path = "/proc/sys/kernel/random/boot_id";
    Ok(fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?.trim().to_owned())
}

/// State and start time in `/proc/PID/stat`: the third field and the 22nd. The second is the program's name
/// in brackets, which may hold blanks and brackets itself.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "4242 (a) b (c)) S 1 4242 4242 0 -1 4194560 3 0 0 0 1 2 0 0 20 0 7 0 987654 11 22 33";

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        assert_eq!(parse_stat(STAT), Some(('S', 987_654)));
        assert_eq!(parse_stat("4242 (x) S 1 2"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn this_process_runs_and_one_with_its_pid_and_another_start_does_not() {
        let this = Process::with_pid(std::process::id()).unwrap();
        assert_eq!(this.activity().unwrap(), Some(Activity::Running));
        assert!(this.resident() > 100_000);
        let earlier = Process { start_time: this.start_time - 1, ..this.clone() };
        assert_eq!(earlier.activity().unwrap(), None);
        let before_a_reboot = Process { boot: "another".to_owned(), ..this };
        assert_eq!(before_a_reboot.activity().unwrap(), None);
    }

    #[test]
    fn a_process_is_paused_goes_on_and_ends() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::with_pid(child.id()).unwrap();
        let becomes = |expected| {
            wait::until("its activity changes", Duration::from_secs(5), || {
                Ok(Seen::when(process.activity()? == expected, "the old one"))
            })
        };
        process.signal(Signal::SIGSTOP).unwrap();
        becomes(Some(Activity::Paused)).unwrap();
        process.end(Signal::SIGTERM, Duration::from_secs(5)).unwrap();
        assert_eq!(process.activity().unwrap(), None);
        child.wait().unwrap();
        process.signal(Signal::SIGTERM).unwrap();
    }

    #[test]
    fn a_record_is_only_believed_while_its_process_lives() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        assert_eq!(Process::alive(&state, "etcd").unwrap(), None);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::with_pid(child.id()).unwrap();
        process.record(&state.process("etcd")).unwrap();
        assert_eq!(Process::alive(&state, "etcd").unwrap(), Some(process.clone()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(Process::alive(&state, "etcd").unwrap(), None);
        assert_eq!(Process::recorded(&state, "etcd").unwrap(), Some(process));
        let error = Process::required(&state, "etcd").unwrap_err();
        assert!(error.to_string().starts_with("etcd is not running; the end of its log"), "{error}");
    }
}
