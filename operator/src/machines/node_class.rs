//! The EC2NodeClass of an environment (karpenter.k8s.aws/v1): where each of AWS Batch's fields goes (decision 0004).

use super::launch_settings::{self, instance_profile, lay_over};
use super::launch_template::node_class::{image_term, node_class};
use super::launch_template::terms;
use super::{LaunchSettingsError, labels, owner, sources};
use serde_json::{Map, Value, json};
use windlass_core::action::NodeClassOrder;
use windlass_core::objects::NodeClassContent;
use windlass_crds::ComputeEnvironmentSpec;
use windlass_crds::compute_environment::ComputeResources;

/// The API group and version of an EC2NodeClass.
pub const API_VERSION: &str = "karpenter.k8s.aws/v1";

/// Its kind.
pub const KIND: &str = "EC2NodeClass";

/// The node class that an environment wants made; `None` where it names one, or has another backend.
///
/// # Errors
/// When its wishes make no node class.
pub fn content(spec: &ComputeEnvironmentSpec) -> Result<Option<NodeClassContent>, LaunchSettingsError> {
    Ok(class_spec(spec)?.map(launch_settings::content))
}

/// Its spec. What the environment says in AWS Batch's fields wins over backend.karpenter.ec2NodeClass, and that over the launch
/// template, member by member; of tags, pair by pair.
fn class_spec(spec: &ComputeEnvironmentSpec) -> Result<Option<Map<String, Value>>, LaunchSettingsError> {
    let backend = spec.backend.as_ref().and_then(|backend| backend.karpenter.as_ref());
    let Some(karpenter) = backend.filter(|karpenter| karpenter.node_class_ref.is_none()) else {
        return Ok(None);
    };
    let resources = spec.compute_resources.clone().unwrap_or_default();
    let template = resources.launch_template.as_ref().and_then(|found| found.launch_template_data.as_ref());
    let template = template.map(node_class).transpose()?.unwrap_or_default();
    let given = karpenter.ec2_node_class.clone().unwrap_or_default();
    let own = own(&resources)?;
    one_place(&template, &given, &own)?;
    let has_archive = template.contains_key("userData");
    let mut class = Map::new();
    for layer in [template, given, own] {
        lay_over(&mut class, layer, &["tags"]);
    }
    complete(&class)?;
    if class.contains_key("capacityReservationSelectorTerms") {
        return Err(LaunchSettingsError::Unsupported {
            what: "capacityReservationSelectorTerms in backend.karpenter.ec2NodeClass".to_owned(),
            advice: "machines are bought on demand or as spot capacity only".to_owned(),
        });
    }
    let family = family(&class);
    if has_archive && !["AL2", "AL2023", "Custom"].contains(&family.as_str()) {
        return Err(LaunchSettingsError::Family(family));
    }
    if !class.contains_key("amiFamily") && alias(&class).is_none() {
        class.insert("amiFamily".to_owned(), family.into());
    }
    Ok(Some(class))
}

/// What to do about a role other than to give its instance profile.
const PROFILE: &str = ", or leave it out and give role in backend.karpenter.ec2NodeClass";

/// What AWS Batch's own fields say.
fn own(resources: &ComputeResources) -> Result<Map<String, Value>, LaunchSettingsError> {
    let mut class = Map::new();
    let mut put = |key: &str, value: Value| class.insert(key.to_owned(), value);
    if let Some(image) = &resources.image_id {
        put("amiSelectorTerms", json!([image_term(image)]));
    }
    if !resources.subnets.is_empty() {
        put("subnetSelectorTerms", terms("id", resources.subnets.clone()).into());
    }
    if !resources.security_group_ids.is_empty() {
        put("securityGroupSelectorTerms", terms("id", resources.security_group_ids.clone()).into());
    }
    if let Some(profile) = &resources.instance_role {
        put("instanceProfile", instance_profile(profile, PROFILE)?.into());
    }
    if !resources.tags.is_empty() {
        put("tags", json!(resources.tags));
    }
    if let Some(group) = &resources.placement_group {
        put("placementGroupSelector", json!({ "name": group }));
    }
    Ok(class)
}

