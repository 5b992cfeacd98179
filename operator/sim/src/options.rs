//! What the options of a scenario's commands ask for.

use crate::store::group;
use std::time::Duration;
use windlass_core::ids::Name;
use windlass_core::objects::{
    Dependency, ExitRule, JobReference, JobSpec, NodeOverrides, Pattern, ResourceRequest, RetryStrategy,
    StopKind, StuckReason, TimeLimit,
};

/// `limit=capacity:600:CANCEL,requirement:600:TERMINATE`.
pub(crate) fn time_limits(options: &[&str]) -> Result<Vec<TimeLimit>, String> {
    let limits = option(options, "limit").into_iter().flat_map(|limits| limits.split(','));
    let limit = |text: &str| match text.split(':').collect::<Vec<_>>().as_slice() {
        [reason, seconds, action] => Ok(TimeLimit {
            reason: if *reason == "capacity" {
                StuckReason::InsufficientCapacity
            } else {
                StuckReason::ResourceRequirement
            },
            after: Duration::from_secs(number(seconds)?),
            kind: if *action == "CANCEL" { StopKind::Cancel } else { StopKind::Terminate },
        }),
        _ => Err(format!("'{text}' is no limit")),
    };
    limits.map(limit).collect()
}

/// What the options of a job ask for.
pub(crate) fn submission(options: &[&str]) -> Result<JobSpec, String> {
    let numeric = |key: &str| option(options, key).map(number).transpose();
    let seconds = |key: &str| numeric(key).map(|number| number.map(Duration::from_secs));
    let mut depends_on: Vec<Dependency> = Vec::new();
    let named = |key: &str| option(options, key).into_iter().flat_map(|jobs| jobs.split(','));
    depends_on.extend(named("after").map(|job| Dependency::Whole(JobReference::parse(job))));
    depends_on.extend(named("n-to-n").map(|job| Dependency::NToN(JobReference::parse(job))));
    depends_on.extend(options.contains(&"sequential").then_some(Dependency::Sequential));
    let rules = named("exit-rules").map(|rule| match rule.split_once(':') {
        Some((pattern, action)) => Ok(ExitRule {
            exit_code: Some(Pattern(pattern.into())),
            retry: action == "RETRY",
            ..ExitRule::default()
        }),
        None => Err(format!("'{rule}' is no rule: write CODE:RETRY or CODE:EXIT")),
    });
    let overrides = ResourceRequest {
        cpu_millis: numeric("vcpus")?.map(|cpus| cpus * 1000),
        gpus: numeric("gpus")?,
        ..ResourceRequest::default()
    };
    Ok(JobSpec {
        size: numeric("size")?.and_then(|size| u32::try_from(size).ok()),
        node_overrides: node_overrides(options)?.map(Box::new),
        aws_name: option(options, "aws").map(Name::from),
        retry: Some(RetryStrategy {
            attempts: numeric("attempts")?.and_then(|attempts| u8::try_from(attempts).ok()),
            rules: rules.collect::<Result<_, _>>()?,
        }),
        timeout: seconds("timeout")?,
        share: option(options, "share").map(Name::from),
        priority: numeric("priority")?.and_then(|priority| u32::try_from(priority).ok()),
        time_to_live: seconds("ttl")?,
        depends_on,
        changes_container: overrides != ResourceRequest::default(),
        overrides,
        ..JobSpec::default()
    })
}

/// `nodes=N` and `group=TARGETS/VCPUS/MIB/GPUS/TYPE`, of a job: `nodeOverrides`.
fn node_overrides(options: &[&str]) -> Result<Option<NodeOverrides>, String> {
    let count = option(options, "nodes").map(number).transpose()?;
    let count = count.and_then(|count| u32::try_from(count).ok());
    let named = options.iter().filter_map(|option| option.strip_prefix("group="));
    let groups = named.map(|text| group(text).ok_or_else(|| format!("'{text}' is no group of nodes")));
    let groups: Vec<_> = groups.collect::<Result<_, _>>()?;
    Ok((count.is_some() || !groups.is_empty()).then_some(NodeOverrides { count, groups }))
}

/// What a definition says, as [`crate::store::content`] reads it.
pub(crate) fn definition(cpus: &str, mib: &str, options: &[&str]) -> Result<String, String> {
    let mut text = format!("{} {mib}", 1000 * number(cpus)?);
    let priority = option(options, "priority").map(|number| format!(" {number}"));
    text.push_str(&priority.unwrap_or_default());
    for option in options {
        if let Some(wrong) = option.strip_prefix("group=").filter(|text| group(text).is_none()) {
            return Err(format!("'{wrong}' is no group of nodes"));
        }
        if ["nodes=", "main=", "group="].iter().any(|key| option.starts_with(key)) {
            text.push_str(&format!(" {option}"));
        }
    }
    Ok(text)
}

pub(crate) fn option<'a>(options: &[&'a str], key: &str) -> Option<&'a str> {
    options.iter().find_map(|option| option.strip_prefix(key)?.strip_prefix('='))
}

pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("'{text}' is no number"))
}
