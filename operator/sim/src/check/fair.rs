//! Fair share, held against what really ran (SPEC.md Q4). Nobody outside sees what an operator reckons with in the moment it
//! decides: of each share's use there is a bound from below, what surely runs, and one from above, what may.

use super::life::state;
use super::order::Before;
use crate::cluster::Cluster;
use crate::shares;
use crate::truth::Admission;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use windlass_core::array::Intervals;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{
    NodeSet, Nodes, ObservedEnvironment, ObservedJob, ObservedPolicy, PodPhase, WEIGHT_ONE,
};
use windlass_core::state::State;
use windlass_core::time::Time;

/// By how much clocks go wrong, and more.
const CLOCKS: f64 = 0.1;

/// For how long a task may have had its host before that is told: a job's status is written once a second.
const UNTOLD: Duration = Duration::from_secs(2);

/// A thousandth of a vCPU at weight 1: what decisions are rounded to.
const NOTHING: f64 = WEIGHT_ONE as f64;

/// Bounds of what each share used before, as an operator may know it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    at: Time,
    recent: BTreeMap<Name, (f64, f64)>,
}

/// What is known of the fair-share queue before a round.
#[derive(Default)]
pub struct Known {
    /// Containers that run.
    running: BTreeSet<Uid>,
    /// The most that each share can be using.
    most: BTreeMap<Name, u64>,
}

/// Time has passed in which nothing happened: what runs becomes what ran.
pub fn keep_book(cluster: &mut Cluster) {
    let Some(window) = policy(cluster).map(|policy| policy.window).filter(|_| cluster.calm_since.is_some())
    else {
        cluster.truth.book = Book { at: cluster.now, ..Book::default() };
        return;
    };
    let (least, most) = (least(cluster, |_| true), most(cluster));
    let kept_after = |time: Duration| (-time.as_secs_f64() / window.as_secs_f64()).exp();
    let kept = kept_after(cluster.now.since(cluster.truth.book.at));
    let untold = given_since(cluster, cluster.truth.book.at);
    // What an operator remembers of the time with faults is anything up to all there is.
    let all = capacity(cluster) as f64;
    let book = &mut cluster.truth.book;
    for share in shares::ALL.map(Name::from) {
        let (low, high) = book.recent.entry(share.clone()).or_insert((0.0, all));
        let use_of = |uses: &BTreeMap<Name, u64>| uses.get(&share).copied().unwrap_or(0) as f64;
        *low = use_of(&least) + (*low - use_of(&least)) * kept;
        *high = use_of(&most) + (*high - use_of(&most)) * kept;
        *high += use_of(&untold) * (1.0 - kept_after(UNTOLD));
    }
    book.at = cluster.now;
}

/// Looks at the queue before a round.
pub(super) fn before_round(cluster: &Cluster) -> Known {
    if policy(cluster).is_none() {
        return Known::default();
    }
    let running = cluster.truth.all().filter(|(_, container)| container.ended.is_none());
    let mut most = most(cluster);
    for (share, cpu) in given_since(cluster, cluster.now.before(UNTOLD)) {
        *most.entry(share).or_default() += cpu;
    }
    Known { running: running.map(|(pod, _)| pod).collect(), most }
}

/// What tasks take of each share that were given a host since.
fn given_since(cluster: &Cluster, time: Time) -> BTreeMap<Name, u64> {
    let mut uses = BTreeMap::new();
    let is_news = |given: &&Admission| given.at >= time;
    for given in cluster.truth.admitted.iter().rev().take_while(is_news) {
        let job = super::order::the_one(cluster, given.queue, given.created_at);
        if let Some((share, cpu)) = job.and_then(|job| job.spec.share.clone().zip(cpu(cluster, job))) {
            *uses.entry(share).or_default() += cpu;
        }
    }
    uses
}

