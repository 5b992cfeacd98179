//! Node classes that were made for environments.

use super::machines::name_of_what_is_made;
use crate::ids::{Name, Uid};
use crate::objects::{ObservedEnvironment, ObservedNodeClass};
use std::collections::BTreeMap;

/// All node classes, by identity.
#[derive(Debug, Default)]
pub(crate) struct NodeClasses {
    classes: BTreeMap<Uid, ObservedNodeClass>,
}

impl NodeClasses {
    /// Takes a node class in; false when that is no news.
    pub(crate) fn put(&mut self, class: ObservedNodeClass) -> bool {
        let known = self.classes.get(&class.uid);
        if known.is_some_and(|known| known.resource_version >= class.resource_version) {
            return false;
        }
        self.classes.insert(class.uid, class);
        true
    }

    /// Forgets a node class that is gone.
    pub(crate) fn remove(&mut self, uid: Uid) -> Option<ObservedNodeClass> {
        self.classes.remove(&uid)
    }

    /// Their identities.
    pub(crate) fn uids(&self) -> Vec<Uid> {
        self.classes.keys().copied().collect()
    }

    /// The node class of an environment: of several that had its name, one after the other, the latest.
    pub(crate) fn of(&self, environment: &ObservedEnvironment) -> Option<&ObservedNodeClass> {
        let its = self.classes.values().filter(|class| class.environment == environment.uid);
        its.filter(|class| class.name == NodeClasses::name(environment))
            .max_by_key(|class| class.resource_version)
    }

    /// The name of the node class of an environment.
    pub(crate) fn name(environment: &ObservedEnvironment) -> Name {
        name_of_what_is_made(&environment.name, environment.uid)
    }
}
