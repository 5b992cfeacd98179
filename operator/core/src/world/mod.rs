//! What is known of the cluster: tables filled by events, read by decisions.

mod deployments;
mod floating;
mod gone;
mod hosts;
mod machines;
mod names;
mod node_classes;
mod pods;
mod registry;
mod shared;

pub(crate) use deployments::MachineDeployments;
pub(crate) use floating::Floating;
pub(crate) use gone::Gone;
pub(crate) use hosts::{Claim, Host, Hosts, Missing};
pub(crate) use machines::Machines;
pub use names::{node_pod_name, node_set_suffix, node_sets_name, pod_name, pod_name_prefix};
pub(crate) use node_classes::NodeClasses;
pub(crate) use pods::{Pods, Slot};
pub(crate) use registry::{Registered, Registry};
pub(crate) use shared::Shared;
