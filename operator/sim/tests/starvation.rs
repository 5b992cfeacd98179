//! A large job is not starved by small ones, whoever they belong to (SPEC.md, Order): shown beside a stream of them that never
//! ends, and that is more than the hosts can take.

use fastrand::Rng;
use std::time::Duration;
use windlass_core::ids::{Name, ObjectKey};
use windlass_core::objects::{JobSpec, ObservedPolicy, ObservedQueue};
use windlass_core::reference::Reference;
use windlass_core::state::State;
use windlass_sim::Faults;
use windlass_sim::cluster::Cluster;
use windlass_sim::users::{furnish, put_job};

const SECOND: Duration = Duration::from_secs(1);

/// How long a large job may wait behind the few small ones that came before it: until its share has had its turns, and all that
/// ran on some host when it came first has ended.
const LONGEST: u64 = 900;

/// A cluster of one to three hosts, whose queue `high` is a fair-share queue with shares that are alike, or has no shares.
fn cluster(seed: u64, is_fair: bool) -> Cluster {
    let mut cluster = Cluster::bare(Rng::with_seed(seed), Faults::none(), false);
    furnish(&mut cluster);
    let policy = cluster.store.policies.get(&Name::from("fair")).cloned().unwrap();
    cluster.store.put_policy(ObservedPolicy { weights: Vec::new(), reservation: 0, ..policy });
    let queue = cluster.store.queues.get(&Name::from("high")).cloned().unwrap();
    cluster.store.put_queue(ObservedQueue { policy: is_fair.then(|| Reference::plain("fair")), ..queue });
    cluster
}

/// Submits a job whose containers run for a minute.
fn submit(cluster: &mut Cluster, name: &str, share: Option<&str>, size: Option<u32>) {
    let spec = JobSpec {
        queue: Reference::plain("high"),
        definition: Reference::plain(if size.is_some() { "small" } else { "large" }),
        size,
        timeout: Some(SECOND * 60),
        share: share.map(Name::from),
        ..JobSpec::default()
    };
    cluster.held_jobs.insert(name.into());
    put_job(cluster, ObjectKey::new("team", name), spec);
}

/// Seconds that a large job of a share waits among small ones of these shares.
fn wait(seed: u64, large: Option<&str>, small: &[Option<&str>]) -> Option<u64> {
    let mut cluster = cluster(seed, large.is_some());
    for second in (0..1800).step_by(5) {
        for (number, share) in small.iter().enumerate() {
            submit(&mut cluster, &format!("small-{second}-{number}"), *share, Some(2));
        }
        if second == 5 {
            submit(&mut cluster, "large", large, None);
        }
        let until = cluster.now + SECOND * 5;
        cluster.run_until(until, 100_000);
        let found = cluster.store.jobs.get(&ObjectKey::new("team", "large"));
        if found.is_some_and(|job| job.status.state >= State::Starting) {
            return Some(second);
        }
    }
    None
}

#[test]
fn a_large_job_is_not_starved_by_small_ones_of_its_own_share_and_of_others() {
    for seed in 0..12 {
        for large in ["red", "blue"] {
            let waited = wait(seed, Some(large), &[Some("red"), Some("red"), Some("blue"), Some("green")]);
            assert!(
                waited.is_some_and(|waited| waited <= LONGEST),
                "seed {seed}, share {large}: {waited:?} s"
            );
        }
    }
}

#[test]
fn a_large_job_is_not_starved_where_there_are_no_shares() {
    for seed in 0..12 {
        let waited = wait(seed, None, &[None]);
        assert!(waited.is_some(), "seed {seed}: the large job never starts");
    }
}
