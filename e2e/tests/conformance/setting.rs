//! What a sequence is played with: its objects and their names.

use crate::steps::{Place, Task, Which};
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::{pod_name, pod_name_prefix};

/// An object, as far as both sides know it under the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Object {
    Job(Which),
    Pod(Task),
    Record(u32),
    Revision(u32),
    Definition,
    Queue,
    Environment,
}

/// The names of one sequence, and the identities of what is there from the start (alike on both sides).
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Where all is played.
    pub(crate) namespace: Name,
    /// A namespace that is being deleted.
    pub(crate) ending: Name,
    /// The sequence's own part of every name.
    pub(crate) name: String,
    pub(crate) single: Uid,
    pub(crate) array: Uid,
    pub(crate) definition: Uid,
    pub(crate) queue: Uid,
    pub(crate) environment: Uid,
}

/// Children of the array.
pub(crate) const CHILDREN: u32 = 4;

/// An identity that nothing has.
pub(crate) const NOBODY: Uid = Uid::from_u128(0x0bad_0bad);

impl Setting {
    pub(crate) fn place(&self, place: Place) -> Name {
        match place {
            Place::Here => self.namespace.clone(),
            Place::Ending => self.ending.clone(),
            Place::Missing => Name::from("conformance-no-such-namespace"),
        }
    }

    pub(crate) fn job(&self, which: Which) -> (ObjectKey, Uid) {
        let (name, uid) = match which {
            Which::Single => ("single", self.single),
            Which::Array => ("array", self.array),
            Which::Missing => ("missing", NOBODY),
        };
        (ObjectKey::new(self.namespace.clone(), format!("{}-{name}", self.name)), uid)
    }

    pub(crate) fn job_of(&self, task: Task) -> (ObjectKey, Uid) {
        self.job(if task.child.is_some() { Which::Array } else { Which::Single })
    }

    pub(crate) fn pod(&self, task: Task) -> ObjectKey {
        let (job, uid) = self.job_of(task);
        let name = pod_name(&job.name, uid, task.child, task.attempt, task.launch);
        ObjectKey { namespace: self.namespace.clone(), name }
    }

    /// The name of a record is made by the operator's shell; it is told here only for what others do with it.
    pub(crate) fn record(&self, first_index: u32) -> ObjectKey {
        let (job, uid) = self.job(Which::Array);
        let name = format!("{}-{first_index}", pod_name_prefix(&job.name, uid));
        ObjectKey::new(self.namespace.clone(), name)
    }

    pub(crate) fn definition(&self) -> ObjectKey {
        ObjectKey::new(self.namespace.clone(), self.name.clone())
    }

    pub(crate) fn revision(&self, number: u32) -> ObjectKey {
        let name = format!("{}-{}-{number}", self.name, self.definition.prefix());
        ObjectKey::new(self.namespace.clone(), name)
    }

    /// A host that does not exist: no kubelet minds what is bound to it. One for each sequence, because the pod garbage collector
    /// minds, 40 s after it has first missed a host.
    pub(crate) fn host(&self) -> Name {
        Name::from(format!("no-such-host-{}", self.name))
    }

    /// The name of the queue and of the environment.
    pub(crate) fn global(&self) -> ObjectKey {
        ObjectKey::new("", self.name.clone())
    }
}
