//! Karpenter and node classes: it looks at what each says, in its own time, finds it good or not, and keeps one that is deleted
//! until no machine refers to it.

use crate::cluster::Cluster;
use crate::coverage::About;
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_core::ids::{Name, Uid};
use windlass_core::objects::{NodeClassContent, ObservedMachine, ObservedNodeClass, Payload, Readiness};
use windlass_core::time::Time;

/// When Karpenter has looked at what a node class says.
pub type Looks = BTreeMap<(Uid, Name), Time>;

/// How long that takes in a scenario.
const TO_LOOK: Duration = Duration::from_secs(2);

/// What a node class says that is of no use.
const USELESS: &str = "useless";

/// Karpenter's words for it.
const WORDS: &str = "SubnetsNotFound: SubnetSelector did not match any Subnets";

/// A node class that says this.
pub fn content(digest: &str) -> NodeClassContent {
    NodeClassContent { digest: digest.into(), payload: Payload::default() }
}

/// What an environment may want its node class to say; nothing, where it names one itself.
pub fn wish(cluster: &mut Cluster) -> Option<NodeClassContent> {
    let wishes = [None, Some("image-1"), Some("image-1"), Some("image-2"), Some(USELESS)];
    let useful = wishes.len() - usize::from(cluster.calm_since.is_some());
    wishes[cluster.rng.usize(0..useful)].map(content)
}

/// Somebody deletes the node class of an environment.
pub fn delete(cluster: &mut Cluster, environment: &Name) {
    let Some(uid) = cluster.store.environments.get(environment).map(|found| found.uid) else { return };
    let class = cluster.store.node_class_of(uid).filter(|class| !class.deleting).cloned();
    if let Some(class) = class {
        cluster.note(About::Faults, "node classes deleted by somebody");
        cluster.store.put_node_class(ObservedNodeClass { deleting: true, ..class });
    }
}

/// The next thing that is due with a node class. True when there was any.
pub fn progress(cluster: &mut Cluster) -> bool {
    let classes: Vec<ObservedNodeClass> = cluster.store.node_classes.values().cloned().collect();
    classes.into_iter().fold(false, |busy, class| busy | progress_of(cluster, class))
}

fn progress_of(cluster: &mut Cluster, class: ObservedNodeClass) -> bool {
    if class.deleting {
        let is_free =
            cluster.store.machines_of(class.environment).all(|machine| machine.node_class.is_none());
        if is_free {
            cluster.tell(|| format!("Karpenter: node class {} is gone", class.name));
            cluster.store.remove_node_class(&class.name);
        }
        return is_free;
    }
    if cluster.store.gone_environments.contains(&class.environment) {
        cluster.note(About::Faults, "node classes collected after their environment");
        cluster.tell(|| format!("collector: node class {}", class.name));
        cluster.store.put_node_class(ObservedNodeClass { deleting: true, ..class });
        return true;
    }
    if class.readiness != Readiness::Unknown || due_at(cluster, &class) > cluster.now {
        return false;
    }
    let is_useless = class.digest.as_str() == USELESS;
    if !is_useless {
        cluster.truth.good_classes.insert((class.environment, class.digest.clone()));
    }
    let readiness = if is_useless { Readiness::Broken(WORDS.into()) } else { Readiness::Ready };
    cluster.tell(|| format!("Karpenter: node class {} {}: {readiness:?}", class.name, class.digest));
    cluster.store.put_node_class(ObservedNodeClass { readiness, ..class });
    true
}

/// When Karpenter looks at what a class says.
fn due_at(cluster: &mut Cluster, class: &ObservedNodeClass) -> Time {
    let takes = if cluster.scripted { TO_LOOK } else { Duration::from_millis(cluster.rng.u64(0..8_000)) };
    let due_at = cluster.now + takes;
    *cluster.backends.looks.entry((class.uid, class.digest.clone())).or_insert(due_at)
}

/// When something comes due that is not due now.
pub fn next_wake(cluster: &Cluster) -> Option<Time> {
    let unread = cluster.store.node_classes.values().filter(|class| class.readiness == Readiness::Unknown);
    let due = unread.filter_map(|class| cluster.backends.looks.get(&(class.uid, class.digest.clone())));
    due.copied().filter(|at| *at > cluster.now).min()
}

/// Whether Karpenter makes this machine, as far as its node class goes, or takes it back; `None` while it cannot tell.
pub fn allows(cluster: &mut Cluster, machine: &ObservedMachine) -> Option<bool> {
    let class = cluster.store.node_class_of(machine.environment).filter(|class| !class.deleting);
    match class.map(|class| &class.readiness) {
        _ if machine.node_class.is_none() => Some(true),
        Some(Readiness::Ready) => Some(true),
        // A class that was changed is not ready, or not known to be, depending on what Karpenter's cache has of it.
        Some(Readiness::Unknown) => (!cluster.scripted && cluster.rng.u64(0..8) == 0).then_some(false),
        Some(Readiness::Broken(_)) | None => Some(false),
    }
}
