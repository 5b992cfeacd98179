//! The actions of a plan, and those whose outcome is awaited.

use crate::action::Action;
use crate::ids::{ActionId, Name, ObjectKey, Uid};
use crate::time::Time;
use crate::world::Slot;
use std::collections::BTreeMap;

/// Whom an outcome concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Status of a job.
    WriteJob(Uid),
    /// What the API server has of a job.
    ReadJob(ObjectKey, Uid),
    /// A record of a job: its first index.
    WriteRecord(Uid, u32),
    /// What the API server has of a record.
    ReadRecord(Uid, u32),
    /// A launch of a job's task.
    Launch(Uid, Slot),
    /// The StatefulSets of a multi-node job, for this attempt and launch.
    MakeSets(Uid, u8, u16),
    /// The deletion of a multi-node job's StatefulSets of a launch that is over.
    SweepSets(Uid, (u8, u16)),
    /// What the cluster says of a multi-node job's StatefulSet that makes no pods, of this attempt and launch.
    ReadSetEvents(Uid, (u8, u16)),
    /// A node's pod that is let go.
    LetGo(Uid, Slot),
    /// What the API server has of a task's pod; of this identity, if one was seen.
    ReadPod(Uid, Slot, ObjectKey, Option<Uid>),
    /// Whether the API server has a node of which nobody has told.
    LookForHost(Name),
    /// The deletion of a pod.
    DeletePod(Uid, Slot, Uid),
    /// What the cluster says of a pod that does not start.
    ReadEvents(Uid, Slot),
    /// The deletion of a job that has expired.
    DeleteJob(Uid),
    /// The release of a pod that is over.
    ReleasePod(Uid, Slot, ObjectKey, Uid),
    /// What the API server has of a definition.
    ReadDefinition(Uid),
    /// What the API server has of a revision.
    ReadRevision(Uid),
    /// A revision of a definition.
    CreateRevision(Uid),
    /// Status of a definition.
    WriteDefinition(Uid),
    /// Status of a queue.
    WriteQueue(Uid),
    /// A queue's finalizer.
    HoldQueue(Uid),
    /// Status of an environment.
    WriteEnvironment(Uid),
    /// An environment's finalizer.
    HoldEnvironment(Uid),
    /// A machine of an environment, by its serial number: asked for, or asked about.
    Machine(Uid, u64),
    /// What the cluster says of a machine of an environment, of this type, that was taken back.
    MachineEvents(Uid, Name),
    /// The node class of an environment, or a MachineDeployment that it has made.
    NodeClass(Uid),
    /// The deletion of a MachineDeployment that an environment has made.
    DeleteMachineDeployment(Uid, (Name, Uid)),
    /// A machine of an environment that is to go.
    MachineGoes(Uid, Uid),
    /// What the API server has of a MachineDeployment of an environment, with this identity; and when that was asked.
    ReadMachineDeployment(Uid, (Name, Uid), Time),
    /// How many machines a MachineDeployment of an environment is to have.
    Scale(Uid, Name, u32),
    /// A revision's finalizer.
    HoldRevision(Uid),
}

/// Actions to hand out, and actions under way.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    last_id: u64,
    to_hand_out: Vec<(ActionId, Action)>,
    under_way: BTreeMap<ActionId, Purpose>,
}

impl Outbox {
    /// Adds an action to the plan.
    pub(crate) fn send(&mut self, action: Action, purpose: Purpose) -> ActionId {
        self.last_id += 1;
        let id = ActionId(self.last_id);
        self.to_hand_out.push((id, action));
        self.under_way.insert(id, purpose);
        id
    }

    /// The actions added since the last call.
    pub(crate) fn hand_out(&mut self) -> Vec<(ActionId, Action)> {
        std::mem::take(&mut self.to_hand_out)
    }

    /// Whom the outcome of this action concerns; `None` when it was answered before.
    pub(crate) fn answered(&mut self, id: ActionId) -> Option<Purpose> {
        self.under_way.remove(&id)
    }
}
