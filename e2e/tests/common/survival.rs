//! An operator that is killed again and again loses nothing and runs nothing twice (SPEC.md J9, A1).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::admission;
use crate::audit::{self, Request};
use crate::catalog::{BUSYBOX, REAL, array, definition};
use crate::hosts::{self, LABEL, Size};
use crate::operator::{kill, until_it_decides};
use crate::records::{children, has_ended, state};
use crate::scene::Scene;

/// How many children there are, and how often the operator is killed while they run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// Children on hosts that exist only in the API.
    pub(crate) simulated: u32,
    /// Children in real containers.
    pub(crate) real: u32,
    /// Kills.
    pub(crate) kills: u32,
}

/// A host that takes 8 children at a time, so that each life of the operator sees a few begin and a few end.
const HOST: Size = Size { cpu: "8", memory: "8Gi" };

/// How long a simulated child runs.
const RUN_MILLISECONDS: &str = "1500";

fn succeeded(job: &Job) -> u32 {
    let array = job.status.as_ref().and_then(|status| status.array_properties.as_ref());
    array.map_or(0, |array| u32::try_from(array.status_summary.succeeded).unwrap())
}

/// Runs both arrays, kills the operator as often as they have come another step nearer to their end, and looks whether each
/// child ran once, and has a record that says so.
pub(crate) async fn survive(case: Case) {
    let scene = Scene::new("kills").await;
    until_it_decides(&scene.client).await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, HOST, HOST).await;
    let simulated = scene.queue("pool", (LABEL, &pool)).await;
    let real = scene.queue("real", REAL).await;
    admission::annotate(&scene, "windlass.dev/kwok-run-ms", RUN_MILLISECONDS).await;
    scene.create(definition("hello", BUSYBOX, &["sleep", "1"])).await;
    let started = Instant::now();
    scene.create(array("simulated", &simulated, "hello", case.simulated)).await;
    let mut slow = array("real", &real, "hello", case.real);
    // Two at a time on each host, so that they last as long as the others.
    slow["spec"]["containerOverrides"] = serde_json::json!({"vcpus": 3});
    scene.create(slow).await;
    kill_again_and_again(&scene, case).await;

    for (name, size) in [("simulated", case.simulated), ("real", case.real)] {
        let job = until_both_ended(&scene, name).await;
        assert_eq!((state(&job), succeeded(&job)), (JobState::Succeeded, size), "{:#?}", job.status);
        each_child_ran_once(&scene, &job, name, size).await;
    }
    println!("{case:?} took {:.1} s", started.elapsed().as_secs_f64());
    let counts = audit::operators(&scene.namespace);
    let all = (case.simulated + case.real) as usize;
    audit::print(&format!("a child, with {} kills of the operator", case.kills), &counts, all);
    admission::remove(&scene);
    scene.leave().await;
}

async fn kill_again_and_again(scene: &Scene, case: Case) {
    let all = case.simulated + case.real;
    for number in 1..=case.kills {
        let enough = number * all / (case.kills + 1);
        let deadline = Instant::now() + Duration::from_secs(180);
        let mut again = tokio::time::interval(Duration::from_millis(100));
        loop {
            again.tick().await;
            let jobs = scene.api::<Job>().list(&Default::default()).await.unwrap().items;
            let done: u32 = jobs.iter().map(succeeded).sum();
            assert!(!jobs.iter().all(has_ended), "all was over before kill {number}");
            if done >= enough {
                break;
            }
            assert!(Instant::now() < deadline, "{done} of {enough} children before kill {number}");
        }
        kill(&scene.client).await;
    }
}

async fn until_both_ended(scene: &Scene, name: &str) -> Job {
    crate::wait::within(Duration::from_secs(300), &scene.api(), name, "ends", has_ended).await
}

async fn each_child_ran_once(scene: &Scene, job: &Job, name: &str, size: u32) {
    let records = children(&scene.api(), job).await;
    let indexes: Vec<i32> = (0..i32::try_from(size).unwrap()).collect();
    assert!(records.keys().eq(&indexes), "{name}: records of {} children", records.len());
    for (index, child) in &records {
        let [attempt] = child.attempts.as_slice() else { panic!("{name}, child {index}: {child:?}") };
        assert_eq!(
            (child.status, attempt.exit_code),
            (JobState::Succeeded, Some(0)),
            "{name}, child {index}"
        );
    }
    let ran = runs(scene, job, name);
    assert!(ran.keys().eq(&indexes), "{name}: {} indexes ran", ran.len());
    let twice: Vec<_> = ran.iter().filter(|(_, pods)| pods.len() != 1).collect();
    assert!(twice.is_empty(), "{name}: indexes that ran more than once: {twice:#?}");
}

/// The pods of each index that were given to a host, each as often as it was: without that none runs. Creates do not
/// tell: of those whose sender was killed the answer is not known.
fn runs(scene: &Scene, job: &Job, name: &str) -> BTreeMap<i32, Vec<String>> {
    let prefix = format!("{name}-{}-", &job.metadata.uid.as_ref().unwrap()[..8]);
    let is_binding = |request: &&Request| {
        request.verb == "create" && request.resource() == "pods/binding" && request.succeeded()
    };
    let mut runs: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for request in audit::requests(&scene.namespace).iter().filter(is_binding) {
        let name = request.name().unwrap();
        let Some(index) = name.strip_prefix(&prefix).and_then(|rest| rest.split('-').next()) else {
            continue;
        };
        runs.entry(index.parse().unwrap()).or_default().push(name.to_owned());
    }
    runs
}
