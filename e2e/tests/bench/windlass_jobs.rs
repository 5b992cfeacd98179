//! Windlass itself: one array, and many single jobs.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams};
use serde_json::Value;
use windlass::convert::{self, kinds};
use windlass_core::objects::ObservedJob;
use windlass_core::state::State;
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::bare::create_all;
use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::cluster::OPERATOR;
use crate::follow::until_all;
use crate::measure::{Cost, Measured, Watch};
use crate::process::Process;
use crate::records::{children, has_ended, reason, state, status, words};
use crate::scene::Scene;
use crate::stage::{Stage, clear, until_left};
use crate::wait::within;

const BOUND: Duration = Duration::from_secs(1200);

/// Finished pods that an array keeps for their logs.
const KEPT: usize = 100;

/// A scene with a queue on the stage's hosts and a definition; gives the queue's name too.
pub(crate) async fn begin(topic: &str, label: (&str, &str)) -> (Scene, String) {
    let scene = Scene::new(topic).await;
    let queue = scene.queue("pool", label).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    (scene, queue)
}

/// One job in a real container: what is measured is a Windlass that works, and has read what it reads once.
pub(crate) async fn warm_up() {
    let (scene, queue) = begin("warm", REAL).await;
    scene.create(job("warm", &queue, "hello")).await;
    let job = scene.job("warm", "ends", has_ended).await;
    let ended = (state(&job), status(&job).attempts.len());
    assert_eq!(ended, (JobState::Succeeded, 1), "{}: {}", reason(&job), words(&job));
    clear(scene).await;
}

/// The CPU that the operator uses, in two parts.
struct Meter {
    process: Process,
    before: f64,
}

impl Meter {
    async fn start(scene: &Scene) -> Self {
        let process = Process::of_operator(&scene.client).await;
        Self { process, before: process.cpu() }
    }

    fn stop(&self, done: f64) -> Cost {
        let (cpu, cleanup_cpu) = (done - self.before, self.process.cpu() - done);
        Cost { cpu, cleanup_cpu, peak: self.process.peak() }
    }
}

/// Runs an array of so many children on the stage's hosts.
pub(crate) async fn run_array(stage: &Stage, number: usize) -> Measured {
    let (scene, queue) = begin("array", stage.label()).await;
    run_array_in(scene, &queue, number).await
}

/// Runs an array of so many children in a scene with a definition, which goes afterwards.
pub(crate) async fn run_array_in(scene: Scene, queue: &str, number: usize) -> Measured {
    let meter = Meter::start(&scene).await;
    let watch = Watch::start(number, OPERATOR);
    scene.create(array("many", queue, "hello", u32::try_from(number).unwrap())).await;
    let job = within(BOUND, &scene.api(), "many", "ends", has_ended).await;
    let (done, cpu) = (Timestamp::now(), meter.process.cpu());
    assert_eq!(state(&job), JobState::Succeeded, "{:#?}", job.status);
    until_left(&scene, KEPT).await;
    let measured = watch.stop(&scene, done, Some(meter.stop(cpu)));
    each_child_ran_once(&scene, &job, number).await;
    clear(scene).await;
    measured
}

async fn each_child_ran_once(scene: &Scene, job: &Job, number: usize) {
    let children = children(&scene.api(), job).await;
    assert!(children.keys().copied().eq(0..i32::try_from(number).unwrap()), "records of {}", children.len());
    let odd =
        children.values().find(|child| child.status != JobState::Succeeded || child.attempts.len() != 1);
    assert!(odd.is_none(), "{odd:#?}");
}

/// Bodies of so many single jobs.
pub(crate) fn singles<'a>(
    scene: &'a Scene,
    queue: &'a str,
    number: usize,
) -> impl Iterator<Item = Vec<u8>> + 'a {
    let body = |object: Value| serde_json::to_vec(&scene.marked(object)).unwrap();
    (0..number).map(move |number| body(job(&format!("job-{number}"), queue, "hello")))
}

/// Where Jobs are made.
pub(crate) fn path(scene: &Scene) -> String {
    format!("/apis/batch.windlass.dev/v1beta1/namespaces/{}/batchjobs", scene.namespace)
}

/// Runs so many single jobs, submitted as fast as the API server takes them.
pub(crate) async fn run_singles(stage: &Stage, number: usize) -> Measured {
    let (scene, queue) = begin("single", stage.label()).await;
    let meter = Meter::start(&scene).await;
    let watch = Watch::start(number, OPERATOR);
    let has_succeeded = |job: &ObservedJob| {
        assert_ne!(job.status.state, State::Failed, "{job:#?}");
        job.status.state == State::Succeeded
    };
    let path = path(&scene);
    tokio::join!(
        create_all(&scene.client, &path, singles(&scene, &queue, number)),
        until_all::<kinds::Job, _>(&scene, number, convert::job, has_succeeded),
    );
    let (done, cpu) = (Timestamp::now(), meter.process.cpu());
    let jobs = scene.api::<Job>();
    jobs.delete_collection(&DeleteParams::background(), &ListParams::default()).await.unwrap();
    until_left(&scene, 0).await;
    let measured = watch.stop(&scene, done, Some(meter.stop(cpu)));
    clear(scene).await;
    measured
}