/// Nobody is given a host while a job of a share waits all the time that has used less for its weight and needs no more; nor
/// what is kept for shares of which nothing runs.
pub(super) fn unfair_turn(
    cluster: &Cluster,
    before: &Before,
    given: &[&ObservedJob],
    passed_over: &[&ObservedJob],
) -> Option<String> {
    let policy = policy(cluster)?;
    let queue = |job: &&&ObservedJob| job.spec.queue.name.as_str() == shares::QUEUE;
    let mut least = least(cluster, |pod| before.fair.running.contains(&pod));
    let mut most = most(cluster);
    for (share, used) in &before.fair.most {
        let now = most.entry(share.clone()).or_default();
        *now = (*now).max(*used);
    }
    let mut together = None;
    for given in given.iter().filter(queue) {
        let Some((share, need)) = given.spec.share.clone().zip(cpu(cluster, given)) else { continue };
        let nodes = cluster.store.nodes_of(given);
        // The nodes of one job are given hosts together.
        if nodes.is_some() && together.replace(given.uid) == Some(given.uid) {
            continue;
        }
        let need = nodes.map_or(need, |nodes| all_cpu(&nodes));
        let broken = kept_is_taken(cluster, policy, &least, &most, &share, need);
        if broken.is_some() {
            return broken.map(|words| format!("{} is given a host although {words}", given.key));
        }
        let mine = score(cluster, policy, &share, &least, false);
        let other = passed_over.iter().filter(queue).find(|other| {
            let theirs = other.spec.share.as_ref().filter(|theirs| **theirs != share);
            let theirs = theirs.map(|theirs| score(cluster, policy, theirs, &most, true));
            theirs.is_some_and(|theirs| theirs + NOTHING < mine)
                && longest(cluster, other) <= given.spec.timeout.unwrap_or(Duration::MAX)
                && super::order::needs_no_more(cluster, other, given)
        });
        if let Some(other) = other {
            return Some(format!(
                "{} of share {share} is given a host while {} waits, whose share {:?} has used less for its weight",
                given.key, other.key, other.spec.share
            ));
        }
        *least.entry(share.clone()).or_default() += need;
        *most.entry(share).or_default() += need;
    }
    None
}

/// The longest that any unfinished job of a job's queue and share may run. A short one may run on a host that is kept for a
/// large job, and one that may not holds up those behind it in its line.
pub(super) fn longest(cluster: &Cluster, job: &ObservedJob) -> Duration {
    let line = |job: &ObservedJob| (job.spec.queue.name.clone(), job.spec.share.clone());
    let is_alike = |other: &&ObservedJob| line(other) == line(job) && !other.status.state.is_final();
    let times =
        cluster.store.jobs.values().filter(is_alike).map(|job| job.spec.timeout.unwrap_or(Duration::MAX));
    times.max().unwrap_or(Duration::MAX)
}

/// A share's use times its weight, from above or from below.
fn score(
    cluster: &Cluster,
    policy: &ObservedPolicy,
    share: &Name,
    uses: &BTreeMap<Name, u64>,
    is_most: bool,
) -> f64 {
    let (low, high) = cluster.truth.book.recent.get(share).copied().unwrap_or_default();
    let recent = if is_most { high * (1.0 + CLOCKS) } else { low * (1.0 - CLOCKS) };
    (uses.get(share).copied().unwrap_or(0) as f64 + recent) * f64::from(policy.weight(share))
}

fn kept_is_taken(
    cluster: &Cluster,
    policy: &ObservedPolicy,
    least: &BTreeMap<Name, u64>,
    most: &BTreeMap<Name, u64>,
    share: &Name,
    need: u64,
) -> Option<String> {
    let used: u64 = least.values().sum();
    let active: BTreeSet<&Name> =
        most.iter().filter(|(_, used)| **used > 0).map(|(share, _)| share).chain([share]).collect();
    let ratio = (f64::from(policy.reservation) / 100.0).powi(i32::try_from(active.len()).unwrap_or(0));
    let open = capacity(cluster) as f64 * (1.0 - ratio);
    (policy.reservation > 0 && used > 0 && (used + need) as f64 > open + 1.0)
        .then(|| format!("{used} are used, and of {} only {open} are not reserved", capacity(cluster)))
}

