//! Where room is kept for all nodes of a multi-node job: on hosts that are there, once jobs have ended on them, or on machines
//! that can be made once others have gone.

use crate::ids::{Name, Uid};
use crate::limits::LAUNCH_PATIENCE;
use crate::pool::{Gang, Machine};
use crate::schedule::promise::Site;
use crate::schedule::reserve::Reservation;
use crate::schedule::search::{Offer, Search};
use std::collections::BTreeSet;

impl Search<'_> {
    /// What was kept before for a multi-node job, while it is of use. Where a host of it is lost, others are looked for if it
    /// `may_move`; where there are none, those that are left wait for one that may come back.
    pub(in crate::schedule) fn same_together(
        &self,
        before: &Reservation,
        environment: Uid,
        may_move: bool,
    ) -> Option<Offer> {
        let gang = self.floor.gang(self.job);
        let hosts = match &before.promise.site {
            Site::Hosts(hosts) => hosts,
            Site::NewMachine { .. } => return self.with_machines(environment, &gang, true),
            Site::Host(_) | Site::Machine(_) => return None,
        };
        let there = self.floor.large_enough_by_kind(environment, &gang).map(|kind| {
            let kind: BTreeSet<&Name> = kind.into_iter().collect();
            hosts.iter().filter(|host| kind.contains(host)).collect::<BTreeSet<&Name>>()
        });
        let there = there.max_by_key(BTreeSet::len).unwrap_or_default();
        if there.len() == gang.nodes as usize {
            return Some(self.on_these(environment, there.into_iter().collect()));
        }
        let mut lost = hosts.iter().filter(|host| !there.contains(host));
        let may_come_back = hosts.len() == gang.nodes as usize && lost.all(|host| self.may_come_back(host));
        let same = || may_come_back.then(|| Offer::at(environment, Site::Hosts(hosts.clone())));
        if may_move { self.best_together().or_else(same) } else { None }
    }

    /// True for a host that is not ready, and has not been for less time than a new one takes.
    fn may_come_back(&self, host: &Name) -> bool {
        let node = self.desk.hosts.get(host).and_then(|host| host.node.as_ref());
        let since = node.filter(|node| !node.ready).and_then(|node| node.ready_changed_at);
        since.is_some_and(|since| self.desk.now < since + LAUNCH_PATIENCE)
    }

    /// What is there first, as far as is known; else where the fewest hosts have jobs.
    pub(in crate::schedule) fn best_together(&self) -> Option<Offer> {
        let gang = self.floor.gang(self.job);
        let on_hosts = self.open.iter().flat_map(|environment| {
            let offers = self.floor.large_enough_by_kind(*environment, &gang).filter_map(|mut hosts| {
                hosts.sort_by_cached_key(|host| {
                    let empty_by = self.empty_by(host);
                    (empty_by.is_none(), empty_by)
                });
                hosts.truncate(gang.nodes as usize);
                (hosts.len() == gang.nodes as usize).then(|| self.on_these(*environment, hosts))
            });
            offers.collect::<Vec<_>>()
        });
        let new = self.open.iter().filter_map(|environment| self.with_machines(*environment, &gang, false));
        on_hosts.chain(new).min_by_key(Offer::key)
    }

    fn on_these(&self, environment: Uid, hosts: Vec<&Name>) -> Offer {
        let start =
            hosts.iter().try_fold(self.desk.now, |latest, host| Some(latest.max(self.empty_by(host)?)));
        let is_busy = |host: &&&Name| self.empty_by(host) != Some(self.desk.now);
        let busy = hosts.iter().filter(is_busy).count();
        let site = Site::Hosts(hosts.into_iter().cloned().collect());
        Offer { until: start, start, busy, ..Offer::at(environment, site) }
    }

    /// On machines that are made once others have left them their vCPUs, and on hosts of their type that wait until then.
    fn with_machines(&self, environment: Uid, gang: &Gang, is_promised: bool) -> Option<Offer> {
        let growth = self.floor.growth_for_nodes(environment)?;
        let hosts = self.floor.gang_hosts(environment, gang);
        let found = growth.lacks_together(gang, &hosts, is_promised)?;
        let waiting: BTreeSet<&Name> = found.hosts.iter().collect();
        let stays = |machine: &Machine| {
            let waits = machine.node.as_ref().is_some_and(|node| waiting.contains(node));
            waits || machine.is_to_come && machine.machine_type == found.machine_type.name
        };
        let way = self.make_way(growth, found.lacking, stays)?;
        let left = gang.nodes.saturating_sub(u32::try_from(found.hosts.len()).unwrap_or(u32::MAX));
        let site = Site::NewMachine {
            environment: self.desk.environments.get(environment)?.display_name().clone(),
            machines: left,
            vcpus: found.machine_type.vcpus,
            leaving: way.leaving,
        };
        // Nobody can say by when the last is there: they may be asked for one after another.
        Some(Offer {
            until: way.until,
            going: way.going,
            hold: found.vcpus_to_make(),
            busy: left as usize,
            waiting: found.hosts,
            ..Offer::at(environment, site)
        })
    }
}
