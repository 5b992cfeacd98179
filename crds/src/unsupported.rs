//! Fields that are refused by name. One table, in two parts: what the contract does not know is refused for
//! ever; what it knows and is not built yet is refused until its row is deleted.
//!
//! The rows become validation rules on the fields. A field that is refused for ever is in no Rust type, unless
//! it means something in another place: its row also adds it to the schema, where it would otherwise be dropped
//! in silence.

use serde_json::{Value, json};

use crate::manifests::Error;
use crate::{Kind, blank, schema};

/// A field, or some values of it, that is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The kind that has the field.
    pub kind: Kind,
    /// Where it is; `[]` stands for each element of a list.
    pub path: String,
    /// For how long.
    pub until: Until,
    /// What to do instead.
    pub advice: &'static str,
    unset: Unset,
}

/// For how long a field is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// For ever: the contract does not know it there.
    Never,
    /// Until it is built.
    Built,
}

/// Which values pass.
#[derive(Clone, Copy, Debug)]
enum Unset {
    /// Blank ones, by the type that the field has.
    Blank,
    /// None: the field cannot be there.
    Absent,
    /// These words.
    Words(&'static [&'static str]),
    /// Those that this CEL expression lets pass.
    Rule(&'static str),
    /// Blank ones, of a field that this row adds.
    Foreign(Shape),
}

/// The type of a field that is in no Rust type.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Text,
    Boolean,
    Object,
    Objects,
}

/// A part of the table: fields of one object, which may be in several places.
struct Part {
    kind: Kind,
    places: &'static [&'static str],
    rows: &'static [Row],
}

struct Row(&'static str, Until, Unset, &'static str);

const fn never(field: &'static str, shape: Shape, advice: &'static str) -> Row {
    Row(field, Until::Never, Unset::Foreign(shape), advice)
}

const fn yet(field: &'static str, advice: &'static str) -> Row {
    Row(field, Until::Built, Unset::Blank, advice)
}

const fn yet_but(field: &'static str, unset: Unset, advice: &'static str) -> Row {
    Row(field, Until::Built, unset, advice)
}

const PARTS: &[Part] = &[
    Part { kind: Kind::Job, places: &["spec"], rows: JOB },
    Part { kind: Kind::Job, places: &["spec.containerOverrides"], rows: SINGLE },
    Part { kind: Kind::Job, places: &["spec.nodeOverrides.nodePropertyOverrides[]"], rows: NODE_OVERRIDE },
    Part { kind: Kind::JobDefinition, places: &["spec"], rows: JOB_DEFINITION },
    Part { kind: Kind::JobDefinition, places: &["spec.containerProperties"], rows: SINGLE },
    Part {
        kind: Kind::JobDefinition,
        places: &["spec.containerProperties", NODE_CONTAINER],
        rows: CONTAINER,
    },
    Part {
        kind: Kind::JobDefinition,
        places: &["spec.nodeProperties.nodeRangeProperties[]"],
        rows: NODE_RANGE,
    },
    Part { kind: Kind::JobQueue, places: &["spec"], rows: JOB_QUEUE },
    Part { kind: Kind::ComputeEnvironment, places: &["spec"], rows: COMPUTE_ENVIRONMENT },
    Part { kind: Kind::ComputeEnvironment, places: &["spec.computeResources"], rows: COMPUTE_RESOURCES },
    Part { kind: Kind::SchedulingPolicy, places: &["spec"], rows: SCHEDULING_POLICY },
];

const NODE_CONTAINER: &str = "spec.nodeProperties.nodeRangeProperties[].container";

const JOB: &[Row] = &[
    never("ecsPropertiesOverride", Shape::Object, "use containerOverrides"),
    never("eksPropertiesOverride", Shape::Object, "use containerOverrides"),
    never("consumableResourcePropertiesOverride", Shape::Object, NO_CONSUMABLES),
];

/// Of the container of a job that has one.
const SINGLE: &[Row] = &[Row(
    "instanceType",
    Until::Never,
    Unset::Blank,
    "AWS Batch has it for multi-node jobs only; give the queue an environment of such hosts",
)];

const NODE_OVERRIDE: &[Row] = &[
    never("ecsPropertiesOverride", Shape::Object, "use containerOverrides"),
    never("eksPropertiesOverride", Shape::Object, "use containerOverrides"),
    never("consumableResourcePropertiesOverride", Shape::Object, NO_CONSUMABLES),
];

const NO_CONSUMABLES: &str = "Windlass counts vCPUs, memory and GPUs only; remove it";

const JOB_DEFINITION: &[Row] = &[
    yet_but("podTemplate", Unset::Absent, "remove it"),
    never("ecsProperties", Shape::Object, "use containerProperties"),
    never("eksProperties", Shape::Object, "use containerProperties, and podTemplate for what it lacks"),
    never("consumableResourceProperties", Shape::Object, NO_CONSUMABLES),
];

const CONTAINER: &[Row] = &[
    yet("jobRoleArn", "the container runs as the namespace's default ServiceAccount"),
    yet("serviceAccountName", "the container runs as the namespace's default ServiceAccount"),
    yet("volumes", "the container has its image's file system only"),
    yet("mountPoints", "the container has its image's file system only"),
    yet("readonlyRootFilesystem", "set it to false, or remove it"),
    yet("privileged", "set it to false, or remove it"),
    yet("ulimits", "the container has the runtime's limits"),
    yet("user", "the container runs as the image's user"),
    yet("linuxParameters", "remove it"),
    yet("secrets", "read the Secret from the command"),
    never("logConfiguration", Shape::Object, "logs are the cluster's business; configure its log collector"),
    never("networkConfiguration", Shape::Object, "it is for Fargate; remove it"),
    never("fargatePlatformConfiguration", Shape::Object, "it is for Fargate; remove it"),
    never("enableExecuteCommand", Shape::Boolean, "kubectl exec needs no switch; remove it"),
    never("ephemeralStorage", Shape::Object, "it is for Fargate; use podTemplate"),
    never("runtimePlatform", Shape::Object, "it is for Fargate; give the queue an environment of such hosts"),
    never("repositoryCredentials", Shape::Object, "use imagePullSecrets in podTemplate"),
    never("volumes[].efsVolumeConfiguration", Shape::Object, "use a PersistentVolumeClaim in podTemplate"),
    never(
        "volumes[].s3filesVolumeConfiguration",
        Shape::Object,
        "use a PersistentVolumeClaim in podTemplate",
    ),
];

