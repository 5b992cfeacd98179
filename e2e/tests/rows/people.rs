//! What a person sees and types with kubectl.

use serde_json::json;

use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::cluster::kubectl;
use crate::hosts::{self, LABEL, Size};
use crate::programs::{checkout, run};
use crate::records::has_ended;
use crate::scene::Scene;

#[tokio::test]
async fn kubectl_shows_waits_and_explains() {
    let scene = Scene::new("people").await;
    let (pool, size) = (scene.unique("pool"), Size { cpu: "8", memory: "8Gi" });
    hosts::add(&scene, "host", &pool, size, size).await;
    let queue = scene.queue("pool", (LABEL, &pool)).await;
    scene.create(definition("hello", BUSYBOX, &["true"])).await;
    scene.create(array("many", &queue, "hello", 5)).await;
    scene.create(job("lost", "nowhere", "hello")).await;
    let mut huge = job("huge", &queue, "hello");
    huge["spec"]["containerOverrides"] = json!({"vcpus": 99});
    scene.create(huge).await;
    let namespace = format!("--namespace={}", scene.namespace);
    let wait = ["wait", &namespace, "--for=condition=Complete", "--timeout=60s", "batchjob/many"];
    assert!(kubectl(&wait).succeeded().contains("many condition met"));
    let stalled = ["wait", &namespace, "--for=condition=Stalled", "--timeout=60s", "bj/huge"];
    assert!(kubectl(&stalled).succeeded().contains("huge condition met"));
    scene.job("many", "ends", has_ended).await;

    let table = kubectl(&["get", "bj", &namespace]).succeeded();
    let row = |name: &str| -> Vec<&str> {
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.unwrap_or_else(|| panic!("no {name} in\n{table}")).split_whitespace().collect()
    };
    assert_eq!(row("NAME"), ["NAME", "QUEUE", "STATUS", "REASON", "CHILDREN", "AGE"]);
    assert_eq!(row("many")[1..5], [queue.as_str(), "SUCCEEDED", "Completed", "5/5"]);
    assert_eq!(row("lost")[1..4], ["nowhere", "SUBMITTED", "QueueNotFound"]);
    assert_eq!(row("huge")[1..4], [queue.as_str(), "RUNNABLE", "NoHostLargeEnough"]);
    let wide = kubectl(&["get", "batchjobs", &namespace, "--output=wide"]).succeeded();
    assert!(wide.contains("hello:1") && wide.contains("largest host in"), "{wide}");
    let ended = kubectl(&["get", "bj", &namespace, "--field-selector=status.status=SUCCEEDED"]).succeeded();
    assert!(ended.contains("many") && !ended.contains("lost"), "{ended}");
    let all = kubectl(&["get", "windlass", &namespace]).succeeded();
    assert!(all.contains("jobdefinition.batch.windlass.dev/hello") && all.contains(&queue), "{all}");
    scene.leave().await;
}

#[tokio::test]
async fn kubectl_explains_every_kind() {
    let explained = |field: &str| kubectl(&["explain", field]).succeeded();
    let job = explained("bj.spec.arrayProperties.size");
    assert!(job.contains("The number of children, 2 to 10,000"), "{job}");
    let retries = explained("batchjobs.spec");
    assert!(retries.contains("jobQueue") && retries.contains("-required-"), "{retries}");
    for kind in ["jobdefinitions", "jobqueues", "computeenvironments", "schedulingpolicies", "jobrecords"] {
        let words = explained(kind);
        assert!(
            words.contains("GROUP:      batch.windlass.dev") && words.contains("DESCRIPTION:"),
            "{words}"
        );
        assert!(!words.contains("<empty>"), "{kind}: {words}");
    }
}

#[tokio::test]
async fn kubectl_says_what_is_wrong_with_a_job() {
    let file = "--filename=crds/samples/invalid/job-array-of-one.yaml";
    let words = kubectl(&["create", "--dry-run=server", file]).failed();
    let expected = "an array has 2 to 10,000 children: for one job leave arrayProperties out";
    assert!(words.contains("spec.arrayProperties.size") && words.contains(expected), "{words}");
}

#[tokio::test]
async fn the_definitions_fit_a_client_side_apply() {
    // It keeps a copy of each in an annotation, which must not be larger than 256 KiB.
    let manifests = checkout().join("crds/manifests");
    let files = format!("--filename={}", manifests.display());
    let said = kubectl(&["apply", "--dry-run=server", &files]).succeeded();
    assert_eq!(said.lines().count(), 6, "{said}");
    let chart = run("helm", &["template", "windlass-crds", "charts/windlass-crds"], "").succeeded();
    assert!(chart.contains("kind: CustomResourceDefinition"));
}

#[tokio::test]
async fn the_documented_command_shows_what_became_of_each_child() {
    let scene = Scene::new("childrecord").await;
    let queue = scene.queue("main", REAL).await;
    let script = "[ $AWS_BATCH_JOB_ARRAY_INDEX != 1 ] || exit 4";
    scene.create(definition("mixed", BUSYBOX, &["sh", "-c", script])).await;
    scene.create(array("mixed", &queue, "mixed", 3)).await;
    let job = scene.job("mixed", "ends", has_ended).await;
    let uid = job.metadata.uid.as_deref().unwrap();
    let namespace = format!("--namespace={}", scene.namespace);
    // As `JobRecord` documents it, for one child, with kubectl alone.
    let of_child_1 = format!(
        "{{.items[?(@.jobUID==\"{uid}\")].children[?(@.index==1)].attempts[*]['exitCode','statusReason']}}"
    );
    let output = format!("--output=jsonpath={of_child_1}");
    let told = kubectl(&["get", "jobrecords", &namespace, &output]).succeeded();
    assert_eq!(told, "4 Essential container in task exited");
    let table = kubectl(&["get", "jobrecords", &namespace]).succeeded();
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[1..3], ["mixed", "0"], "{table}");
    scene.leave().await;
}
