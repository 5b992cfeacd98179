//! Who waits for whom: whom a change of a job concerns.

use super::Found;
use crate::ids::{Name, ObjectKey, Uid};
use std::collections::{BTreeMap, BTreeSet};

/// Jobs by name, and jobs that wait for others.
#[derive(Debug, Default)]
pub(crate) struct Dependents {
    names: BTreeMap<ObjectKey, Uid>,
    aws_names: BTreeMap<ObjectKey, BTreeSet<Uid>>,
    /// Dependents of a job that was found, until its outcome is written in each.
    of_job: BTreeMap<Uid, BTreeSet<Uid>>,
    /// Dependents of a name that no job has yet.
    of_name: BTreeMap<ObjectKey, BTreeSet<Uid>>,
    /// What was last known of jobs that are gone while others wait for them.
    departed: BTreeMap<Uid, Found>,
}

impl Dependents {
    /// A namespace's name, as another job of it has it: so that all have one.
    pub(crate) fn namespace(&self, name: &Name) -> Name {
        let first = ObjectKey { namespace: name.clone(), name: Name::default() };
        let (known, _) = self.names.range(first..).next().unzip();
        known.map(|key| &key.namespace).filter(|known| *known == name).unwrap_or(name).clone()
    }

    /// A job is there; returns those that wait for one of its name.
    pub(crate) fn arrived(&mut self, key: &ObjectKey, aws_name: Option<&Name>, uid: Uid) -> BTreeSet<Uid> {
        self.names.insert(key.clone(), uid);
        let mut waiting = self.of_name.remove(key).unwrap_or_default();
        if let Some(aws_name) = aws_name {
            let alias = ObjectKey { namespace: key.namespace.clone(), name: aws_name.clone() };
            waiting.extend(self.of_name.remove(&alias).unwrap_or_default());
            self.aws_names.entry(alias).or_default().insert(uid);
        }
        waiting
    }

    /// A job is gone; returns those that wait for it.
    pub(crate) fn departed(
        &mut self,
        key: &ObjectKey,
        aws_name: Option<&Name>,
        uid: Uid,
        found: Found,
    ) -> BTreeSet<Uid> {
        if self.names.get(key) == Some(&uid) {
            self.names.remove(key);
        }
        if let Some(aws_name) = aws_name {
            let alias = ObjectKey { namespace: key.namespace.clone(), name: aws_name.clone() };
            if let Some(jobs) = self.aws_names.get_mut(&alias) {
                jobs.remove(&uid);
                if jobs.is_empty() {
                    self.aws_names.remove(&alias);
                }
            }
        }
        let waiting = self.of_job(uid);
        if !waiting.is_empty() {
            self.departed.insert(uid, found);
        }
        waiting
    }

    /// The jobs of this name: by its name in Kubernetes one, by its AWS name perhaps several.
    pub(crate) fn named(&self, key: &ObjectKey) -> BTreeSet<Uid> {
        match self.names.get(key) {
            Some(uid) => BTreeSet::from([*uid]),
            None => self.aws_names.get(key).cloned().unwrap_or_default(),
        }
    }

    /// What was last known of a job that is gone.
    pub(crate) fn last_seen(&self, uid: Uid) -> Option<&Found> {
        self.departed.get(&uid)
    }

    /// Those that wait for a job.
    pub(crate) fn of_job(&self, uid: Uid) -> BTreeSet<Uid> {
        self.of_job.get(&uid).cloned().unwrap_or_default()
    }

    /// True while the outcome of a job is not written in all that wait for it.
    pub(crate) fn are_waiting_for(&self, uid: Uid) -> bool {
        self.of_job.contains_key(&uid)
    }

    /// `dependent` waits for a job.
    pub(crate) fn wait_for_job(&mut self, uid: Uid, dependent: Uid) {
        self.of_job.entry(uid).or_default().insert(dependent);
    }

    /// `dependent` waits for a job of this name to be made.
    pub(crate) fn wait_for_name(&mut self, key: ObjectKey, dependent: Uid) {
        self.of_name.entry(key).or_default().insert(dependent);
    }

    /// `dependent` waits for a job of this name no more.
    pub(crate) fn done_with_name(&mut self, key: &ObjectKey, dependent: Uid) {
        if let Some(dependents) = self.of_name.get_mut(key) {
            dependents.remove(&dependent);
            if dependents.is_empty() {
                self.of_name.remove(key);
            }
        }
    }

    /// `dependent` waits for a job no more.
    pub(crate) fn done_with(&mut self, uid: Uid, dependent: Uid) {
        if let Some(dependents) = self.of_job.get_mut(&uid) {
            dependents.remove(&dependent);
            if dependents.is_empty() {
                self.of_job.remove(&uid);
                self.departed.remove(&uid);
            }
        }
    }
}
