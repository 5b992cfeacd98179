//! The life of a multi-node job in real containers, on two hosts (SPEC.md M2 to M5, J3).

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use windlass_crds::Job;
use windlass_crds::shared::attempt::{JobState, Proof};

use crate::acts::stop;
use crate::catalog::{REAL, job};
use crate::cluster::kubectl;
use crate::operator::alone;
use crate::records::{reason, state, status, words};
use crate::scene::Scene;
use crate::spec::{definition, ends, log_with, nodes, pods, runs};
use crate::wait::gone;

/// The main node waits until another one calls it.
const WAITS: &str = "env; echo up; nc -l -p 9000";
/// That other calls it at the address it was given, and by its name, and does not end by itself.
const CALLS: &str = "env; echo up; \
    until nslookup $MAIN_NAME >/tmp/name 2>&1; do sleep 1; done; cat /tmp/name; echo named; sleep 15; \
    until echo hello | nc $AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS 9000; do sleep 1; done; \
    trap 'exit 9' TERM; while :; do sleep 0.2; done";

#[tokio::test]
async fn the_main_node_starts_first_the_other_finds_it_and_its_end_is_the_jobs() {
    let _alone = alone().await;
    let scene = Scene::new("mpi").await;
    let queue = scene.queue("main", REAL).await;
    // The main node's Service: a part of its name is the job's ID.
    let name = format!("mpi-${{AWS_BATCH_JOB_ID%%-*}}-1-main.{}.svc.cluster.local", scene.namespace);
    let calls = CALLS.replace("$MAIN_NAME", &name);
    scene.create(definition("mpi", 2, 1, &[("0:0", &calls), ("1:", WAITS)])).await;
    scene.create(job("mpi", &queue, "mpi")).await;
    let running = runs(&scene, "mpi").await;
    let uid = running.metadata.uid.clone().unwrap();
    let base = format!("mpi-{}-1", &uid[..8]);
    let selector = ListParams::default().labels(&format!("batch.windlass.dev/job-uid={uid}"));

    let sets = scene.api::<StatefulSet>().list(&selector).await.unwrap();
    let names: Vec<String> = sets.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, [format!("{base}-0"), format!("{base}-main")]);
    let services = scene.api::<Service>().list(&selector).await.unwrap();
    let headless = |service: &Service| service.spec.as_ref().unwrap().cluster_ip.as_deref() == Some("None");
    assert!(services.iter().all(headless));
    let names: Vec<String> = services.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, [base.clone(), format!("{base}-main")]);

    let shown =
        kubectl(&["--namespace", &scene.namespace, "get", "batchjobs", "mpi", "-o", "wide"]).succeeded();
    assert!(shown.contains("NODES") && shown.contains("0/2"), "{shown}");

    let there = pods(&scene, &running).await;
    let address = there[&1].status.as_ref().unwrap().pod_ip.clone().unwrap();
    let host = |index: u32| there[&index].spec.as_ref().unwrap().node_name.clone().unwrap();
    assert_ne!(host(0), host(1), "two containers of a job on one host");
    let main = log_with(&scene, &format!("{base}-main-1"), "up").await;
    let other = log_with(&scene, &format!("{base}-0-0"), "named").await;
    let common = [
        format!("AWS_BATCH_CE_NAME={queue}"),
        format!("AWS_BATCH_JQ_NAME={queue}"),
        "AWS_BATCH_JOB_ATTEMPT=1".to_owned(),
        "AWS_BATCH_JOB_NUM_NODES=2".to_owned(),
        "AWS_BATCH_JOB_MAIN_NODE_INDEX=1".to_owned(),
    ];
    for (index, log) in [(1, &main), (0, &other)] {
        let own = [format!("AWS_BATCH_JOB_ID={uid}#{index}"), format!("AWS_BATCH_JOB_NODE_INDEX={index}")];
        for line in common.iter().chain(&own) {
            assert!(log.lines().any(|found| found == line), "{line} is not in\n{log}");
        }
    }
    assert!(!main.contains("AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS"), "{main}");
    assert!(other.contains(&format!("AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS={address}\n")), "{other}");
    assert!(
        other.matches(&address).count() >= 2,
        "the main node's name has another address than {address}: {other}"
    );

    let done = ends(&scene, "mpi").await;
    assert_eq!((state(&done), reason(&done)), (JobState::Succeeded, "Completed"), "{:#?}", done.status);
    let [attempt] = status(&done).attempts.as_slice() else { panic!("{:#?}", done.status) };
    assert_eq!((attempt.exit_code, attempt.proof), (Some(0), Some(Proof::ContainerTerminated)));
    assert_eq!(attempt.pod_name, Some(format!("{base}-main-1")));
    assert_eq!(status(&done).started_at, attempt.started_at);
    let records = nodes(&scene, &done).await;
    assert_eq!((records[&1].status, records[&1].attempts[0].exit_code), (JobState::Succeeded, Some(0)));
    assert_eq!((records[&0].status, records[&0].attempts[0].exit_code), (JobState::Failed, Some(9)));
    assert!(records[&0].attempts[0].started_at >= records[&1].attempts[0].started_at, "{records:#?}");
    for name in [format!("{base}-0"), format!("{base}-main")] {
        gone(Duration::from_secs(60), &scene.api::<StatefulSet>(), &name).await;
    }
    scene.leave().await;
}

