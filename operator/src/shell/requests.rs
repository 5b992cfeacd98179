//! The operator's requests without the operator: for tests that hold the simulator's API server against a real one.

use super::api::Api;
use super::clock::Clock;
use super::execute::execute;
use super::metrics::Metrics;
use kube::Client;
use windlass_core::action::{Action, Outcome};

/// Carries actions out exactly as the operator does.
pub struct Requests {
    api: Api,
    clock: Clock,
}

impl Requests {
    /// Requests through this client.
    pub fn new(client: Client) -> Requests {
        Requests { api: Api::new(client, Metrics::new().0), clock: Clock::start() }
    }

    /// Carries an action out.
    pub async fn carry_out(&self, action: Action) -> Outcome {
        execute(&self.api, &self.clock, action).await
    }
}