const NODE_RANGE: &[Row] = &[
    never("ecsProperties", Shape::Object, "use container"),
    never("eksProperties", Shape::Object, "use container"),
    never("consumableResourceProperties", Shape::Object, NO_CONSUMABLES),
];

const JOB_QUEUE: &[Row] = &[
    never(
        "serviceEnvironmentOrder",
        Shape::Objects,
        "service jobs are AWS's own; use computeEnvironmentOrder",
    ),
    never("jobQueueType", Shape::Text, "a queue is of one type here; remove it"),
];

const COMPUTE_ENVIRONMENT: &[Row] = &[
    never("eksConfiguration", Shape::Object, "the environment is in this cluster; use nodeSelector"),
    never("ecsSettings", Shape::Object, "there is no ECS cluster; remove it"),
    never("context", Shape::Text, "AWS keeps it for its own use; remove it"),
];

const COMPUTE_RESOURCES: &[Row] = &[
    yet_but(
        "allocationStrategy",
        Unset::Words(&["", "BEST_FIT", "BEST_FIT_PROGRESSIVE", "BEST_FIT_PROGRESSIVE_ORDERED"]),
        "the machine's type is chosen, not its spot pool: use BEST_FIT_PROGRESSIVE",
    ),
    yet_but(
        "bidPercentage",
        Unset::Rule("self == 0 || self == 100"),
        "no backend has a bid: leave it out, or give 100",
    ),
    never("launchTemplate.overrides", Shape::Objects, "make an environment for each template"),
    never("launchTemplate.userdataType", Shape::Text, "it is for EKS; give userData as MIME multi-part"),
    never("ec2Configuration", Shape::Objects, "choose the machine image with imageId"),
    never("capacityTags", Shape::Object, "use tags"),
    never("managedInstancesProvider", Shape::Object, "use backend"),
];

const SCHEDULING_POLICY: &[Row] = &[never("quotaSharePolicy", Shape::Object, "use fairsharePolicy")];

/// Every field that is refused.
pub fn refusals() -> impl Iterator<Item = Refusal> {
    PARTS.iter().flat_map(|part| {
        part.places.iter().flat_map(move |place| {
            part.rows.iter().map(move |Row(field, until, unset, advice)| Refusal {
                kind: part.kind,
                path: format!("{place}.{field}"),
                until: *until,
                advice,
                unset: *unset,
            })
        })
    })
}

impl Refusal {
    /// What the person is told who sets the field.
    pub fn message(&self) -> String {
        let field = self.path.rsplit('.').next().unwrap_or(&self.path);
        let until = match self.until {
            Until::Never => "not supported",
            Until::Built => "not supported yet",
        };
        format!("{until}: {field}: {}", self.advice)
    }

    /// Whether the field is refused whatever it holds, or only with some values.
    pub fn refuses_all(&self) -> bool {
        matches!(self.unset, Unset::Blank | Unset::Absent | Unset::Foreign(_))
    }

    /// Adds the field to the schema, if no Rust type has it.
    pub(crate) fn add_field(&self, schema: &mut Value) -> Result<(), Error> {
        let Unset::Foreign(shape) = self.unset else { return Ok(()) };
        let (parent, field) = self.path.rsplit_once('.').unwrap_or(("", &self.path));
        let fields = schema::at(schema, parent)
            .and_then(|parent| parent.get_mut("properties")?.as_object_mut())
            .ok_or_else(|| self.no_such_field())?;
        fields.insert(field.to_owned(), shape.schema(self.advice));
        Ok(())
    }

    /// Adds the rule that refuses the field.
    pub(crate) fn add_rule(&self, schema: &mut Value) -> Result<(), Error> {
        let field = schema::at(schema, &self.path).ok_or_else(|| self.no_such_field())?;
        let rule = match self.unset {
            Unset::Blank | Unset::Foreign(_) => blank::expression(field, "self"),
            Unset::Absent => "false".to_owned(),
            Unset::Words(words) => format!("self in {}", json!(words)),
            Unset::Rule(rule) => rule.to_owned(),
        };
        let rule = json!({ "rule": rule, "message": self.message(), "reason": "FieldValueForbidden" });
        schema::add_rule(field, rule);
        if self.until == Until::Built
            && self.refuses_all()
            && let Some(Value::String(description)) = field.get_mut("description")
        {
            description.push_str(" Not supported yet.");
        }
        Ok(())
    }

    fn no_such_field(&self) -> Error {
        Error::NoSuchField { kind: self.kind, path: self.path.clone() }
    }
}

impl Shape {
    fn schema(self, advice: &str) -> Value {
        let description = format!("Not supported: {advice}.");
        match self {
            Self::Text => json!({ "description": description, "type": "string", "maxLength": 2048 }),
            Self::Boolean => json!({ "description": description, "type": "boolean" }),
            Self::Object => json!({
                "description": description,
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": true,
            }),
            Self::Objects => json!({
                "description": description,
                "type": "array",
                "maxItems": 50,
                "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                "x-kubernetes-list-type": "atomic",
            }),
        }
    }
}
