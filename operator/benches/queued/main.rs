//! The operator's memory, and the time of one plan, with many jobs queued: 10 queues, 1,000 hosts of which none has room, needs of
//! 20 kinds. `queued singles 100000` queues so many single jobs, `queued children 1000000` so many children of arrays of 10,000.
//!
//! What is in memory is what the operator has there: each object comes as the bytes of a watch event, read by the shell's own
//! decoder into the core. Its requests are answered here, and told of by the watch, as an API server would. One process, one
//! measurement, printed as a line of JSON.

mod objects;
mod process;
mod server;
mod world;

use anyhow::{Context, ensure};
use serde_json::json;
use std::time::{Duration, Instant};
use world::World;

/// Plans looked at in each of the two states.
const PLANS: usize = 60;

fn main() -> anyhow::Result<()> {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [kind, number] = arguments.as_slice() else { anyhow::bail!("usage: queued singles|children NUMBER") };
    let number: u32 = number.parse().with_context(|| format!("{number} is no number"))?;
    let mut world = World::new()?;
    let before = process::memory()?;
    let started = Instant::now();
    match kind.as_str() {
        "singles" => world.submit(number, None)?,
        "children" => {
            ensure!(number.is_multiple_of(objects::ARRAY), "children come in arrays of {}", objects::ARRAY);
            world.submit(number / objects::ARRAY, Some(objects::ARRAY))?;
        }
        other => anyhow::bail!("{other}: neither singles nor children"),
    }
    let took = started.elapsed();
    ensure!(world.runnable() == u64::from(number), "{} of {number} are queued", world.runnable());
    let queued = process::memory()?;
    let full = Plans::of(world.plans_without_room(PLANS)?);
    let (plans, admitted) = world.plans_with_room(PLANS)?;
    ensure!(admitted > 0, "nothing was given to a host");
    let placing = Plans::of(plans);
    println!(
        "{}",
        json!({
            "kind": kind,
            "queued": number,
            "seconds": took.as_secs_f64(),
            "empty_kib": before.resident,
            "resident_kib": queued.resident,
            "peak_kib": queued.peak,
            "full": full.as_json(),
            "placing": placing.as_json(),
            "admitted": admitted,
        })
    );
    Ok(())
}

/// How long plans took.
struct Plans(Vec<Duration>);

impl Plans {
    fn of(mut took: Vec<Duration>) -> Plans {
        took.sort();
        Plans(took)
    }

    fn as_json(&self) -> serde_json::Value {
        let millis = |took: Option<&Duration>| took.map_or(0.0, |took| took.as_secs_f64() * 1000.0);
        json!({"median_ms": millis(self.0.get(self.0.len() / 2)), "longest_ms": millis(self.0.last())})
    }
}
