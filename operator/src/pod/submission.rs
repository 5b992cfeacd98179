//! What of a submission its pods are built from. The rest is for decisions, which have it already.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use windlass_crds::JobSpec;
use windlass_crds::shared::container::ContainerOverrides;
use windlass_crds::shared::node_properties::NodeOverrides;

/// Kept in memory for every job, as JSON: what is not given takes no room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    /// `jobName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// `parameters`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// `containerOverrides`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_overrides: Option<ContainerOverrides>,
    /// `nodeOverrides`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_overrides: Option<NodeOverrides>,
    /// `propagateTags`; the definition's when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<bool>,
    /// `tags`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl From<&JobSpec> for Submission {
    fn from(spec: &JobSpec) -> Submission {
        Submission {
            job_name: spec.job_name.clone(),
            parameters: spec.parameters.clone(),
            container_overrides: spec.container_overrides.clone(),
            node_overrides: spec.node_overrides.clone(),
            propagate_tags: spec.propagate_tags,
            tags: spec.tags.clone(),
        }
    }
}
