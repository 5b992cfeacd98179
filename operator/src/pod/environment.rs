//! The environment of a job's container (SPEC.md J3).

use super::command::verbatim;
use k8s_openapi::api::core::v1::EnvVar;
use windlass_core::action::PodOrder;
use windlass_crds::shared::container::EnvironmentVariable;

/// The user's variables, those of the submission in place of the definition's, then ours.
pub(super) fn variables(
    order: &PodOrder,
    definition: &[EnvironmentVariable],
    submission: &[EnvironmentVariable],
) -> Vec<EnvVar> {
    let replaced =
        |variable: &&EnvironmentVariable| submission.iter().any(|given| given.name == variable.name);
    let users = definition.iter().filter(|variable| !replaced(variable)).chain(submission);
    let users = users.map(|variable| env(&variable.name, verbatim(&variable.value)));
    let mut ours = vec![
        env("AWS_BATCH_CE_NAME", verbatim(order.environment.as_str())),
        env("AWS_BATCH_JQ_NAME", verbatim(order.queue.as_str())),
        env("AWS_BATCH_JOB_ID", job_id(order)),
        env("AWS_BATCH_JOB_ATTEMPT", order.attempt.to_string()),
    ];
    if let Some((index, _)) = order.child {
        ours.push(env("AWS_BATCH_JOB_ARRAY_INDEX", index.to_string()));
    }
    users.chain(ours).collect()
}

/// A job's ID; a child's is `ID:INDEX`.
fn job_id(order: &PodOrder) -> String {
    match order.child {
        Some((index, _)) => format!("{}:{index}", order.job),
        None => order.job.to_string(),
    }
}

fn env(name: &str, value: String) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value), value_from: None }
}
