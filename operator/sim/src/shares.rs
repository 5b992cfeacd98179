//! A fair-share queue in some runs: its policy, which administrators change, and the shares that users give.

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::store::Store;
use crate::users;
use std::time::Duration;
use windlass_core::ids::{Name, ObjectKey, ResourceVersion};
use windlass_core::objects::{JobSpec, ObservedPolicy, Pattern};
use windlass_core::reference::Reference;

/// The policy's name.
pub const POLICY: &str = "fair";

/// The queue that is a fair-share queue in runs with one.
pub const QUEUE: &str = "low";

/// The shares that users give.
pub const ALL: [&str; 3] = ["red", "blue", "green"];

/// Past use is forgotten fast, so that what operators forget when they die soon makes no difference.
const WINDOW: Duration = Duration::from_secs(20);

/// The policy that a queue of this name is to have.
pub fn policy_of(cluster: &Cluster, queue: &str) -> Option<Reference> {
    (cluster.is_fair && queue == QUEUE).then(|| Reference::plain(POLICY))
}

/// Makes the policy, or changes it.
pub fn put_policy(cluster: &mut Cluster) {
    let weight = |text: &str, weight| (Pattern(text.into()), weight);
    let weights = match cluster.rng.u64(0..3) {
        0 => vec![weight("red", 500), weight("b*", 100_000)],
        1 => vec![weight("b*", 500)],
        _ => Vec::new(),
    };
    let reservation = if cluster.rng.u64(0..3) == 0 { 50 } else { 0 };
    let policy = ObservedPolicy { weights, reservation, ..made(cluster, POLICY.into()) };
    cluster.store.put_policy(policy);
}

/// The policy of this name as it is, or a new one in which all shares are alike.
pub fn made(cluster: &mut Cluster, name: Name) -> ObservedPolicy {
    let known = cluster.store.policies.get(&name).cloned();
    known.unwrap_or_else(|| ObservedPolicy {
        name,
        uid: cluster.store.next_uid(),
        resource_version: ResourceVersion(0),
        created_at: Store::stamp(cluster.now),
        aws_name: None,
        window: WINDOW,
        reservation: 0,
        weights: Vec::new(),
    })
}

/// An administrator changes the policy, or deletes it.
pub fn edit(cluster: &mut Cluster) {
    if cluster.rng.bool() {
        cluster.note(About::Faults, "edits of the scheduling policy");
        put_policy(cluster);
    } else {
        cluster.note(About::Faults, "scheduling policies deleted");
        cluster.store.delete_policy(&POLICY.into());
    }
}

/// As soon as the faults have stopped there is work of every share, more than fits: some of it runs until its timeout.
pub fn rush(cluster: &mut Cluster) {
    if !cluster.is_fair || cluster.rng.u64(0..4) > 0 {
        return;
    }
    let first = cluster.rng.usize(0..ALL.len());
    let most = usize::try_from(cluster.size.jobs).unwrap_or(usize::MAX);
    for share in ALL.iter().cycle().skip(first).take(ALL.len().min(most)) {
        // No two of them in one second: checks know jobs by their queue and their time.
        cluster.now = cluster.now + Duration::from_secs(1);
        let priority = cluster.rng.bool().then(|| cluster.rng.u32(0..=2));
        let spec = JobSpec {
            queue: Reference::plain(QUEUE),
            definition: Reference::plain("small"),
            size: Some(cluster.size.children.max(2)),
            timeout: Some(Duration::from_secs(60)),
            share: Some(Name::from(*share)),
            priority,
            ..JobSpec::default()
        };
        users::put_job(cluster, ObjectKey::new(users::NAMESPACES[0], format!("rush-{share}")), spec);
    }
    cluster.note(About::Work, "rushes of all shares");
}

/// The share and the priority that somebody gives a job of this queue: now and then one too many, or none.
pub fn wish(cluster: &mut Cluster, queue: &str) -> (Option<Name>, Option<u32>) {
    let is_fair = policy_of(cluster, queue).is_some();
    let rng = &mut cluster.rng;
    let is_wrong = rng.u64(0..16) == 0;
    let share = ALL.get(rng.usize(0..ALL.len())).map(|share| Name::from(*share));
    let priority = (rng.u64(0..3) == 0).then(|| rng.u32(0..=2));
    (share.filter(|_| is_fair != is_wrong), priority)
}
