//! Node classes of environments, as the API server has them.

use super::Store;
use super::rules::conflict;
use windlass_core::action::{Guard, NodeClassOrder, Outcome, Refusal};
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::objects::{ObservedNodeClass, Readiness};

impl Store {
    /// Stores a node class.
    pub fn put_node_class(&mut self, mut class: ObservedNodeClass) {
        class.resource_version = self.next_version();
        self.tell(Kind::NodeClass, Event::NodeClass(Box::new(class.clone())));
        self.node_classes.insert(class.name.clone(), class);
    }

    /// Removes a node class.
    pub fn remove_node_class(&mut self, name: &Name) {
        if let Some(class) = self.node_classes.remove(name) {
            self.revision += 1;
            self.tell(Kind::NodeClass, Event::NodeClassGone(class.uid));
        }
    }

    /// The node class of an environment.
    pub fn node_class_of(&self, environment: Uid) -> Option<&ObservedNodeClass> {
        self.node_classes.values().find(|class| class.environment == environment)
    }

    /// Makes a node class, or replaces what one says in the version that was seen; Karpenter has to look at it then.
    pub(super) fn write_node_class(&mut self, order: NodeClassOrder) -> Outcome {
        if let Some(words) = &self.machine_refusal {
            return Outcome::Refused(Refusal::Other, words.clone());
        }
        let known = self.node_classes.get(&order.name).cloned();
        let class = match (known, order.replaces) {
            (Some(known), None) => return Outcome::NodeClass(Box::new(known)),
            (None, Some(_)) => return Outcome::NotFound,
            (Some(known), Some((uid, resource_version))) => {
                let key = ObjectKey::new("", order.name.clone());
                let guard = Guard { key, uid, resource_version };
                if let Some(refused) = conflict(&guard, known.uid, known.resource_version) {
                    return refused;
                }
                known
            }
            (None, None) => ObservedNodeClass {
                name: order.name.clone(),
                uid: self.next_uid(),
                resource_version: ResourceVersion(0),
                environment: order.environment_uid,
                environment_generation: 0,
                digest: Name::default(),
                readiness: Readiness::Unknown,
                deleting: false,
            },
        };
        let class = ObservedNodeClass {
            environment_generation: order.environment_generation,
            digest: order.content.digest,
            readiness: Readiness::Unknown,
            ..class
        };
        self.put_node_class(class);
        let made = self.node_classes.get(&order.name);
        made.map_or(Outcome::NotFound, |made| Outcome::NodeClass(Box::new(made.clone())))
    }
}
