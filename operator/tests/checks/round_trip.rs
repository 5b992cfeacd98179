//! A status that is written must be read back as the same: else the operator would take its own words for somebody else's.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use windlass::convert::{self, Wire, kinds};
use windlass::render;
use windlass_core::action::RecordOrder;
use windlass_core::array::Intervals;
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::objects::{
    ArrayStatus, Attempt, DefinitionStatus, Dependency, DependencyStatus, EnvironmentStatus, Failure,
    FairShareUse, HeadOfLine, JobReference, JobStatus, Launch, Launched, Milestones, PinnedRevision,
    PoolStatus, Proof, QueueStatus, RevisionEntry, ShareUse, Validity, WaitingJob,
};
use windlass_core::objects::{ChildRecord, Record};
use windlass_core::state::State;
use windlass_core::time::Time;
use windlass_core::units::Resources;

const CREATED: &str = "2026-11-23T21:00:00Z";

fn at(seconds: i64) -> Time {
    convert::time(CREATED).unwrap() + std::time::Duration::from_secs(seconds.unsigned_abs())
}

fn job_uid() -> Uid {
    Uid::parse("1a2b3c4d-0000-4000-8000-000000000001").unwrap()
}

fn object<D: convert::Described>(spec: &Value, status: &Value) -> Wire<D> {
    let object = json!({
        "metadata": {
            "name": "job-1", "namespace": "team", "uid": job_uid().to_string(), "resourceVersion": "7",
            "generation": 1, "creationTimestamp": CREATED,
        },
        "spec": spec,
        "status": status,
    });
    serde_json::from_str(&object.to_string()).unwrap()
}

fn attempt(number: u8) -> Attempt {
    Attempt {
        number,
        launch: u16::from(number) - 1,
        pod_uid: Uid::parse("1a2b3c4d-0000-4000-8000-000000000009"),
        host: Some("node-1".into()),
        exit_code: Some(137),
        reason: "OutOfMemoryError: Container killed due to memory usage".into(),
        words: "Essential container in task exited".into(),
        started_at: Some(at(5)),
        stopped_at: Some(at(9)),
        proof: Some(Proof::ContainerTerminated),
    }
}

fn pinned() -> PinnedRevision {
    PinnedRevision {
        definition: "fetch_and_run".into(),
        number: 3,
        name: "fetch-1a2b3c4d-3".into(),
        uid: job_uid(),
    }
}

fn dependencies() -> Vec<DependencyStatus> {
    let dependency = |text: &str, pinned: bool, outcome| DependencyStatus {
        on: Dependency::Whole(JobReference::parse(text)),
        pinned: pinned.then(|| ("job-a".into(), job_uid())),
        outcome,
    };
    vec![
        dependency("JobA", true, Some((State::Succeeded, Name::default()))),
        dependency("job-b:3", true, Some((State::Failed, "exit code 1".into()))),
        dependency("nobody", false, None),
        DependencyStatus { on: Dependency::Sequential, pinned: None, outcome: None },
    ]
}

fn statuses() -> Vec<JobStatus> {
    let fresh = JobStatus { observed_generation: 1, created_at: at(0), ..JobStatus::default() };
    let waiting = JobStatus {
        state: State::Runnable,
        reason: "NoHostLargeEnough".into(),
        words: "needs 64 vCPUs; largest host in c5-ondemand has 36 vCPUs".into(),
        pinned: Some(pinned().into()),
        milestones: Milestones { accepted: Some(at(1)), stalled: Some(at(2)), finished: None },
        ..fresh.clone()
    };
    let under_way = Attempt { number: 3, launch: 2, host: Some("node-2".into()), ..Attempt::default() };
    let running = JobStatus {
        state: State::Running,
        reason: "Running".into(),
        words: "its container runs".into(),
        environment: Some("ce".into()),
        launch: 2,
        started_at: Some(at(5)),
        attempts: vec![attempt(1), attempt(2), under_way],
        ..waiting.clone()
    };
    let lost = Attempt { exit_code: None, started_at: None, proof: Some(Proof::NodeDeleted), ..attempt(1) };
    let failed = JobStatus {
        state: State::Failed,
        reason: "HostLost".into(),
        stopped_at: Some(at(9)),
        attempts: vec![lost],
        launch: 0,
        milestones: Milestones { accepted: Some(at(1)), stalled: None, finished: Some(at(10)) },
        ..running.clone()
    };
    let children =
        [(State::Runnable, "4,6-9"), (State::Running, "0"), (State::Succeeded, "1-3"), (State::Failed, "5")];
    let array = JobStatus {
        attempts: Vec::new(),
        launch: 0,
        array: Some(ArrayStatus {
            size: 10,
            children: children
                .map(|(state, indexes)| (state, Intervals::parse(indexes).unwrap()))
                .into_iter()
                .collect(),
            failures: vec![Failure {
                last: 7,
                index: 5,
                exit_code: Some(1),
                reason: "NonZeroExitCode".into(),
                words: "exit code 1".into(),
            }],
            has_begun: true,
        }),
        ..running.clone()
    };
    let nodes =
        JobStatus { attempts: vec![attempt(1), attempt(2)], launch: 2, main_node: Some(3), ..array.clone() };
    let depends = JobStatus { state: State::Pending, dependencies: dependencies(), ..waiting.clone() };
    vec![fresh, waiting, running, failed, array, nodes, depends]
}

