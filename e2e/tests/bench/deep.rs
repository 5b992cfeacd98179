//! A deep queue on the real server: the operator's memory, and how soon after its death the first pod is made.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::DeleteParams;
use serde_json::json;
use tokio::time::{Instant, interval};
use windlass::convert::{self, kinds};
use windlass_core::objects::ObservedJob;
use windlass_core::state::State;

use crate::bare::create_all;
use crate::catalog::array;
use crate::cluster::OPERATOR;
use crate::follow::until_all;
use crate::hosts::{self, LABEL, Size};
use crate::measure::seconds;
use crate::operator::{kill, until_it_decides};
use crate::process::Process;
use crate::requests::{Mark, Request};
use crate::scene::Scene;
use crate::stage::clear;
use crate::windlass_jobs::{begin, path, singles};

/// What is queued.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Queued {
    /// So many arrays of so many children.
    Arrays(usize, usize),
    /// So many single jobs.
    Singles(usize),
}

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    /// Memory of a new process with nothing queued, in MiB.
    pub(crate) empty: f64,
    /// Memory once all was queued.
    pub(crate) resident: f64,
    /// The most until then.
    pub(crate) peak: f64,
    /// Seconds from SIGKILL to the first pod of the next process.
    pub(crate) first_pod: f64,
    /// The most memory of that process until then.
    pub(crate) peak_of_next: f64,
}

/// Room for as many pods as are made in the time that is looked at.
const HOST: Size = Size { cpu: "900", memory: "1000Gi" };

/// Requests that were on their way when their sender was killed may be taken in a moment later; no process starts so soon.
const ON_THE_WAY: SignedDuration = SignedDuration::from_millis(200);

/// Longer than the kubelet waits before it starts a process again.
const BOUND: Duration = Duration::from_secs(300);

/// Queues jobs behind a full host, makes room, and kills the operator while it makes pods.
pub(crate) async fn measure(topic: &str, queued: Queued) -> Depth {
    let scene = Scene::new(&format!("{topic}-hosts")).await;
    // A new pod, so that the kubelet starts its process again at once.
    kill(&scene.client).await;
    until_it_decides(&scene.client).await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, HOST, HOST).await;
    let filler = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "filler"},
        "spec": {
            "nodeName": scene.unique("host"),
            "containers": [{"name": "main", "image": "none", "resources": {"requests": {"cpu": "900"}}}],
        },
    });
    scene.create(filler).await;
    let (jobs, queue) = begin(topic, (LABEL, &pool)).await;
    let process = Process::of_operator(&scene.client).await;
    let empty = process.resident();
    submit(&jobs, &queue, queued).await;
    let (resident, peak) = (process.resident(), process.peak());
    let first_pod = until_the_next_makes_a_pod(&scene, &jobs, process).await;
    let next = Process::of_operator(&scene.client).await;
    let depth = Depth { empty, resident, peak, first_pod, peak_of_next: next.peak() };
    clear(jobs).await;
    clear(scene).await;
    depth
}

/// Submits, and waits until each job is said to wait for capacity.
async fn submit(scene: &Scene, queue: &str, queued: Queued) {
    let number = match queued {
        Queued::Arrays(arrays, size) => {
            for number in 0..arrays {
                let name = format!("array-{number}");
                scene.create(array(&name, queue, "hello", u32::try_from(size).unwrap())).await;
            }
            arrays
        }
        Queued::Singles(number) => {
            create_all(&scene.client, &path(scene), singles(scene, queue, number)).await;
            number
        }
    };
    let waits = |job: &ObservedJob| {
        job.status.state == State::Runnable && job.status.reason.as_str() == "WaitingForCapacity"
    };
    until_all::<kinds::Job, _>(scene, number, convert::job, waits).await;
}

/// Makes room, kills the operator with SIGKILL once it makes pods, and waits for the first pod that the next process makes.
async fn until_the_next_makes_a_pod(scene: &Scene, jobs: &Scene, process: Process) -> f64 {
    let mark = Mark::now();
    let pods = scene.api::<Pod>();
    pods.delete("filler", &DeleteParams::default().grace_period(0)).await.unwrap();
    first_create(mark, jobs, Timestamp::MIN).await;
    let killed = Timestamp::now();
    let status = std::process::Command::new("kill").args(["-KILL", &process.number().to_string()]).status();
    assert!(status.unwrap().success(), "kill of {process:?}");
    seconds(killed, first_create(mark, jobs, killed + ON_THE_WAY).await)
}

/// Waits for the first pod that the operator makes after a moment.
async fn first_create(mark: Mark, jobs: &Scene, after: Timestamp) -> Timestamp {
    let is_create =
        |request: &Request| request.what == "create pods" && request.user == OPERATOR && request.at > after;
    let started = Instant::now();
    let mut again = interval(Duration::from_millis(500));
    loop {
        again.tick().await;
        let requests = mark.requests(&jobs.namespace);
        if let Some(first) =
            requests.iter().filter(|request| is_create(request)).map(|request| request.at).min()
        {
            return first;
        }
        assert!(started.elapsed() < BOUND, "no pod was made");
    }
}
