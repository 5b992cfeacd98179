//! Running other programs, with errors that say what was run, how it ended and what it wrote.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail};

/// One run of another program. Its output is captured; an exit code other than 0 is an error.
pub(crate) struct Command {
    inner: std::process::Command,
    input: Vec<u8>,
}

impl Command {
    /// A run of `program`, a path or a name to be found in PATH.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self { inner: std::process::Command::new(program), input: Vec::new() }
    }

    /// A run from the words of `line`, split at blanks (no quoting): `Command::line("ip link show")`.
    pub(crate) fn line(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let mut command = Self::new(words.next().unwrap_or_default());
        command.inner.args(words);
        command
    }

    /// Appends arguments.
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.inner.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Removes every environment variable that starts with `prefix`.
    pub(crate) fn without_env(mut self, prefix: &str) -> Self {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with(prefix) {
                self.inner.env_remove(name);
            }
        }
        self
    }

    /// Sets the folder it runs in.
    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// What it reads as its standard input; nothing by default.
    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it to its end. An error unless it exits with 0.
    pub(crate) fn run(self) -> Result<()> {
        self.output().map(drop)
    }

    /// Runs it to its end and gives its standard output. An error unless it exits with 0.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self.wait()?;
        if !output.status.success() {
            bail!(self.failure(&output));
        }
        String::from_utf8(output.stdout).with_context(|| format!("{self} wrote something that is not UTF-8"))
    }

    /// Runs it to its end and says whether it exited with 0: for questions, not for actions.
    pub(crate) fn succeeds(mut self) -> Result<bool> {
        Ok(self.wait()?.status.success())
    }

    /// Runs it and hands each line that it writes to `take`, until that breaks off; then it is ended. Nothing when
    /// it ended before.
    pub(crate) fn lines<T>(
        mut self,
        mut take: impl FnMut(&str) -> Result<ControlFlow<T>>,
    ) -> Result<Option<T>> {
        let mut child = self.spawn(Stdio::null())?;
        let mut found = Ok(None);
        for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
            let line = line.with_context(|| format!("cannot read what {self} writes"));
            match line.and_then(|line| take(&line)) {
                Ok(ControlFlow::Continue(())) => continue,
                Ok(ControlFlow::Break(value)) => found = Ok(Some(value)),
                Err(error) => found = Err(error),
            }
            child.kill().with_context(|| format!("cannot end {self}"))?;
            break;
        }
        let output = child.wait_with_output().with_context(|| format!("cannot wait for {self}"))?;
        match found {
            Ok(None) if !output.status.success() => bail!(self.failure(&output)),
            found => found,
        }
    }

    fn spawn(&mut self, stdin: Stdio) -> Result<Child> {
        self.inner.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.inner.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow!("{self}: this program is not installed"),
            _ => anyhow!(error).context(format!("cannot run {self}")),
        })
    }

    fn wait(&mut self) -> Result<Output> {
        let input = std::mem::take(&mut self.input);
        let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
        let mut child = self.spawn(stdin)?;
        let stdin = child.stdin.take();
        // Written beside the reading of the output, so that two full pipes cannot block each other. A program
        // that ends without reading all of its input says why by its exit code: the broken pipe is no error
        // of its own.
        let output = std::thread::scope(|scope| {
            scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(&input)));
            child.wait_with_output()
        });
        output.with_context(|| format!("cannot wait for {self}"))
    }

    fn failure(&self, output: &Output) -> String {
        let text = if output.stderr.trim_ascii().is_empty() { &output.stdout } else { &output.stderr };
        format!("{self} failed ({}): {}", output.status, String::from_utf8_lossy(text).trim())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}", self.inner.get_program().display())?;
        for argument in self.inner.get_args() {
            write!(formatter, " {}", argument.display())?;
        }
        write!(formatter, "`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_what_the_program_wrote() {
        assert_eq!(Command::line("printf a-b").output().unwrap(), "a-b");
        assert_eq!(Command::new("cat").input("in").output().unwrap(), "in");
    }

    #[test]
    fn more_input_and_output_than_a_pipe_holds_does_not_block() {
        let text = "x".repeat(1 << 20);
        assert_eq!(Command::new("cat").input(text.clone()).output().unwrap(), text);
    }

    #[test]
    fn a_failure_names_the_command_its_status_and_its_words() {
        let error = Command::new("sh").args(["-c", "echo no such bridge >&2; exit 3"]).run().unwrap_err();
        let text = format!("{error:#}");
        assert!(text.starts_with("`sh -c echo no such bridge"), "{text}");
        assert!(text.ends_with("failed (exit status: 3): no such bridge"), "{text}");
    }

    #[test]
    fn a_missing_program_is_said_to_be_missing() {
        let error = Command::line("windlass-no-such-program --x").run().unwrap_err();
        assert_eq!(format!("{error:#}"), "`windlass-no-such-program --x`: this program is not installed");
    }

    #[test]
    fn lines_are_taken_as_they_come_until_enough_were_seen() {
        let endless = || Command::new("sh").args(["-c", "echo one; echo two; exec sleep 1000"]);
        let second = endless().lines(|line| {
            Ok(if line == "two" { ControlFlow::Break(line.to_owned()) } else { ControlFlow::Continue(()) })
        });
        assert_eq!(second.unwrap().as_deref(), Some("two"));
        let error = endless().lines::<()>(|line| bail!("{line} is wrong")).unwrap_err();
        assert_eq!(error.to_string(), "one is wrong");
    }

    #[test]
    fn a_program_may_end_before_enough_was_seen() {
        let none = Command::line("echo one").lines::<()>(|_| Ok(ControlFlow::Continue(())));
        assert_eq!(none.unwrap(), None);
        assert!(Command::line("false").lines::<()>(|_| Ok(ControlFlow::Continue(()))).is_err());
    }

    #[test]
    fn a_question_may_be_answered_no() {
        assert!(Command::new("true").succeeds().unwrap());
        assert!(!Command::new("false").succeeds().unwrap());
    }
}
