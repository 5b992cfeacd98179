//! What an environment says of its machines beyond their type, for whichever backend: how it is kept, and why it cannot be had.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use windlass_core::ids::Name;
use windlass_core::objects::{NodeClassContent, Payload};

/// Why an environment's wishes cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LaunchSettingsError {
    /// Nobody gives what every node class needs.
    #[error(
        "the environment has no {what}: give computeResources.{field}, or {member} in backend.karpenter.ec2NodeClass"
    )]
    Missing {
        /// What.
        what: &'static str,
        /// Its field in AWS Batch.
        field: &'static str,
        /// Its member of an EC2NodeClass, perhaps with an example.
        member: &'static str,
    },
    /// Two places give what there is one of.
    #[error("{what} is given twice, in {places}: give it once")]
    Twice {
        /// What.
        what: String,
        /// Where.
        places: String,
    },
    /// There is no place for it.
    #[error("not supported: {what}: {advice}")]
    Unsupported {
        /// What.
        what: String,
        /// What to do instead.
        advice: String,
    },
    /// It is not of the form it should have.
    #[error("{what} is not {form}")]
    Form {
        /// What.
        what: String,
        /// The form.
        form: &'static str,
    },
    /// User data that could not be merged with Karpenter's.
    #[error("launchTemplateData.userData is to be a MIME multi-part archive, as it is or in base64: {0}")]
    UserData(&'static str),
    /// A role where an instance profile should be.
    #[error("instanceRole names a role ({role}): give its instance profile{otherwise}")]
    Role {
        /// The role.
        role: String,
        /// What else may be done.
        otherwise: &'static str,
    },
    /// User data that the image would not understand.
    #[error(
        "launchTemplateData.userData is a MIME multi-part archive, and images of amiFamily {0} do not read it: give \
         userData in backend.karpenter.ec2NodeClass"
    )]
    Family(String),
}

/// What the settings become.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// An EC2NodeClass of Karpenter.
    NodeClass,
    /// An AWSMachineTemplate of Cluster API.
    MachineTemplate,
}

impl Target {
    /// Why a setting that it has no member for is refused.
    pub(super) fn lack(self) -> &'static str {
        match self {
            Target::NodeClass => "Karpenter's EC2NodeClass has nothing like it",
            Target::MachineTemplate => "Cluster API's AWSMachineTemplate has nothing like it",
        }
    }

    /// Who makes machines of it.
    pub(super) fn maker(self) -> &'static str {
        match self {
            Target::NodeClass => "Karpenter",
            Target::MachineTemplate => "Cluster API",
        }
    }
}

/// Settings as they are kept.
pub(super) fn content(settings: Map<String, Value>) -> NodeClassContent {
    let (payload, digest) = digest(Value::Object(settings));
    NodeClassContent { digest, payload: Payload(Arc::from(payload.into_bytes())) }
}

/// An object as text, and a digest of that.
pub(super) fn digest(mut object: Value) -> (String, Name) {
    // The digest must not depend on how maps are kept.
    object.sort_all_objects();
    let text = object.to_string();
    let digest: String = Sha256::digest(&text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    (text, digest.into())
}

/// Lays settings over others, member by member; those that are `merged` are objects, and are laid over in the same way.
pub(super) fn lay_over(settings: &mut Map<String, Value>, layer: Map<String, Value>, merged: &[&str]) {
    for (member, value) in layer {
        match (settings.get_mut(&member), value) {
            (Some(Value::Object(found)), Value::Object(more)) if merged.contains(&member.as_str()) => {
                found.extend(more);
            }
            (_, value) => {
                settings.insert(member, value);
            }
        }
    }
}

/// The name of an instance profile that is given by name or ARN.
///
/// # Errors
/// When it is the ARN of a role; `otherwise` is what else may be done than to give its profile.
pub(super) fn instance_profile<'a>(
    given: &'a str,
    otherwise: &'static str,
) -> Result<&'a str, LaunchSettingsError> {
    let Some(resource) = given.strip_prefix("arn:").and_then(|arn| arn.rsplit(':').next()) else {
        return Ok(given);
    };
    if resource.starts_with("role/") {
        return Err(LaunchSettingsError::Role { role: given.to_owned(), otherwise });
    }
    Ok(resource.rsplit('/').next().unwrap_or(resource))
}
