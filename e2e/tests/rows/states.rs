//! The states that a job goes through, as a watch sees them.

use futures::StreamExt;
use kube::Api;
use kube::runtime::watcher::{Config, Event, watcher};
use tokio::sync::watch::{Receiver, channel};
use windlass_crds::Job;
use windlass_crds::shared::attempt::JobState;

use crate::records::state;

/// Records the states of a job from before it is made.
pub(crate) struct States {
    seen: Receiver<Vec<JobState>>,
}

impl States {
    /// Begins to watch for a job; returns once the watch stands.
    pub(crate) async fn of(jobs: Api<Job>, name: &str) -> Self {
        let config = Config::default().fields(&format!("metadata.name={name}"));
        let mut events = watcher(jobs, config).boxed();
        while !matches!(events.next().await, Some(Ok(Event::InitDone))) {}
        let (sender, seen) = channel(Vec::new());
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let Ok(Event::Apply(job) | Event::InitApply(job)) = event else { continue };
                sender.send_if_modified(|states: &mut Vec<JobState>| {
                    let is_new = states.last() != Some(&state(&job));
                    if is_new {
                        states.push(state(&job));
                    }
                    is_new
                });
            }
        });
        Self { seen }
    }

    /// The states, once one of them is final.
    pub(crate) async fn until_the_end(mut self) -> Vec<JobState> {
        let is_final = |state: &JobState| matches!(state, JobState::Succeeded | JobState::Failed);
        let ended = self.seen.wait_for(|states| states.iter().any(is_final)).await.unwrap();
        ended.clone()
    }
}
