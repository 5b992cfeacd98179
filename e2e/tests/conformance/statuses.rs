//! The contents that are written: a few of each kind, such as the operator writes, and some that the API server has to refuse.

use crate::setting::{CHILDREN, NOBODY};
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_core::array::Intervals;
use windlass_core::ids::{Name, ObjectKey, Uid};
use windlass_core::objects::{
    ArrayStatus, Attempt, ChildRecord, DefinitionStatus, EnvironmentStatus, Failure, FairShareUse,
    HeadOfLine, JobStatus, Milestones, PinnedRevision, PoolStatus, Proof, QueueStatus, Record, RevisionEntry,
    ShareUse, Validity,
};
use windlass_core::state::State;
use windlass_core::time::Time;
use windlass_core::units::Resources;

const NOON: Time = Time::from_seconds(1_795_435_620);

/// A status of the single job or of the array.
pub(crate) fn job(choice: u8, is_array: bool) -> JobStatus {
    let states =
        [State::Submitted, State::Runnable, State::Starting, State::Running, State::Succeeded, State::Failed];
    let state = states[usize::from(choice) % states.len()];
    let attempts: Vec<Attempt> = match (is_array, choice / 6 % 4) {
        (true, _) | (_, 0) => Vec::new(),
        (_, 1) => vec![attempt(1, None)],
        (_, 2) => vec![attempt(1, Some(137))],
        _ => vec![attempt(1, Some(1)), attempt(2, state.is_final().then_some(0))],
    };
    let pin = (choice / 24) % 3;
    JobStatus {
        observed_generation: 1,
        state,
        reason: Name::from("Reason"),
        words: Name::from(format!("why it is {state}")),
        created_at: NOON,
        started_at: attempts.last().and_then(|attempt| attempt.started_at),
        stopped_at: state.is_final().then_some(NOON),
        pinned: (pin > 0).then(|| {
            Arc::new(PinnedRevision {
                definition: "hello".into(),
                number: u32::from(pin),
                name: "hello-1".into(),
                uid: Uid::from_u128(u128::from(pin)),
            })
        }),
        environment: (!attempts.is_empty()).then(|| "ce".into()),
        launch: u16::from(choice % 2),
        attempts,
        array: is_array.then(|| array(state)),
        main_node: None,
        dependencies: Vec::new(),
        milestones: Milestones {
            accepted: Some(NOON),
            stalled: (state == State::Runnable).then_some(NOON),
            finished: state.is_final().then_some(NOON),
        },
    }
}

fn array(state: State) -> ArrayStatus {
    let mut children = BTreeMap::from([(state, Intervals::below(CHILDREN))]);
    let mut failures = Vec::new();
    if state == State::Failed {
        children = BTreeMap::from([
            (State::Succeeded, Intervals::below(CHILDREN - 1)),
            (State::Failed, [CHILDREN - 1].into_iter().collect()),
        ]);
        failures.push(Failure {
            index: CHILDREN - 1,
            last: CHILDREN - 1,
            exit_code: Some(1),
            reason: "EssentialContainerExited".into(),
            words: "exit code 1".into(),
        });
    }
    ArrayStatus { size: CHILDREN, children, failures, has_begun: state > State::Runnable }
}

fn attempt(number: u8, exit_code: Option<i32>) -> Attempt {
    Attempt {
        number,
        launch: 0,
        pod_uid: Some(NOBODY),
        host: Some("host-1".into()),
        exit_code,
        reason: Name::default(),
        words: exit_code.map_or_else(Name::default, |code| Name::from(format!("exit code {code}"))),
        started_at: Some(NOON),
        stopped_at: exit_code.map(|_| NOON),
        proof: exit_code.map(|_| Proof::ContainerTerminated),
    }
}

/// A record of the array.
pub(crate) fn record(choice: u8, first_index: u32) -> Record {
    let child = |at: u32| {
        let attempts = if at.is_multiple_of(2) { vec![attempt(1, Some(0))] } else { Vec::new() };
        let state = if attempts.is_empty() { State::Runnable } else { State::Succeeded };
        let launched = None;
        (first_index + at, ChildRecord { state, launch: u16::from(choice % 2), attempts, launched })
    };
    Record { children: (0..u32::from(choice % 3)).map(child).collect() }
}

fn validity(choice: u8) -> Validity {
    let fault = (choice % 2 == 1).then(|| ("Broken".into(), "it is broken".into()));
    Validity { fault, since: NOON }
}

pub(crate) fn definition(choice: u8, key: &Name) -> DefinitionStatus {
    let entry = |number: u8| RevisionEntry {
        number: u32::from(number),
        name: Name::from(format!("{key}-{number}")),
        uid: Uid::from_u128(u128::from(number)),
        active: number % 2 == 1,
        created_at: NOON,
    };
    DefinitionStatus {
        observed_generation: 1,
        revisions: (1..=choice % 4).map(entry).collect(),
        validity: validity(choice / 4),
        name_taken: None,
    }
}

pub(crate) fn queue(choice: u8) -> QueueStatus {
    QueueStatus {
        observed_generation: 1,
        validity: validity(choice),
        depth: (!choice.is_multiple_of(3))
            .then_some((State::Runnable, u64::from(choice)))
            .into_iter()
            .collect(),
        paused: choice.is_multiple_of(5),
        name_taken: None,
        in_use: None,
        front: Vec::new(),
        oldest_wait: (!choice.is_multiple_of(3)).then_some(NOON),
        head: choice.is_multiple_of(2).then(|| HeadOfLine {
            job: ObjectKey::new("team", "job-1"),
            reason: "WaitingForCapacity".into(),
            words: "needs 4 vCPUs".into(),
            since: NOON,
        }),
        used: Resources { pods: 0, ..Resources::of_job(500 * u64::from(choice), 64, 0) },
        fair_share: choice.is_multiple_of(4).then(|| FairShareUse {
            at: NOON,
            shares: vec![ShareUse {
                share: "red".into(),
                weight: 1 + u32::from(choice),
                used: 1500 * u64::from(choice),
                recent: u64::from(choice),
                runnable: u64::from(choice),
            }],
        }),
    }
}

pub(crate) fn environment(choice: u8) -> EnvironmentStatus {
    let amount = |cpus: u8| {
        let gpus = u64::from(cpus) / 2;
        Resources { cpu_millis: u64::from(cpus) * 500, memory_bytes: 1 << 30, gpus, pods: 0 }
    };
    EnvironmentStatus {
        observed_generation: 1,
        validity: validity(choice),
        hosts: u32::from(choice % 3),
        total: amount(choice % 3 + 1),
        used: amount(choice % 2),
        max_vcpus: choice.is_multiple_of(2).then_some(128),
        pool: PoolStatus {
            desired_vcpus: Some(u32::from(choice)),
            launching_vcpus: u32::from(choice % 4),
            launching_memory: u64::from(choice % 4) << 30,
            launching_gpus: u64::from(choice % 2),
            last_serial: u64::from(choice),
            launches: Vec::new(),
        },
        launch_failure: choice.is_multiple_of(2).then(|| "no node came within 900 s".into()),
        name_taken: None,
        in_use: None,
        ignored: None,
    }
}

/// A definition's content, as the operator writes it into a revision.
pub(crate) fn definition_spec(choice: u8) -> windlass_crds::JobDefinitionSpec {
    let image = format!("example.org/image:{}", choice % 2);
    let spec = serde_json::json!({
        "type": "container",
        "containerProperties": { "image": image, "vcpus": 1, "memory": 64 },
    });
    serde_json::from_value(spec).unwrap()
}
