//! Limits of the whole installation (SPEC.md J10), at the limit and one beyond. The million of waiting children is a scenario.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use windlass_core::ids::{Name, ObjectKey, ResourceVersion};
use windlass_core::limits::{ACTIVE_SHARES, UNFINISHED_JOBS};
use windlass_core::objects::{JobSpec, JobStatus, ObservedJob, ObservedQueue, Payload, ResourceRequest};
use windlass_core::reference::Reference;
use windlass_core::state::State;
use windlass_sim::Faults;
use windlass_sim::cluster::Cluster;
use windlass_sim::users::furnish;

fn submit(cluster: &mut Cluster, number: usize, share: Option<Name>) {
    let spec = JobSpec {
        queue: Reference::plain("high"),
        definition: Reference::plain("small"),
        overrides: ResourceRequest { cpu_millis: Some(64_000), ..ResourceRequest::default() },
        share,
        ..JobSpec::default()
    };
    let job = ObservedJob {
        key: ObjectKey::new("team", format!("job-{number}")),
        uid: cluster.store.next_uid(),
        resource_version: ResourceVersion(0),
        generation: 1,
        created_at: cluster.now,
        deleting: false,
        kept: false,
        spec: Arc::new(spec),
        payload: Payload::default(),
        status: JobStatus::default(),
    };
    cluster.store.put_job(job);
}

/// Finished jobs expire after a day: long before that.
fn rest(cluster: &mut Cluster) {
    let soon = cluster.now + Duration::from_secs(3600);
    assert!(cluster.rest_before(soon, 100_000));
}

#[test]
fn a_hundred_thousand_unfinished_jobs_are_taken_and_one_more_is_told_why_not() {
    let mut cluster = Cluster::bare(Rng::with_seed(7), Faults::none(), false);
    furnish(&mut cluster);
    for number in 0..UNFINISHED_JOBS {
        submit(&mut cluster, number, None);
    }
    rest(&mut cluster);
    submit(&mut cluster, UNFINISHED_JOBS, None);
    rest(&mut cluster);
    let refused: Vec<&ObservedJob> =
        cluster.store.jobs.values().filter(|job| job.status.state == State::Failed).collect();
    let [last] = refused.as_slice() else { panic!("{} jobs are refused", refused.len()) };
    assert_eq!(last.key.name, Name::from(format!("job-{UNFINISHED_JOBS}")));
    assert_eq!(last.status.reason.as_str(), "LimitExceeded");
    assert!(last.status.words.as_str().contains("100000 Jobs are unfinished"), "{}", last.status.words);
    assert!(
        cluster.store.jobs.values().filter(|job| job.status.state == State::Runnable).count()
            == UNFINISHED_JOBS
    );
}

/// A cluster whose queue `high` is a fair-share queue.
fn fair() -> Cluster {
    let mut cluster = Cluster::bare(Rng::with_seed(7), Faults::none(), false);
    furnish(&mut cluster);
    let queue = cluster.store.queues.get(&Name::from("high")).cloned().unwrap();
    cluster.store.put_queue(ObservedQueue { policy: Some(Reference::plain("fair")), ..queue });
    rest(&mut cluster);
    cluster
}

#[test]
fn five_hundred_shares_of_a_queue_are_taken_and_one_more_is_told_why_not() {
    let mut cluster = fair();
    for number in 0..=ACTIVE_SHARES {
        submit(&mut cluster, number, Some(Name::from(format!("share{number}"))));
    }
    // A share that is there already may have more jobs.
    submit(&mut cluster, ACTIVE_SHARES + 1, Some(Name::from("share0")));
    rest(&mut cluster);
    let failed = cluster.store.jobs.values().filter(|job| job.status.state == State::Failed);
    let [last] = failed.collect::<Vec<_>>()[..] else { panic!("not one job is refused") };
    assert_eq!(last.key.name, Name::from(format!("job-{ACTIVE_SHARES}")));
    assert_eq!(last.status.reason.as_str(), "LimitExceeded");
    assert!(last.status.words.as_str().starts_with("500 shares of job queue high"), "{}", last.status.words);
}
