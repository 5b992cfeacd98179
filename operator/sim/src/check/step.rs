//! What must hold after every step.

use super::pool;
use crate::cluster::Cluster;

/// The first rule that is broken, in words.
pub fn after_step(cluster: &Cluster) -> Option<String> {
    if let Some(breach) = cluster.truth.breaches.first() {
        return Some(breach.clone());
    }
    if let Some(breach) = cluster.store.breaches.first() {
        return Some(breach.clone());
    }
    if let Some(broken) = pool::after_step(cluster).filter(|_| !cluster.scripted) {
        return Some(broken);
    }
    let drifting = cluster.operators.iter().find(|operator| operator.core.drift() > 0)?;
    Some(format!("operator {}: the use of a host is not the sum of its pods", drifting.number))
}
