//! Tags: on the pods of jobs that propagate them (SPEC.md J2).

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::catalog::{BUSYBOX, definition, job};
use crate::hosts::{self, LABEL, Size};
use crate::records::{has_ended, reason, state, status, words};
use crate::scene::Scene;

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };

#[tokio::test]
async fn tags_are_shown_on_pods_where_that_is_asked_for() {
    let scene = Scene::new("tags").await;
    let pool = scene.unique("pool");
    hosts::add(&scene, "host", &pool, FOUR, FOUR).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    let mut tagged = definition("tagged", BUSYBOX, &["true"]);
    tagged["spec"]["tags"] = json!({"Department": "Research", "stage": "test"});
    tagged["spec"]["propagateTags"] = json!(true);
    scene.create(tagged).await;
    let mut shows = job("shows", &queue, "tagged");
    shows["spec"]["tags"] = json!({"Cost Center": "4711", "stage": "production"});
    scene.create(shows).await;
    let mut hides = job("hides", &queue, "tagged");
    hides["spec"]["propagateTags"] = json!(false);
    scene.create(hides).await;
    let mut many = job("many", &queue, "tagged");
    many["spec"]["tags"] = (0..49).map(|at| (format!("tag-{at}"), json!("x"))).collect();
    scene.create(many).await;
    let told = async |name: &str| {
        let ended: Job = scene.job(name, "ends", has_ended).await;
        assert_eq!(state(&ended), JobState::Succeeded, "{}", words(&ended));
        let pod = status(&ended).attempts[0].pod_name.clone().unwrap();
        let pod: Pod = scene.api().get(&pod).await.unwrap();
        let annotations = pod.metadata.annotations.unwrap();
        annotations.get("batch.windlass.dev/tags").map(|tags| serde_json::from_str::<Value>(tags).unwrap())
    };
    let all = json!({"Cost Center": "4711", "Department": "Research", "stage": "production"});
    assert_eq!(told("shows").await, Some(all));
    assert_eq!(told("hides").await, None);
    let many = scene.job("many", "ends", has_ended).await;
    assert_eq!((state(&many), reason(&many)), (JobState::Failed, "PodRefused"));
    assert!(words(&many).contains("51 tags together"), "{}", words(&many));
    scene.leave().await;
}
