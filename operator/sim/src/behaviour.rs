//! How containers behave: as a scenario says, else fixed by job, index and attempt, so that a run can be repeated.

use crate::cluster::Cluster;
use std::collections::BTreeSet;
use windlass_core::ids::Name;
use windlass_core::objects::TaskPod;

/// What a task's container exits with.
pub fn exit_code(cluster: &Cluster, task: &TaskPod) -> i32 {
    if cluster.scripted {
        let said = cluster.exit_codes.get(&(task.job_name.clone(), task.index, task.attempt));
        return said.copied().unwrap_or(0);
    }
    match mixed(task) % 10 {
        0 => 1,
        1 => 42,
        _ => 0,
    }
}

/// True for a container that never ends by itself: some of those whose job has a timeout, and most nodes but the main one, which
/// work until they are stopped.
pub fn hangs(cluster: &Cluster, task: &TaskPod) -> bool {
    if cluster.scripted {
        return is_named(&cluster.held_jobs, task);
    }
    if task.job_name.as_str().starts_with(crate::siege::PREFIX) {
        return true;
    }
    let is_main = cluster.truth.nodes.get(&task.job).is_none_or(|nodes| nodes.main == task.index);
    if task.alone && !is_main {
        return !mixed(task).is_multiple_of(4);
    }
    let has_timeout = cluster.store.job(task.job).is_some_and(|job| job.spec.timeout.is_some());
    has_timeout && mixed(task).is_multiple_of(3)
}

/// True for a container that cannot be started.
pub fn is_broken(cluster: &Cluster, task: &TaskPod) -> bool {
    if cluster.scripted {
        return is_named(&cluster.broken_jobs, task);
    }
    mixed(task) % 16 == 5
}

/// True for a task of one of these jobs, or one that is named itself.
fn is_named(names: &BTreeSet<Name>, task: &TaskPod) -> bool {
    names.contains(&task.job_name) || names.contains(&Name::from(format!("{}:{}", task.job_name, task.index)))
}

fn mixed(task: &TaskPod) -> u64 {
    task.job.prefix().bytes().fold(u64::from(task.index) * 31 + u64::from(task.attempt), |sum, byte| {
        sum.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(byte))
    })
}
