//! Who may do what (SPEC.md P1; DESIGN.md, rule 5): the policies that the chart installs.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::api::{Api, PostParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use crate::catalog::{BUSYBOX, definition, job};
use crate::cluster::{OPERATOR, client_as};
use crate::hosts::LABEL;
use crate::scene::Scene;

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// The API server's words, when it refused a request.
fn refusal<T>(answer: kube::Result<T>) -> String {
    match answer {
        Err(kube::Error::Api(status)) => status.message,
        Err(other) => panic!("no answer of the API server: {other}"),
        Ok(_) => panic!("the API server should have refused"),
    }
}

/// Lets the user make jobs in the scene's namespace.
async fn let_submit(scene: &Scene, user: &str) {
    scene.create(binding("submits", "ClusterRole", "windlass-submitter", user)).await;
    until_allowed(scene, user, "create", "batchjobs", "").await;
}

/// The authorizer has a moment's view of roles: waits until it knows what was granted.
async fn until_allowed(scene: &Scene, user: &str, verb: &str, resource: &str, name: &str) {
    let question: SubjectAccessReview = serde_json::from_value(json!({
        "spec": {
            "user": user,
            "resourceAttributes": {
                "group": "batch.windlass.dev",
                "namespace": scene.namespace,
                "verb": verb,
                "resource": resource,
                "name": name,
            },
        },
    }))
    .unwrap();
    let reviews = Api::<SubjectAccessReview>::all(scene.client.clone());
    let started = Instant::now();
    let mut again = interval(Duration::from_millis(100));
    loop {
        again.tick().await;
        let answer = reviews.create(&PostParams::default(), &question).await.unwrap();
        if answer.status.is_some_and(|status| status.allowed) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{user} may still not {verb} {resource} {name}");
    }
}

fn binding(name: &str, kind: &str, role: &str, user: &str) -> Value {
    json!({
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    })
}

/// Grants verb `use` on one object to the user, in the scene's namespace.
async fn let_use(scene: &Scene, user: &str, resource: &str, name: &str) {
    let role = format!("use-{resource}");
    scene
        .create(json!({
            "apiVersion": RBAC,
            "kind": "Role",
            "metadata": {"name": role},
            "rules": [{
                "apiGroups": ["batch.windlass.dev"],
                "resources": [resource],
                "resourceNames": [name],
                "verbs": ["use"],
            }],
        }))
        .await;
    scene.create(binding(&role, "Role", &role, user)).await;
    until_allowed(scene, user, "use", resource, name).await;
}

#[tokio::test]
async fn who_submits_needs_verb_use_on_queue_and_definition_in_that_namespace() {
    let (here, there) = (Scene::new("here").await, Scene::new("there").await);
    let user = here.unique("alice");
    let alice = client_as(Some(&user)).await;
    let queue = here.queue("main", (LABEL, "none")).await;
    for scene in [&here, &there] {
        let_submit(scene, &user).await;
        scene.create(definition("hello", BUSYBOX, &["true"])).await;
    }
    let submit = async |scene: &Scene, name: &str, queue: &str, definition: &str| {
        scene.try_create(&alice, job(name, queue, definition)).await
    };
    let words = refusal(submit(&here, "no-queue", &queue, "hello").await);
    let expected = format!("user {user} may not use job queue {queue} in namespace {}", here.namespace);
    assert!(words.contains(&expected), "{words}");

    let_use(&here, &user, "jobqueues", &queue).await;
    let words = refusal(submit(&here, "no-definition", &queue, "hello:1").await);
    let expected = format!("user {user} may not use job definition hello in namespace {}", here.namespace);
    assert!(words.contains(&expected), "{words}");

    let_use(&here, &user, "jobdefinitions", "hello").await;
    submit(&here, "granted", &queue, "hello").await.unwrap();
    let arn = |kind: &str, name: &str| format!("arn:aws:batch:us-east-1:123456789012:{kind}/{name}");
    submit(&here, "by-arn", &arn("job-queue", &queue), &arn("job-definition", "hello:1")).await.unwrap();
    let words = refusal(submit(&here, "other-queue", "other", "hello").await);
    assert!(words.contains("may not use job queue other"), "{words}");
    let words = refusal(submit(&there, "elsewhere", &queue, "hello").await);
    assert!(words.contains(&format!("in namespace {}", there.namespace)), "{words}");
    here.leave().await;
    there.leave().await;
}

