//! Watches, as kube's watcher has them: a fresh list, then every change after it, in order; streams are not in step.
//!
//! That watcher (kube 5, `ListSemantic::MostRecent`) lists without a version, so that the API server answers with the newest
//! state also when its cache lags: a stale list cannot reach the operator. The list comes in pages of one version, and the core
//! may plan between two of its objects. A stream that ends goes on from the last version it has seen, of an object or of a
//! bookmark; nothing is lost or told twice by that. When the API server has forgotten that version, it says "too old resource
//! version", and all is listed anew: what was deleted meanwhile is never told, only missing.

use super::Store;
use std::collections::{BTreeMap, VecDeque};
use windlass_core::event::{Event, Kind};

/// Where one operator is with each kind.
#[derive(Debug, Default)]
pub struct Cursor {
    streams: BTreeMap<Kind, Stream>,
}

#[derive(Debug)]
enum Stream {
    /// A list is under way.
    Listing { rest: VecDeque<Event>, version: u64 },
    /// All up to this version was told.
    Watching { version: u64, is_connected: bool },
}

/// What a stream did when it was listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A list began.
    ListBegan,
    /// A list or a watch went on.
    WentOn,
    /// A watch that had ended goes on.
    Resumed,
    /// A bookmark: nothing new up to a later version.
    Bookmark,
    /// The version to go on from is forgotten; the next thing is a list.
    TooOld,
}

impl Cursor {
    /// The stream ends. A list under way has to begin again (its `continue` token is no good any more); a watch can go on.
    pub fn drop_stream(&mut self, kind: Kind) {
        match self.streams.get_mut(&kind) {
            Some(Stream::Watching { is_connected, .. }) => *is_connected = false,
            Some(Stream::Listing { .. }) => {
                self.streams.remove(&kind);
            }
            None => {}
        }
    }

    /// True while a list of this kind is under way.
    pub fn is_listing(&self, kind: Kind) -> bool {
        matches!(self.streams.get(&kind), Some(Stream::Listing { .. }))
    }
}

impl Store {
    /// Up to `most` events of a kind for this reader, and how it got them.
    pub fn hear(&self, cursor: &mut Cursor, kind: Kind, most: usize) -> (Heard, Vec<Event>) {
        match cursor.streams.get_mut(&kind) {
            None => {
                let mut rest = self.list(kind);
                let told = rest.drain(..most.min(rest.len())).collect();
                cursor.streams.insert(kind, after_page(rest, self.revision));
                (Heard::ListBegan, told)
            }
            Some(Stream::Listing { rest, version }) => {
                let version = *version;
                let told = rest.drain(..most.min(rest.len())).collect();
                let rest = std::mem::take(rest);
                cursor.streams.insert(kind, after_page(rest, version));
                (Heard::WentOn, told)
            }
            Some(Stream::Watching { version, is_connected: false }) if *version < self.compacted => {
                cursor.streams.remove(&kind);
                (Heard::TooOld, Vec::new())
            }
            Some(Stream::Watching { version, is_connected }) => {
                let was_connected = std::mem::replace(is_connected, true);
                let news = self.changes_after(kind, *version);
                let told: Vec<Event> = news.iter().take(most).map(|(_, event)| event.clone()).collect();
                if let Some((last, _)) = told.len().checked_sub(1).and_then(|at| news.get(at)) {
                    *version = *last;
                } else if was_connected {
                    *version = self.revision;
                    return (Heard::Bookmark, told);
                }
                (if was_connected { Heard::WentOn } else { Heard::Resumed }, told)
            }
        }
    }

    /// The event this reader has been told last, if it was one of a watch.
    pub fn last_event(&self, cursor: &Cursor, kind: Kind) -> Option<Event> {
        let Some(Stream::Watching { version, .. }) = cursor.streams.get(&kind) else { return None };
        let log = self.logs.get(&kind)?;
        let told = log.partition_point(|(changed, _)| changed <= version);
        log.get(told.checked_sub(1)?).map(|(_, event)| event.clone())
    }

    /// True when nothing is left to tell this reader.
    pub fn has_told_all(&self, cursor: &Cursor, kind: Kind) -> bool {
        match cursor.streams.get(&kind) {
            Some(Stream::Watching { version, .. }) => self.changes_after(kind, *version).is_empty(),
            _ => false,
        }
    }

    /// All that was ever told of a kind, with its versions: for checks only.
    pub fn history(&self, kind: Kind) -> &[(u64, Event)] {
        self.logs.get(&kind).map_or(&[][..], Vec::as_slice)
    }

    /// Forgets all that was told, to save memory: of use only when everybody has heard it.
    pub(crate) fn forget_history(&mut self) {
        self.logs.clear();
    }

    /// Forgets what was before now: who went no further can only list.
    pub fn compact(&mut self) {
        self.compacted = self.revision;
    }

    fn changes_after(&self, kind: Kind, version: u64) -> &[(u64, Event)] {
        let log = self.logs.get(&kind).map_or(&[][..], Vec::as_slice);
        log.get(log.partition_point(|(changed, _)| *changed <= version)..).unwrap_or_default()
    }

    /// A fresh list of a kind.
    fn list(&self, kind: Kind) -> VecDeque<Event> {
        let mut events = VecDeque::from([Event::ListStarted(kind)]);
        match kind {
            Kind::Namespace => {
                events
                    .extend(self.namespaces.iter().map(|(name, ends)| Event::Namespace(name.clone(), *ends)));
            }
            Kind::Host => events.extend(self.hosts.values().cloned().map(|host| Event::Host(Box::new(host)))),
            Kind::MachineDeployment => {
                let all = self.deployments.values().cloned();
                events.extend(all.map(|found| Event::MachineDeployment(Box::new(found))));
            }
            Kind::NodeClaim | Kind::SimulatedNode | Kind::Machine => {
                let machines =
                    self.machines.values().filter(|machine| Kind::of_machines(machine.backend) == kind);
                events.extend(machines.cloned().map(|machine| Event::Machine(Box::new(machine))));
            }
            Kind::NodeClass => {
                let classes = self.node_classes.values().cloned();
                events.extend(classes.map(|class| Event::NodeClass(Box::new(class))));
            }
            Kind::Environment => {
                events.extend(
                    self.environments.values().cloned().map(|found| Event::Environment(Box::new(found))),
                );
            }
            Kind::Policy => {
                events.extend(self.policies.values().cloned().map(|found| Event::Policy(Box::new(found))));
            }
            Kind::Queue => {
                events.extend(self.queues.values().cloned().map(|queue| Event::Queue(Box::new(queue))));
            }
            Kind::Definition => {
                events.extend(
                    self.definitions.values().cloned().map(|found| Event::Definition(Box::new(found))),
                );
            }
            Kind::Revision => {
                events.extend(self.revisions.values().cloned().map(|found| Event::Revision(Box::new(found))));
            }
            Kind::Job => events.extend(self.jobs.values().cloned().map(|job| Event::Job(Box::new(job)))),
            Kind::Pod => events.extend(self.pods.values().cloned().map(|pod| Event::Pod(Box::new(pod)))),
        }
        events.push_back(Event::ListEnded(kind));
        events
    }
}

/// A list that has come to its end becomes a watch from the list's version on.
fn after_page(rest: VecDeque<Event>, version: u64) -> Stream {
    if rest.is_empty() {
        Stream::Watching { version, is_connected: true }
    } else {
        Stream::Listing { rest, version }
    }
}
