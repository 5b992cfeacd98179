//! The measurement.

use crate::objects;
use crate::process::memory;
use crate::world::{Placing, World};
use anyhow::Context;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Plans looked at in each of the two states.
const PLANS: usize = 60;

#[test]
fn what_is_queued_is_known_and_goes_to_hosts_once_there_is_room() -> anyhow::Result<()> {
    let wanted = std::env::var("WINDLASS_QUEUED").unwrap_or("singles 1000".to_owned());
    let (kind, number) =
        wanted.split_once(' ').context("WINDLASS_QUEUED: singles or children, and a number")?;
    let number: u32 = number.parse().with_context(|| format!("{number} is no number"))?;
    let size = match kind {
        "singles" => None,
        "children" => Some(objects::ARRAY),
        other => panic!("WINDLASS_QUEUED: {other} are neither singles nor children"),
    };
    let mut world = World::new()?;
    let empty = memory()?;
    let started = Instant::now();
    world.submit(number / size.unwrap_or(1), size)?;
    let took = started.elapsed();
    assert_eq!(world.runnable(), u64::from(number), "queued");
    let queued = memory()?;
    let full = world.plans_without_room(PLANS)?;
    let Placing { plans: placing, admitted, core_took } = world.plans_with_room(PLANS)?;
    // All 1,000 have room; of more, there is room for some 17,000.
    assert!(admitted >= 1000.min(number as usize), "only {admitted} were given to hosts");
    let told = json!({
        "queued": wanted,
        "seconds": took.as_secs_f64(),
        "empty_kib": empty.resident,
        "resident_kib": queued.resident,
        "peak_kib": queued.peak,
        "full": millis(full),
        "placing": millis(placing),
        "admitted": admitted,
        "admitted_per_second": admitted as f64 / core_took.as_secs_f64(),
    });
    println!("{told}");
    Ok(())
}

fn millis(mut took: Vec<Duration>) -> Value {
    took.sort();
    let millis = |took: Duration| took.as_secs_f64() * 1000.0;
    json!({"median_ms": millis(took[took.len() / 2]), "longest_ms": millis(took[took.len() - 1])})
}
