//! Everything that can reach the core: watch events and the outcomes of its actions.

use crate::action::Outcome;
use crate::ids::{ActionId, Name, ObjectKey, Uid};
use crate::objects::{
    Backend, ObservedDefinition, ObservedEnvironment, ObservedHost, ObservedJob, ObservedMachine,
    ObservedMachineDeployment, ObservedNodeClass, ObservedPod, ObservedPolicy, ObservedQueue,
    ObservedRevision,
};

/// The kinds the core watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Namespaces, only to know which are being deleted.
    Namespace,
    /// Nodes.
    Host,
    /// NodeClaims of Karpenter that we made.
    NodeClaim,
    /// Nodes without machines that we made.
    SimulatedNode,
    /// Node classes that we made for environments.
    NodeClass,
    /// MachineDeployments of Cluster API.
    MachineDeployment,
    /// Machines of Cluster API that belong to MachineDeployments.
    Machine,
    /// ComputeEnvironments.
    Environment,
    /// SchedulingPolicies.
    Policy,
    /// JobQueues.
    Queue,
    /// JobDefinitions.
    Definition,
    /// ControllerRevisions of JobDefinitions.
    Revision,
    /// Jobs.
    Job,
    /// Pods, whoever owns them.
    Pod,
}

impl Kind {
    /// Every kind; nothing is planned before a list of each has arrived (DESIGN.md, rule 12).
    pub const ALL: [Kind; 14] = [
        Kind::Namespace,
        Kind::Host,
        Kind::NodeClaim,
        Kind::SimulatedNode,
        Kind::NodeClass,
        Kind::MachineDeployment,
        Kind::Machine,
        Kind::Environment,
        Kind::Policy,
        Kind::Queue,
        Kind::Definition,
        Kind::Revision,
        Kind::Job,
        Kind::Pod,
    ];

    /// Where a backend's machines are listed.
    pub const fn of_machines(backend: Backend) -> Kind {
        match backend {
            Backend::Karpenter => Kind::NodeClaim,
            Backend::Simulated => Kind::SimulatedNode,
            Backend::ClusterApi => Kind::Machine,
        }
    }
}

/// One thing that happened. Within a kind, events come in the API server's order; across kinds in any order. Events may come
/// twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A fresh list of this kind begins: what it does not name is gone when it ends.
    ListStarted(Kind),
    /// That list is complete.
    ListEnded(Kind),
    /// A namespace exists; true when it is being deleted.
    Namespace(Name, bool),
    /// A namespace is gone.
    NamespaceGone(Name),
    /// A node exists in this form.
    Host(Box<ObservedHost>),
    /// A node is gone.
    HostGone(Name),
    /// A machine exists in this form.
    Machine(Box<ObservedMachine>),
    /// A machine is gone.
    MachineGone(Uid),
    /// A node class exists in this form.
    NodeClass(Box<ObservedNodeClass>),
    /// A node class is gone.
    NodeClassGone(Uid),
    /// A MachineDeployment exists in this form.
    MachineDeployment(Box<ObservedMachineDeployment>),
    /// A MachineDeployment is gone.
    MachineDeploymentGone(Uid),
    /// A ComputeEnvironment exists in this form.
    Environment(Box<ObservedEnvironment>),
    /// A ComputeEnvironment is gone.
    EnvironmentGone(Uid),
    /// A SchedulingPolicy exists in this form.
    Policy(Box<ObservedPolicy>),
    /// A SchedulingPolicy is gone.
    PolicyGone(Uid),
    /// A JobQueue exists in this form.
    Queue(Box<ObservedQueue>),
    /// A JobQueue is gone.
    QueueGone(Uid),
    /// A JobDefinition exists in this form.
    Definition(Box<ObservedDefinition>),
    /// A JobDefinition is gone.
    DefinitionGone(Uid),
    /// A ControllerRevision exists in this form.
    Revision(Box<ObservedRevision>),
    /// A ControllerRevision is gone.
    RevisionGone(Uid),
    /// A Job exists in this form.
    Job(Box<ObservedJob>),
    /// A Job is gone.
    JobGone(Uid),
    /// A pod exists in this form.
    Pod(Box<ObservedPod>),
    /// A pod is gone.
    PodGone(ObjectKey, Uid),
    /// An action has ended, one way or another.
    Outcome(ActionId, Outcome),
}
