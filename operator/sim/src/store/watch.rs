//! Watches: each kind has its own stream, in order; streams are not in step with each other.

use super::Store;
use std::collections::BTreeMap;
use windlass_core::event::{Event, Kind};

/// How far one operator has read each stream.
#[derive(Debug, Default)]
pub struct Cursor {
    read: BTreeMap<Kind, usize>,
}

impl Store {
    /// The next event of a kind for this reader.
    pub fn next_event(&self, cursor: &mut Cursor, kind: Kind) -> Option<Event> {
        let read = cursor.read.entry(kind).or_default();
        let event = self.logs.get(&kind)?.get(*read)?;
        *read += 1;
        Some(event.clone())
    }

    /// The event this reader has read last, once more.
    pub fn last_event(&self, cursor: &Cursor, kind: Kind) -> Option<Event> {
        let read = cursor.read.get(&kind).copied().unwrap_or_default();
        self.logs.get(&kind)?.get(read.checked_sub(1)?).cloned()
    }

    /// True when this reader has events of a kind to read.
    pub fn has_event(&self, cursor: &Cursor, kind: Kind) -> bool {
        let read = cursor.read.get(&kind).copied().unwrap_or_default();
        self.logs.get(&kind).is_some_and(|log| log.len() > read)
    }

    /// A fresh list of a kind; the reader goes on watching from there.
    pub fn list(&self, cursor: &mut Cursor, kind: Kind) -> Vec<Event> {
        cursor.read.insert(kind, self.logs.get(&kind).map_or(0, Vec::len));
        let mut events = vec![Event::ListStarted(kind)];
        match kind {
            Kind::Namespace => {
                events
                    .extend(self.namespaces.iter().map(|(name, ends)| Event::Namespace(name.clone(), *ends)));
            }
            Kind::Host => events.extend(self.hosts.values().cloned().map(|host| Event::Host(Box::new(host)))),
            Kind::Environment => {
                events.extend(
                    self.environments.values().cloned().map(|found| Event::Environment(Box::new(found))),
                );
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
        events.push(Event::ListEnded(kind));
        events
    }
}
