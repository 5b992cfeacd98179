//! Fair share: scheduling policies, and what was told of the shares of a queue.

use super::job::moment;
use super::wire::{Wire, kinds};
use super::{Error, name, quantity, times};
use std::time::Duration;
use windlass_core::limits::SHORTEST_DECAY;
use windlass_core::objects::{FairShareUse, ObservedPolicy, Pattern, ShareUse, WEIGHT_ONE};
use windlass_crds::SchedulingPolicySpec;
use windlass_crds::job_queue as api;

/// Reads a SchedulingPolicy.
///
/// # Errors
/// When a part of it cannot be read.
pub fn scheduling_policy(wire: &Wire<kinds::SchedulingPolicy>) -> Result<ObservedPolicy, Error> {
    let spec: SchedulingPolicySpec = wire.spec()?;
    let fair = spec.fairshare_policy.unwrap_or_default();
    let seconds = u64::try_from(fair.share_decay_seconds).unwrap_or(0);
    let weights = fair.share_distribution.iter().filter(|share| !share.share_identifier.is_empty());
    Ok(ObservedPolicy {
        name: name(&wire.metadata.name),
        uid: wire.metadata.uid()?,
        resource_version: wire.metadata.version()?,
        created_at: times::time(&wire.metadata.creation_timestamp)
            .ok_or(Error::Missing("creationTimestamp"))?,
        aws_name: spec.name.as_deref().map(name),
        window: Duration::from_secs(seconds).max(SHORTEST_DECAY),
        reservation: u32::try_from(fair.compute_reservation).unwrap_or(0),
        weights: weights
            .map(|share| (Pattern(name(&share.share_identifier)), weight(share.weight_factor)))
            .collect(),
    })
}

/// A weight in ten-thousandths; AWS's skeletons print 0 for one that is not set.
fn weight(factor: Option<f64>) -> u32 {
    let factor = factor.filter(|factor| *factor > 0.0);
    factor.map_or(WEIGHT_ONE, |factor| (factor * f64::from(WEIGHT_ONE)).round() as u32)
}

/// Reads what was told of the shares of a queue.
pub(super) fn fair_share(told: &api::FairShareUse) -> FairShareUse {
    let share = |share: &api::ShareUse| ShareUse {
        share: name(&share.share_identifier),
        weight: weight(Some(share.weight_factor)),
        used: quantity::millis(&share.vcpus).unwrap_or(0),
        recent: quantity::millis(&share.recent_vcpus).unwrap_or(0),
        runnable: u64::try_from(share.runnable).unwrap_or(0),
    };
    FairShareUse {
        at: moment(Some(&told.observed_at)).unwrap_or_default(),
        shares: told.shares.iter().map(share).collect(),
    }
}
