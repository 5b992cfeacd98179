//! What is refused by name is refused, what says nothing passes, and no field is forgotten.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use windlass_crds::Kind;
use windlass_crds::ignored::IGNORED;
use windlass_crds::unsupported::{Refusal, Until, refusals};

use crate::check::{Stage, errors, schema};
use crate::fields::{at, fields, put, value_at};
use crate::round_trip::written;
use crate::{sample_files, skeleton};

/// A valid object of a kind that sets as little as possible.
fn smallest(kind: Kind) -> Value {
    let file = match kind {
        Kind::ComputeEnvironment => "valid/compute-environment-skeleton.yaml",
        Kind::Job => "valid/job-minimal.yaml",
        Kind::JobDefinition => "valid/job-definition-tensorflow.yaml",
        Kind::JobQueue => "valid/job-queue-minimal.yaml",
        Kind::JobRecord => "valid/job-record.yaml",
        Kind::SchedulingPolicy => "valid/scheduling-policy.yaml",
    };
    sample_files::object(file)
}

/// The smallest object, with a value at the path of a refusal.
fn with(refusal: &Refusal, value: &Value) -> Value {
    let mut object = smallest(refusal.kind);
    put(&mut object, &refusal.path, value.clone());
    object
}

#[test]
fn every_row_names_a_field_once() {
    let mut paths = BTreeSet::new();
    for refusal in refusals() {
        let path = format!("{} {}", refusal.kind, refusal.path);
        assert!(at(schema(refusal.kind, Stage::Now), &refusal.path).is_some(), "{path} is no field");
        assert!(paths.insert(path.clone()), "{path} has two rows");
    }
    for ignored in IGNORED {
        // Below an open object there are no fields.
        let (path, _) = ignored.path.split_once("Data.").unwrap_or((ignored.path, ""));
        let path = if path == ignored.path { path.to_owned() } else { format!("{path}Data") };
        assert!(at(schema(ignored.kind, Stage::Now), &path).is_some(), "{} is no field", ignored.path);
    }
}

#[test]
fn every_row_refuses_what_is_set() {
    for refusal in refusals() {
        let schema = schema(refusal.kind, Stage::Now);
        let values = match refusal.path.rsplit('.').next().unwrap() {
            "allocationStrategy" => {
                vec![at(schema, &refusal.path).unwrap()["enum"].as_array().unwrap().last().unwrap().clone()]
            }
            // At the top of a row's field also the booleans count that a skeleton prints as true.
            name @ ("privileged" | "readonlyRootFilesystem") => {
                skeleton::set(at(schema, &refusal.path).unwrap(), &format!("{name} itself"))
            }
            name => skeleton::set(at(schema, &refusal.path).unwrap(), name),
        };
        assert!(!values.is_empty(), "{}", refusal.path);
        for value in values {
            let errors = errors(&with(&refusal, &value), None, Stage::Now);
            let message = refusal.message();
            assert!(
                errors.iter().any(|error| error.contains(&message)),
                "{} {} = {value}: expected {message:?} in {errors:#?}",
                refusal.kind,
                refusal.path
            );
        }
    }
}

/// The rule that lets a skeleton pass, in CEL, and the Rust type that decodes it say the same of every value.
#[test]
fn rules_and_types_agree_on_what_is_not_set() {
    for refusal in refusals().filter(|refusal| refusal.until == Until::Built && refusal.refuses_all()) {
        // In a list of nodes that are not there nothing is set.
        if refusal.path.contains("[]") {
            continue;
        }
        let schema = schema(refusal.kind, Stage::Types);
        let field = at(schema, &refusal.path).unwrap();
        let name = refusal.path.rsplit('.').next().unwrap();
        if let Some(blank) = skeleton::blank(field, name) {
            let blank = if blank == json!(true) { json!(false) } else { blank };
            let object = with(&refusal, &blank);
            let errors = errors(&object, None, Stage::Now);
            let refused = errors.iter().any(|error| error.contains(&refusal.message()));
            assert!(!refused, "{} = {blank}: {errors:#?}", refusal.path);
            let kept = value_at(&written(&object), &refusal.path)
                .filter(|kept| *kept != json!(0) && *kept != json!(false));
            assert_eq!(kept, None, "{} = {blank}", refusal.path);
        }
        for value in skeleton::set(field, name) {
            let kept = value_at(&written(&with(&refusal, &value)), &refusal.path);
            assert!(kept.is_some(), "{} = {value} is lost", refusal.path);
        }
    }
}

