//! One process decides at a time. That is only an optimisation: two would do no harm (decision 0001).

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

/// The Lease.
const NAME: &str = "windlass";

/// How long a leader that went silent is waited for: the time lost when a node dies with it.
const DURATION_SECONDS: u64 = 15;

/// How long before its end the lease is renewed.
const GRACE_SECONDS: u64 = 5;

/// How often a process that waits for the lease sees to it that there is one, and how long it pauses when it cannot.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(5);

/// The lease, once this process has it.
pub(super) struct Leadership {
    held: Receiver<bool>,
    task: JoinHandle<Result<LeaseManager, kube_lease_manager::LeaseManagerError>>,
}

/// Waits until this process is the leader. A process that starts again under the same identity takes over at once.
///
/// # Errors
/// When the lease cannot be made.
pub(super) async fn lead(client: Client, namespace: &str, identity: &str) -> anyhow::Result<Leadership> {
    let builder = || {
        LeaseManagerBuilder::new(client.clone(), NAME)
            .with_namespace(namespace)
            .with_identity(identity)
            .with_field_manager(crate::names::MANAGER)
            .with_duration(DURATION_SECONDS)
            .with_grace(GRACE_SECONDS)
    };
    let mut manager = builder().build().await?;
    loop {
        let (mut held, task) = manager.watch().await;
        let led =
            tokio::time::timeout(LOOK_AGAIN, held.wait_for(|held| *held)).await.map(|led| led.map(|_| ()));
        if let Ok(led) = led {
            led?;
            return Ok(Leadership { held, task });
        }
        // A manager makes the Lease when it is built, and only then, and sleeps until the end of the one that it has seen: when
        // somebody deletes that, it would wait for ever.
        task.abort();
        manager = loop {
            match builder().build().await {
                Ok(manager) => break manager,
                Err(error) => tracing::warn!(%error, "the lease can neither be read nor made"),
            }
            tokio::time::sleep(PAUSE).await;
        };
    }
}

impl Leadership {
    /// Returns when the lease is lost.
    pub(super) async fn lost(&mut self) {
        // A closed channel means that the lease is renewed no more, which comes to the same.
        let _ = self.held.wait_for(|held| !held).await;
    }

    /// Gives the lease up, so that another process can take over at once.
    pub(super) async fn release(self) {
        drop(self.held);
        let released = async {
            if let Ok(Ok(manager)) = self.task.await {
                manager.release().await?;
            }
            Ok::<(), kube_lease_manager::LeaseManagerError>(())
        };
        match tokio::time::timeout(Duration::from_secs(3), released).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the lease could not be released; it ends by itself"),
            Err(_) => tracing::warn!("the lease could not be released in time; it ends by itself"),
        }
    }
}
