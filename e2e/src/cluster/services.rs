//! Whether the API server answers, and whether a pod that is made now has what it relies on: its account,
//! services from every node, and DNS.

use std::time::Duration;

use anyhow::Result;

use super::addresses::{API_SERVICE, DNS_SERVICE, NODES};
use super::component::Component;
use super::namespaces::{PROGRAMS, inside};
use super::paths::State;
use super::record::Record;
use crate::command::Command;
use crate::kubectl::Kubectl;
use crate::wait::{self, Seen};

const BOUND: Duration = Duration::from_secs(60);

/// Waits until the API server is ready, or fails when it has died.
pub(crate) fn wait_for_api_server(state: &State, server: &Component, kubectl: &Kubectl) -> Result<()> {
    wait::until("the API server is ready", Duration::from_secs(120), || {
        server.check(state)?;
        Ok(match kubectl.line("get --raw /readyz").output() {
            Ok(_) => Seen::Holds(()),
            Err(error) => Seen::NotYet(error.to_string()),
        })
    })
}

/// Waits until a pod has what it relies on.
pub(crate) fn wait(state: &State, record: &Record, kubectl: &Kubectl) -> Result<()> {
    succeeds("the namespace default has a service account", || {
        Ok(kubectl.line("get serviceaccount default"))
    })?;
    let ask = |program: &str| {
        let kubeconfig = state.kubeconfig("admin");
        format!(
            "{program} --kubeconfig={} --server=https://{API_SERVICE} get --raw /readyz",
            kubeconfig.display()
        )
    };
    for node in &NODES {
        let line = ask(&format!("{PROGRAMS}/kubectl"));
        let what = format!("the API server's service answers on {}", node.name);
        succeeds(&what, || inside(state, node.name, &line))?;
    }
    let line = ask(&record.programs.join("kubectl").display().to_string());
    succeeds("the API server's service answers on this machine", || Ok(Command::line(&line)))?;
    let name = "kubernetes.default.svc.cluster.local";
    succeeds("cluster DNS answers", || Ok(Command::line(&format!("busybox nslookup {name} {DNS_SERVICE}"))))
}

fn succeeds(what: &str, question: impl Fn() -> Result<Command>) -> Result<()> {
    wait::until(what, BOUND, || {
        Ok(match question()?.output() {
            Ok(_) => Seen::Holds(()),
            Err(error) => Seen::NotYet(error.to_string()),
        })
    })
}
