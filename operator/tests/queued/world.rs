//! The core and the API server it talks to.

use crate::objects::{self, CREATED, Family, HOSTS, NAMESPACE, QUEUES, SHAPES, uid};
use crate::server::Server;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::time::{Duration, Instant};
use windlass::convert;
use windlass_core::event::{Event, Kind};
use windlass_core::finding::Finding;
use windlass_core::ids::{ObjectKey, Uid};
use windlass_core::state::State;
use windlass_core::time::Time;
use windlass_core::{Core, Plan, Settings};

/// Events taken in before the next plan: as the operator does.
const EVENTS_PER_PLAN: u32 = 4_096;

/// So long nothing is to be asked for any more, until all is at rest: longer than any pause between two writes.
const REST: Duration = Duration::from_secs(10);

/// An operator's core in a world of its own.
pub(crate) struct World {
    core: Core,
    server: Server,
    now: Time,
    memory_gib: u32,
    /// What the core took for all its plans, and to take in all it was told.
    core_took: Duration,
}

/// What was seen of plans that give tasks to hosts.
pub(crate) struct Placing {
    /// How long each took.
    pub(crate) plans: Vec<Duration>,
    /// Tasks given to hosts.
    pub(crate) admitted: usize,
    /// What the core took for all about them: to give them to hosts, to write that down, to have their pods made and to take in
    /// the answers, and what the watches tell.
    pub(crate) core_took: Duration,
}

impl World {
    /// All hosts, queues and definitions, and no job. No host has room.
    pub(crate) fn new() -> anyhow::Result<World> {
        let now = convert::time(CREATED).context("the first moment")?;
        let mut world = World {
            core: Core::new(Settings::default()),
            server: Server::default(),
            now,
            memory_gib: 256,
            core_took: Duration::ZERO,
        };
        for kind in Kind::ALL {
            world.core.observe(Event::ListStarted(kind));
        }
        world.core.observe(Event::Namespace(NAMESPACE.into(), false));
        let numbers = |number: u32| 0..number;
        let hosts = numbers(HOSTS).map(|number| objects::host(number, world.memory_gib));
        let fillers = numbers(HOSTS).map(objects::filler);
        let environments = numbers(QUEUES).map(objects::environment);
        let queues = numbers(QUEUES).map(objects::queue);
        let definitions = numbers(SHAPES).map(objects::definition);
        for object in hosts.chain(fillers).chain(environments).chain(queues).chain(definitions) {
            world.server.put(object)?;
        }
        world.hear();
        for kind in Kind::ALL {
            world.core.observe(Event::ListEnded(kind));
        }
        world.settle()?;
        Ok(world)
    }

    /// Submits jobs, and lets the operator do all it can do about them.
    pub(crate) fn submit(&mut self, jobs: u32, size: Option<u32>) -> anyhow::Result<()> {
        self.server.size = size;
        for number in 0..jobs {
            self.server.put(objects::job(number, size, 1, &Value::Null)?)?;
            self.hear();
            if number % EVENTS_PER_PLAN == EVENTS_PER_PLAN - 1 {
                self.step()?;
            }
        }
        self.settle()
    }

    /// Jobs and children that wait for a host.
    pub(crate) fn runnable(&self) -> u64 {
        let depth = self.core.summary().depth;
        depth.iter().filter(|(_, state, _)| *state == State::Runnable).map(|(_, _, number)| number).sum()
    }

    /// How long plans take that look at all queues and find no room: each follows a change of a host.
    pub(crate) fn plans_without_room(&mut self, plans: usize) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::new();
        for number in (0..HOSTS).cycle().take(plans) {
            self.memory_gib += 1;
            let mut host = objects::host(number, self.memory_gib);
            host["metadata"]["resourceVersion"] = serde_json::json!(self.memory_gib.to_string());
            self.server.put(host)?;
            self.hear();
            let (plan, time) = self.plan();
            ensure!(!plan.findings.iter().any(is_admission), "there is room");
            took.push(time);
            self.answer(plan)?;
            self.settle()?;
        }
        Ok(took)
    }

    /// How long plans take that give tasks to hosts, once there is room.
    pub(crate) fn plans_with_room(&mut self, plans: usize) -> anyhow::Result<Placing> {
        for number in 0..HOSTS {
            let pod = ObjectKey::new("others", format!("filler-{number}").as_str());
            let identity = Uid::parse(&uid(Family::Filler, number.into())).context("a filler's identity")?;
            self.observe(Event::PodGone(pod, identity));
        }
        let (mut took, mut admitted) = (Vec::new(), 0);
        let before = self.core_took;
        // Between two that admit come some that only confirm launches.
        for _ in 0..20 * plans {
            let (plan, time) = self.plan();
            let number = plan.findings.iter().filter(|finding| is_admission(finding)).count();
            if number > 0 {
                took.push(time);
                admitted += number;
            }
            self.answer(plan)?;
            self.now = self.now + Duration::from_millis(20);
            if took.len() == plans {
                break;
            }
        }
        Ok(Placing { plans: took, admitted, core_took: self.core_took - before })
    }

    fn plan(&mut self) -> (Plan, Duration) {
        let started = Instant::now();
        let plan = self.core.plan(self.now);
        let took = started.elapsed();
        self.core_took += took;
        (plan, took)
    }

    fn observe(&mut self, event: Event) {
        let started = Instant::now();
        self.core.observe(event);
        self.core_took += started.elapsed();
    }

    fn answer(&mut self, plan: Plan) -> anyhow::Result<()> {
        self.server.now = self.now;
        for (id, action) in plan.actions {
            let outcome = self.server.answer(action)?;
            self.observe(Event::Outcome(id, outcome));
            self.hear();
        }
        Ok(())
    }

    fn hear(&mut self) {
        for event in std::mem::take(&mut self.server.told) {
            self.observe(event);
        }
    }

    /// One plan, carried out; tells when the next is due.
    fn step(&mut self) -> anyhow::Result<Option<Time>> {
        let (plan, _) = self.plan();
        let wake = if plan.actions.is_empty() { plan.next_wake } else { Some(self.now) };
        self.answer(plan)?;
        Ok(wake)
    }

    /// Plans and carries out until nothing more comes for a while.
    fn settle(&mut self) -> anyhow::Result<()> {
        let rest = self.now + REST;
        while self.now < rest {
            let due = self.step()?.unwrap_or(rest);
            self.now = due.clamp(self.now, rest);
        }
        Ok(())
    }
}

fn is_admission(finding: &Finding) -> bool {
    matches!(finding, Finding::Admitted { .. })
}
