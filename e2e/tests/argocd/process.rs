//! Programs that run beside a test, and are ended with it however it ends.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// A program that runs until this is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; its output goes to a file of `folder` that has its name.
    pub(crate) fn start(folder: &Path, name: &str, set: impl FnOnce(&mut Command)) -> Self {
        let log = folder.join(format!("{name}.log"));
        // A test that is killed cannot end anything: the kernel then does.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        set(&mut command);
        let output = File::create(&log).unwrap();
        command.current_dir(folder).stdout(output.try_clone().unwrap()).stderr(output);
        Self { child: command.spawn().unwrap(), log }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ended = self.child.try_wait();
        if std::thread::panicking() {
            let text = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(10)..];
            eprintln!("{} ({ended:?}):\n{}", self.log.display(), last.join("\n"));
        }
        // An error says that it has ended before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
