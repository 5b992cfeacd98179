//! Watch streams become events of the core.

use super::metrics::Metrics;
use crate::convert::{self, Described, Wire, kinds};
use crate::names;
use futures::StreamExt;
use kube::runtime::watcher::{self, Event as WatchEvent};
use kube::runtime::{WatchStreamExt, watcher::watcher};
use kube::{Api, Client, Resource};
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tracing::{info, warn};
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, Uid};

/// How long one watch lasts. A dead connection is noticed five seconds after its end.
const WATCH_SECONDS: u32 = 60;

/// How long until a kind is looked for again that the cluster does not have: people install backends in minutes.
const MISSING_PAUSE: Duration = Duration::from_secs(30);

/// Starts a watch of every kind; each runs until nobody listens.
pub(super) fn watch_all(client: &Client, events: &Sender<Event>, metrics: &Metrics) {
    let watch = Watch { client: client.clone(), events: events.clone(), metrics: metrics.clone() };
    let all = watcher::Config::default;
    let revisions = watcher::Config::default().labels(names::DEFINITION_UID);
    watch.start::<kinds::Namespace>(Kind::Namespace, all(), namespace, |wire| {
        Event::NamespaceGone(wire.metadata.name.as_str().into())
    });
    watch.start::<kinds::Node>(
        Kind::Host,
        all(),
        |wire| boxed(convert::host(wire), Event::Host),
        |wire| Event::HostGone(wire.metadata.name.as_str().into()),
    );
    watch.start::<kinds::NodeClaim>(
        Kind::NodeClaim,
        all().labels(names::ENVIRONMENT_UID),
        |wire| boxed(convert::node_claim(wire), Event::Machine),
        |wire| Event::MachineGone(uid(wire)),
    );
    watch.start::<kinds::Node>(
        Kind::SimulatedNode,
        all().labels(names::SIMULATED),
        |wire| boxed(convert::simulated_node(wire), Event::Machine),
        |wire| Event::MachineGone(uid(wire)),
    );
    watch.start::<kinds::EC2NodeClass>(
        Kind::NodeClass,
        all().labels(names::ENVIRONMENT_UID),
        |wire| boxed(convert::node_class(wire), Event::NodeClass),
        |wire| Event::NodeClassGone(uid(wire)),
    );
    watch.start::<kinds::MachineDeployment>(
        Kind::MachineDeployment,
        all(),
        |wire| boxed(convert::machine_deployment(wire), Event::MachineDeployment),
        |wire| Event::MachineDeploymentGone(uid(wire)),
    );
    watch.start::<kinds::Machine>(
        Kind::Machine,
        all().labels(names::MACHINE_DEPLOYMENT),
        |wire| boxed(convert::cluster_api_machine(wire), Event::Machine),
        |wire| Event::MachineGone(uid(wire)),
    );
    watch.start::<kinds::ComputeEnvironment>(
        Kind::Environment,
        all(),
        |wire| boxed(convert::environment(wire), Event::Environment),
        |wire| Event::EnvironmentGone(uid(wire)),
    );
    watch.start::<kinds::SchedulingPolicy>(
        Kind::Policy,
        all(),
        |wire| boxed(convert::scheduling_policy(wire), Event::Policy),
        |wire| Event::PolicyGone(uid(wire)),
    );
    watch.start::<kinds::JobQueue>(
        Kind::Queue,
        all(),
        |wire| boxed(convert::queue(wire), Event::Queue),
        |wire| Event::QueueGone(uid(wire)),
    );
    watch.start::<kinds::JobDefinition>(
        Kind::Definition,
        all(),
        |wire| boxed(convert::definition(wire), Event::Definition),
        |wire| Event::DefinitionGone(uid(wire)),
    );
    watch.start::<kinds::ControllerRevision>(
        Kind::Revision,
        revisions,
        |wire| boxed(convert::revision(wire), Event::Revision),
        |wire| Event::RevisionGone(uid(wire)),
    );
    watch.start::<kinds::Job>(
        Kind::Job,
        all(),
        |wire| boxed(convert::job(wire), Event::Job),
        |wire| Event::JobGone(uid(wire)),
    );
    watch.start::<kinds::Pod>(
        Kind::Pod,
        all(),
        |wire| boxed(convert::pod(wire), Event::Pod),
        |wire| Event::PodGone(wire.metadata.key(), uid(wire)),
    );
}

