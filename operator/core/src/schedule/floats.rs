//! Pods without a host on the floor: those that wait for a node which somebody else's autoscaler is to add (decision 0007).

use super::floor::Floor;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::units::{ResourceList, Resources};

impl Floor {
    /// Pods that wait for a node are expected to be bound here.
    pub(super) fn set_aside(&mut self, host: &Name, need: &ResourceList) {
        if let Some(place) = self.places.iter_mut().find(|place| place.name == *host) {
            place.free = std::mem::take(&mut place.free).minus(need);
        }
    }

    /// Sets room aside for one pod of a job on a node that an environment's autoscaler is to add. None while a host of it is kept
    /// free for another job: it might be bound there.
    pub(crate) fn float(&mut self, environment: Uid, need: &Resources, job: Uid, desk: &Desk) -> bool {
        if self.kept_from(environment, job, desk).is_some() {
            return false;
        }
        let awaited = self.awaited.get_mut(&environment).filter(|awaited| awaited.failure.is_none());
        awaited.is_some_and(|awaited| awaited.expect(need))
    }

    /// The host that is kept free for another job, and that job, for which no node is added that `maxvCpus` has room for.
    pub(crate) fn held_up_by(
        &self,
        environment: Uid,
        need: &Resources,
        job: Uid,
        desk: &Desk,
    ) -> Option<(Name, Name)> {
        self.awaited.get(&environment).filter(|awaited| awaited.has_room(need))?;
        self.kept_from(environment, job, desk)
    }

    /// A host of an environment that is kept free for another job, and that job, until its pod is bound.
    fn kept_from(&self, environment: Uid, job: Uid, desk: &Desk) -> Option<(Name, Name)> {
        self.members(environment).find_map(|place| {
            let kept = place.kept.as_ref().filter(|kept| kept.job != job);
            let kept = kept.map(|kept| (place.name.clone(), kept.job_name.clone()));
            let mut given = desk.floating.awaited().filter(|(host, _)| *host == place.name);
            kept.or_else(|| given.next().cloned())
        })
    }

    /// True when a pod that waits for a node may be bound to this host.
    pub(crate) fn may_be_bound_to(&self, host: &Name) -> bool {
        let mut floating = self.awaited.iter().filter(|(_, awaited)| awaited.floats);
        floating.any(|(environment, _)| self.members(*environment).any(|place| place.name == *host))
    }
}
