//! The operator process, from start to stop.

use super::api::Api;
use super::driver::{drive, events};
use super::http::{Pulse, serve};
use super::leader::lead;
use super::metrics::Metrics;
use super::watch::watch_all;
use crate::machines;
use anyhow::Context as _;
use http::header::{HeaderValue, USER_AGENT};
use kube::{Client, Config};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use windlass_core::limits::{IDLE_LIMIT, START_LIMIT, TIME_TO_LIVE};
use windlass_core::objects::MachineType;
use windlass_core::{Core, Settings};

/// How the operator runs.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Where health and metrics are told.
    #[arg(long, env = "WINDLASS_LISTEN", default_value = "0.0.0.0:8080")]
    listen: String,
    /// The namespace of the operator's Lease: its own.
    #[arg(long, env = "WINDLASS_NAMESPACE", default_value = "windlass-system")]
    namespace: String,
    /// Who this process is: the name of its pod.
    #[arg(long, env = "WINDLASS_IDENTITY", default_value = "windlass")]
    identity: String,
    /// Pauses the admission of all jobs: what runs goes on, nothing new starts.
    #[arg(long, env = "WINDLASS_PAUSE_ADMISSION", default_value_t = false, action = clap::ArgAction::Set)]
    pause_admission: bool,
    /// Seconds that an attempt may take from its host to a running container, before it fails.
    #[arg(long, env = "WINDLASS_START_LIMIT_SECONDS", default_value_t = START_LIMIT.as_secs())]
    start_limit_seconds: u64,
    /// Seconds that a finished Job is kept that does not say so itself.
    #[arg(long, env = "WINDLASS_TTL_SECONDS_AFTER_FINISHED", default_value_t = TIME_TO_LIVE.as_secs())]
    ttl_seconds_after_finished: u64,
    /// Seconds that a machine of a managed environment stays idle before it goes, where its environment does not say so itself.
    #[arg(long, env = "WINDLASS_IDLE_SECONDS", default_value_t = IDLE_LIMIT.as_secs())]
    idle_seconds: u64,
    /// A file with the catalogue of instance types, in place of Amazon's.
    #[arg(long, env = "WINDLASS_INSTANCE_TYPES")]
    instance_types: Option<PathBuf>,
}

/// A client that leaves deadlines and retries to us: kube retries creates and lease renewals by default.
///
/// # Errors
/// When there is no configuration, or it is wrong.
pub(super) async fn client() -> anyhow::Result<Client> {
    let mut config = Config::infer().await?;
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    let agent = HeaderValue::from_static(concat!("windlass/", env!("CARGO_PKG_VERSION")));
    config.headers.push((USER_AGENT, agent));
    Ok(Client::try_from(config)?)
}

/// The catalogue of instance types: the administrator's, else the built-in one.
fn machine_types(file: Option<&Path>) -> anyhow::Result<Vec<MachineType>> {
    let Some(file) = file else { return Ok(machines::built_in()?) };
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    machines::read(&text).with_context(|| format!("{} is of no use", file.display()))
}

/// Runs until SIGTERM, or until the lease is lost.
///
/// # Errors
/// When the process cannot start, or is no longer the leader.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let machine_types = machine_types(options.instance_types.as_deref())?;
    let (metrics, registry) = Metrics::new();
    let pulse = Arc::new(Pulse::new());
    let listener = TcpListener::bind(&options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = options.listen,
        identity = options.identity,
        "started"
    );
    let server = tokio::spawn(serve(listener, pulse.clone(), registry));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    let waiting = pulse.clone();
    let beat = async move {
        loop {
            waiting.beat();
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    };
    let mut leadership = tokio::select! {
        leadership = lead(client().await?, &options.namespace, &options.identity) => leadership?,
        () = beat => anyhow::bail!("the wait for the lease ended"),
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    info!("this process is the leader");
    metrics.leads(true);
    let client = client().await?;
    let (sender, receiver) = events();
    watch_all(&client, &sender, &metrics);
    drop(sender);
    let settings = Settings {
        paused: options.pause_admission,
        start_limit: Duration::from_secs(options.start_limit_seconds),
        time_to_live: Duration::from_secs(options.ttl_seconds_after_finished),
        idle_limit: Duration::from_secs(options.idle_seconds),
        ..Settings::default()
    };
    let mut core = Core::new(settings);
    core.know_machine_types(machine_types);
    let driver = drive(receiver, core, Api::new(client, metrics.clone()), metrics, pulse);
    tokio::select! {
        () = driver => anyhow::bail!("all watches ended"),
        () = leadership.lost() => anyhow::bail!("the lease was lost: another process decides now"),
        ended = server => anyhow::bail!("health and metrics are told no more: {ended:?}"),
        _ = terminate.recv() => info!("stopping on SIGTERM"),
        _ = interrupt.recv() => info!("stopping on SIGINT"),
    }
    leadership.release().await;
    Ok(())
}
