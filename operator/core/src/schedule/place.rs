//! One host on the floor of a pass.

use super::promise::Site;
use super::reserve::Reservation;
use crate::ids::{Name, Uid};
use crate::mutant::{self, Mutant};
use crate::objects::Taint;
use crate::time::Time;
use crate::units::{ResourceList, Resources};
use std::sync::Arc;

/// One host that is ready and not cordoned.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: Name,
    /// Its instance type, as its label says; may be empty.
    pub(super) kind: Name,
    pub(super) taints: Vec<Taint>,
    pub(super) whole: ResourceList,
    /// What jobs can have of it: not what pods of others use.
    pub(super) for_jobs: ResourceList,
    pub(super) free: ResourceList,
    /// Jobs are on it.
    pub(super) has_jobs: bool,
    /// Pods that wait for any node of an environment may be bound to it.
    pub(super) is_shared: bool,
    /// Its kubelet may run a node's container twice.
    pub(super) old_kubelet: bool,
    /// The job it is kept free for.
    pub(super) kept: Option<Arc<Reservation>>,
}

impl Place {
    /// What keeps a job of this need off, where GPUs go by this name.
    pub(super) fn taint_against(&self, need: &Resources, gpus: &Name) -> Option<&Taint> {
        let tolerated = (need.gpus > 0).then_some(gpus);
        self.taints.iter().find(|taint| !taint.is_tolerated(tolerated))
    }

    /// The other job that it is kept for, where this one has not ended by then.
    pub(super) fn kept_from(&self, job: Uid, ends_by: Option<Time>) -> Option<&Reservation> {
        let in_time = |until: Option<Time>| ends_by.zip(until).is_some_and(|(end, until)| end <= until);
        let kept = self.kept.as_deref().filter(|kept| kept.job != job && !in_time(kept.until));
        kept.filter(|_| !mutant::is(Mutant::KeptHostTaken))
    }

    /// What a job that has ended by then can have of it now, where GPUs go by this name.
    pub(super) fn free_for(&self, job: Uid, ends_by: Option<Time>, gpus: &Name) -> Resources {
        let free = self.free.seen_with(gpus);
        match self.kept_from(job, ends_by) {
            None => free,
            // It lacks only its GPUs, and has the rest already: what is left beside is anybody's.
            Some(kept) if matches!(kept.promise.site, Site::Machine(_)) => free.minus(&kept.need),
            Some(_) => Resources::default(),
        }
    }
}
