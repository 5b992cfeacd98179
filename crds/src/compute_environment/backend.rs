//! Who makes the nodes of a MANAGED environment.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::rule;

use crate::shared::open::{self, OpenObject};
use crate::shared::tags;

/// Who makes the nodes of a MANAGED environment: exactly one of its members.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "[has(self.karpenter), has(self.clusterApi), has(self.external), \
         has(self.simulated)].filter(given, given).size() == 1",
        "give exactly one backend: karpenter, clusterApi, external or simulated"
    ),
    rule(
        "has(self.karpenter) == has(oldSelf.karpenter) && \
         has(self.clusterApi) == has(oldSelf.clusterApi) && \
         has(self.external) == has(oldSelf.external) && has(self.simulated) == has(oldSelf.simulated)",
        "the backend of an environment cannot be exchanged: make a new environment"
    ),
]))]
pub struct Backend {
    /// Karpenter: a NodeClaim for each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub karpenter: Option<KarpenterBackend>,
    /// Cluster API: MachineDeployments that are scaled. Where computeResources says what machines are like (imageId,
    /// subnets, tags, …), each is only a pattern and stays as it is: Windlass makes and scales one like it of its own,
    /// with an AWSMachineTemplate of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_api: Option<ClusterApiBackend>,
    /// An autoscaler that someone else runs, and that reacts to pending pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalBackend>,
    /// Nodes without machines (KWOK), for development.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<SimulatedBackend>,
}

/// Karpenter makes the nodes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule(
        "!(has(self.nodeClassRef) && has(self.ec2NodeClass))",
        "give nodeClassRef (a node class that exists) or ec2NodeClass (one to be made), not both"
    ),
]))]
pub struct KarpenterBackend {
    /// A node class that exists. Without it an EC2NodeClass is made from computeResources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_class_ref: Option<NodeClassReference>,
    /// The spec of the EC2NodeClass to make, for what computeResources lacks, as Karpenter's documentation has it.
    /// Fields of computeResources win over it, and it over a launch template; of tags, pair by pair.
    #[serde(default, rename = "ec2NodeClass", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "open::object")]
    pub ec2_node_class: Option<OpenObject>,
}

/// A node class of Karpenter.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeClassReference {
    /// Its API group, as in `karpenter.k8s.aws`.
    #[schemars(length(min = 1, max = 253))]
    pub group: String,
    /// Its kind, as in `EC2NodeClass`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Cluster API makes the nodes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ClusterApiBackend {
    /// The MachineDeployments to scale; each is one machine type. Windlass sets their replicas, and nobody else may. What
    /// their machines are is told by their annotations `capacity.cluster-autoscaler.kubernetes.io/cpu`,
    /// `…/memory` and `…/gpu-count`, as Cluster Autoscaler reads them.
    #[schemars(length(min = 1, max = 50))]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["namespace", "name"]
    ))]
    pub machine_deployments: Vec<MachineDeploymentReference>,
}

/// A MachineDeployment of Cluster API (`cluster.x-k8s.io/v1beta2`), of this very cluster.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineDeploymentReference {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Someone else's autoscaler makes the nodes, because of pods that wait for them.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalBackend {
    /// Labels that its nodes carry: the pods ask for them.
    #[schemars(schema_with = "tags::labels", extend("minProperties" = 1))]
    pub node_selector: BTreeMap<String, String>,
    /// Seconds that a job waits for a node, 10 to 86,400; then it goes on to the next environment of its queue, and
    /// this one is tried again later. Default: 900, as Cluster Autoscaler's --max-node-provision-time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 86400))]
    pub max_node_provision_seconds: Option<i32>,
}

/// Nodes without machines, for development.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulatedBackend {}
