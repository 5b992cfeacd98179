//! Following thousands of objects with the operator's own lean decoder, so that watching costs little beside what is watched.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::runtime::watcher::{Config, Event, watcher};
use tokio::time::{Instant, timeout_at};
use windlass::convert::{Described, Error, Wire};

use crate::scene::Scene;

/// Longer than 10,000 of anything take.
const BOUND: Duration = Duration::from_secs(1200);

/// Waits until so many objects of a scene are as `wanted`; one that was so once counts.
pub(crate) async fn until_all<D, T>(
    scene: &Scene,
    number: usize,
    convert: fn(&Wire<D>) -> Result<T, Error>,
    wanted: impl Fn(&T) -> bool,
) where
    D: Described,
    Wire<D>: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    let mut events = watcher(scene.api::<Wire<D>>(), Config::default()).boxed();
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + BOUND;
    while seen.len() < number {
        let Ok(Some(event)) = timeout_at(deadline, events.next()).await else {
            panic!("waited {} s: {} of {number} {}s are as they should", BOUND.as_secs(), seen.len(), D::KIND)
        };
        // The watcher tries again.
        let Ok(Event::InitApply(wire) | Event::Apply(wire)) = event else { continue };
        if wanted(&convert(&wire).unwrap()) {
            seen.insert(wire.metadata.name.clone());
        }
    }
}
