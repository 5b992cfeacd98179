//! A large job, or one of several nodes, among many small ones, as soon as the faults have stopped: what it is told about its
//! start is to be kept.

use crate::cluster::Cluster;
use crate::coverage::About;
use crate::{nodes, shares, users};
use std::time::Duration;
use windlass_core::ids::{Name, ObjectKey};
use windlass_core::objects::{JobSpec, ObservedHost, ResourceRequest, RetryStrategy};
use windlass_core::reference::Reference;

/// How the names of its jobs begin. All run until their timeouts.
pub const PREFIX: &str = "siege-";

/// The definition of one with several nodes.
const TOGETHER: &str = "together";

/// As large as a host, where nobody has machines made for it.
const WHOLE_HOST: u64 = 4000;

/// A large job fits there: it needs no GPUs, and so tolerates no taint that keeps hosts for those who do.
fn is_whole_host(host: &ObservedHost) -> bool {
    host.allocatable.amounts.cpu_millis >= WHOLE_HOST && host.taints.is_empty()
}

/// Small jobs fill all there is, then come a large one, and more small ones: some are sure to have ended in time, some not.
pub fn lay(cluster: &mut Cluster) {
    if !cluster.faults.sieges || cluster.rng.u64(0..4) > 0 || cluster.size.jobs == 0 {
        return;
    }
    let queue = if cluster.rng.bool() { "low" } else { "high" };
    let environments = cluster.store.queues.get(&Name::from(queue)).map(|queue| queue.environments.len());
    let has_hosts_only = !cluster.faults.managed && environments == Some(1);
    let is_whole = has_hosts_only && cluster.store.hosts.values().any(is_whole_host) && cluster.rng.bool();
    let first = cluster.rng.usize(0..shares::ALL.len());
    let mut shares = shares::ALL.iter().cycle().skip(first).map(|share| Name::from(*share));
    let (ours, theirs) = (shares.next(), shares.next());
    let filled_for = cluster.rng.u64(60..=900);
    let many = cluster.size.children.max(2) * 2;
    let large = cluster.rng.u64(60..=200);
    let nodes =
        (cluster.faults.multi_node > 0 && cluster.rng.bool()).then(|| cluster.rng.u32(2..=nodes::NODES));
    if let Some(count) = nodes {
        nodes::put_plain(cluster, users::NAMESPACES[0], TOGETHER, "2000 128", count);
    }
    for (name, share, size, timeout) in [
        ("fill", &ours, Some(many), filled_for),
        ("large", &ours, None, large),
        ("short", &theirs, Some(many), 60),
        ("long", &ours, Some(many), 900),
        ("other", &theirs, Some(many), 900),
    ] {
        // No two of them in one second: checks know jobs by their queue and their time.
        cluster.now = cluster.now + Duration::from_secs(1);
        let is_large = name == "large";
        let cpu_millis = (is_large && is_whole && nodes.is_none()).then_some(WHOLE_HOST);
        let spec = JobSpec {
            queue: Reference::plain(queue),
            definition: Reference::plain(match (is_large, nodes) {
                (true, Some(_)) => TOGETHER,
                (true, None) => "large",
                _ => "small",
            }),
            size,
            timeout: Some(Duration::from_secs(timeout)),
            retry: Some(RetryStrategy { attempts: Some(1), ..RetryStrategy::default() }),
            share: share.clone().filter(|_| shares::policy_of(cluster, queue).is_some()),
            overrides: ResourceRequest { cpu_millis, ..ResourceRequest::default() },
            ..JobSpec::default()
        };
        users::put_job(cluster, ObjectKey::new(users::NAMESPACES[0], format!("{PREFIX}{name}")), spec);
    }
    cluster.note(About::Work, "sieges");
}
