//! The pods that are made, as a whole: `tests/checks/golden/*.json`. Rewrite with `WINDLASS_UPDATE=1`.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use windlass::pod::pod;
use windlass_core::action::PodOrder;
use windlass_core::ids::{ObjectKey, Uid};
use windlass_core::objects::Payload;
use windlass_core::time::Time;
use windlass_core::units::{GPUS, Resources};

fn payload(json: &Value) -> Payload {
    Payload(Arc::from(json.to_string().into_bytes()))
}

fn order(submission: &Value, revision: &Value) -> PodOrder {
    PodOrder {
        pod: ObjectKey::new("team", "job-1-1a2b3c4d-1"),
        job_name: "job-1".into(),
        job: Uid::parse("1a2b3c4d-0000-4000-8000-000000000001").unwrap(),
        submission: payload(submission),
        revision: payload(revision),
        child: None,
        attempt: 1,
        launch: 0,
        queue: "ProdQueue".into(),
        environment: "c5-ondemand".into(),
        definition: ("fetch_and_run".into(), 3),
        host: "node-1".into(),
        selector: BTreeMap::new(),
        direct: false,
        need: Resources::of_job(2000, 250, 0),
        gpu_resource: GPUS.into(),
        not_after: Time::ZERO,
    }
}

fn check(name: &str, order: &PodOrder) {
    let built = serde_json::to_value(pod(order).unwrap()).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/checks/golden/{name}.json"));
    if std::env::var_os("WINDLASS_UPDATE").is_some() {
        fs::write(&file, format!("{built:#}\n")).unwrap();
    }
    let golden: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(built == golden, "{}: built is {built:#}", file.display());
}

#[test]
fn a_single_job() {
    let submission = json!({ "jobQueue": "ProdQueue", "jobDefinition": "fetch_and_run" });
    let revision = json!({
        "containerProperties": {
            "image": "fetch_and_run", "vcpus": 2, "memory": 250, "command": ["myjob.sh", "60"],
            "environment": [{ "name": "BATCH_FILE_TYPE", "value": "script" }],
        },
    });
    check("single", &order(&submission, &revision));
}

#[test]
fn a_child_with_overrides_parameters_and_dollars() {
    let submission = json!({
        "jobName": "JobA", "jobQueue": "ProdQueue", "jobDefinition": "fetch_and_run",
        "parameters": { "codec": "avi", "tail": "$(HOME)" },
        "containerOverrides": {
            "command": ["sh", "-c", "echo $$ $(echo Ref::codec) Ref::input Ref::tail"],
            "environment": [{ "name": "A", "value": "$B" }, { "name": "NEW", "value": "" }],
        },
    });
    let revision = json!({
        "parameters": { "codec": "mp4", "input": "in.mov" },
        "containerProperties": {
            "image": "fetch_and_run", "vcpus": 2, "memory": 250, "command": ["no"],
            "environment": [{ "name": "A", "value": "old" }, { "name": "B", "value": "kept" }],
        },
    });
    let child = PodOrder {
        pod: ObjectKey::new("team", "job-1-1a2b3c4d-6-2-1"),
        child: Some((6, 7)),
        attempt: 2,
        launch: 1,
        need: Resources::of_job(500, 250, 0),
        queue: "a queue's name of more than sixty-three letters does not fit a label's value".into(),
        ..order(&submission, &revision)
    };
    check("child", &child);
}

#[test]
fn a_pod_on_a_host_that_is_its_environments_alone() {
    let submission = json!({ "jobQueue": "ProdQueue", "jobDefinition": "fetch_and_run" });
    let revision = json!({ "containerProperties": { "image": "fetch_and_run", "vcpus": 2, "memory": 250 } });
    check("direct", &PodOrder { direct: true, ..order(&submission, &revision) });
}

#[test]
fn a_pod_that_waits_for_a_node() {
    let submission = json!({ "jobQueue": "ProdQueue", "jobDefinition": "fetch_and_run" });
    let revision = json!({ "containerProperties": { "image": "fetch_and_run", "vcpus": 2, "memory": 250 } });
    let selector = BTreeMap::from([("pool".into(), "autoscaled".into())]);
    check("floating", &PodOrder { host: "".into(), selector, ..order(&submission, &revision) });
}

#[test]
fn a_job_with_gpus_asks_for_them_by_the_name_they_have_there_and_tolerates_their_taint() {
    let submission = json!({ "jobQueue": "ProdQueue", "jobDefinition": "fetch_and_run" });
    let revision = json!({ "containerProperties": { "image": "fetch_and_run", "vcpus": 2, "memory": 250 } });
    let with_gpus = PodOrder {
        need: Resources::of_job(2000, 250, 2),
        gpu_resource: "amd.com/gpu".into(),
        direct: true,
        ..order(&submission, &revision)
    };
    check("gpus", &with_gpus);
}

/// The annotation with the tags, of a job and a definition that say these things.
fn tags(submission: &Value, revision: &Value) -> Result<Option<Value>, String> {
    let mut job = json!({ "jobQueue": "q", "jobDefinition": "d" });
    let mut definition =
        json!({ "containerProperties": { "image": "fetch_and_run", "vcpus": 2, "memory": 250 } });
    for (object, more) in [(&mut job, submission), (&mut definition, revision)] {
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    let built = pod(&order(&job, &definition)).map_err(|error| error.to_string())?;
    let annotations = built.metadata.annotations.unwrap();
    Ok(annotations.get("batch.windlass.dev/tags").map(|told| serde_json::from_str(told).unwrap()))
}

#[test]
fn tags_are_shown_where_that_is_asked_for_and_those_of_the_job_win() {
    let of_job = |propagate: Option<bool>| {
        let mut job = json!({ "tags": { "Cost Center": "4711", "a": "job" } });
        if let Some(propagate) = propagate {
            job["propagateTags"] = json!(propagate);
        }
        job
    };
    let of_definition =
        |propagate: bool| json!({ "tags": { "a": "definition", "b": "" }, "propagateTags": propagate });
    let all = json!({ "Cost Center": "4711", "a": "job", "b": "" });
    assert_eq!(tags(&of_job(None), &of_definition(true)), Ok(Some(all.clone())));
    assert_eq!(tags(&of_job(Some(true)), &of_definition(false)), Ok(Some(all)));
    assert_eq!(tags(&of_job(Some(false)), &of_definition(true)), Ok(None));
    assert_eq!(tags(&of_job(None), &of_definition(false)), Ok(None));
    assert_eq!(tags(&json!({ "propagateTags": true }), &json!({})), Ok(None));
}

#[test]
fn more_than_fifty_tags_together_are_told_so() {
    let many = |prefix: &str, number: usize| {
        let tags: Value = (0..number).map(|at| (format!("{prefix}{at}"), json!("x"))).collect();
        json!({ "tags": tags, "propagateTags": true })
    };
    assert!(tags(&many("a", 25), &many("b", 25)).unwrap().is_some());
    let told = tags(&many("a", 26), &many("b", 25)).unwrap_err();
    assert!(told.contains("51 tags together, at most 50 can be propagated"), "{told}");
}

#[test]
fn what_cannot_be_read_is_an_error_and_no_panic() {
    let good = json!({ "jobQueue": "q", "jobDefinition": "d" });
    for (submission, revision, words) in [
        (json!({ "parameters": 3 }), json!({}), "submission"),
        (good.clone(), json!({ "containerProperties": 3 }), "revision"),
        (good, json!({}), "containerProperties"),
    ] {
        let error = pod(&order(&submission, &revision)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
