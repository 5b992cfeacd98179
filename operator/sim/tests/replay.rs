//! Replays of workloads: what is read, what is made, and how it runs.

use windlass_sim::replay::{Hosts, Model, Start, Trace, TraceJob, figures, first_come, windlass};

const HOSTS: Hosts = Hosts { number: 2, vcpus: 4 };

fn trace(jobs: &[(u64, u64, u64, u64)]) -> Trace {
    let job = |(at, &(submitted_at, runs_for, asked_for, vcpus)): (usize, &(u64, u64, u64, u64))| TraceJob {
        submitted_at,
        runs_for,
        asked_for,
        vcpus,
        user: i64::try_from(at % 2).unwrap(),
    };
    Trace { jobs: jobs.iter().enumerate().map(job).collect(), ..Trace::default() }
}

fn seconds(starts: &[Start]) -> Vec<u64> {
    starts.iter().map(|start| start.at as u64).collect()
}

/// The most vCPUs that are busy at one time on one host.
fn most_busy(trace: &Trace, starts: &[Start]) -> u64 {
    let runs = || trace.jobs.iter().zip(starts);
    let busy_at = |at: f64, host: usize| {
        let runs_then = |start: &Start, job: &TraceJob| {
            start.host == host && start.at <= at && at < start.at + job.runs_for as f64
        };
        runs().filter(|(job, start)| runs_then(start, job)).map(|(job, _)| job.vcpus).sum::<u64>()
    };
    starts.iter().map(|start| busy_at(start.at, start.host)).max().unwrap()
}

#[test]
fn a_recorded_workload_is_read() {
    let text = "; Version: 2.2\n\
        7 100 -1 61 16 -1 -1 16 43200 -1 1 6 1 -1 -1 1 -1 -1\n\
        \n\
        5 40 12 1800 -1 1799.5 25600 36 -1 -1 1 2 1 -1 -1 1 -1 -1\n\
        6 50 -1 0 4 -1 -1 4 600 -1 5 2 1 -1 -1 1 -1 -1\n\
        8 110 -1 90 128 -1 -1 128 60 -1 1 3 1 -1 -1 1 -1 -1 {1,2} q_1d\n";
    let trace = Trace::read(text, 64).unwrap();
    let first = TraceJob { submitted_at: 0, runs_for: 1800, asked_for: 1800, vcpus: 36, user: 2 };
    let second = TraceJob { submitted_at: 60, runs_for: 61, asked_for: 43_200, vcpus: 16, user: 6 };
    assert_eq!(trace.jobs, [first, second]);
    assert_eq!((trace.never_ran, trace.too_large), (1, (1, 90 * 128)));
    assert_eq!(Trace::read("1 2 3\n", 64), Err("line 1: 3 of 18 numbers".to_owned()));
    let odd = "1 2 3 four 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n";
    assert_eq!(Trace::read(odd, 64), Err("line 1: 'four' is no number".to_owned()));
    assert_eq!(Trace::read("; nothing\n", 64), Err("no job in it can be replayed".to_owned()));
}

#[test]
fn a_made_workload_is_as_the_model_has_it() {
    let model = Model { jobs: 5_000, host_vcpus: 64, vcpus: 1024, load: 0.9, seed: 7 };
    let trace = model.make();
    assert_eq!(trace, model.make());
    assert_ne!(trace, Model { seed: 8, ..model }.make());
    let share = |wanted: &dyn Fn(&TraceJob) -> bool| {
        trace.jobs.iter().filter(|job| wanted(job)).count() as f64 / trace.jobs.len() as f64
    };
    assert!((share(&|job| job.vcpus == 1) - 0.2927).abs() < 0.03);
    assert!(share(&|job| job.vcpus.is_power_of_two()) > 0.9);
    assert!(trace.jobs.iter().all(|job| job.vcpus <= 64 && job.asked_for >= job.runs_for));
    // Days are busy and nights are not: eight hours on end would be a third.
    let busiest = (0..24).map(|hour| share(&|job| (job.submitted_at / 3600 + hour) % 24 < 8));
    let busiest = busiest.fold(0.0, f64::max);
    assert!(busiest > 0.45, "{busiest}");
    assert!((trace.load(1024) - 0.9).abs() < 0.05, "{}", trace.load(1024));
}

#[test]
fn nobody_overtakes_where_the_first_come_first() {
    // The third fits at once, but the second waits for a whole host.
    let trace = trace(&[(0, 600, 600, 3), (0, 900, 900, 3), (1, 300, 300, 4), (2, 60, 60, 1)]);
    let starts = first_come(&trace, HOSTS);
    assert_eq!(seconds(&starts), [0, 0, 600, 600]);
    assert_eq!(starts[2].host, starts[0].host);
    let told = figures(&trace, &starts, HOSTS);
    assert_eq!((told.mean_wait, told.span), ((599.0 + 598.0) / 4.0, 900.0));
    assert_eq!(told.slowdown, (1.0 + 1.0 + 899.0 / 300.0 + 658.0 / 60.0) / 4.0);
}

#[test]
fn small_jobs_overtake_only_what_they_do_not_delay() {
    // The fourth has ended before the third has its host; the fifth goes to the other host.
    let jobs =
        [(0, 1800, 1800, 3), (0, 3600, 3600, 3), (10, 300, 300, 4), (20, 60, 60, 1), (30, 9000, 9000, 1)];
    let trace = trace(&jobs);
    let starts = windlass(&trace, HOSTS, false).unwrap();
    assert_eq!(seconds(&starts), [0, 0, 1800, 20, 30]);
    assert_eq!(starts[2].host, starts[0].host);
    assert_eq!(starts[4].host, starts[1].host);
}

#[test]
fn a_made_workload_runs_to_its_end_on_the_hosts_there_are() {
    let hosts = Hosts { number: 4, vcpus: 16 };
    let model = Model { jobs: 400, host_vcpus: 16, vcpus: 64, load: 1.0, seed: 1 };
    let trace = model.make();
    let strict = first_come(&trace, hosts);
    let [backfill, fair] = [false, true].map(|fair| windlass(&trace, hosts, fair).unwrap());
    for starts in [&strict, &backfill, &fair] {
        assert_eq!(starts.len(), trace.jobs.len());
        assert!(starts.iter().zip(&trace.jobs).all(|(start, job)| start.at >= job.submitted_at as f64));
        assert!(most_busy(&trace, starts) <= hosts.vcpus);
    }
    assert!(strict.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let [strict, backfill, fair] = [strict, backfill, fair].map(|starts| figures(&trace, &starts, hosts));
    assert!(backfill.mean_wait < strict.mean_wait, "{backfill:?} {strict:?}");
    assert!(fair.slowdown_of_users.1 <= strict.slowdown_of_users.1, "{fair:?} {strict:?}");
}
