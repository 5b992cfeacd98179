//! A run that breaks a rule is reduced to a short one that breaks it too.

use windlass_sim::cluster::Cluster;
use windlass_sim::{Plan, Rule, shrink};

/// A rule that is wrong on purpose: the model's containers do exit with 42, now and then.
fn no_container_exits_with_42(cluster: &Cluster) -> Option<String> {
    let found =
        cluster.truth.all().find(|(_, container)| container.ended.is_some_and(|(_, code)| code == 42));
    found.map(|(pod, _)| format!("a container of pod {pod} exits with 42"))
}

/// Another one, that takes a fault.
fn no_host_is_lost(cluster: &Cluster) -> Option<String> {
    let with_host = |exit_code: i32, host: &str| exit_code == 255 && host.starts_with("host-");
    let mut containers = cluster.truth.all();
    let lost = containers.any(|(_, container)| {
        container.ended.is_some_and(|(_, exit_code)| with_host(exit_code, container.host.as_str()))
    });
    lost.then(|| "a container ends with its host".to_owned())
}

/// Reduces the first seeds that break `rule`.
fn reduced(rule: Rule, seeds: usize, most_steps: u32, most_lines: usize) {
    let rules = [rule];
    // Seeds that break it late: what takes hundreds of steps is what has to become short.
    let breaks_late = |plan: &Plan| plan.run(&rules, false).broken_at.is_some_and(|step| step > 400);
    let breaking = (0..).map(Plan::of).filter(breaks_late);
    for plan in breaking.take(seeds) {
        let shrunk = shrink(&plan, &rules).expect("it breaks the rule");
        let told = shrunk.report.transcript.join("\n");
        assert_eq!(shrunk.report.broken, shrunk.plan.run(&rules, false).broken, "{}", shrunk.plan);
        assert!(shrunk.report.broken.is_some(), "{}", shrunk.plan);
        assert!(shrunk.plan.steps.count() <= most_steps, "{}\n{told}", shrunk.plan);
        // The rest of the lines are from after the faults: the cluster comes to rest by itself.
        assert!(shrunk.report.transcript.len() <= most_lines, "{}\n{told}", shrunk.plan);
        assert!(shrunk.plan.without.len() > 10, "faults that have no part in it: {}", shrunk.plan);
        assert_eq!(
            shrink(&plan, &rules).expect("it still does").plan,
            shrunk.plan,
            "it was reduced differently"
        );
    }
}

#[test]
fn a_run_is_reduced_to_what_it_takes() {
    reduced(no_container_exits_with_42, 5, 50, 250);
}

#[test]
fn faults_that_matter_stay() {
    // With machines and several nodes a job takes more steps until one of its hosts is lost.
    reduced(no_host_is_lost, 3, 90, 250);
}

#[test]
fn a_run_that_breaks_nothing_is_not_reduced() {
    assert!(shrink(&Plan::of(0), &[]).is_none());
}
