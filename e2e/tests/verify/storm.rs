//! Fifty jobs applied, stopped, edited and deleted at random, with rules that must hold of every version of every object.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::{Instant, interval};
use windlass_crds::{Job, JobRecord};

use crate::acts::{change, delete, stop};
use crate::catalog::{BUSYBOX, REAL, array, definition, job};
use crate::cluster::kubectl;
use crate::hosts::{self, LABEL, Size};
use crate::operator::{alone, until_it_decides};
use crate::recorder::record;
use crate::records::has_ended;
use crate::rules::Rules;
use crate::scene::Scene;

const JOBS: u64 = 50;

/// What people do in all, a fifth of a second apart.
const ACTS: u64 = 400;

/// Longer than a finished pod guards its name.
const BOUND: Duration = Duration::from_secs(240);

/// The random numbers of a seed: SplitMix64.
struct Chance(u64);

impl Chance {
    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

fn name(number: u64) -> String {
    format!("job-{number}")
}

/// A job of any kind: single or array, short or long, of real or simulated hosts, that depends on others or not.
fn any_job(number: u64, queues: &[&str], chance: &mut Chance) -> Value {
    let (queue, definition) = (chance.of(queues), chance.of(&["quick", "fails", "slow", "half"]));
    let mut made = match chance.below(3) {
        0 => array(&name(number), queue, definition, u32::try_from(2 + chance.below(8)).unwrap()),
        _ => job(&name(number), queue, definition),
    };
    made["spec"]["retryStrategy"] = json!({"attempts": 1 + chance.below(3)});
    if chance.below(3) == 0 {
        made["spec"]["dependsOn"] = json!([{"jobId": name(chance.below(JOBS))}]);
    }
    if chance.below(5) == 0 {
        made["spec"]["ttlSecondsAfterFinished"] = json!(chance.below(20));
    }
    made
}

/// Does something to one of the jobs. Many of these acts are refused, or find nothing: a job is gone, a stop is final.
async fn act(scene: &Scene, queues: &[&str], chance: &mut Chance) -> &'static str {
    let number = chance.below(JOBS);
    let (name, kind) = (name(number), chance.of(&["CANCEL", "TERMINATE"]));
    let (what, answer) = match chance.below(10) {
        0..=3 => {
            let made = any_job(number, queues, chance);
            ("apply", scene.try_create(&scene.client, made).await.map(drop))
        }
        4 | 5 => {
            let spec = json!({"stop": {"type": kind, "reason": "at random"}});
            ("stop", change(scene, &name, spec).await.map(drop))
        }
        6 => {
            let indexes = format!("{}-{}", chance.below(4), 4 + chance.below(4));
            let entry = json!({"indexes": indexes, "type": kind, "reason": "some at random"});
            ("stop children", change(scene, &name, json!({"stopChildren": [entry]})).await.map(drop))
        }
        7 => {
            let note = json!({"metadata": {"annotations": {"note": chance.below(100).to_string()}}});
            let jobs = scene.api::<Job>();
            ("edit", jobs.patch(&name, &PatchParams::default(), &Patch::Merge(note)).await.map(drop))
        }
        _ => ("delete", delete(scene, &name).await),
    };
    match answer {
        Ok(()) => what,
        Err(kube::Error::Api(status)) if (400..500).contains(&status.code) => "refused",
        Err(error) => panic!("{what} {name}: {error}"),
    }
}

#[tokio::test]
async fn jobs_changed_at_random_keep_all_rules_and_leave_nothing() {
    let _alone = alone().await;
    let scene = Scene::new("storm").await;
    until_it_decides(&scene.client).await;
    let seed = std::env::var("WINDLASS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("WINDLASS_SEED={seed}");
    let (pool, size) = (scene.unique("pool"), Size { cpu: "8", memory: "8Gi" });
    hosts::add(&scene, "host", &pool, size, size).await;
    let (simulated, real) = (scene.queue("pool", (LABEL, &pool)).await, scene.queue("real", REAL).await);
    for (name, script) in [
        ("quick", "exit 0"),
        ("fails", "sleep 1; exit 3"),
        ("slow", "trap 'exit 7' TERM; n=0; while [ $n -lt 100 ]; do n=$((n+1)); sleep 0.1; done"),
        ("half", "[ $AWS_BATCH_JOB_ATTEMPT -gt 1 ] || [ $(($$ % 2)) = 0 ]"),
    ] {
        scene.create(definition(name, BUSYBOX, &["sh", "-c", script])).await;
    }
    let rules = record(&scene).await;
    let queues = [simulated.as_str(), real.as_str(), real.as_str()];
    let mut chance = Chance(seed);
    let mut done = std::collections::BTreeMap::<&str, u32>::new();
    let mut again = interval(Duration::from_millis(200));
    for _ in 0..ACTS {
        again.tick().await;
        *done.entry(act(&scene, &queues, &mut chance).await).or_default() += 1;
    }
    println!("{done:?}");
    assert!(done.len() == 6, "not every act was done once: {done:?}");
    all_end(&scene).await;
    nothing_is_left(&scene).await;
    none_is_broken(&rules.lock().unwrap());
    scene.leave().await;
}

fn none_is_broken(rules: &Rules) {
    println!("{} versions of objects were looked at", rules.versions);
    assert!(rules.versions > 500, "only {} versions", rules.versions);
    assert!(rules.broken.is_empty(), "{:#?}", rules.broken);
}

/// Ends what waits for jobs that never come, and waits until all have ended.
async fn all_end(scene: &Scene) {
    let jobs = scene.api::<Job>();
    for job in jobs.list(&ListParams::default()).await.unwrap() {
        if !has_ended(&job) && job.spec.stop.is_none() {
            stop(scene, job.metadata.name.as_deref().unwrap(), "TERMINATE", "the storm is over").await;
        } else if !has_ended(&job) {
            let spec = json!({"stop": {"type": "TERMINATE"}});
            change(scene, job.metadata.name.as_deref().unwrap(), spec).await.unwrap();
        }
    }
    let started = Instant::now();
    let mut again = interval(Duration::from_millis(500));
    loop {
        again.tick().await;
        let all = jobs.list(&ListParams::default()).await.unwrap().items;
        let open: Vec<_> = all.iter().filter(|job| !has_ended(job)).collect();
        if open.is_empty() {
            return;
        }
        assert!(started.elapsed() < BOUND, "{} jobs have not ended: {open:#?}", open.len());
    }
}

/// Deletes all jobs, and waits until no pod and no record of theirs is there.
async fn nothing_is_left(scene: &Scene) {
    let jobs = scene.api::<Job>();
    jobs.delete_collection(&Default::default(), &ListParams::default()).await.unwrap();
    let started = Instant::now();
    let mut again = interval(Duration::from_secs(1));
    loop {
        again.tick().await;
        let pods = scene.api::<Pod>().list(&ListParams::default()).await.unwrap().items;
        let records = scene.api::<JobRecord>().list(&ListParams::default()).await.unwrap().items;
        if pods.is_empty() && records.is_empty() {
            break;
        }
        assert!(started.elapsed() < BOUND, "{} pods, {} records are left", pods.len(), records.len());
    }
    let namespace = format!("--namespace={}", scene.namespace);
    assert!(kubectl(&["get", "batchjob", "job-1", &namespace]).failed().contains("not found"));
}
