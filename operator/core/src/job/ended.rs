//! What a pod's status says of the attempt in it.

use crate::ids::Name;
use crate::mutant::{self, Mutant};
use crate::objects::{Attempt, Container, ObservedPod, PodPhase, Proof, TaskPod};
use crate::time::Time;

/// What is known of the host a pod is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostFacts {
    /// Its node is there.
    Present,
    /// Its node has been gone for long enough to be believed.
    Gone,
    /// An administrator declared it dead.
    OutOfService,
}

/// Where an attempt stands, by its pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Not bound to a host yet; kube-scheduler's message when it found no room.
    Unbound(Option<Name>),
    /// Bound; its container does not run yet: why, in the runtime's words, if it says.
    Starting(Option<Name>),
    /// Its container runs.
    Running { started_at: Time },
    /// No container ever existed, and none will: the launch costs no attempt. Why, in words.
    Withdrawn(Name),
    /// Its container runs, or is to, for the second time: what it did before is lost, and the attempt with it.
    Restarted,
    /// The attempt is over: exit code, reasons, times and proof are filled in.
    Over(Attempt),
}

/// AWS Batch's words when a container ends by itself; people match on them.
const CONTAINER_EXITED: &str = "Essential container in task exited";

/// Ours for a container that ran twice in one attempt; AWS Batch knows no such end.
pub(crate) const STARTED_AGAIN: &str = "Task stopped: its container was started again";

/// Reads a pod. Total: whatever a kubelet, a garbage collector or a person wrote gets a judgement.
///
/// A kubelet that has lost the sandbox of a pod starts a container again that is to run once, where the pod itself is to be
/// restarted, as StatefulSets want it (`computePodActions` of Kubernetes 1.36): its exit code would be another run's.
pub(crate) fn judge(pod: &ObservedPod, task: &TaskPod, host: HostFacts) -> Judgement {
    let judgement = judge_last_run(pod, task, host);
    if !task.restarted || mutant::is(Mutant::SecondRunBelieved) {
        return judgement;
    }
    match judgement {
        Judgement::Running { .. } | Judgement::Starting(_) => Judgement::Restarted,
        Judgement::Over(attempt) if attempt.proof == Some(Proof::ContainerTerminated) => {
            let words = Name::from(STARTED_AGAIN);
            Judgement::Over(Attempt { exit_code: None, reason: Name::default(), words, ..attempt })
        }
        other => other,
    }
}

fn judge_last_run(pod: &ObservedPod, task: &TaskPod, host: HostFacts) -> Judgement {
    if let Container::Terminated { exit_code, reason, message, started_at, stopped_at } = &task.container
        && reason.as_str() != "ContainerStatusUnknown"
    {
        return Judgement::Over(Attempt {
            exit_code: Some(*exit_code),
            reason: container_reason(reason, message),
            words: words_of_end(pod, task),
            started_at: *started_at,
            stopped_at: *stopped_at,
            proof: Some(Proof::ContainerTerminated),
            ..Attempt::default()
        });
    }
    let Some(bound_to) = &pod.host else {
        return match (pod.deleting, pod.phase) {
            (false, PodPhase::Active) => Judgement::Unbound(task.unschedulable.clone()),
            _ => Judgement::Withdrawn(Name::from("its pod was deleted before it had a host")),
        };
    };
    if pod.deleting && mutant::is(Mutant::DeletionStampIsEnd) {
        return ended_without_report(pod, task);
    }
    let given_up = task.disruption.as_ref().is_some_and(|cause| cause.as_str() == "DeletionByPodGC");
    match (if given_up { HostFacts::Gone } else { host }, pod.phase) {
        (HostFacts::Gone, _) => lost(task, Proof::NodeDeleted, format!("Host EC2 ({bound_to}) terminated.")),
        (HostFacts::OutOfService, _) => lost(
            task,
            Proof::OutOfServiceTaint,
            format!("Host EC2 ({bound_to}) terminated: declared out of service."),
        ),
        (HostFacts::Present, PodPhase::Active) => match &task.container {
            Container::Running { started_at } => Judgement::Running { started_at: *started_at },
            Container::Waiting { reason, message } => Judgement::Starting(hindrance(reason, message)),
            _ => Judgement::Starting(None),
        },
        (HostFacts::Present, _) if is_refusal_of_kubelet(task) => Judgement::Withdrawn(Name::from(format!(
            "host {bound_to} refused its pod: {}: {}",
            task.reason, task.message
        ))),
        (HostFacts::Present, _) => ended_without_report(pod, task),
    }
}