#[test]
fn a_jobs_status_is_read_as_it_was_written() {
    let key = ObjectKey::new("team", "job-1");
    for status in statuses() {
        let written = serde_json::to_value(render::job_status(&key, job_uid(), &status)).unwrap();
        let spec = json!({ "jobQueue": "q", "jobDefinition": "d" });
        let read = convert::job(&object::<kinds::Job>(&spec, &written)).unwrap();
        assert_eq!(read.status, status, "{written:#}");
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let lost = Attempt { exit_code: None, proof: Some(Proof::PodRemoved), ..attempt(2) };
    let unknown = Attempt { exit_code: None, ..attempt(3) };
    let under_way = ChildRecord {
        state: State::Runnable,
        launch: 4,
        attempts: vec![attempt(1), lost, unknown],
        launched: Some(Launched { pod: job_uid(), host: "node-3".into() }),
    };
    let children = BTreeMap::from([
        (
            250,
            ChildRecord {
                attempts: vec![attempt(1)],
                ..ChildRecord { state: State::Succeeded, ..ChildRecord::default() }
            },
        ),
        (251, under_way),
    ]);
    let order = RecordOrder {
        job: ObjectKey::new("team", "job-1"),
        job_uid: job_uid(),
        definition: "rainbow".into(),
        nodes: None,
        first_index: 250,
        resource_version: Some(ResourceVersion(12)),
        record: Record { children },
    };
    let (record, version) = convert::record(&render::job_record(&order)).unwrap();
    assert_eq!((record, Some(version)), (order.record, order.resource_version));
}

fn waiting(expected_start: Option<Time>) -> WaitingJob {
    WaitingJob {
        job: ObjectKey::new("team", "job-1"),
        submitted_at: at(1),
        reason: "WaitingForCapacity".into(),
        expected_start,
    }
}

#[test]
fn a_queues_status_is_read_as_it_was_written() {
    let invalid = Validity {
        fault: Some(("ComputeEnvironmentInvalid".into(), "ce does not exist".into())),
        since: at(3),
    };
    let status = QueueStatus {
        observed_generation: 4,
        validity: invalid,
        depth: BTreeMap::from([(State::Runnable, 12), (State::Running, 3)]),
        oldest_wait: Some(at(1)),
        head: Some(HeadOfLine {
            job: ObjectKey::new("team", "job-1"),
            reason: "WaitingForCapacity".into(),
            words: "needs 4 vCPUs".into(),
            since: at(2),
        }),
        used: Resources { pods: 0, ..Resources::of_job(3_500, 192, 1) },
        front: vec![waiting(None), waiting(Some(at(60)))],
        fair_share: Some(FairShareUse {
            at: at(9),
            shares: vec![
                ShareUse { share: "red".into(), weight: 1, used: 12_500, recent: 3, runnable: 7 },
                ShareUse { share: "blue".into(), weight: 9_999_999, ..ShareUse::default() },
            ],
        }),
        paused: true,
        name_taken: Some("the older job queue has it".into()),
        in_use: Some("kept".into()),
    };
    let written = serde_json::to_value(render::queue_status(&status)).unwrap();
    let spec =
        json!({ "priority": 1, "computeEnvironmentOrder": [{ "order": 1, "computeEnvironment": "ce" }] });
    assert_eq!(convert::queue(&object::<kinds::JobQueue>(&spec, &written)).unwrap().status, status);
}

#[test]
fn an_environments_status_is_read_as_it_was_written() {
    let amount = |cpu_millis, mib, gpus| Resources { pods: 0, ..Resources::of_job(cpu_millis, mib, gpus) };
    let status = EnvironmentStatus {
        observed_generation: 2,
        validity: Validity { fault: None, since: at(1) },
        hosts: 3,
        total: amount(12_500, 8_191, 8),
        used: amount(250, 64, 3),
        max_vcpus: Some(128),
        pool: PoolStatus {
            desired_vcpus: Some(12),
            launching_vcpus: 4,
            launching_memory: 7_000 << 20,
            launching_gpus: 2,
            last_serial: 7,
            launches: vec![
                Launch { serial: 7, machine_type: "c5.xlarge".into(), decided_at: at(9), replicas: None },
                Launch {
                    serial: 8,
                    machine_type: "pools/large".into(),
                    decided_at: at(9),
                    replicas: Some(3),
                },
            ],
        },
        launch_failure: Some("no node came".into()),
        name_taken: None,
        in_use: None,
        ignored: Some("serviceRole: no AWS service acts for this environment".into()),
    };
    let written = serde_json::to_value(render::environment_status(&status)).unwrap();
    let spec = json!({ "type": "UNMANAGED", "nodeSelector": { "pool": "batch" } });
    assert_eq!(
        convert::environment(&object::<kinds::ComputeEnvironment>(&spec, &written)).unwrap().status,
        status
    );
}

#[test]
fn a_definitions_status_is_read_as_it_was_written() {
    let entry = |number, active| RevisionEntry {
        number,
        name: Name::from(format!("d-{number}")),
        uid: job_uid(),
        active,
        created_at: at(i64::from(number)),
    };
    let status = DefinitionStatus {
        observed_generation: 2,
        revisions: vec![entry(1, false), entry(2, true)],
        validity: Validity { fault: None, since: at(1) },
        name_taken: Some("another has it".into()),
    };
    let written = serde_json::to_value(render::definition_status(&status)).unwrap();
    let spec = json!({ "type": "container", "containerProperties": { "image": "busybox", "vcpus": 1, "memory": 64 } });
    assert_eq!(convert::definition(&object::<kinds::JobDefinition>(&spec, &written)).unwrap().status, status);
}
