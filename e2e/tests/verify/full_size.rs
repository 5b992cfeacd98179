//! The source's workflow at its full size: A; B, an array of 10,000, after A; C, an array of 10,000, N_TO_N on B; D, an array
//! of 10 that is SEQUENTIAL, after C; E after D (SPEC.md A4, J10).

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{Job, JobRecord};

use crate::audit::{self, print};
use crate::catalog::{BUSYBOX, array, definition, job};
use crate::operator::{alone, pods, processes_of, until_it_decides};
use crate::records::{children, has_ended, state, status};
use crate::scene::Scene;
use crate::wait::within;

const KWOK: (&str, &str) = ("windlass.dev/pool", "kwok");
const SIZE: u32 = 10_000;
const STEPS: u32 = 10;
const TASKS: usize = 2 * SIZE as usize + STEPS as usize + 2;
const BOUND: Duration = Duration::from_secs(3600);

/// What etcd takes in one object.
const OBJECT: usize = 1 << 20;

fn with(mut job: Value, dependencies: Value) -> Value {
    job["spec"]["dependsOn"] = dependencies;
    job
}

async fn begin(scene: &Scene, queue: &str) {
    scene.create(with(job("e", queue, "step"), json!([{"jobId": "d"}]))).await;
    let after_c = json!([{"jobId": "c"}, {"type": "SEQUENTIAL"}]);
    scene.create(with(array("d", queue, "step", STEPS), after_c)).await;
    let n_to_n = json!([{"jobId": "b", "type": "N_TO_N"}]);
    scene.create(with(array("c", queue, "step", SIZE), n_to_n)).await;
    scene.create(with(array("b", queue, "step", SIZE), json!([{"jobId": "a"}]))).await;
    scene.create(job("a", queue, "step")).await;
}

/// When each child's container ran: RFC 3339 in UTC, so that text sorts as time does.
async fn times(scene: &Scene, job: &Job, size: u32) -> Vec<(String, String)> {
    let children = children(&scene.api(), job).await;
    assert_eq!(children.len(), size as usize, "records of {:?}", job.metadata.name);
    let time = |text: &Option<String>| text.clone().unwrap();
    let ran = children.values().map(|child| {
        let [attempt] = child.attempts.as_slice() else { panic!("{child:?}") };
        (time(&attempt.started_at), time(&attempt.stopped_at))
    });
    ran.collect()
}

async fn each_part_ran_in_its_turn(scene: &Scene, jobs: [&Job; 5]) {
    let [a, b, c, d, e] = jobs;
    let b = times(scene, b, SIZE).await;
    let c = times(scene, c, SIZE).await;
    let d = times(scene, d, STEPS).await;
    let a_stopped = status(a).stopped_at.as_ref().unwrap();
    let too_early = b.iter().filter(|(started, _)| started < a_stopped).count();
    assert_eq!(too_early, 0, "children of B that started before A had ended");
    let too_early: Vec<_> = b.iter().zip(&c).filter(|(b, c)| c.0 < b.1).collect();
    assert!(too_early.is_empty(), "children of C that started before theirs of B had ended: {too_early:?}");
    let c_stopped = c.iter().map(|(_, stopped)| stopped).max().unwrap();
    assert!(*c_stopped <= d[0].0, "{c_stopped} {d:?}");
    assert!(d.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{d:?}");
    assert!(d.last().unwrap().1 <= *status(e).started_at.as_ref().unwrap(), "{d:?} {:#?}", e.status);
}

/// What all objects of the workflow take as JSON, at most.
async fn objects_are_small(scene: &Scene) {
    let mut largest = BTreeMap::new();
    let mut measure = |kind: &'static str, bytes: usize| {
        let most = largest.entry(kind).or_insert(0);
        *most = bytes.max(*most);
    };
    let everything = ListParams::default();
    for job in scene.api::<Job>().list(&everything).await.unwrap() {
        measure("Job", serde_json::to_vec(&job).unwrap().len());
    }
    for record in scene.api::<JobRecord>().list(&everything).await.unwrap() {
        measure("JobRecord", serde_json::to_vec(&record).unwrap().len());
    }
    println!("largest objects, in bytes: {largest:?}");
    assert!(largest.values().all(|bytes| *bytes < OBJECT), "{largest:?}");
}

/// Prints what was asked of the API server by anybody, and by the operator alone.
fn print_requests(scene: &Scene) {
    let mut everybody: BTreeMap<String, usize> = BTreeMap::new();
    for request in audit::requests(&scene.namespace).iter().filter(|request| request.succeeded()) {
        *everybody.entry(format!("{} {}", request.verb, request.resource())).or_default() += 1;
    }
    print("a child, by anybody", &everybody, TASKS);
    print("a child, by the operator", &audit::operators(&scene.namespace), TASKS);
}

/// The most memory that the operator's process ever had, in KiB.
async fn peak_memory(scene: &Scene) -> u64 {
    let pod = pods(&scene.client).await.remove(0);
    let process = processes_of(pod.metadata.uid.as_ref().unwrap())[0];
    let told = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn the_workflow_runs_with_arrays_of_ten_thousand() {
    let _alone = alone().await;
    let scene = Scene::new("fullsize").await;
    until_it_decides(&scene.client).await;
    let queue = scene.queue("kwok", KWOK).await;
    scene.create(definition("step", BUSYBOX, &["true"])).await;
    let started = Instant::now();
    begin(&scene, &queue).await;
    let jobs: Api<Job> = scene.api();
    let mut ended = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let job = within(BOUND, &jobs, name, "ends", has_ended).await;
        println!("{name} had ended after {:.1} s", started.elapsed().as_secs_f64());
        assert_eq!(state(&job), JobState::Succeeded, "{name}: {:#?}", job.status);
        ended.push(job);
    }
    print_requests(&scene);
    println!("the operator's memory was at most {} KiB", peak_memory(&scene).await);
    objects_are_small(&scene).await;
    each_part_ran_in_its_turn(&scene, [&ended[0], &ended[1], &ended[2], &ended[3], &ended[4]]).await;
    scene.leave().await;
}
