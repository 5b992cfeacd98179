//! Starting the cluster, or what of it does not run: every step first looks whether it is done.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Args;
use nix::unistd::Uid;

use super::addresses::{self, NODES, port};
use super::cgroup::{CLUSTER, Hierarchies};
use super::component::Component;
use super::config::{self, SYSTEM_OBJECTS};
use super::control_plane::{after_api_server, api_server, etcd, router_proxy};
use super::kwok::{self, KwokOptions};
use super::namespaces::{ROUTER, holder};
use super::paths::{Checkout, State};
use super::process::Process;
use super::programs::Programs;
use super::record::{Lock, Record};
use super::{cluster_api, images, karpenter, network, node, packages, pki, services};
use crate::kubectl::Kubectl;
use crate::progress::Progress;

/// What the cluster is to be.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    kwok: KwokOptions,
    /// CPUs that each real node reports, however many this machine has; 8 when not given
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1024))]
    node_cpus: Option<u32>,
    /// Run Karpenter with its KWOK provider too, whose first build takes minutes; and know the kinds of Cluster API
    #[arg(long)]
    karpenter: bool,
}

/// Starts what does not run, and says how to use the cluster.
pub(crate) fn run(options: &Options) -> Result<()> {
    let progress = Progress::start();
    require_root()?;
    let checkout = Checkout::find()?;
    let state = State::of_machine();
    let _lock = Lock::take(&state)?;
    Hierarchies::find()?.enter()?;
    let (record, fresh) = decide(&state, &checkout, options)?;
    packages::install(&progress, &packages::CLUSTER)?;
    if fresh {
        network::check_addresses_are_free()?;
    }
    Programs::of(&checkout)?.build(&progress, record.karpenter)?;
    record.write(&state)?;
    pki::create(&state)?;
    config::write(&state)?;
    checkout.link(&state, &record.programs)?;
    let kubectl = record.kubectl(&state);
    start_base(&progress, &state, &record)?;
    start_control_plane(&progress, &state, &record, &checkout, &kubectl)?;
    start_nodes(&progress, &state, &record, &kubectl)?;
    progress.step("bringing the KWOK nodes to their number");
    let kwok_nodes = kwok::scale(&kubectl, &options.kwok)?;
    summarize(&progress, &checkout, kwok_nodes);
    Ok(())
}

pub(crate) fn require_root() -> Result<()> {
    if !Uid::effective().is_root() {
        bail!("this needs root: it makes network namespaces, mounts and control groups");
    }
    Ok(())
}

/// What is to run, and whether nothing ran before. An error when something else than asked for runs already.
fn decide(state: &State, checkout: &Checkout, options: &Options) -> Result<(Record, bool)> {
    let programs = Programs::of(checkout)?.folder().to_owned();
    let root = checkout.root().to_owned();
    let Some(mut record) = Record::read(state)? else {
        let node_cpus = options.node_cpus.unwrap_or(8);
        let checkouts = BTreeSet::from([root]);
        return Ok((Record { programs, node_cpus, karpenter: options.karpenter, checkouts }, true));
    };
    if record.programs != programs {
        bail!(
            "the running cluster has other programs ({}) than this checkout pins ({}): `cluster down` first",
            record.programs.display(),
            programs.display()
        );
    }
    if let Some(cpus) = options.node_cpus.filter(|cpus| *cpus != record.node_cpus) {
        bail!("the cluster's nodes report {} CPUs, not {cpus}: `cluster down` first", record.node_cpus);
    }
    record.karpenter |= options.karpenter;
    record.checkouts.insert(root);
    Ok((record, false))
}

/// What takes no API server: the network, the store, the API server itself, and the nodes' container
/// runtimes.
fn start_base(progress: &Progress, state: &State, record: &Record) -> Result<()> {
    if !state.images().exists() {
        progress.step("writing the images");
        images::write_base(state)?;
    }
    progress.step("starting etcd and the API server");
    etcd(state, record).start(state)?;
    progress.step("connecting the network");
    if Process::alive(state, &holder(ROUTER))?.is_none() {
        // What may be left of a router whose holder alone has died is in a network that nothing else sees.
        Hierarchies::find()?.kill(&format!("{CLUSTER}/{ROUTER}"))?;
    }
    Component::holder_of(ROUTER).start(state)?;
    network::connect_host(state)?;
    api_server(state, record).start(state)?;
    progress.step("turning the nodes on");
    NODES.iter().try_for_each(|node| node::begin(state, node))
}

fn start_control_plane(
    progress: &Progress,
    state: &State,
    record: &Record,
    checkout: &Checkout,
    kubectl: &Kubectl,
) -> Result<()> {
    progress.step("waiting for the API server");
    services::wait_for_api_server(state, &api_server(state, record), kubectl)?;
    progress.step("starting the controllers, cluster DNS and KWOK");
    kubectl.apply(&config::render_common(state, SYSTEM_OBJECTS)?)?;
    if record.karpenter {
        karpenter::prepare(state, checkout, kubectl)?;
        cluster_api::prepare(checkout, kubectl)?;
    }
    kwok::release(state, kubectl)?;
    after_api_server(state, record).iter().try_for_each(|component| component.start(state).map(drop))
}

fn start_nodes(progress: &Progress, state: &State, record: &Record, kubectl: &Kubectl) -> Result<()> {
    progress.step("starting the kubelets");
    NODES.iter().try_for_each(|node| node::finish(state, kubectl, node))?;
    progress.step("waiting for the nodes");
    NODES.iter().try_for_each(|node| node::wait_ready(state, kubectl, node))?;
    router_proxy(state, record).start(state)?;
    progress.step("waiting for services and cluster DNS");
    services::wait(state, record, kubectl)?;
    // A component that ended soon after its start would else be found by a test.
    after_api_server(state, record).iter().try_for_each(|component| component.check(state))
}

fn summarize(progress: &Progress, checkout: &Checkout, kwok_nodes: usize) {
    let target = checkout.target();
    let target = target.display();
    progress.step(format!(
        "The cluster is up: {} real nodes, {kwok_nodes} KWOK nodes.\n\n  \
         export KUBECONFIG={target}/kubeconfig\n  {target}/bin/kubectl get nodes\n\n  \
         API server   https://{}:{} and https://127.0.0.1:{}\n  \
         audit log    {target}/audit.log\n  logs         {target}/logs/\n\n\
         It took {:.0} s.",
        NODES.len(),
        addresses::HOST,
        port::API,
        port::API,
        progress.elapsed().as_secs_f64(),
    ));
}
