//! Pods whose Job is gone: stopped if they still run, released once their names are safe (SPEC.md J7).

use crate::action::{Action, Outcome};
use crate::agenda::Item;
use crate::desk::Desk;
use crate::ids::{ObjectKey, Uid};
use crate::limits::RETRY_PAUSE;
use crate::mutant::{self, Mutant};
use crate::objects::{Container, ObservedPod, PodPhase};
use crate::outbox::Purpose;
use crate::time::Time;
use crate::world::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// A Job that is gone, as long as it has pods.
#[derive(Debug)]
struct Ghost {
    /// The moment from which no create for it can have been confirmed any more; `None` until the API server said it is gone.
    gone_since: Option<Time>,
    asked: bool,
    /// Pods: a StatefulSet may make one anew under the name of one that was released.
    releasing: BTreeSet<Uid>,
    /// Launches of a multi-node job whose StatefulSets were deleted: they outlive a Job that is deleted with `--cascade=orphan`.
    swept: BTreeSet<(u8, u16)>,
}

/// Jobs that are gone.
#[derive(Debug, Default)]
pub(crate) struct Ghosts {
    ghosts: BTreeMap<Uid, Ghost>,
}

impl Ghosts {
    /// A Job is known to be gone.
    pub(crate) fn add(&mut self, uid: Uid, desk: &mut Desk) {
        self.ghosts.insert(
            uid,
            Ghost {
                gone_since: Some(desk.now),
                asked: true,
                releasing: BTreeSet::new(),
                swept: BTreeSet::new(),
            },
        );
        desk.agenda.mark(Item::Ghost(uid));
    }

    /// A pod names a Job that is not known: the API server is asked before that Job counts as gone.
    pub(crate) fn meet(&mut self, uid: Uid, desk: &mut Desk) {
        let presumed_gone = mutant::is(Mutant::UnknownJobIsGhost);
        self.ghosts.entry(uid).or_insert(Ghost {
            gone_since: presumed_gone.then_some(desk.now),
            asked: false,
            releasing: BTreeSet::new(),
            swept: BTreeSet::new(),
        });
        desk.agenda.mark(Item::Ghost(uid));
    }

    /// The API server's answer: the Job is gone (true), or the question has to be put again.
    pub(crate) fn answered(&mut self, uid: Uid, is_gone: bool, desk: &mut Desk) {
        let Some(ghost) = self.ghosts.get_mut(&uid) else { return };
        if is_gone {
            ghost.gone_since = Some(desk.now);
            desk.agenda.mark(Item::Ghost(uid));
        } else {
            ghost.asked = false;
            desk.agenda.wake(desk.now + RETRY_PAUSE.1, Item::Ghost(uid));
        }
    }

    /// The Job turns out to exist.
    pub(crate) fn lives(&mut self, uid: Uid) {
        self.ghosts.remove(&uid);
    }

    /// A release failed: it is tried again.
    pub(crate) fn not_released(&mut self, uid: Uid, pod: Uid, desk: &mut Desk) {
        if let Some(ghost) = self.ghosts.get_mut(&uid) {
            ghost.releasing.remove(&pod);
            desk.agenda.wake(desk.now + RETRY_PAUSE.1, Item::Ghost(uid));
        }
    }

    /// StatefulSets of a Job that is gone were deleted, or not: that is tried again.
    pub(crate) fn swept(&mut self, uid: Uid, launch: (u8, u16), outcome: &Outcome, desk: &mut Desk) {
        let is_done = matches!(outcome, Outcome::Done | Outcome::NotFound);
        if let Some(ghost) = self.ghosts.get_mut(&uid).filter(|_| !is_done) {
            ghost.swept.remove(&launch);
            desk.agenda.wake(desk.now + RETRY_PAUSE.1, Item::Ghost(uid));
        }
    }

    /// Has all looked at.
    pub(crate) fn wake_all(&self, desk: &mut Desk) {
        for uid in self.ghosts.keys() {
            desk.agenda.mark(Item::Ghost(*uid));
        }
    }
}

