//! An operator that is killed again and again loses nothing and runs nothing twice (SPEC.md J9, A1).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::audit::{self, Request};
use crate::catalog::{BUSYBOX, array, definition};
use crate::hosts::{self, LABEL, Size};
use crate::operator::{alone, kill, until_it_decides};
use crate::records::{children, has_ended, state};
use crate::scene::Scene;
use crate::wait::within;

const CHILDREN: u32 = 1000;
const KILLS: u32 = 10;

/// Two hosts with 40 CPUs in all: the array takes 25 rounds, and each life of the operator sees a few.
const HOST: Size = Size { cpu: "20", memory: "20Gi" };

const BOUND: Duration = Duration::from_secs(120);

fn succeeded(job: &Job) -> u32 {
    let array = job.status.as_ref().and_then(|status| status.array_properties.as_ref());
    array.map_or(0, |array| u32::try_from(array.status_summary.succeeded).unwrap())
}

#[tokio::test]
async fn an_array_survives_ten_kills_of_the_operator() {
    let _alone = alone().await;
    let scene = Scene::new("kills").await;
    until_it_decides(&scene.client).await;
    let pool = scene.unique("pool");
    for name in ["host-0", "host-1"] {
        hosts::add(&scene, name, &pool, HOST, HOST).await;
    }
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    let started = Instant::now();
    scene.create(array("many", &queue, "hello", CHILDREN)).await;
    for number in 1..=KILLS {
        let enough = number * CHILDREN / (KILLS + 2);
        let what = format!("has {enough} children done");
        let job = within(BOUND, &scene.api(), "many", &what, |job: &Job| succeeded(job) >= enough).await;
        assert!(!has_ended(&job), "it was over before kill {number}: {:#?}", job.status);
        kill(&scene.client).await;
    }
    let job: Job = within(BOUND, &scene.api(), "many", "ends", has_ended).await;
    println!("{CHILDREN} children with {KILLS} kills took {:.1} s", started.elapsed().as_secs_f64());
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    assert_eq!(succeeded(&job), CHILDREN);

    let children = children(&scene.api(), &job).await;
    let indexes: Vec<i32> = (0..i32::try_from(CHILDREN).unwrap()).collect();
    assert!(children.keys().eq(&indexes), "records of {} children", children.len());
    for (index, child) in &children {
        let [attempt] = child.attempts.as_slice() else { panic!("child {index}: {child:?}") };
        assert_eq!((child.status, attempt.exit_code), (JobState::Succeeded, Some(0)), "child {index}");
    }
    let ran = runs(&scene, &job);
    assert!(ran.keys().eq(&indexes), "{} indexes ran", ran.len());
    let twice: Vec<_> = ran.iter().filter(|(_, pods)| pods.len() != 1).collect();
    assert!(twice.is_empty(), "indexes that ran more than once: {twice:#?}");
    let counts = audit::operators(&scene.namespace);
    audit::print("a child, with the operator killed 10 times", &counts, CHILDREN as usize);
    scene.leave().await;
}

/// The pods of each index that were given to a host, each as often as it was: without that none runs. Creates do not
/// tell: of those whose sender was killed the answer is not known.
fn runs(scene: &Scene, job: &Job) -> BTreeMap<i32, Vec<String>> {
    let prefix = format!("many-{}-", &job.metadata.uid.as_ref().unwrap()[..8]);
    let is_binding = |request: &&Request| {
        request.verb == "create" && request.resource() == "pods/binding" && request.succeeded()
    };
    let mut runs: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for request in audit::requests(&scene.namespace).iter().filter(is_binding) {
        let name = request.name().unwrap();
        let index = name.strip_prefix(&prefix).and_then(|rest| rest.split('-').next()).unwrap();
        runs.entry(index.parse().unwrap()).or_default().push(name.to_owned());
    }
    runs
}
