//! Jobs in Git: brought by Argo CD, run once, kept, shown by their health (SPEC.md J8).

use std::fs;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::{Value, json};
use windlass_crds::shared::attempt::JobState;
use windlass_crds::{Job, JobRecord};

use crate::application::{Application, refusal, told};
use crate::argo::Argo;
use crate::catalog::{BUSYBOX, REAL, array, definition, environment, job, queue};
use crate::cluster::{SYSTEM, kubectl};
use crate::folder::Folder;
use crate::records::{children, has_ended, reason, state, status, words};
use crate::requests::{of_argo_cd, of_windlass};
use crate::scene::Scene;
use crate::wait::gone;

/// Children of the array.
const SIZE: u32 = 2;

/// What the Application `night` is made of.
struct Night {
    environment: Value,
    queue: Value,
    definition: Value,
    job: Value,
}

impl Night {
    /// An array that Windlass may delete as soon as it has ended, in an environment that takes no jobs yet.
    fn new(scene: &Scene) -> Self {
        let name = scene.unique("real");
        let mut environment = scene.marked(environment(&name, REAL));
        environment["spec"]["state"] = json!("DISABLED");
        let mut job = array("report", &name, "report", SIZE);
        job["spec"]["ttlSecondsAfterFinished"] = json!(0);
        Self {
            environment,
            queue: scene.marked(queue(&name, &name)),
            // Long enough to be seen by Argo CD while they run.
            definition: definition("report", BUSYBOX, &["sleep", "5"]),
            job,
        }
    }

    fn commit(&self, folder: &Folder) -> String {
        folder.commit(&[
            ("night/environment.yaml", &self.environment),
            ("night/queue.yaml", &self.queue),
            ("night/definition.yaml", &self.definition),
            ("night/job.yaml", &self.job),
        ])
    }
}

#[tokio::test]
async fn argo_cd_brings_jobs_that_run_once_and_stay() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("argocd");
    drop(fs::remove_dir_all(&root));
    fs::create_dir_all(&root).unwrap();
    let folder = Folder::new(&root.join("git"));
    let scene = Scene::new("gitops").await;
    let mut night = Night::new(&scene);
    let revision = night.commit(&folder);
    let argo = Argo::start(&root).await;
    let application = Application::new(&argo, &scene, &folder, "night").await;

    waits(&scene, &application, &revision).await;
    night.environment["spec"]["state"] = json!("ENABLED");
    let done = succeeds(&scene, &application, &night.commit(&folder)).await;
    is_kept_and_not_run_again(&scene, &application, &done).await;
    cannot_change(&scene, &application, &folder, &mut night).await;
    fails(&argo, &scene, &folder).await;
    nobody_deleted_what_is_of_git(&scene);
    application_without_job_has_none(&scene, &application, &folder).await;

    argo.leave().await;
    scene.leave().await;
}

/// While the Job waits for its environment, all else is Healthy.
async fn waits(scene: &Scene, application: &Application, revision: &str) {
    application.until(revision, "Progressing").await;
    let waiting = scene.job("report", "waits", |job| reason(job) == "ComputeEnvironmentDisabled").await;
    let explained = application.until_it("tells why the job waits", |status| {
        told(status).get("Job").is_some_and(|told| told.words == words(&waiting))
    });
    let told = told(&explained.await);
    let health: Vec<(&str, &str)> =
        told.iter().map(|(kind, told)| (kind.as_str(), told.health.as_str())).collect();
    let expected = [
        ("ComputeEnvironment", "Healthy"),
        ("Job", "Progressing"),
        ("JobDefinition", "Healthy"),
        ("JobQueue", "Healthy"),
    ];
    assert_eq!(health, expected, "{told:#?}");
    let mark = &waiting.metadata.annotations.unwrap()["argocd.argoproj.io/tracking-id"];
    assert_eq!(*mark, format!("night:batch.windlass.dev/Job:{}/report", scene.namespace));
}

/// The environment is enabled in Git: the Job runs, and all is Healthy.
async fn succeeds(scene: &Scene, application: &Application, revision: &str) -> Job {
    application.refresh().await;
    let runs = |job: &Job| matches!(state(job), JobState::Running | JobState::Succeeded);
    scene.job("report", "runs", runs).await;
    // Argo CD sees pods and records that Git does not have, and may prune.
    application.refresh().await;
    let told = told(&application.until(revision, "Healthy").await);
    assert_eq!(told["Job"].health, "Healthy", "{told:#?}");
    let job = scene.job("report", "has succeeded", |job| state(job) == JobState::Succeeded).await;
    assert_eq!(told.keys().collect::<Vec<_>>(), ["ComputeEnvironment", "Job", "JobDefinition", "JobQueue"]);
    job
}

