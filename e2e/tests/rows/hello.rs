//! A single job in a real container (SPEC.md J1, J3, J9, D3; "Commands are verbatim").

use k8s_openapi::api::core::v1::{Pod, ResourceRequirements};
use kube::api::LogParams;
use serde_json::json;
use windlass_crds::Job;
use windlass_crds::job::Attempt;
use windlass_crds::shared::attempt::{JobState, Proof};

use crate::catalog::{BUSYBOX, REAL, definition, job};
use crate::records::{has_ended, state, status};
use crate::scene::Scene;
use crate::states::States;

/// Runs a command as a job; gives the job once it has ended.
async fn run(scene: &Scene, queue: &str, name: &str, command: &[&str]) -> Job {
    scene.create(definition(name, BUSYBOX, command)).await;
    scene.create(job(name, queue, name)).await;
    scene.job(name, "ends", has_ended).await
}

fn only_attempt(job: &Job) -> &Attempt {
    let [attempt] = status(job).attempts.as_slice() else { panic!("not one attempt: {:#?}", job.status) };
    attempt
}

async fn log(scene: &Scene, job: &Job) -> String {
    let pod = only_attempt(job).pod_name.as_deref().unwrap();
    scene.api::<Pod>().logs(pod, &LogParams::default()).await.unwrap()
}

#[tokio::test]
async fn hello_runs_and_all_of_it_is_recorded() {
    let scene = Scene::new("hello").await;
    let queue = scene.queue("main", REAL).await;
    let states = States::of(scene.api(), "hello").await;
    let job = run(&scene, &queue, "hello", &["echo", "'hello world'"]).await;
    assert_eq!(log(&scene, &job).await, "'hello world'\n");

    let states = states.until_the_end().await;
    assert!(states.is_sorted(), "{states:?}");
    assert_eq!((states.first(), states.last()), (Some(&JobState::Submitted), Some(&JobState::Succeeded)));

    let told = status(&job);
    assert_eq!(told.job_id, job.metadata.uid);
    assert_eq!(told.job_definition.as_deref(), Some("hello:1"));
    assert_eq!(told.compute_environment.as_deref(), Some(queue.as_str()));
    let attempt = only_attempt(&job);
    assert_eq!((attempt.attempt, attempt.exit_code), (1, Some(0)));
    assert_eq!(attempt.proof, Some(Proof::ContainerTerminated));
    assert!(matches!(attempt.node_name.as_deref(), Some("node-1" | "node-2")), "{attempt:?}");
    let (created, started) = (told.created_at.as_ref().unwrap(), attempt.started_at.as_ref().unwrap());
    let stopped = attempt.stopped_at.as_ref().unwrap();
    assert!(created <= started && started <= stopped, "{created} {started} {stopped}");
    assert_eq!((told.started_at.as_ref(), told.stopped_at.as_ref()), (Some(started), Some(stopped)));
    let pod_name = attempt.pod_name.as_deref().unwrap();
    assert_eq!(pod_name, format!("hello-{}-1", &job.metadata.uid.as_ref().unwrap()[..8]));
    assert_eq!(attempt.log_stream_name, Some(format!("hello/default/{pod_name}")));

    let pod = scene.api::<Pod>().get(pod_name).await.unwrap();
    assert_eq!(pod.metadata.uid, attempt.pod_uid);
    let container = &pod.spec.unwrap().containers[0];
    assert_eq!(amounts(container.resources.as_ref().unwrap()), "requests 1, 64Mi; limits none, 64Mi");
    scene.leave().await;
}

fn amounts(resources: &ResourceRequirements) -> String {
    let amount = |list: &Option<std::collections::BTreeMap<String, _>>, name: &str| {
        let found: Option<&k8s_openapi::apimachinery::pkg::api::resource::Quantity> =
            list.as_ref().and_then(|list| list.get(name));
        found.map_or("none".to_owned(), |quantity| quantity.0.clone())
    };
    let both = |list| format!("{}, {}", amount(list, "cpu"), amount(list, "memory"));
    format!("requests {}; limits {}", both(&resources.requests), both(&resources.limits))
}