#[test]
fn no_member_of_the_aws_shapes_is_dropped() {
    let members = include_str!("aws_members.txt").lines().filter(|line| !line.starts_with('#'));
    let mut number = 0;
    for line in members {
        let (kind, path) = line.split_once(' ').unwrap();
        let kind = *Kind::ALL.iter().find(|known| known.name() == kind).unwrap();
        assert!(at(schema(kind, Stage::Now), path).is_some(), "{line} is not in the schema");
        number += 1;
    }
    assert!(number > 200, "only {number} members: is the list whole?");
}

/// Every field of a spec is either built (in the list below), ignored, or refused.
#[test]
fn every_field_is_classified() {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::JobRecord) {
        let covered = |path: &str| {
            let below = |row: &str| {
                path == row || path.strip_prefix(row).is_some_and(|rest| rest.starts_with(['.', '[']))
            };
            refusals().any(|row| row.kind == kind && row.refuses_all() && below(&row.path))
                || IGNORED.iter().any(|row| row.kind == kind && row.value.is_none() && below(row.path))
        };
        let schema = schema(kind, Stage::Now);
        let found: Vec<String> =
            fields(&schema["properties"]["spec"], "spec").into_iter().filter(|path| !covered(path)).collect();
        let listed: Vec<&str> =
            BUILT.iter().filter(|(of, _)| *of == kind).flat_map(|(_, paths)| *paths).copied().collect();
        let listed: BTreeSet<&str> = listed.into_iter().collect();
        let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        let unlisted: Vec<_> = found.difference(&listed).collect();
        assert!(
            unlisted.is_empty(),
            "{kind}: say whether these are built, ignored or refused: {unlisted:#?}"
        );
        let refused: Vec<_> = listed.difference(&found).collect();
        assert!(refused.is_empty(), "{kind}: listed as built, but refused, ignored or gone: {refused:#?}");
    }
}