#[tokio::test]
async fn another_nodes_end_changes_nothing_and_a_failure_of_the_main_node_starts_all_nodes_anew() {
    let _alone = alone().await;
    let scene = Scene::new("again").await;
    let queue = scene.queue("main", REAL).await;
    let main = "sleep 6; [ $AWS_BATCH_JOB_ATTEMPT = 2 ] || exit 42";
    let mut again = definition("again", 2, 0, &[(":0", main), ("1:", "exit 3$AWS_BATCH_JOB_ATTEMPT")]);
    again["spec"]["retryStrategy"] = json!({"attempts": 5});
    scene.create(again).await;
    scene.create(job("again", &queue, "again")).await;
    let failed_early = |job: &Job| {
        let told = job.status.as_ref().and_then(|status| status.node_properties.as_ref());
        told.is_some_and(|told| told.status_summary.failed == 1 && told.status_summary.running == 1)
    };
    let running = scene.job("again", "has a node that failed", failed_early).await;
    assert_eq!(state(&running), JobState::Running);
    let done = ends(&scene, "again").await;
    assert_eq!((state(&done), reason(&done)), (JobState::Succeeded, "Completed"), "{:#?}", done.status);
    let codes: Vec<_> = status(&done).attempts.iter().map(|attempt| attempt.exit_code).collect();
    assert_eq!(codes, [Some(42), Some(0)]);
    let records = nodes(&scene, &done).await;
    let codes =
        |index: i32| records[&index].attempts.iter().map(|attempt| attempt.exit_code).collect::<Vec<_>>();
    assert_eq!((codes(0), codes(1)), (vec![Some(42), Some(0)], vec![Some(31), Some(32)]), "{records:#?}");
    // No container of the second attempt began before all of the first had ended.
    let first_stops = records.values().map(|node| node.attempts[0].stopped_at.clone()).max();
    let second_starts = records.values().map(|node| node.attempts[1].started_at.clone()).min();
    assert!(first_stops <= second_starts, "{records:#?}");
    scene.leave().await;
}

#[tokio::test]
async fn a_terminated_job_stops_all_its_nodes() {
    let _alone = alone().await;
    let scene = Scene::new("endless").await;
    let queue = scene.queue("main", REAL).await;
    let stays = "trap 'exit 7' TERM; while :; do sleep 0.2; done";
    let mut endless = definition("endless", 2, 0, &[("0:", stays)]);
    endless["spec"]["retryStrategy"] = json!({"attempts": 3});
    scene.create(endless).await;
    scene.create(job("endless", &queue, "endless")).await;
    runs(&scene, "endless").await;
    stop(&scene, "endless", "TERMINATE", "enough").await;
    let done = ends(&scene, "endless").await;
    assert_eq!((state(&done), reason(&done), words(&done)), (JobState::Failed, "Terminated", "enough"));
    let records = nodes(&scene, &done).await;
    let codes: Vec<_> = records.values().map(|node| node.attempts[0].exit_code).collect();
    assert_eq!(codes, [Some(7), Some(7)], "{records:#?}");
    scene.leave().await;
}