#[tokio::test]
async fn each_state_is_seen_of_a_job_that_takes_a_moment() {
    let scene = Scene::new("states").await;
    let queue = scene.queue("main", REAL).await;
    let states = States::of(scene.api(), "moment").await;
    // RUNNING is written of what runs for longer than `PAUSE_BEFORE_RUNNING`.
    run(&scene, &queue, "moment", &["sleep", "8"]).await;
    let states = states.until_the_end().await;
    assert!(states.is_sorted(), "{states:?}");
    for state in [JobState::Submitted, JobState::Starting, JobState::Running, JobState::Succeeded] {
        assert!(states.contains(&state), "{states:?} without {state:?}");
    }
    scene.leave().await;
}

#[tokio::test]
async fn a_failure_is_told_with_its_exit_code() {
    let scene = Scene::new("failure").await;
    let queue = scene.queue("main", REAL).await;
    let job = run(&scene, &queue, "fails", &["sh", "-c", "exit 42"]).await;
    assert_eq!(state(&job), JobState::Failed);
    assert_eq!(only_attempt(&job).exit_code, Some(42));
    assert_eq!(status(&job).reason.as_deref(), Some("NonZeroExitCode"));
    let words = status(&job).status_reason.as_deref().unwrap();
    assert_eq!(words, "Essential container in task exited (exit code 42)");
    scene.leave().await;
}

#[tokio::test]
async fn commands_and_variables_are_verbatim() {
    let scene = Scene::new("verbatim").await;
    let queue = scene.queue("main", REAL).await;
    let shell = run(&scene, &queue, "shell", &["sh", "-c", "echo $$ $(echo $AWS_BATCH_JOB_ID)"]).await;
    let text = log(&scene, &shell).await;
    let (pid, id) = text.trim_end().split_once(' ').unwrap();
    assert!(pid.parse::<u32>().is_ok_and(|pid| pid > 0), "{text}");
    assert_eq!(Some(id), shell.metadata.uid.as_deref());

    let plain = run(&scene, &queue, "plain", &["echo", "$(AWS_BATCH_JOB_ID)", "$$"]).await;
    assert_eq!(log(&scene, &plain).await, "$(AWS_BATCH_JOB_ID) $$\n");

    let mut variables = definition("variables", BUSYBOX, &["env"]);
    variables["spec"]["containerProperties"]["environment"] =
        json!([{"name": "PRICE", "value": "$$5 $(HOME)"}, {"name": "TWICE", "value": "definition"}]);
    scene.create(variables).await;
    let mut overridden = job("variables", &queue, "variables");
    overridden["spec"]["containerOverrides"] = json!({"environment": [{"name": "TWICE", "value": "job"}]});
    scene.create(overridden).await;
    let job = scene.job("variables", "ends", has_ended).await;
    let text = log(&scene, &job).await;
    for line in [
        "PRICE=$$5 $(HOME)".to_owned(),
        "TWICE=job".to_owned(),
        format!("AWS_BATCH_CE_NAME={queue}"),
        format!("AWS_BATCH_JQ_NAME={queue}"),
        format!("AWS_BATCH_JOB_ID={}", job.metadata.uid.as_ref().unwrap()),
        "AWS_BATCH_JOB_ATTEMPT=1".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    scene.leave().await;
}

#[tokio::test]
async fn parameters_fill_the_command() {
    let scene = Scene::new("parameters").await;
    let queue = scene.queue("main", REAL).await;
    let mut echo = definition("echo", BUSYBOX, &["echo", "Ref::who", "to-Ref::where/x"]);
    echo["spec"]["parameters"] = json!({"who": "nobody", "where": "here"});
    scene.create(echo).await;
    let mut greeting = job("greeting", &queue, "echo");
    greeting["spec"]["parameters"] = json!({"who": "Ref::where $(HOME)"});
    scene.create(greeting).await;
    let job = scene.job("greeting", "ends", has_ended).await;
    assert_eq!(log(&scene, &job).await, "Ref::where $(HOME) to-here/x\n");
    scene.leave().await;
}
