//! All figures, one after another: each has the machine for itself.

use std::fs;

use k8s_openapi::jiff::Timestamp;

use crate::deep::{self, Depth, Queued};
use crate::operator::{alone, until_it_decides};
use crate::queued;
use crate::stage::Stage;
use crate::table::{Row, of_direct, of_plans, of_runs, publish};
use crate::{bare, cluster, direct, native, windlass_jobs};

/// Children of an array; all else follows from it. Smaller for a quick look.
fn size() -> usize {
    let size = std::env::var("WINDLASS_BENCH_SIZE").ok().and_then(|size| size.parse().ok()).unwrap_or(10_000);
    assert!((100..=10_000).contains(&size), "WINDLASS_BENCH_SIZE={size}: from 100 to 10000");
    size
}

fn processor() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap();
    let cores = told.lines().filter(|line| line.starts_with("processor")).count();
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    format!("{cores} cores, load before {}", load.split(' ').next().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures() {
    let _alone = alone().await;
    let (size, began) = (size(), Timestamp::now());
    let title =
        format!("{}: array of {size}, {} single jobs; {}", began.strftime("%Y-%m-%d"), size / 2, processor());
    println!("{title}");
    let mut rows = of_pods(size).await;
    rows.extend(of_depth(size).await);
    rows.extend(of_process());
    let minutes = (Timestamp::now().as_second() - began.as_second()) as f64 / 60.0;
    publish(&format!("{title}; took {minutes:.0} minutes"), &rows);
}

/// Pods that run.
async fn of_pods(size: usize) -> Vec<Row> {
    let stage = Stage::new().await;
    Stage::without_operator();
    let bare = bare::run(&stage, size).await;
    println!("bare client: {bare:#?}");
    let native = native::run(&stage, size).await;
    println!("batch/v1: {native:#?}");
    stage.with_operator().await;
    windlass_jobs::warm_up().await;
    let array = windlass_jobs::run_array(&stage, size).await;
    println!("array: {array:#?}");
    let direct = direct::run(size).await;
    println!("array, placed directly: {direct:#?}");
    let singles = windlass_jobs::run_singles(&stage, size / 2).await;
    println!("single jobs: {singles:#?}");
    stage.leave().await;
    let mut rows = of_runs("array", &array, &bare, Some(&native), 5.1);
    rows.extend(of_direct(&direct, &array));
    rows.extend(of_runs("single jobs", &singles, &bare, None, 8.0));
    rows
}

/// Deep queues on the real server.
async fn of_depth(size: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let cases = [
        ("deep", Queued::Arrays(10, size), format!("{} children queued", 10 * size), Some(150.0)),
        ("deeper", Queued::Arrays(100, size), format!("{} children queued", 100 * size), Some(500.0)),
        ("waiting", Queued::Singles(size), format!("{size} single jobs queued"), None),
    ];
    for (topic, queued, what, most) in cases {
        let depth = deep::measure(topic, queued).await;
        println!("{what}: {depth:#?}");
        let Depth { empty, resident, peak, first_pod, peak_of_next } = depth;
        let memory = format!("{resident:.0} MiB (0 queued: {empty:.0}, at most {peak:.0})");
        let row = Row::alone(format!("{what}: operator's memory"), memory);
        rows.push(match most {
            Some(most) => row.at_most(peak, most, " MiB"),
            None => row,
        });
        let first = format!("{first_pod:.1} s ({peak_of_next:.0} MiB)");
        rows.push(
            Row::alone(format!("{what}: from SIGKILL to the first new pod"), first)
                .at_most(first_pod, 5.0, " s"),
        );
    }
    until_it_decides(&cluster::client().await).await;
    rows
}

/// Deeper queues in one process: watch events from the shell's decoder into the core, without an API server.
fn of_process() -> Vec<Row> {
    let cases =
        [("singles", 1000, None), ("singles", 100_000, Some(150.0)), ("children", 1_000_000, Some(500.0))];
    let mut rows = Vec::new();
    for (kind, number, most) in cases {
        let queued = queued::run(kind, number);
        println!("{number} {kind} in one process: {queued:?}");
        let what = format!("{number} {kind}, 10 queues, 1,000 hosts, in one process");
        let (resident, peak) = (queued.resident_kib as f64 / 1024.0, queued.peak_kib as f64 / 1024.0);
        let row = Row::alone(format!("{what}: memory"), format!("{resident:.0} MiB (at most {peak:.0})"));
        rows.push(match most {
            Some(most) => row.at_most(peak, most, " MiB"),
            None => row,
        });
        rows.extend(of_plans(&what, &queued));
    }
    rows
}