#[tokio::test]
async fn a_pod_that_somebody_deletes_is_not_made_to_run_again() {
    let _alone = alone().await;
    let scene = Scene::new("deleted").await;
    let queue = scene.queue("main", REAL).await;
    let stays = "trap 'exit 7' TERM; while :; do sleep 0.2; done";
    scene.create(definition("stays", 2, 0, &[("0:0", "sleep 20"), ("1:", stays)])).await;
    scene.create(job("stays", &queue, "stays")).await;
    let running = runs(&scene, "stays").await;
    let there = pods(&scene, &running).await;
    let api: Api<Pod> = scene.api();
    api.delete(&there[&1].name_any(), &DeleteParams::default()).await.unwrap();
    let done = ends(&scene, "stays").await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    let records = nodes(&scene, &done).await;
    let [attempt] = records[&1].attempts.as_slice() else { panic!("{records:#?}") };
    assert_eq!((attempt.exit_code, &attempt.pod_uid), (Some(7), &there[&1].metadata.uid));
    scene.leave().await;
}

#[tokio::test]
async fn a_container_that_its_kubelet_starts_again_is_no_success_and_is_tried_again() {
    let _alone = alone().await;
    let scene = Scene::new("sandbox").await;
    let queue = scene.queue("main", REAL).await;
    let main =
        "[ $AWS_BATCH_JOB_ATTEMPT = 1 ] || exec sleep 6; trap 'exit 0' TERM; while :; do sleep 0.2; done";
    let mut twice = definition(
        "twice",
        2,
        0,
        &[("0:0", main), ("1:", "trap 'exit 7' TERM; while :; do sleep 0.2; done")],
    );
    twice["spec"]["retryStrategy"] = json!({"attempts": 2});
    scene.create(twice).await;
    scene.create(job("twice", &queue, "twice")).await;
    let running = runs(&scene, "twice").await;
    lose_sandbox(&pods(&scene, &running).await[&0]);
    let done = ends(&scene, "twice").await;
    assert_eq!((state(&done), reason(&done)), (JobState::Succeeded, "Completed"), "{:#?}", done.status);
    let [first, second] = status(&done).attempts.as_slice() else { panic!("{:#?}", done.status) };
    let told = first.status_reason.as_deref().unwrap_or_default();
    assert!(told.contains("its container was started again"), "{first:#?}");
    assert_eq!((first.exit_code, second.exit_code), (None, Some(0)), "{:#?}", done.status);
    scene.leave().await;
}

/// Kills what holds a pod's network together, as a host that is out of memory may: the kubelet makes the pod's sandbox anew.
fn lose_sandbox(pod: &Pod) {
    let uid = pod.metadata.uid.clone().unwrap();
    let marks = [uid.replace('-', "_"), uid];
    let is_its = |process: &std::path::Path| {
        let read = |file: &str| std::fs::read_to_string(process.join(file)).unwrap_or_default();
        // What the sandbox's image runs (`image/base.rs`).
        let is_sandbox = read("cmdline").contains("sleep 86400 & wait");
        is_sandbox && marks.iter().any(|mark| read("cgroup").contains(mark))
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let sandbox: Vec<String> = processes
        .filter(|process| is_its(process))
        .filter_map(|process| Some(process.file_name()?.to_str()?.to_owned()))
        .collect();
    let [pid] = sandbox.as_slice() else { panic!("not one sandbox of {marks:?}: {sandbox:?}") };
    let killed = std::process::Command::new("kill").args(["-KILL", pid]).status().unwrap();
    assert!(killed.success(), "{pid} was not killed: {killed}");
}