/// Why a container does not start; `None` while it is only being made.
fn hindrance(reason: &Name, message: &Name) -> Option<Name> {
    let kind = match reason.as_str() {
        "" | "ContainerCreating" | "PodInitializing" => return None,
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => "CannotPullContainerError",
        "RunContainerError" | "StartError" => "CannotStartContainerError",
        _ => "CannotCreateContainerError",
    };
    let words = if message.is_empty() { reason } else { message };
    Some(Name::from(format!("{kind}: {words}")))
}

/// The kubelet checks a pod again before it makes any container; what it refuses never ran (kubelet's lifecycle handlers:
/// `OutOfcpu`, `OutOfmemory`, `OutOfpods`, `NodeAffinity`, `NodePorts`, `UnexpectedAdmissionError` …).
fn is_refusal_of_kubelet(task: &TaskPod) -> bool {
    let refusals =
        ["NodeAffinity", "NodePorts", "UnexpectedAdmissionError", "PodLevelResourcesNotAdmittedReason"];
    let reason = task.reason.as_str();
    if mutant::is(Mutant::KubeletRefusalCounts) {
        return false;
    }
    task.container == Container::Unknown && (reason.starts_with("OutOf") || refusals.contains(&reason))
}

/// The pod is over, and the kubelet has no exit code of its container.
fn ended_without_report(pod: &ObservedPod, task: &TaskPod) -> Judgement {
    let reason = match (task.reason.as_str(), task.message.as_str()) {
        ("", _) => Name::from("the kubelet has no exit code of the container"),
        (word, "") => Name::from(word),
        (word, message) => Name::from(format!("{word}: {message}")),
    };
    let (exit_code, started_at, stopped_at) = match task.container {
        Container::Terminated { exit_code, started_at, stopped_at, .. } => {
            (Some(exit_code), started_at, stopped_at)
        }
        Container::Running { started_at } => (None, Some(started_at), None),
        _ => (None, None, None),
    };
    Judgement::Over(Attempt {
        exit_code: exit_code.filter(|code| *code != 0),
        reason,
        words: words_of_end(pod, task),
        started_at,
        stopped_at,
        proof: Some(Proof::ContainerTerminated),
        ..Attempt::default()
    })
}

fn lost(task: &TaskPod, proof: Proof, words: String) -> Judgement {
    let started_at = match task.container {
        Container::Running { started_at } => Some(started_at),
        _ => None,
    };
    Judgement::Over(Attempt {
        words: Name::from(words),
        started_at,
        proof: Some(proof),
        ..Attempt::default()
    })
}

fn container_reason(reason: &Name, message: &Name) -> Name {
    match (reason.as_str(), message.as_str()) {
        ("OOMKilled", _) => Name::from("OutOfMemoryError: Container killed due to memory usage"),
        ("Completed" | "Error", "") => Name::default(),
        ("Completed" | "Error", message) => Name::from(message),
        (_, "") => reason.clone(),
        (reason, message) => Name::from(format!("{reason}: {message}")),
    }
}

/// A host that goes away takes its pods with it in good order: AWS's words for that begin with `Host EC2`.
fn words_of_end(pod: &ObservedPod, task: &TaskPod) -> Name {
    let host = pod.host.as_ref().map_or("unknown", Name::as_str);
    match (&task.disruption, task.reason.as_str()) {
        (_, "Terminated" | "NodeShutdown" | "Shutdown") => {
            Name::from(format!("Host EC2 ({host}) terminated: shut down."))
        }
        (Some(cause), _) => {
            Name::from(format!("Task stopped: {} on host {host}", disruption_in_words(cause)))
        }
        (None, "Evicted") => Name::from(format!("Task stopped: evicted by host {host}")),
        _ => Name::from(CONTAINER_EXITED),
    }
}