/// Its time is over, but Argo CD would make it again, and so run it again.
async fn is_kept_and_not_run_again(scene: &Scene, application: &Application, done: &Job) {
    // What is not of Git and ended later is gone.
    let mut other = job("other", &done.spec.job_queue, "report");
    other["spec"]["ttlSecondsAfterFinished"] = json!(0);
    scene.create(other).await;
    gone(Duration::from_secs(90), &scene.api::<Job>(), "other").await;
    application.refresh().await;
    let job = scene.api::<Job>().get("report").await.unwrap();
    assert_eq!((&job.metadata.uid, job.metadata.deletion_timestamp.is_some()), (&done.metadata.uid, false));
    assert_eq!(status(&job), status(done));
    let children = children(&scene.api::<JobRecord>(), &job).await;
    assert_eq!(children.len(), SIZE as usize, "{children:#?}");
    assert!(children.values().all(|child| child.attempts.len() == 1), "{children:#?}");
}

/// A change of an immutable field is an error of the sync, in Windlass's words; without it all is in sync again.
async fn cannot_change(scene: &Scene, application: &Application, folder: &Folder, night: &mut Night) {
    let before = scene.api::<Job>().get("report").await.unwrap();
    night.job["spec"]["arrayProperties"]["size"] = json!(SIZE + 1);
    night.commit(folder);
    application.refresh().await;
    let refused =
        application.until_it("says that the job cannot change", |status| refusal(status, "Job").is_some());
    let refused = refused.await;
    let refusal = refusal(&refused, "Job").unwrap();
    println!("a changed size: {refusal}");
    let expected =
        "arrayProperties cannot change: submit a new Job (of this one only stop and stopChildren can change)";
    assert!(refusal.contains(expected), "{refusal}");
    let by_hand = ["--type=merge", r#"--patch={"spec": {"arrayProperties": {"size": 3}}}"#];
    let patch = ["patch", "batchjob", "report", "--namespace", &scene.namespace];
    let by_hand = kubectl(&[patch.as_slice(), by_hand.as_slice()].concat()).failed();
    assert!(by_hand.contains(expected), "{by_hand}");
    assert_eq!(told(&refused)["Job"].sync, "OutOfSync", "{refused:#}");

    night.job["spec"]["arrayProperties"]["size"] = json!(SIZE);
    let revision = night.commit(folder);
    application.refresh().await;
    application.until(&revision, "Healthy").await;
    let after = scene.api::<Job>().get("report").await.unwrap();
    assert_eq!((after.metadata.uid, after.status), (before.metadata.uid, before.status));
}

/// A Job that fails makes its Application Degraded, and is not tried again by Argo CD.
async fn fails(argo: &Argo, scene: &Scene, folder: &Folder) {
    let queue = scene.queue("other", REAL).await;
    let revision = folder.commit(&[
        ("broken/definition.yaml", &definition("broken", BUSYBOX, &["sh", "-c", "exit 3"])),
        ("broken/job.yaml", &job("broken", &queue, "broken")),
    ]);
    let application = Application::new(argo, scene, folder, "broken").await;
    let degraded = application.until(&revision, "Degraded").await;
    let failed = scene.job("broken", "ends", has_ended).await;
    assert_eq!(state(&failed), JobState::Failed);
    let told = told(&degraded);
    assert_eq!((told["Job"].health.as_str(), told["Job"].words.as_str()), ("Degraded", words(&failed)));
    assert_eq!(told["JobDefinition"].health, "Healthy", "{told:#?}");
    application.refresh().await;
    let job = scene.api::<Job>().get("broken").await.unwrap();
    assert_eq!((job.metadata.uid, job.status), (failed.metadata.uid, failed.status));
}

/// Argo CD made each Job once, took no pods and records away, and let Windlass alone; Windlass deleted no Job of Git.
fn nobody_deleted_what_is_of_git(scene: &Scene) {
    let changes = of_argo_cd(&scene.namespace);
    let made: Vec<&str> =
        changes.iter().map(String::as_str).filter(|change| change.starts_with("create ")).collect();
    let expected = ["batchjobs", "batchjobs", "jobdefinitions", "jobdefinitions"];
    assert_eq!(made, expected.map(|kind| format!("create {kind}")), "{changes:#?}");
    assert!(!changes.iter().any(|change| change.starts_with("delete")), "{changes:#?}");
    assert_eq!(of_argo_cd(SYSTEM), Vec::<String>::new());
    let of_windlass = of_windlass(&scene.namespace);
    let deleted = of_windlass.iter().filter(|change| *change == "delete batchjobs").count();
    assert_eq!(deleted, 1, "only the job that Git does not have: {of_windlass:#?}");
}

/// The Job is taken out of Git: Argo CD prunes it, and what it owned goes with it.
async fn application_without_job_has_none(scene: &Scene, application: &Application, folder: &Folder) {
    let pods = scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items.len();
    println!("{pods} pods are there before the job is taken out of Git");
    let revision = folder.remove("night/job.yaml");
    application.refresh().await;
    gone(Duration::from_secs(120), &scene.api::<Job>(), "report").await;
    application.until(&revision, "Healthy").await;
}
