//! The rainbow job: made anew, and followed to its end.

use std::ops::ControlFlow;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::kubectl::Kubectl;
use crate::progress::Progress;

/// Its name in `deploy/examples/rainbow.yaml`.
pub(crate) const NAME: &str = "print-color";

/// Its namespace there.
pub(crate) const NAMESPACE: &str = "default";

/// It takes seconds, and minutes where its image has to be pulled.
const BOUND: &str = "300s";

/// What of a Job is shown.
#[derive(Debug, PartialEq)]
pub(crate) struct View {
    uid: String,
    status: String,
    reason: String,
    children: Vec<String>,
}

impl View {
    /// That of a Job object.
    fn of(job: &Value) -> Self {
        let text =
            |pointer: &str| job.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let summary = job.pointer("/status/arrayProperties/statusSummary").and_then(Value::as_object);
        // In the order of a job's life, which is not that of the alphabet.
        let states = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"];
        let number = |state: &str| summary.and_then(|all| all.get(state)?.as_i64()).unwrap_or(0);
        let children = states.iter().map(|state| (number(state), state));
        Self {
            uid: text("/metadata/uid"),
            status: text("/status/status"),
            reason: text("/status/statusReason"),
            children: children
                .filter(|(number, _)| *number > 0)
                .map(|(number, state)| format!("{number} {state}"))
                .collect(),
        }
    }

    /// The Job's UID.
    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }

    /// Where it stands.
    pub(crate) fn status(&self) -> &str {
        &self.status
    }

    /// Why it stands there.
    pub(crate) fn status_reason(&self) -> &str {
        &self.reason
    }

    /// Whether it ended well.
    pub(crate) fn succeeded(&self) -> bool {
        self.status == "SUCCEEDED"
    }

    fn has_ended(&self) -> bool {
        self.succeeded() || self.status == "FAILED"
    }
}

/// Removes the job of an earlier demonstration: a job runs once.
pub(crate) fn remove_earlier(progress: &Progress, kubectl: &Kubectl) -> Result<()> {
    let words = ["--namespace", NAMESPACE, "--ignore-not-found"];
    if kubectl.line("get batchjob -o name").args([NAME]).args(words).output()?.is_empty() {
        return Ok(());
    }
    progress.step("removing the job of an earlier demonstration");
    kubectl.line("delete batchjob --timeout=60s").args([NAME]).args(words).run()
}

/// Shows each change of the job until it ends.
pub(crate) fn follow(progress: &Progress, kubectl: &Kubectl) -> Result<View> {
    let mut last = None;
    let watch = kubectl
        .line("get batchjob --watch")
        .args([NAME, "--namespace", NAMESPACE])
        // Each object on a line of its own.
        .args(["-o", "jsonpath={@}{\"\\n\"}"])
        .args([format!("--request-timeout={BOUND}")]);
    let outcome = watch.lines(|line| {
        let job: Value = serde_json::from_str(line).context("kubectl wrote something else than JSON")?;
        let view = View::of(&job);
        if last.as_ref() != Some(&view) && !view.status.is_empty() {
            let children = view.children.join(", ");
            progress.step(format!("{NAME} is {:<9}  {children:<22}  {}", view.status, view.reason));
        }
        if view.has_ended() {
            return Ok(ControlFlow::Break(view));
        }
        last = Some(view);
        Ok(ControlFlow::Continue(()))
    });
    match (outcome, last) {
        (Ok(Some(end)), _) => Ok(end),
        (Ok(None), None) => bail!("kubectl showed nothing of the job"),
        (Err(error), None) => Err(error),
        (_, Some(view)) => {
            bail!("the job has not ended within {BOUND}; it is {}: {}", view.status, view.reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_view_counts_children_in_the_order_of_their_life() {
        let view = View::of(&json!({
            "metadata": {"uid": "u"},
            "status": {
                "status": "RUNNING",
                "statusReason": "some run",
                "arrayProperties": {"statusSummary": {"SUCCEEDED": 1, "RUNNING": 2, "RUNNABLE": 4, "FAILED": 0}},
            },
        }));
        assert_eq!(view.children, ["4 RUNNABLE", "2 RUNNING", "1 SUCCEEDED"]);
        assert_eq!((view.uid(), view.status(), view.status_reason()), ("u", "RUNNING", "some run"));
        assert!(!view.has_ended());
    }

    #[test]
    fn a_job_that_was_not_looked_at_yet_has_an_empty_view() {
        let view = View::of(&json!({"metadata": {"uid": "u"}}));
        assert!(view.status().is_empty() && view.children.is_empty() && !view.has_ended());
    }
}
