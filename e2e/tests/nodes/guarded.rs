//! Nobody but the operator decides which node of a job starts, which pod is which node, and which sets there are (DESIGN.md,
//! rule 5).

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::{Instant, interval};
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::admission;
use crate::catalog::{BUSYBOX, job};
use crate::cluster::{OPERATOR, client_as};
use crate::hosts::{self, LABEL, Size};
use crate::records::state;
use crate::scene::Scene;
use crate::spec::{definition, ends};

const FOUR: Size = Size { cpu: "4", memory: "4Gi" };
const GATE: &str = "batch.windlass.dev/host";
/// A gate of somebody else's on all pods of the scene: with it the main node does not run, and so the other is not let go.
const OTHERS: &str = "windlass.dev/e2e";
const COLLECTOR: &str = "system:serviceaccount:kube-system:generic-garbage-collector";

/// Two nodes, whose main node has been let go and does not run.
async fn stage(topic: &str) -> (Scene, Job, BTreeMap<u32, Pod>) {
    let scene = Scene::new(topic).await;
    let pool = scene.unique("pool");
    for name in ["h0", "h1"] {
        hosts::add(&scene, name, &pool, FOUR, FOUR).await;
    }
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    let held = format!(
        "Object{{metadata: Object.metadata{{annotations: {{\"windlass.dev/kwok-run-ms\": \"5000\"}}}}, \
         spec: Object.spec{{schedulingGates: [Object.spec.schedulingGates{{name: \"{OTHERS}\"}}]}}}}"
    );
    admission::add(&scene, &held, OTHERS).await;
    scene.create(definition("guarded", 2, 0, &[("0:", "true")])).await;
    scene.create(job("guarded", &queue, "guarded")).await;
    let job = scene.job("guarded", "starts", |job| state(job) == JobState::Starting).await;
    let pods = until_the_main_node_is_let_go(&scene, &job).await;
    (scene, job, pods)
}

fn of_job(job: &Job) -> ListParams {
    ListParams::default()
        .labels(&format!("batch.windlass.dev/job-uid={}", job.metadata.uid.as_deref().unwrap()))
}

fn launch<K: ResourceExt>(object: &K) -> String {
    object.labels()["batch.windlass.dev/node-sets"].clone()
}

fn gates(pod: &Pod) -> Vec<&str> {
    let gates = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_deref()).unwrap_or_default();
    gates.iter().map(|gate| gate.name.as_str()).collect()
}

/// The pods of that launch, by node.
async fn until_the_main_node_is_let_go(scene: &Scene, job: &Job) -> BTreeMap<u32, Pod> {
    let started = Instant::now();
    let mut again = interval(Duration::from_millis(200));
    loop {
        again.tick().await;
        let all = scene.api::<Pod>().list(&of_job(job)).await.unwrap().items;
        let main = all.iter().find(|pod| gates(pod) == [OTHERS]).map(launch);
        let index = |pod: &Pod| pod.labels()["apps.kubernetes.io/pod-index"].parse().unwrap();
        let of_launch = all.iter().filter(|pod| Some(launch(*pod)) == main);
        let pods: BTreeMap<u32, Pod> = of_launch.map(|pod| (index(pod), pod.clone())).collect();
        if pods.len() == 2 {
            return pods;
        }
        assert!(started.elapsed() < Duration::from_secs(90), "the main node is not let go: {all:#?}");
    }
}

/// The API server's words, when it refused a request.
fn refusal<T: Debug>(answer: kube::Result<T>) -> String {
    match answer {
        Err(kube::Error::Api(status)) => status.message,
        other => panic!("the API server should have refused, and said {other:?}"),
    }
}

/// Nothing is kept, whatever the answer.
fn try_out() -> PatchParams {
    PatchParams { dry_run: true, ..PatchParams::default() }
}

fn without(gate: &str) -> Patch<Value> {
    Patch::Strategic(json!({"spec": {"schedulingGates": [{"$patch": "delete", "name": gate}]}}))
}

#[tokio::test]
async fn only_the_operator_lets_a_node_go_and_says_which_pod_is_which() {
    let (scene, _, pods) = stage("gates").await;
    let api: Api<Pod> = scene.api();
    let other = pods[&1].name_any();
    let mut had = gates(&pods[&1]);
    had.sort_unstable();
    assert_eq!(had, [GATE, OTHERS]);

    let told = format!("may not take the scheduling gate {GATE} from a job's pod");
    let no_gates = Patch::Merge(json!({"spec": {"schedulingGates": null}}));
    for patch in [without(GATE), no_gates] {
        let words = refusal(api.patch(&other, &try_out(), &patch).await);
        assert!(words.contains(&told), "{words}");
    }
    for label in ["apps.kubernetes.io/pod-index", "statefulset.kubernetes.io/pod-name"] {
        for value in [json!("0"), Value::Null] {
            let patch = Patch::Merge(json!({"metadata": {"labels": {label: value}}}));
            let by_status = api.patch_status(&other, &try_out(), &patch).await;
            for answer in [api.patch(&other, &try_out(), &patch).await, by_status] {
                let words = refusal(answer);
                assert!(words.contains("they say which node it is"), "{label}: {words}");
            }
        }
    }
    let operator = client_as(Some(OPERATOR)).await;
    let as_operator: Api<Pod> = Api::namespaced(operator, &scene.namespace);
    let let_go = as_operator.patch(&other, &try_out(), &without(GATE)).await.unwrap();
    assert_eq!(gates(&let_go), [OTHERS]);

    // Whoever has a gate there may take it: the job goes on.
    for index in [1, 0] {
        let name = pods[&index].name_any();
        api.patch(&name, &PatchParams::default(), &without(OTHERS)).await.unwrap();
    }
    let done = ends(&scene, "guarded").await;
    assert_eq!(state(&done), JobState::Succeeded, "{:#?}", done.status);
    admission::remove(&scene);
    scene.leave().await;
}

