//! The ceiling: a client that makes the same pods and waits until all are done. It decides nothing and records nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::PostParams;
use kube::core::Request;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use windlass::convert::{self, kinds};
use windlass_core::action::PodOrder;
use windlass_core::ids::{ObjectKey, Uid};
use windlass_core::objects::{ObservedPod, Payload, PodPhase};
use windlass_core::time::Time;
use windlass_core::units::{GPUS, Resources};

use crate::catalog::{BUSYBOX, definition, job};
use crate::follow::until_all;
use crate::measure::{Measured, Watch};
use crate::scene::Scene;
use crate::stage::{Stage, clear, until_left};

/// Requests at one time.
pub(crate) const WRITERS: usize = 32;

/// The administrator of the test cluster.
pub(crate) const SELF: &str = "admin";

/// Sends creates to a path, so many at one time. What is answered is not looked at but for its success.
pub(crate) async fn create_all(client: &Client, path: &str, bodies: impl Iterator<Item = Vec<u8>>) {
    let answers = stream::iter(bodies).map(|body| async move {
        let request = Request::new(path).create(&PostParams::default(), body).unwrap();
        client.request::<IgnoredAny>(request).await.map(drop)
    });
    answers.buffer_unordered(WRITERS).for_each(|answer| async { answer.unwrap() }).await;
}

/// Makes so many pods and waits until all have succeeded.
pub(crate) async fn run(stage: &Stage, number: usize) -> Measured {
    let scene = Scene::new("bare").await;
    // The owner: every pod of a job has one.
    scene.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}})).await;
    let uid = scene
        .api::<k8s_openapi::api::core::v1::ConfigMap>()
        .get("owner")
        .await
        .unwrap()
        .metadata
        .uid
        .unwrap();
    let watch = Watch::start(number, SELF);
    let path = format!("/api/v1/namespaces/{}/pods", scene.namespace);
    let bodies = (0..number).map(|index| {
        let host = &stage.hosts[index % stage.hosts.len()];
        serde_json::to_vec(&pod(&scene, index, number, host, &uid)).unwrap()
    });
    let has_succeeded = |pod: &ObservedPod| pod.phase == PodPhase::Succeeded;
    tokio::join!(
        create_all(&scene.client, &path, bodies),
        until_all::<kinds::Pod, _>(&scene, number, convert::pod, has_succeeded),
    );
    let done = Timestamp::now();
    let pods = scene.api::<k8s_openapi::api::core::v1::Pod>();
    // So many may take longer than the API server gives one request: the next goes on from there.
    let mut tries = 0..10;
    while pods.delete_collection(&Default::default(), &Default::default()).await.is_err() {
        tries.next().expect("the pods cannot be deleted");
    }
    until_left(&scene, 0).await;
    let measured = watch.stop(&scene, done, None);
    clear(scene).await;
    measured
}

/// A child's pod as Windlass makes it, but for what would have the operator take it for its own: the label and the owner have
/// other names of about the same length, and no finalizer has to be taken off it.
fn pod(scene: &Scene, index: usize, size: usize, host: &str, owner: &str) -> Value {
    let payload = |spec: &Value| Payload(Arc::from(serde_json::to_vec(spec).unwrap()));
    let (submission, definition) = (job("many", "queue", "hello"), definition("hello", BUSYBOX, &["true"]));
    let number = |number: usize| u32::try_from(number).unwrap();
    let order = PodOrder {
        pod: ObjectKey::new(scene.namespace.as_str(), format!("many-{}-{index}-1", &owner[..8]).as_str()),
        job_name: "many".into(),
        job: Uid::parse(owner).unwrap(),
        submission: payload(&submission["spec"]),
        revision: payload(&definition["spec"]),
        child: Some((number(index), number(size))),
        attempt: 1,
        launch: 0,
        queue: scene.unique("pool").as_str().into(),
        environment: scene.unique("pool").as_str().into(),
        definition: ("hello".into(), 1),
        host: host.into(),
        selector: BTreeMap::new(),
        direct: false,
        need: Resources::of_job(1000, 64, 0),
        gpu_resource: GPUS.into(),
        not_after: Time::ZERO,
    };
    let mut pod = serde_json::to_value(windlass::pod::pod(&order).unwrap()).unwrap();
    let metadata = pod["metadata"].as_object_mut().unwrap();
    metadata.remove("finalizers");
    metadata["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner}]);
    let labels = metadata["labels"].as_object_mut().unwrap();
    let uid = labels.remove("batch.windlass.dev/job-uid").unwrap();
    labels.insert("bench.windlass.dev/bare".into(), uid);
    metadata["annotations"]["windlass.dev/kwok-run-ms"] = json!("0");
    pod
}