type Converted = Result<Event, convert::Error>;

struct Watch {
    client: Client,
    events: Sender<Event>,
    metrics: Metrics,
}

impl Watch {
    fn start<D: Described>(
        &self,
        kind: Kind,
        config: watcher::Config,
        convert: fn(&Wire<D>) -> Converted,
        gone: fn(&Wire<D>) -> Event,
    ) where
        Wire<D>: Resource<DynamicType = ()>,
    {
        let (client, events, metrics) = (self.client.clone(), self.events.clone(), self.metrics.clone());
        tokio::spawn(async move {
            let stream =
                watcher(Api::<Wire<D>>::all(client), config.timeout(WATCH_SECONDS)).default_backoff();
            let mut stream = std::pin::pin!(stream);
            let (mut was_listed, mut is_known) = (false, false);
            while let Some(event) = stream.next().await {
                let are_missing = is_a_backends(kind) && event.as_ref().is_err_and(are_not_there);
                let event = match event {
                    Ok(WatchEvent::Init) => Some(Event::ListStarted(kind)),
                    Ok(WatchEvent::InitDone) => {
                        (was_listed, is_known) = (true, false);
                        Some(Event::ListEnded(kind))
                    }
                    Ok(WatchEvent::InitApply(wire) | WatchEvent::Apply(wire)) => {
                        applied(&wire, convert, &metrics)
                    }
                    Ok(WatchEvent::Delete(wire)) => Some(gone(&wire)),
                    // The list has begun: it is empty.
                    Err(error) if are_missing && !was_listed => {
                        let again_in = MISSING_PAUSE.as_secs();
                        info!(kind = D::KIND, %error, again_in, "there are none: they are looked for again");
                        (was_listed, is_known) = (true, true);
                        Some(Event::ListEnded(kind))
                    }
                    Err(_) if are_missing && is_known => None,
                    Err(error) => {
                        warn!(kind = D::KIND, %error, "the watch broke and is started anew");
                        None
                    }
                };
                metrics.event(D::KIND);
                if let Some(event) = event
                    && events.send(event).await.is_err()
                {
                    return;
                }
                // The stream's own backoff begins anew with each try: that a list has begun is a success to it.
                if are_missing {
                    tokio::time::sleep(MISSING_PAUSE).await;
                }
            }
        });
    }
}

/// True for a kind that only a cluster with that backend has, and that the chart's values may keep from the operator.
const fn is_a_backends(kind: Kind) -> bool {
    matches!(kind, Kind::NodeClaim | Kind::NodeClass | Kind::MachineDeployment | Kind::Machine)
}

/// True when a cluster has no such kind, or the operator may not list it: it has none to look after then.
fn are_not_there(error: &watcher::Error) -> bool {
    let watcher::Error::InitialListFailed(error) = error else { return false };
    matches!(error, kube::Error::Api(status) if status.code == 404 || status.code == 403)
}

/// An object that cannot be read is set aside: the rest goes on.
fn applied<D: Described>(
    wire: &Wire<D>,
    convert: fn(&Wire<D>) -> Converted,
    metrics: &Metrics,
) -> Option<Event> {
    match convert(wire) {
        Ok(event) => Some(event),
        Err(error) => {
            let metadata = &wire.metadata;
            warn!(kind = D::KIND, namespace = metadata.namespace, name = metadata.name, %error, "set aside");
            metrics.unreadable(D::KIND);
            None
        }
    }
}

fn boxed<T>(found: Result<T, convert::Error>, event: fn(Box<T>) -> Event) -> Converted {
    found.map(|found| event(Box::new(found)))
}

fn namespace(wire: &Wire<kinds::Namespace>) -> Converted {
    Ok(Event::Namespace(Name::from(wire.metadata.name.as_str()), wire.metadata.deletion_timestamp.is_some()))
}

/// An object whose UID is no UUID was set aside when it came.
fn uid<D>(wire: &Wire<D>) -> Uid {
    wire.metadata.uid().unwrap_or_default()
}