#[tokio::test]
async fn only_the_operator_writes_a_status() {
    let scene = Scene::new("status").await;
    scene.create(job("forged", "nowhere", "hello")).await;
    let (resource, _) = crate::scene::kind_of(&scene.client, &job("forged", "nowhere", "hello")).await;
    let seen = |job: &windlass_crds::Job| job.status.as_ref().is_some_and(|status| status.reason.is_some());
    scene.job("forged", "was looked at", seen).await;
    let jobs: Api<DynamicObject> = Api::namespaced_with(scene.client.clone(), &scene.namespace, &resource);
    let mut forged = jobs.get("forged").await.unwrap();
    forged.data["status"]["status"] = json!("SUCCEEDED");
    let words = refusal(jobs.replace_status("forged", &PostParams::default(), &forged).await);
    assert!(words.contains("may not write the status of batchjobs: only the operator does"), "{words}");
    // A status that comes with a new object is dropped, as everywhere in Kubernetes.
    let mut born = job("born", "nowhere", "hello");
    born["status"] = json!({"status": "SUCCEEDED"});
    scene.create(born).await;
    let born = scene.job("born", "was looked at", seen).await;
    assert_eq!(crate::records::state(&born), windlass_crds::shared::attempt::JobState::Submitted);
    scene.leave().await;
}

#[tokio::test]
async fn nobody_forges_a_pod_or_a_record_of_a_job() {
    let scene = Scene::new("forged").await;
    let label = json!({"batch.windlass.dev/job-uid": "00000000-0000-4000-8000-000000000000"});
    let pod = |name: &str, labels: Value| {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "default", "image": BUSYBOX}], "schedulingGates": [{"name": "a/b"}]},
        })
    };
    let words = refusal(scene.try_create(&scene.client, pod("forged", label.clone())).await);
    assert!(words.contains("may not make pods with the label batch.windlass.dev/job-uid"), "{words}");
    scene.create(pod("plain", json!({}))).await;
    let pods = scene.api::<k8s_openapi::api::core::v1::Pod>();
    let patch = kube::api::Patch::Merge(json!({"metadata": {"labels": label}}));
    let words = refusal(pods.patch("plain", &kube::api::PatchParams::default(), &patch).await);
    assert!(words.contains("may not change labels batch.windlass.dev/*"), "{words}");
    let words = refusal(scene.try_create(&scene.client, stateful_set("forged", &label)).await);
    assert!(words.contains("may not write StatefulSets whose pods have the label"), "{words}");
    let record = json!({
        "apiVersion": "batch.windlass.dev/v1beta1",
        "kind": "JobRecord",
        "metadata": {"name": "forged-0"},
        "formatVersion": 1,
        "jobUID": "00000000-0000-4000-8000-000000000000",
        "firstIndex": 0,
        "podNamePrefix": "forged-00000000",
        "logStreamPrefix": "forged/default/",
    });
    let words = refusal(scene.try_create(&scene.client, record).await);
    assert!(words.contains("may not write job records"), "{words}");
    scene.leave().await;
}

/// A StatefulSet whose pods have these labels.
fn stateful_set(name: &str, labels: &Value) -> Value {
    let mut of_pods = labels.clone();
    of_pods["app"] = json!(name);
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": name,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": of_pods},
                "spec": {"containers": [{"name": "default", "image": BUSYBOX}]},
            },
        },
    })
}

#[tokio::test]
async fn the_operator_is_held_to_pods_of_jobs() {
    let scene = Scene::new("jail").await;
    let operator = client_as(Some(OPERATOR)).await;
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stolen"},
        "spec": {"containers": [{"name": "default", "image": BUSYBOX}]},
    });
    let words = refusal(scene.try_create(&operator, pod).await);
    assert!(words.contains("the operator touches only pods with the label"), "{words}");
    let words = refusal(scene.try_create(&operator, stateful_set("stolen", &json!({}))).await);
    assert!(words.contains("the operator touches only StatefulSets with the labels"), "{words}");
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "stolen"},
        "spec": {"clusterIP": "None", "selector": {"app": "stolen"}},
    });
    let words = refusal(scene.try_create(&operator, service).await);
    assert!(words.contains("the operator touches only Services with the labels"), "{words}");
    scene.leave().await;
}