#[tokio::test]
async fn nobody_scales_or_takes_away_the_sets_of_a_job() {
    let (scene, job, pods) = stage("sets").await;
    let sets: Api<StatefulSet> = scene.api();
    let all = sets.list(&of_job(&job)).await.unwrap().items;
    let of_launch = all.iter().filter(|set| launch(*set) == launch(&pods[&0]));
    let names: Vec<String> = of_launch.map(ResourceExt::name_any).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let collector = client_as(Some(COLLECTOR)).await;
    let as_collector: Api<StatefulSet> = Api::namespaced(collector, &scene.namespace);
    for name in &names {
        for replicas in [0, 3] {
            let scale = Patch::Merge(json!({"spec": {"replicas": replicas}}));
            let words = refusal(sets.patch_scale(name, &try_out(), &scale).await);
            assert!(words.contains("may not scale the StatefulSet of a multi-node job"), "{words}");
            let words = refusal(sets.patch(name, &try_out(), &scale).await);
            assert!(words.contains("may not write StatefulSets whose pods have the label"), "{words}");
        }
        let hidden = json!({"metadata": {"labels": {"batch.windlass.dev/job-uid": null}}});
        let disowned = json!({"metadata": {"ownerReferences": null}});
        for (patch, told) in [
            (&hidden, "may not change labels batch.windlass.dev/* of a job's StatefulSet"),
            (&disowned, "may not change the owners of a job's StatefulSet"),
        ] {
            let patch = Patch::Merge(patch);
            let by_status = sets.patch_status(name, &try_out(), &patch).await;
            for answer in [sets.patch(name, &try_out(), &patch).await, by_status] {
                let words = refusal(answer);
                assert!(words.contains(told), "{words}");
            }
        }
        // It does so to what is orphaned.
        as_collector.patch(name, &try_out(), &Patch::Merge(&disowned)).await.unwrap();
        let marked = json!({"metadata": {"labels": {"team": "a"}}});
        sets.patch(name, &try_out(), &Patch::Merge(&marked)).await.unwrap();
    }
    let plain = set("plain", &json!({"app": "plain"}));
    scene.create(plain).await;
    let scale = Patch::Merge(json!({"spec": {"replicas": 2}}));
    sets.patch_scale("plain", &try_out(), &scale).await.unwrap();

    let api: Api<Pod> = scene.api();
    for index in [1, 0] {
        let name = pods[&index].name_any();
        api.patch(&name, &PatchParams::default(), &without(OTHERS)).await.unwrap();
    }
    assert_eq!(state(&ends(&scene, "guarded").await), JobState::Succeeded);
    admission::remove(&scene);
    scene.leave().await;
}

/// A StatefulSet without pods.
fn set(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 0,
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "default", "image": BUSYBOX}]},
            },
        },
    })
}

#[tokio::test]
async fn a_stolen_token_of_the_operator_makes_no_claims_that_outlive_a_job() {
    let scene = Scene::new("claims").await;
    let operator = client_as(Some(OPERATOR)).await;
    let sets: Api<StatefulSet> = Api::namespaced(operator, &scene.namespace);
    let uid = "1a2b3c4d-0000-4000-8000-000000000001";
    let labels = json!({"batch.windlass.dev/job-uid": uid, "batch.windlass.dev/node-sets": "1-0"});
    let mut stolen = set("stolen", &labels);
    stolen["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "batch.windlass.dev/v1beta1", "kind": "Job", "name": "none", "uid": uid, "controller": true,
    }]);
    stolen["spec"]["template"]["spec"]["schedulingGates"] = json!([{"name": GATE}]);
    stolen["spec"]["template"]["spec"]["containers"][0]["restartPolicy"] = json!("Never");
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    // So far it is what the operator makes: what follows is refused for the claims alone.
    sets.create(&dry_run, &serde_json::from_value(stolen.clone()).unwrap()).await.unwrap();
    stolen["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }]);
    let words = refusal(sets.create(&dry_run, &serde_json::from_value(stolen).unwrap()).await);
    assert!(words.contains("the operator makes no StatefulSets with volumeClaimTemplates"), "{words}");
    scene.leave().await;
}
