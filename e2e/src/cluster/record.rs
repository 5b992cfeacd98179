//! The one record of the cluster that runs on this machine, written before anything else is created, and the
//! lock that lets only one program change it at a time.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::paths::{self, State};
use crate::helm::Helm;
use crate::kubectl::Kubectl;
use crate::progress::say;

/// What was asked for. The components' arguments follow from it, so that one can be started again later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The folder of the programs it runs.
    pub(crate) programs: PathBuf,
    /// How many CPUs each real node reports.
    pub(crate) node_cpus: u32,
    /// Whether Karpenter with its KWOK provider runs too.
    pub(crate) karpenter: bool,
    /// Checkouts whose `target/cluster` leads to it.
    pub(crate) checkouts: BTreeSet<PathBuf>,
}

impl Record {
    /// The record, or nothing when no cluster was started.
    pub(crate) fn read(state: &State) -> Result<Option<Self>> {
        let path = state.record();
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is damaged; `cluster down` clears it", path.display()))
                .map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The record, or an error that says how to start a cluster.
    pub(crate) fn existing(state: &State) -> Result<Self> {
        match Self::read(state)? {
            Some(record) => Ok(record),
            None => bail!("no cluster runs on this machine: start one with `cluster up`"),
        }
    }

    /// kubectl as the cluster's administrator.
    pub(crate) fn kubectl(&self, state: &State) -> Kubectl {
        Kubectl::of_kubeconfig(self.programs.join("kubectl"), &state.kubeconfig("admin"))
    }

    /// Helm as the cluster's administrator.
    pub(crate) fn helm(&self, state: &State) -> Helm {
        Helm::of_kubeconfig(self.programs.join("helm"), &state.kubeconfig("admin"))
    }

    /// Writes it.
    pub(crate) fn write(&self, state: &State) -> Result<()> {
        paths::write(&state.record(), serde_json::to_vec_pretty(self)?)
    }
}

/// Holds the lock on the cluster until it is dropped.
pub(crate) struct Lock {
    _folder: File,
}

impl Lock {
    /// Waits for the lock, and says so when it has to wait. Creates the state's folder.
    pub(crate) fn take(state: &State) -> Result<Self> {
        Self::try_take(state).with_context(|| format!("cannot lock {}", state.root().display()))
    }

    fn try_take(state: &State) -> std::io::Result<Self> {
        loop {
            fs::create_dir_all(state.root())?;
            let folder = File::open(state.root())?;
            match folder.try_lock() {
                Ok(()) => {}
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {
                    say("Another program changes the cluster: waiting for it.");
                    folder.lock()?;
                }
            }
            // `down` removes the folder: a lock on a removed one protects nothing.
            let current = fs::metadata(state.root()).map(|data| data.ino()).ok();
            if current == Some(folder.metadata()?.ino()) {
                return Ok(Self { _folder: folder });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            programs: "/cache/programs".into(),
            node_cpus: 8,
            karpenter: false,
            checkouts: BTreeSet::from(["/home/a".into(), "/home/b".into()]),
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        assert_eq!(Record::read(&state).unwrap(), None);
        record().write(&state).unwrap();
        assert_eq!(Record::read(&state).unwrap(), Some(record()));
    }

    #[test]
    fn a_damaged_record_is_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        paths::write(&state.record(), "{\"programs\":").unwrap();
        let error = Record::read(&state).unwrap_err();
        assert!(error.to_string().ends_with("is damaged; `cluster down` clears it"), "{error}");
    }

    #[test]
    fn only_one_holds_the_lock_also_after_the_folder_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(&folder.path().join("state"));
        let first = Lock::take(&state).unwrap();
        assert!(File::open(state.root()).unwrap().try_lock().is_err());
        fs::remove_dir_all(state.root()).unwrap();
        let second = Lock::take(&state).unwrap();
        drop(first);
        assert!(File::open(state.root()).unwrap().try_lock().is_err());
        drop(second);
    }
}