/// Looks at the pods of a Job that is gone.
pub(crate) fn tend_ghost(uid: Uid, ghosts: &mut Ghosts, desk: &mut Desk) {
    let Some(ghost) = ghosts.ghosts.get_mut(&uid) else { return };
    let pods: Vec<(Slot, ObservedPod)> = desk.pods.of(uid).map(|(slot, pod)| (slot, pod.clone())).collect();
    let Some((_, example)) = pods.first() else {
        ghosts.ghosts.remove(&uid);
        return;
    };
    let Some(gone_since) = ghost.gone_since else {
        if !std::mem::replace(&mut ghost.asked, true) {
            let job_name = example.task.as_ref().map(|task| task.job_name.clone()).unwrap_or_default();
            let key = ObjectKey { namespace: example.key.namespace.clone(), name: job_name };
            desk.outbox.send(Action::ReadJob(key.clone()), Purpose::ReadJob(key, uid));
        }
        return;
    };
    for (slot, pod) in pods {
        sweep(uid, slot, &pod, ghost, desk);
        let at_once = mutant::is(Mutant::GhostReleasedAtOnce);
        let safe_at = if at_once { gone_since } else { gone_since + desk.tombstone(&pod.key.namespace) };
        if !is_over(&pod, desk) {
            stop(uid, slot, &pod, desk);
        } else if safe_at > desk.now {
            desk.agenda.wake(safe_at, Item::Ghost(uid));
        } else if pod.task.as_ref().is_some_and(|task| task.held)
            && desk.may_release_of_gone()
            && ghost.releasing.insert(pod.uid)
        {
            let purpose = Purpose::ReleasePod(uid, slot, pod.key.clone(), pod.uid);
            desk.outbox.send(Action::ReleasePod(pod.key, pod.uid, !pod.deleting), purpose);
            desk.releases_under_way += 1;
        }
    }
}

/// True when no container runs in the pod, and none will.
fn is_over(pod: &ObservedPod, desk: &Desk) -> bool {
    let exited = pod.task.as_ref().is_some_and(|task| matches!(task.container, Container::Terminated { .. }));
    let never_bound = pod.deleting && pod.host.is_none();
    let host_is_gone =
        pod.host.as_ref().is_some_and(|host| desk.hosts.get(host).is_none_or(|host| host.node.is_none()));
    pod.phase != PodPhase::Active || exited || never_bound || (pod.deleting && host_is_gone)
}

/// A StatefulSet makes a pod anew for each that goes.
fn sweep(uid: Uid, slot: Slot, pod: &ObservedPod, ghost: &mut Ghost, desk: &mut Desk) {
    let launch = (slot.attempt, slot.launch);
    let Some(task) = pod.task.as_ref().filter(|task| task.gated && !pod.deleting) else { return };
    if ghost.swept.insert(launch) {
        let job = ObjectKey { namespace: pod.key.namespace.clone(), name: task.job_name.clone() };
        let action = Action::DeleteNodeSets { job, job_uid: uid, attempt: slot.attempt, launch: slot.launch };
        desk.outbox.send(action, Purpose::SweepSets(uid, launch));
    }
}

/// The garbage collector deletes the pods of a Job that is gone, but not of one deleted with `--cascade=orphan`. Those of a
/// StatefulSet go with it, as a rule: one that is deleted before comes again.
fn stop(uid: Uid, slot: Slot, pod: &ObservedPod, desk: &mut Desk) {
    let is_gated = pod.task.as_ref().is_some_and(|task| task.gated);
    let goes_by = pod.created_at + RETRY_PAUSE.1;
    if is_gated && desk.now < goes_by {
        return desk.agenda.wake(goes_by, Item::Ghost(uid));
    }
    if !pod.deleting && desk.deleting.insert(pod.uid) {
        desk.outbox
            .send(Action::DeletePod(pod.key.clone(), pod.uid, None), Purpose::DeletePod(uid, slot, pod.uid));
    }
}
