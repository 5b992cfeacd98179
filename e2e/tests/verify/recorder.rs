//! Watches every job and pod of a scene, from before there is any.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{Config, Event, watcher};
use windlass_crds::Job;

use crate::rules::Rules;
use crate::scene::Scene;

/// Lets the rules see all that happens in a scene; returns once the watches stand.
pub(crate) async fn record(scene: &Scene) -> Arc<Mutex<Rules>> {
    let rules = Arc::new(Mutex::new(Rules::default()));
    let mut jobs = watcher(scene.api::<Job>(), Config::default()).boxed();
    while !matches!(jobs.next().await, Some(Ok(Event::InitDone))) {}
    let seen = rules.clone();
    tokio::spawn(async move {
        while let Some(event) = jobs.next().await {
            if let Ok(Event::Apply(job) | Event::InitApply(job)) = event {
                seen.lock().unwrap().job(job);
            }
        }
    });
    let mut pods = watcher(scene.api::<Pod>(), Config::default()).boxed();
    while !matches!(pods.next().await, Some(Ok(Event::InitDone))) {}
    let seen = rules.clone();
    tokio::spawn(async move {
        while let Some(event) = pods.next().await {
            match event {
                Ok(Event::Apply(pod) | Event::InitApply(pod)) => seen.lock().unwrap().pod(&pod, false),
                Ok(Event::Delete(pod)) => seen.lock().unwrap().pod(&pod, true),
                _ => {}
            }
        }
    });
    rules
}
