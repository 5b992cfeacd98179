//! Which jobs are multi-node jobs, and what is recorded of a task. A job is one because its definition says so.

use super::Store;
use windlass_core::ids::{ObjectKey, Uid};
use windlass_core::objects::{Attempt, ChildRecord, NodeProperties, Nodes, ObservedJob};

impl Store {
    /// `nodeProperties` of the definition that a job runs with, or would run with now.
    fn node_properties(&self, job: &ObservedJob) -> Option<&NodeProperties> {
        let mut revisions = self.revisions.values();
        if let Some(pinned) = &job.status.pinned {
            return revisions.find(|revision| revision.uid == pinned.uid)?.content.nodes.as_ref();
        }
        let name = job.spec.definition.name.clone();
        let key = ObjectKey { namespace: job.key.namespace.clone(), name };
        let definition = self.definitions.get(&key)?;
        match job.spec.definition.revision {
            Some(number) => {
                let mut mine = revisions.filter(|revision| revision.definition == definition.uid);
                mine.find(|revision| revision.number == number)?.content.nodes.as_ref()
            }
            None => definition.content.nodes.as_ref(),
        }
    }

    /// True for a multi-node job.
    pub fn is_multi_node(&self, job: &ObservedJob) -> bool {
        job.status.main_node.is_some() || job.spec.size.is_none() && self.node_properties(job).is_some()
    }

    /// The nodes of a multi-node job, if what it asks for makes sense.
    pub fn nodes_of(&self, job: &ObservedJob) -> Option<Nodes> {
        let properties = self.node_properties(job).filter(|_| job.spec.size.is_none())?;
        Nodes::of(properties, &job.spec.node_overrides.as_deref().cloned().unwrap_or_default()).ok()
    }

    /// How many children or nodes a job has; `None` for a single job.
    pub fn tasks_of(&self, job: &ObservedJob) -> Option<u32> {
        let told = || job.status.array.as_ref().map(|array| array.size);
        job.spec.size.or_else(told).or_else(|| self.nodes_of(job).map(|nodes| nodes.count))
    }

    /// What is recorded of a child or a node.
    pub fn child(&self, job: Uid, index: u32) -> Option<&ChildRecord> {
        let mut records = self.records.range((job, 0)..=(job, index));
        records.next_back().and_then(|(_, stored)| stored.record.children.get(&index))
    }

    /// The attempts of a task, as recorded.
    pub fn attempts<'a>(&'a self, job: &'a ObservedJob, index: u32) -> &'a [Attempt] {
        match self.tasks_of(job) {
            None => &job.status.attempts,
            Some(_) => self.child(job.uid, index).map_or(&[][..], |child| &child.attempts),
        }
    }
}
