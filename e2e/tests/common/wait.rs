//! Waiting for an object to be as it should, by a watch, for a bounded time.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use kube::runtime::watcher::watch_object;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

/// What the API's own types can do.
pub(crate) trait Object:
    Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static
{
}

impl<K: Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static> Object for K {}

/// Waits up to a minute until an object is there and as `wanted`; panics with `what` was wanted and what was seen.
pub(crate) async fn until<K: Object>(api: &Api<K>, name: &str, what: &str, wanted: impl Fn(&K) -> bool) -> K {
    within(Duration::from_secs(60), api, name, what, wanted).await
}

/// As [`until`], with another bound.
pub(crate) async fn within<K: Object>(
    bound: Duration,
    api: &Api<K>,
    name: &str,
    what: &str,
    wanted: impl Fn(&K) -> bool,
) -> K {
    let deadline = Instant::now() + bound;
    let mut seen: Option<K> = None;
    let mut states = watch_object(api.clone(), name).boxed();
    while let Ok(Some(state)) = timeout_at(deadline, states.next()).await {
        match state {
            Ok(Some(object)) if wanted(&object) => return object,
            Ok(object) => seen = object,
            // The watcher tries again.
            Err(error) => eprintln!("watching {name}: {error}"),
        }
    }
    panic!("{name}: waited {} s until it {what}; {}", bound.as_secs(), told(seen.as_ref()));
}

/// Waits until an object is gone.
pub(crate) async fn gone<K: Object>(bound: Duration, api: &Api<K>, name: &str) {
    let deadline = Instant::now() + bound;
    let mut seen = None;
    let mut states = watch_object(api.clone(), name).boxed();
    while let Ok(Some(state)) = timeout_at(deadline, states.next()).await {
        match state {
            Ok(None) => return,
            Ok(object) => seen = object,
            Err(error) => eprintln!("watching {name}: {error}"),
        }
    }
    panic!("{name}: waited {} s until it is gone; {}", bound.as_secs(), told(seen.as_ref()));
}

/// The last that was seen of an object: its status and, when it is being deleted, what holds it.
fn told<K: Serialize>(seen: Option<&K>) -> String {
    let Some(object) = seen else { return "there is no such object".into() };
    let object = serde_json::to_value(object).unwrap();
    let part = |pointer: &str| object.pointer(pointer).cloned().unwrap_or(Value::Null);
    let deleted = match part("/metadata/deletionTimestamp") {
        Value::Null => String::new(),
        since => format!("deleted at {since}, held by {}; ", part("/metadata/finalizers")),
    };
    format!("{deleted}its last status: {:#}", part("/status"))
}
