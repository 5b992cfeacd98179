//! Managed environments: machines that are made when jobs wait, and go when they are idle (SPEC.md C2–C4).
//!
//! A machine is decided, written into the environment's status (a guarded write), and only then asked for: whoever decides next
//! counts it, and its name is never used again. So the machines there and those that may yet come never have more than
//! `maxvCpus` together, also while two leaders disagree or a create lands late.
//!
//! Where somebody else's autoscaler adds the nodes (`external`), pods that wait for them are all that asks for any.

mod autoscaled;
mod awaited;
mod class;
mod deployments;
mod growth;
mod members;
mod outcomes;
mod own;
mod scale;
mod tend;
mod types;

pub(crate) use autoscaled::tend_autoscaled;
pub(crate) use awaited::{Awaited, pack};
pub(crate) use class::{ClassState, class_outcome, class_state};
pub(crate) use deployments::{claim_machines, owner_of};
pub(crate) use growth::{Gang, GangHosts, GangMachines, Growth, Machine, Prospect};
pub(crate) use members::{members, nodes_that_leave};
pub(crate) use outcomes::{
    machine_events_read, machine_goes, machine_is_gone, machine_outcome, removal_outcome,
};
pub(crate) use own::{deployment_deleted, has_own_deployments};
pub(crate) use scale::{deployment_read, scale_in, scale_outcome};
pub(crate) use tend::{order_machines, tend_pool};
pub(crate) use types::{TYPE_LABEL, fault as types_fault, types};

use crate::ids::{Name, Uid};
use crate::limits::LAUNCH_PAUSE;
use crate::mutant::{self, Mutant};
use crate::objects::Strategy;
use crate::time::Time;
use crate::units::Resources;
use std::collections::{BTreeMap, BTreeSet};

/// What this process knows of an environment's machines beside what is written.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// Serials of machines that are asked for, or asked about, right now.
    pub(crate) asking: BTreeSet<u64>,
    /// Serials of machines that were seen.
    pub(crate) seen: BTreeSet<u64>,
    /// Serials of machines that the API server said are not there, when none could come any more.
    absent: BTreeSet<u64>,
    /// Serials of machines for which a MachineDeployment has the replicas.
    granted: BTreeSet<u64>,
    /// Serials of machines that were refused.
    pub(crate) failed: BTreeSet<u64>,
    /// Machines that were asked to go: whether by their deletion (true), or by taking no more jobs.
    pub(crate) removing: BTreeMap<Uid, bool>,
    /// Those of them of which nobody knows whether the request was carried out.
    pub(crate) unsure: BTreeSet<Uid>,
    /// MachineDeployments of Cluster API that the API server is asked about, or that are being scaled.
    scaling: BTreeSet<Name>,
    /// When it was asked about them last, to have fewer machines.
    looked_at: BTreeMap<Name, Time>,
    /// Machines, or nodes that somebody else added, that took jobs once.
    pub(crate) came: BTreeSet<Uid>,
    /// Since when machines are idle.
    idle_since: BTreeMap<Uid, Time>,
    /// Since when machines are known to take no more jobs.
    leaving_since: BTreeMap<Uid, Time>,
    failure: Option<Failure>,
    /// What is known of its node class.
    class: class::ClassWork,
    /// Types of machines that could not be had lately, where another is taken instead.
    shortages: BTreeMap<Name, Failure>,
    /// vCPUs of the machine that a job lacks, and that idle ones are in the way of.
    pub(crate) lacking_vcpus: u32,
    /// Machines that wait with a multi-node job until all of its are there.
    pub(crate) waiting: BTreeSet<Name>,
    /// The most that jobs had of a host of each type: the catalogue only estimates it.
    offered: BTreeMap<Name, Resources>,
    /// A node whose type has GPUs reported none, although it had its time: nobody registers them there.
    without_gpus: bool,
    /// A node of it had a kubelet that may run a container of a multi-node job twice.
    pub(crate) old_kubelets: bool,
}

/// Why no machine could be had lately.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    words: Name,
    /// It was the backend's word on what is asked for, not a lack of machines.
    is_fault: bool,
    times: u32,
    until: Time,
    generation: i64,
}

impl Failure {
    /// One after another: the pause gets longer and longer.
    fn after(before: Option<&Failure>, words: Name, is_fault: bool, generation: i64, now: Time) -> Failure {
        let (times, was_fault) = before.map_or((0, false), |before| (before.times, before.is_fault));
        let pause = LAUNCH_PAUSE.0.saturating_mul(1 << times.min(8)).min(LAUNCH_PAUSE.1);
        Failure { words, is_fault: is_fault || was_fault, times: times + 1, until: now + pause, generation }
    }
}

impl Pool {
    /// What is asked for has changed: what machines offered so far may not hold any more.
    pub(crate) fn forget_offers(&mut self) {
        self.offered.clear();
        self.without_gpus = false;
        self.old_kubelets = false;
    }

    /// The words of a failure after which it is too early to try again.
    pub(crate) fn failure(&self, now: Time) -> Option<Name> {
        let lasts = |failure: &&Failure| failure.until > now && !mutant::is(Mutant::FailedLaunchAtOnce);
        self.failure.as_ref().filter(lasts).map(|failure| failure.words.clone())
    }

    /// Why no machine is to be had now, where that does not make the environment INVALID.
    pub(crate) fn shortage(&self, now: Time) -> Option<Name> {
        let of_types = || self.shortages.keys().find_map(|machine_type| self.lacks(machine_type, now));
        self.failure(now).or_else(of_types).filter(|_| self.fault().is_none())
    }

    /// What makes the environment INVALID until a machine can be had again.
    pub(crate) fn fault(&self) -> Option<(&'static str, String)> {
        let fault = self.failure.as_ref().filter(|failure| failure.is_fault)?;
        Some(("LaunchFailed", fault.words.to_string()))
    }

    /// True when a failure is to be put to the test again.
    pub(crate) fn may_try_again(&self, now: Time) -> bool {
        let may = |failure: &Failure| failure.until <= now || mutant::is(Mutant::FailedLaunchAtOnce);
        self.failure.as_ref().is_none_or(may)
    }

    fn failed_to_launch(&mut self, words: Name, is_fault: bool, generation: i64, now: Time) {
        self.failure = Some(Failure::after(self.failure.as_ref(), words, is_fault, generation, now));
    }

    /// A machine of this type was not to be had: another type is taken instead, if the environment's strategy is such.
    fn ran_short(
        &mut self,
        machine_type: &Name,
        words: Name,
        strategy: Strategy,
        generation: i64,
        now: Time,
    ) {
        if strategy == Strategy::BestFit {
            return self.failed_to_launch(words, false, generation, now);
        }
        let before = self.shortages.get(machine_type);
        let shortage = Failure::after(before, words, false, generation, now);
        self.shortages.insert(machine_type.clone(), shortage);
    }

    /// Why no machine of this type is to be had now, although others may be.
    pub(crate) fn lacks(&self, machine_type: &Name, now: Time) -> Option<Name> {
        let lasts = |failure: &&Failure| failure.until > now && !mutant::is(Mutant::FailedLaunchAtOnce);
        self.shortages.get(machine_type).filter(lasts).map(|shortage| shortage.words.clone())
    }
}
