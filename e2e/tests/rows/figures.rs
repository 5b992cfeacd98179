//! How many requests a job costs: what decides throughput (DESIGN.md, rule 11). Printed with `--nocapture`.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use tokio::time::interval;
use windlass_crds::shared::attempt::JobState;

use crate::audit;
use crate::catalog::{BUSYBOX, array, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, state};
use crate::scene::Scene;
use crate::wait::within;

const CHILDREN: u32 = 1000;
const JOBS: usize = 50;

/// Finished pods that stay for their logs.
const KEPT: usize = 100;

/// Longer than a finished pod guards its name.
const CLEANED: Duration = Duration::from_secs(240);

/// A queue of 10 hosts that exist only in the API, with 100 CPUs each.
async fn stage(topic: &str) -> (Scene, String) {
    let scene = Scene::new(topic).await;
    let (pool, size) = (scene.unique("pool"), Size { cpu: "100", memory: "100Gi" });
    let names: Vec<String> = (0..10).map(|number| format!("host-{number}")).collect();
    join_all(names.iter().map(|name| hosts::add(&scene, name, &pool, size, size))).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    (scene, queue)
}

/// Waits until so many pods are left in the scene.
async fn until_left(scene: &Scene, number: usize) {
    let pods: Api<Pod> = scene.api();
    let mut again = interval(Duration::from_secs(1));
    let started = Instant::now();
    loop {
        again.tick().await;
        let page = pods.list_metadata(&ListParams::default().limit(1)).await.unwrap();
        let rest = page.metadata.remaining_item_count.unwrap_or(0);
        let left = page.items.len() + usize::try_from(rest).unwrap();
        if left <= number {
            return;
        }
        assert!(started.elapsed() < CLEANED, "{left} pods are left, not {number}");
    }
}

#[tokio::test]
async fn an_array_costs_so_many_requests_a_child() {
    let (scene, queue) = stage("figures").await;
    let started = Instant::now();
    scene.create(array("many", &queue, "hello", CHILDREN)).await;
    let job = within(Duration::from_secs(180), &scene.api(), "many", "ends", has_ended).await;
    let took = started.elapsed();
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    let children = CHILDREN as usize;
    println!("an array of {CHILDREN} took {:.1} s", took.as_secs_f64());
    let counts = audit::operators(&scene.namespace);
    audit::print("a child, until the array has ended", &counts, children);
    let creates = counts["create pods"];
    assert!((children..children + children / 50).contains(&creates), "{creates} creates");
    let statuses = counts["update batchjobs/status"];
    assert!(statuses < children / 5, "{statuses} status writes");
    until_left(&scene, KEPT).await;
    let counts = audit::operators(&scene.namespace);
    audit::print("a child, until pods beyond 100 are gone", &counts, children);
    let all: usize = counts.values().sum();
    assert!(all * 10 < 32 * children, "{all} requests for {children} children");
    scene.leave().await;
}

#[tokio::test]
async fn a_job_costs_so_many_requests() {
    let (scene, queue) = stage("single").await;
    let names: Vec<String> = (0..JOBS).map(|number| format!("job-{number}")).collect();
    join_all(names.iter().map(|name| scene.create(job(name, &queue, "hello")))).await;
    for name in &names {
        let job = scene.job(name, "ends", has_ended).await;
        assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    }
    let requests = audit::requests(&scene.namespace);
    let made: BTreeSet<&str> = requests
        .iter()
        .filter(|request| request.verb == "create" && request.resource() == "pods" && request.succeeded())
        .filter_map(audit::Request::name)
        .collect();
    assert_eq!(made.len(), JOBS, "{made:?}");
    let counts = audit::operators(&scene.namespace);
    audit::print("a job, until it has ended", &counts, JOBS);
    let all: usize = counts.values().sum();
    assert!(all < 10 * JOBS, "{all} requests for {JOBS} jobs");
    scene.leave().await;
}