fn disruption_in_words(cause: &Name) -> &str {
    match cause.as_str() {
        "PreemptionByScheduler" => "preempted by a pod of higher priority",
        "EvictionByEvictionAPI" => "evicted",
        "DeletionByTaintManager" => "the node's taint evicted it",
        "TerminationByKubelet" => "stopped by the kubelet",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ObjectKey, ResourceVersion, Uid};
    use crate::units::ResourceList;

    fn pod(host: Option<&str>, phase: PodPhase, task: TaskPod) -> ObservedPod {
        ObservedPod {
            key: ObjectKey::new("a", "p"),
            uid: Uid::from_u128(1),
            resource_version: ResourceVersion(1),
            created_at: Time::ZERO,
            host: host.map(Name::from),
            requests: ResourceList::default(),
            phase,
            deleting: false,
            task: Some(task),
        }
    }

    fn judged(host: Option<&str>, phase: PodPhase, task: &TaskPod, facts: HostFacts) -> Judgement {
        let pod = pod(host, phase, task.clone());
        judge(&pod, task, facts)
    }

    fn exited(exit_code: i32, reason: &str) -> TaskPod {
        let container = Container::Terminated {
            exit_code,
            reason: reason.into(),
            message: Name::default(),
            started_at: Some(Time::from_seconds(5)),
            stopped_at: Some(Time::from_seconds(9)),
        };
        TaskPod { container, ..TaskPod::default() }
    }

    #[test]
    fn an_exit_code_outranks_everything_else() {
        for facts in [HostFacts::Present, HostFacts::Gone, HostFacts::OutOfService] {
            let Judgement::Over(attempt) = judged(Some("n"), PodPhase::Active, &exited(3, "Error"), facts)
            else {
                panic!("not over")
            };
            assert_eq!((attempt.exit_code, attempt.proof), (Some(3), Some(Proof::ContainerTerminated)));
            assert_eq!(attempt.words.as_str(), CONTAINER_EXITED);
        }
    }

    #[test]
    fn an_out_of_memory_kill_says_so() {
        let Judgement::Over(attempt) =
            judged(Some("n"), PodPhase::Failed, &exited(137, "OOMKilled"), HostFacts::Present)
        else {
            panic!("not over")
        };
        assert!(attempt.reason.as_str().starts_with("OutOfMemoryError"));
    }

    #[test]
    fn a_lost_host_is_over_only_with_proof() {
        let running =
            TaskPod { container: Container::Running { started_at: Time::ZERO }, ..TaskPod::default() };
        let here = judged(Some("n"), PodPhase::Active, &running, HostFacts::Present);
        assert_eq!(here, Judgement::Running { started_at: Time::ZERO });
        let Judgement::Over(attempt) = judged(Some("n"), PodPhase::Active, &running, HostFacts::Gone) else {
            panic!("not over")
        };
        assert_eq!(attempt.proof, Some(Proof::NodeDeleted));
        assert_eq!(attempt.words.as_str(), "Host EC2 (n) terminated.");
    }

    #[test]
    fn a_kubelets_refusal_costs_no_attempt_but_an_eviction_does() {
        let refused = TaskPod { reason: "OutOfcpu".into(), ..TaskPod::default() };
        assert!(matches!(
            judged(Some("n"), PodPhase::Failed, &refused, HostFacts::Present),
            Judgement::Withdrawn(_)
        ));
        let evicted = TaskPod { reason: "Evicted".into(), ..TaskPod::default() };
        let Judgement::Over(attempt) = judged(Some("n"), PodPhase::Failed, &evicted, HostFacts::Present)
        else {
            panic!("not over")
        };
        assert_eq!((attempt.exit_code, attempt.reason.as_str()), (None, "Evicted"));
    }

    #[test]
    fn a_second_run_is_stopped_and_never_a_success() {
        let running = TaskPod {
            container: Container::Running { started_at: Time::ZERO },
            restarted: true,
            ..TaskPod::default()
        };
        assert_eq!(judged(Some("n"), PodPhase::Active, &running, HostFacts::Present), Judgement::Restarted);
        let ended = TaskPod { restarted: true, ..exited(0, "Completed") };
        let Judgement::Over(attempt) = judged(Some("n"), PodPhase::Succeeded, &ended, HostFacts::Present)
        else {
            panic!("not over")
        };
        assert!(!attempt.succeeded());
        assert_eq!(attempt.words.as_str(), STARTED_AGAIN);
    }

    #[test]
    fn an_unknown_container_status_is_no_success() {
        let lost = exited(0, "ContainerStatusUnknown");
        let Judgement::Over(attempt) = judged(Some("n"), PodPhase::Failed, &lost, HostFacts::Present) else {
            panic!("not over")
        };
        assert!(!attempt.succeeded());
    }
}