/// The fields that do what the contract says.
const BUILT: &[(Kind, &[&str])] = &[
    (
        Kind::Job,
        &[
            "spec.jobName",
            "spec.jobQueue",
            "spec.jobDefinition",
            "spec.arrayProperties.size",
            "spec.parameters",
            "spec.containerOverrides.vcpus",
            "spec.containerOverrides.memory",
            "spec.containerOverrides.command",
            "spec.containerOverrides.environment[].name",
            "spec.containerOverrides.environment[].value",
            "spec.containerOverrides.resourceRequirements[].type",
            "spec.containerOverrides.resourceRequirements[].value",
            "spec.nodeOverrides.numNodes",
            "spec.nodeOverrides.nodePropertyOverrides[].targetNodes",
            "spec.nodeOverrides.nodePropertyOverrides[].instanceTypes",
            "spec.nodeOverrides.nodePropertyOverrides[].containerOverrides.vcpus",
            "spec.nodeOverrides.nodePropertyOverrides[].containerOverrides.memory",
            "spec.nodeOverrides.nodePropertyOverrides[].containerOverrides.command",
            "spec.nodeOverrides.nodePropertyOverrides[].containerOverrides.environment[].name",
            "spec.nodeOverrides.nodePropertyOverrides[].containerOverrides.environment[].value",
            "spec.nodeOverrides.nodePropertyOverrides[].containerOverrides.resourceRequirements[].type",
            "spec.nodeOverrides.nodePropertyOverrides[].containerOverrides.resourceRequirements[].value",
            "spec.nodeOverrides.nodePropertyOverrides[].containerOverrides.instanceType",
            "spec.dependsOn[].jobId",
            "spec.dependsOn[].type",
            "spec.retryStrategy.attempts",
            "spec.retryStrategy.evaluateOnExit[].action",
            "spec.retryStrategy.evaluateOnExit[].onExitCode",
            "spec.retryStrategy.evaluateOnExit[].onReason",
            "spec.retryStrategy.evaluateOnExit[].onStatusReason",
            "spec.timeout.attemptDurationSeconds",
            "spec.propagateTags",
            "spec.shareIdentifier",
            "spec.schedulingPriorityOverride",
            "spec.ttlSecondsAfterFinished",
            "spec.stop.type",
            "spec.stop.reason",
            "spec.stopChildren[].indexes",
            "spec.stopChildren[].type",
            "spec.stopChildren[].reason",
            "spec.tags",
        ],
    ),
    (
        Kind::JobDefinition,
        &[
            "spec.jobDefinitionName",
            "spec.schedulingPriority",
            "spec.type",
            "spec.parameters",
            "spec.containerProperties.image",
            "spec.containerProperties.vcpus",
            "spec.containerProperties.memory",
            "spec.containerProperties.command",
            "spec.containerProperties.environment[].name",
            "spec.containerProperties.environment[].value",
            "spec.containerProperties.resourceRequirements[].type",
            "spec.containerProperties.resourceRequirements[].value",
            "spec.nodeProperties.numNodes",
            "spec.nodeProperties.mainNode",
            "spec.nodeProperties.nodeRangeProperties[].targetNodes",
            "spec.nodeProperties.nodeRangeProperties[].instanceTypes",
            "spec.nodeProperties.nodeRangeProperties[].container.image",
            "spec.nodeProperties.nodeRangeProperties[].container.vcpus",
            "spec.nodeProperties.nodeRangeProperties[].container.memory",
            "spec.nodeProperties.nodeRangeProperties[].container.command",
            "spec.nodeProperties.nodeRangeProperties[].container.environment[].name",
            "spec.nodeProperties.nodeRangeProperties[].container.environment[].value",
            "spec.nodeProperties.nodeRangeProperties[].container.resourceRequirements[].type",
            "spec.nodeProperties.nodeRangeProperties[].container.resourceRequirements[].value",
            "spec.nodeProperties.nodeRangeProperties[].container.instanceType",
            "spec.retryStrategy.attempts",
            "spec.retryStrategy.evaluateOnExit[].action",
            "spec.retryStrategy.evaluateOnExit[].onExitCode",
            "spec.retryStrategy.evaluateOnExit[].onReason",
            "spec.retryStrategy.evaluateOnExit[].onStatusReason",
            "spec.timeout.attemptDurationSeconds",
            "spec.propagateTags",
            "spec.tags",
            "spec.state",
            "spec.inactiveRevisions",
        ],
    ),
    (
        Kind::JobQueue,
        &[
            "spec.jobQueueName",
            "spec.state",
            "spec.priority",
            "spec.computeEnvironmentOrder[].order",
            "spec.computeEnvironmentOrder[].computeEnvironment",
            "spec.schedulingPolicyArn",
            "spec.jobStateTimeLimitActions[].reason",
            "spec.jobStateTimeLimitActions[].state",
            "spec.jobStateTimeLimitActions[].maxTimeSeconds",
            "spec.jobStateTimeLimitActions[].action",
            "spec.tags",
        ],
    ),
    (
        Kind::ComputeEnvironment,
        &[
            "spec.computeEnvironmentName",
            "spec.type",
            "spec.state",
            "spec.nodeSelector",
            "spec.gpuResourceName",
            "spec.tags",
            "spec.backend.karpenter.nodeClassRef.group",
            "spec.backend.karpenter.nodeClassRef.kind",
            "spec.backend.karpenter.nodeClassRef.name",
            "spec.backend.karpenter.ec2NodeClass",
            "spec.backend.clusterApi.machineDeployments[].name",
            "spec.backend.clusterApi.machineDeployments[].namespace",
            "spec.backend.external.maxNodeProvisionSeconds",
            "spec.backend.external.nodeSelector",
            "spec.backend.simulated",
            "spec.computeResources.type",
            "spec.computeResources.allocationStrategy",
            "spec.computeResources.bidPercentage",
            "spec.computeResources.minvCpus",
            "spec.computeResources.desiredvCpus",
            "spec.computeResources.maxvCpus",
            "spec.computeResources.instanceTypes",
            "spec.computeResources.imageId",
            "spec.computeResources.subnets",
            "spec.computeResources.securityGroupIds",
            "spec.computeResources.ec2KeyPair",
            "spec.computeResources.instanceRole",
            "spec.computeResources.tags",
            "spec.computeResources.placementGroup",
            "spec.computeResources.launchTemplate.launchTemplateData",
            "spec.computeResources.scalingPolicy.minScaleDownDelayMinutes",
        ],
    ),
    (
        Kind::SchedulingPolicy,
        &[
            "spec.name",
            "spec.fairsharePolicy.shareDecaySeconds",
            "spec.fairsharePolicy.computeReservation",
            "spec.fairsharePolicy.shareDistribution[].shareIdentifier",
            "spec.fairsharePolicy.shareDistribution[].weightFactor",
            "spec.tags",
        ],
    ),
];