/// A job that gives no share to a fair-share queue, or one to another queue, never runs.
pub(super) fn wrong_share(cluster: &Cluster, job: &ObservedJob) -> Option<String> {
    let queue = cluster.store.queues.get(&job.spec.queue.name)?;
    (queue.policy.is_some() != job.spec.share.is_some())
        .then(|| format!("{} runs in queue {} with share {:?}", job.key, queue.name, job.spec.share))
}

fn policy(cluster: &Cluster) -> Option<&ObservedPolicy> {
    cluster.store.policies.get(&Name::from(shares::POLICY)).filter(|_| cluster.is_fair)
}

/// The vCPUs of all hosts, in thousandths; of managed environments all that they may have.
fn capacity(cluster: &Cluster) -> u64 {
    let hosts = cluster.store.hosts.values().map(|host| host.allocatable.amounts.cpu_millis).sum::<u64>();
    let managed = cluster.store.environments.values().filter_map(ObservedEnvironment::max_vcpus);
    hosts + managed.map(|most| u64::from(most) * 1000).sum::<u64>()
}

fn cpu(cluster: &Cluster, job: &ObservedJob) -> Option<u64> {
    super::order::need(cluster, job)?.cpu_millis
}

/// What all nodes of a job take together.
fn all_cpu(nodes: &Nodes) -> u64 {
    let of_set = |set: &NodeSet| u64::from(set.last - set.first + 1) * set.need.cpu_millis;
    nodes.sets.iter().map(of_set).sum()
}

/// What one task takes: not all nodes need the same.
fn cpu_of(cluster: &Cluster, job: &ObservedJob, index: u32) -> Option<u64> {
    match cluster.store.nodes_of(job) {
        Some(nodes) => nodes.set_of(index).map(|set| set.need.cpu_millis),
        None => cpu(cluster, job),
    }
}

/// What each share surely uses: containers that run, of tasks that nobody can think to be over.
fn least(cluster: &Cluster, counts: impl Fn(Uid) -> bool) -> BTreeMap<Name, u64> {
    let mut uses = BTreeMap::new();
    for (pod, container) in cluster.truth.all() {
        let Some(job) = cluster.store.job(container.job).filter(|job| !job.deleting) else { continue };
        let is_over = state(cluster, job.uid, container.index).is_some_and(State::is_final);
        let runs = container.ended.is_none() && !container.given_up && !is_over && counts(pod);
        if let Some((share, cpu)) =
            job.spec.share.clone().filter(|_| runs).zip(cpu_of(cluster, job, container.index))
        {
            *uses.entry(share).or_default() += cpu;
        }
    }
    uses
}

/// The most that each share can be using: all tasks that are said to be under way, or have a pod that is not over.
fn most(cluster: &Cluster) -> BTreeMap<Name, u64> {
    let mut uses = BTreeMap::new();
    for job in cluster.store.jobs.values() {
        let Some((share, cpu)) = job.spec.share.clone().zip(cpu(cluster, job)) else { continue };
        let is_under_way = |state: State| matches!(state, State::Starting | State::Running);
        let mut tasks = Intervals::default();
        match &job.status.array {
            Some(array) => {
                let told = array.children.iter().filter(|(state, _)| is_under_way(**state));
                told.for_each(|(_, indexes)| tasks.extend(indexes));
            }
            None if is_under_way(job.status.state) => tasks.insert(0),
            None => {}
        }
        let pods = cluster.store.pods.values().filter(|pod| pod.phase == PodPhase::Active);
        let of_job = pods.filter_map(|pod| pod.task.as_ref()).filter(|task| task.job == job.uid);
        of_job.for_each(|task| tasks.insert(task.index));
        *uses.entry(share).or_default() += cpu * u64::from(tasks.count());
    }
    uses
}