/// Members of which one would shadow another under a different name, or that would have to be merged into one text.
fn one_place(
    template: &Map<String, Value>,
    given: &Map<String, Value>,
    own: &Map<String, Value>,
) -> Result<(), LaunchSettingsError> {
    let twice = |what: &str, places: &str| {
        Err(LaunchSettingsError::Twice { what: what.to_owned(), places: places.to_owned() })
    };
    if given.contains_key("role") && own.contains_key("instanceProfile") {
        return twice(
            "the instance role",
            "computeResources.instanceRole and role in backend.karpenter.ec2NodeClass",
        );
    }
    if template.contains_key("userData") && given.contains_key("userData") {
        return twice("userData", "launchTemplateData and backend.karpenter.ec2NodeClass");
    }
    Ok(())
}

/// What every node class needs.
fn complete(class: &Map<String, Value>) -> Result<(), LaunchSettingsError> {
    let needs = [
        ("subnets", "subnets", &["subnetSelectorTerms"][..], "subnetSelectorTerms"),
        (
            "security groups",
            "securityGroupIds",
            &["securityGroupSelectorTerms"],
            "securityGroupSelectorTerms",
        ),
        ("instance role", "instanceRole", &["instanceProfile", "role"], "role or instanceProfile"),
        (
            "machine image",
            "imageId",
            &["amiSelectorTerms"],
            "amiSelectorTerms (as in [{alias: al2023@latest}])",
        ),
    ];
    for (what, field, members, member) in needs {
        if !members.iter().any(|member| class.contains_key(*member)) {
            return Err(LaunchSettingsError::Missing { what, field, member });
        }
    }
    Ok(())
}

/// The family of its images: the one given, or that of its alias, or Amazon's own for Kubernetes.
fn family(class: &Map<String, Value>) -> String {
    let given = class.get("amiFamily").and_then(Value::as_str);
    let of_alias = alias(class).map(|alias| match alias.split('@').next().unwrap_or_default() {
        "al2" => "AL2",
        "bottlerocket" => "Bottlerocket",
        family if family.starts_with("windows") => "Windows",
        _ => AL2023,
    });
    given.or(of_alias).unwrap_or(AL2023).to_owned()
}

/// What an image is when nobody says otherwise: Amazon's images for Kubernetes are of this family since Kubernetes 1.33.
const AL2023: &str = "AL2023";

/// The alias that chooses its images.
fn alias(class: &Map<String, Value>) -> Option<&str> {
    let terms = class.get("amiSelectorTerms").and_then(Value::as_array)?;
    terms.iter().find_map(|term| term.get("alias")?.as_str())
}

/// The EC2NodeClass that is ordered; in place of `found`, with all that others keep on it.
///
/// # Errors
/// When what is to be said cannot be read back, which was written by [`content`].
pub fn ec2_node_class(order: &NodeClassOrder, found: Option<Value>) -> Result<Value, serde_json::Error> {
    let spec: Value = serde_json::from_slice(&order.content.payload.0)?;
    let mut class = found.unwrap_or_else(|| {
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": order.name.as_str(),
                "labels": labels(order.environment_uid),
                "ownerReferences": [owner(&order.environment, order.environment_uid)],
            },
        })
    });
    let annotations = sources(&order.environment, order.environment_generation, &order.content);
    if let Some(class) = class.as_object_mut() {
        class.insert("spec".to_owned(), spec);
        let metadata = class.get_mut("metadata").and_then(Value::as_object_mut);
        let kept = metadata.map(|metadata| metadata.entry("annotations").or_insert_with(|| json!({})));
        kept.and_then(Value::as_object_mut).into_iter().for_each(|kept| kept.extend(annotations.clone()));
    }
    Ok(class)
}
