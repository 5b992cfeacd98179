//! The one task that owns the core: events in, plans out, actions handed to the writers.

use super::api::Api;
use super::clock::Clock;
use super::execute::execute;
use super::http::Pulse;
use super::metrics::Metrics;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tracing::warn;
use windlass_core::Core;
use windlass_core::action::{Action, Outcome};
use windlass_core::event::Event;
use windlass_core::finding::Finding;
use windlass_core::ids::ActionId;
use windlass_core::time::Time;

/// Requests sent at one time: more only wait in the API server, where they cost memory (16 to 64 were measured to be best).
const WRITERS: usize = 48;

/// Events taken in before the next plan: keeps a flood from delaying decisions.
const EVENTS_PER_PLAN: usize = 4_096;

/// Longest time without a plan: a sign of life for the health check, and a net under every timer.
const TICK: Duration = Duration::from_secs(5);

/// Pause between two summaries for metrics: adding the use of every host up anew takes a look at every pod.
const SUMMARY: Duration = Duration::from_secs(1);

/// Events that may wait for the core.
const EVENTS_WAITING: usize = 16_384;

/// The channel watch streams write to.
pub(super) fn events() -> (Sender<Event>, Receiver<Event>) {
    channel(EVENTS_WAITING)
}

/// Runs the core until all watch streams end.
pub(super) async fn drive(
    mut events: Receiver<Event>,
    mut core: Core,
    api: Api,
    metrics: Metrics,
    pulse: Arc<Pulse>,
) {
    let clock = Clock::start();
    let mut writers = Writers { api, clock, waiting: VecDeque::new(), at_work: JoinSet::new() };
    let mut wake: Option<Time> = None;
    let mut taken = Vec::new();
    let mut summed_up: Option<Instant> = None;
    loop {
        let pause = wake.map_or(TICK, |wake| wake.since(clock.now()).min(TICK));
        tokio::select! {
            number = events.recv_many(&mut taken, EVENTS_PER_PLAN) => {
                if number == 0 {
                    return;
                }
            }
            Some(answer) = writers.at_work.join_next() => {
                if let Ok((id, outcome)) = answer {
                    taken.push(Event::Outcome(id, outcome));
                }
            }
            () = tokio::time::sleep(pause) => {}
        }
        while let Some(answer) = writers.at_work.try_join_next() {
            if let Ok((id, outcome)) = answer {
                taken.push(Event::Outcome(id, outcome));
            }
        }
        for event in taken.drain(..) {
            core.observe(event);
        }
        let started = Instant::now();
        let plan = core.plan(clock.now());
        metrics.planned(started.elapsed());
        wake = plan.next_wake;
        report(&plan.findings, &metrics);
        writers.take(plan.actions);
        metrics.actions_waiting(writers.waiting.len());
        if summed_up.is_none_or(|at| at.elapsed() >= SUMMARY) {
            summed_up = Some(Instant::now());
            metrics.summary(&core.summary());
        }
        pulse.beat();
    }
}

fn report(findings: &[Finding], metrics: &Metrics) {
    for finding in findings {
        metrics.finding(finding);
        if let Finding::Trouble(object, words) = finding {
            warn!(%object, "{words}");
        }
    }
}

/// A bounded number of requests at a time; the rest waits in order.
struct Writers {
    api: Api,
    clock: Clock,
    waiting: VecDeque<(ActionId, Action)>,
    at_work: JoinSet<(ActionId, Outcome)>,
}

impl Writers {
    fn take(&mut self, actions: Vec<(ActionId, Action)>) {
        self.waiting.extend(actions);
        while self.at_work.len() < WRITERS {
            let Some((id, action)) = self.waiting.pop_front() else { return };
            let (api, clock) = (self.api.clone(), self.clock);
            self.at_work.spawn(async move { (id, execute(&api, &clock, action).await) });
        }
    }
}
