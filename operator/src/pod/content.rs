//! What a job's pods are built from: its submission, and the revision of its definition.

use super::submission::Submission;
use std::collections::BTreeMap;
use windlass_core::objects::Payload;
use windlass_crds::JobDefinitionSpec;
use windlass_crds::shared::limits::TAGS;

/// Why no pod can be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the operator kept cannot be read back.
    #[error("the {0} cannot be read: {1}")]
    Unreadable(&'static str, serde_json::Error),
    /// The definition has no container.
    #[error("the job definition has no containerProperties")]
    NoContainer,
    /// These nodes have no container.
    #[error("the job definition has no container for nodes {0} to {1} in nodeRangeProperties")]
    NoNodeContainer(u32, u32),
    /// More than AWS Batch propagates.
    #[error(
        "propagateTags: the job and its definition have {0} tags together, at most {most} can be propagated: remove some, or \
         set propagateTags to false",
        most = TAGS
    )]
    TooManyTags(usize),
}

/// A submission, and the revision of the definition that it runs with.
pub(super) struct Content {
    pub(super) submission: Submission,
    pub(super) revision: JobDefinitionSpec,
}

impl Content {
    pub(super) fn read(submission: &Payload, revision: &Payload) -> Result<Content, Error> {
        Ok(Content {
            submission: serde_json::from_slice(&submission.0)
                .map_err(|error| Error::Unreadable("submission", error))?,
            revision: serde_json::from_slice(&revision.0)
                .map_err(|error| Error::Unreadable("job definition's revision", error))?,
        })
    }

    /// The definition's defaults and the submission's values, which win.
    pub(super) fn parameters(&self) -> BTreeMap<&str, &str> {
        let all = self.revision.parameters.iter().chain(&self.submission.parameters);
        all.map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The tags that a pod is to show, as JSON: keys and values of tags may be longer than those of labels and annotations, and
    /// have other letters.
    pub(super) fn tags(&self) -> Result<Option<String>, Error> {
        let Content { submission, revision } = self;
        let tags: BTreeMap<&String, &String> = revision.tags.iter().chain(&submission.tags).collect();
        if tags.is_empty() || !submission.propagate_tags.unwrap_or(revision.propagate_tags) {
            return Ok(None);
        }
        if tags.len() > TAGS {
            return Err(Error::TooManyTags(tags.len()));
        }
        serde_json::to_string(&tags).map(Some).map_err(|error| Error::Unreadable("tags", error))
    }
}
