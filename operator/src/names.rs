//! Names that Windlass gives to things in the API.

/// The finalizer that keeps an object until the operator is done with it.
pub const FINALIZER: &str = "batch.windlass.dev/record";

/// Label: the ID of the Job a pod, a record or a revision belongs to. What has it counts as made by the operator.
pub const JOB_UID: &str = "batch.windlass.dev/job-uid";
/// Label: that Job's name.
pub const JOB_NAME: &str = "batch.windlass.dev/job-name";
/// Label: the index of a child.
pub const ARRAY_INDEX: &str = "batch.windlass.dev/array-index";
/// Label of a StatefulSet's pod, which Kubernetes sets: its index there, which is that of the node in a multi-node job.
pub const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
/// Label: the attempt.
pub const ATTEMPT: &str = "batch.windlass.dev/attempt";
/// Label of a multi-node job's StatefulSets, Services and pods: the attempt and the launch that they are of, `ATTEMPT-LAUNCH`.
pub const NODE_SETS: &str = "batch.windlass.dev/node-sets";
/// Label of a StatefulSet of a multi-node job and of its pods: which of the job's it is, [`MAIN`] or the index of its first node.
pub const NODE_SET: &str = "batch.windlass.dev/node-set";
/// The value of [`NODE_SETS`].
pub fn node_sets(attempt: u8, launch: u16) -> String {
    format!("{attempt}-{launch}")
}
/// The StatefulSet of a multi-node job's main node.
pub const MAIN: &str = "main";
/// The scheduling gate that keeps a node of a multi-node job off the hosts, until it is let go to one.
pub const GATE: &str = "batch.windlass.dev/host";
/// Annotation of a node of a multi-node job: the address of the main node.
pub const MAIN_NODE_ADDRESS: &str = "batch.windlass.dev/main-node-address";
/// Label: the queue, by its name in Kubernetes.
pub const QUEUE: &str = "batch.windlass.dev/job-queue";
/// Label: the definition, by its name in Kubernetes.
pub const DEFINITION: &str = "batch.windlass.dev/job-definition";
/// Label of a ControllerRevision: the identity of its definition.
pub const DEFINITION_UID: &str = "batch.windlass.dev/job-definition-uid";

/// Label of a machine and of its node, and the taint of such nodes: the identity of the compute environment they are for.
pub const ENVIRONMENT_UID: &str = "batch.windlass.dev/compute-environment-uid";
/// Label of a node without a machine that was made for a simulated environment.
pub const SIMULATED: &str = "batch.windlass.dev/simulated";
/// Annotation of a machine: its instance type.
pub const MACHINE_TYPE: &str = "batch.windlass.dev/instance-type";
/// Annotation of a node class or a machine template, and of a machine that was asked for with it: a digest of what it says.
pub const NODE_CLASS: &str = "batch.windlass.dev/node-class";
/// Annotation of a node class or a machine template: the generation of the compute environment that asked for what it says.
pub const ENVIRONMENT_GENERATION: &str = "batch.windlass.dev/compute-environment-generation";
/// Annotation of a MachineDeployment and a machine template that were made for an environment: the namespace and name of the
/// MachineDeployment that they are like.
pub const PATTERN: &str = "batch.windlass.dev/pattern";
/// Annotation of a node, or a Machine of Cluster API, that takes no more jobs, because it is to go.
pub const LEAVING: &str = "batch.windlass.dev/leaving";

/// Label of a Machine of Cluster API: its MachineDeployment.
pub const MACHINE_DEPLOYMENT: &str = "cluster.x-k8s.io/deployment-name";
/// Annotation of a Machine of Cluster API: it goes first when its MachineDeployment is to have fewer.
pub const DELETE_MACHINE: &str = "cluster.x-k8s.io/delete-machine";

/// Annotation: the launch serial in the pod's name.
pub const LAUNCH: &str = "batch.windlass.dev/launch";
/// Annotation: the host the pod was admitted to.
pub const HOST: &str = "batch.windlass.dev/host";
/// Annotation: no other task comes to its host while the pod is there.
pub const SINGLE_TENANT: &str = "batch.windlass.dev/single-tenant";
/// Annotation: the compute environment it was placed in.
pub const ENVIRONMENT: &str = "batch.windlass.dev/compute-environment";

/// Annotation: the tags of the job and its definition, as JSON, where they are propagated.
pub const TAGS: &str = "batch.windlass.dev/tags";

/// Annotation: why the operator has the pod stopped, a word.
pub const ENDING: &str = "batch.windlass.dev/ending";
/// Annotation: that reason in words, a person's or the runtime's.
pub const ENDING_REASON: &str = "batch.windlass.dev/ending-reason";

/// The container that runs a job's command.
pub const CONTAINER: &str = "default";

/// `app.kubernetes.io/managed-by` of what the operator makes.
pub const MANAGER: &str = "windlass";
