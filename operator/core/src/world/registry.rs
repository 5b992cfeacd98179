//! Objects that others refer to by name: queues, environments, definitions.

use crate::ids::{Name, ObjectKey, Uid};
use crate::reference::Reference;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// What the registry needs to know of an object.
pub(crate) trait Registered {
    /// Namespace and name.
    fn key(&self) -> ObjectKey;
    /// Identity.
    fn uid(&self) -> Uid;
    /// The AWS name.
    fn aws_name(&self) -> Option<&Name>;
    /// When it was applied first: of two that claim one AWS name the older keeps it.
    fn created_at(&self) -> Time;
}

/// Objects of one kind by identity, name and AWS name.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    objects: BTreeMap<Uid, T>,
    names: BTreeMap<ObjectKey, Uid>,
    aws_names: BTreeMap<ObjectKey, BTreeSet<(Time, Uid)>>,
}

impl<T> Default for Registry<T> {
    fn default() -> Registry<T> {
        Registry { objects: BTreeMap::new(), names: BTreeMap::new(), aws_names: BTreeMap::new() }
    }
}

impl<T: Registered> Registry<T> {
    /// The object of this identity.
    pub(crate) fn get(&self, uid: Uid) -> Option<&T> {
        self.objects.get(&uid)
    }

    /// The object of this identity, to change what is not in its registration.
    pub(crate) fn get_mut(&mut self, uid: Uid) -> Option<&mut T> {
        self.objects.get_mut(&uid)
    }

    /// All objects, by identity.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.objects.values()
    }

    /// All identities.
    pub(crate) fn uids(&self) -> Vec<Uid> {
        self.objects.keys().copied().collect()
    }

    /// The object of this name.
    pub(crate) fn named(&self, key: &ObjectKey) -> Option<&T> {
        self.objects.get(self.names.get(key)?)
    }

    /// Finds what `reference` names in `namespace`: by name first, then by AWS name.
    pub(crate) fn find(&self, namespace: &Name, reference: &Reference) -> Option<&T> {
        let key = ObjectKey { namespace: namespace.clone(), name: reference.name.clone() };
        let uid = self.names.get(&key).copied().or_else(|| self.owner_of_aws_name(&key))?;
        self.objects.get(&uid)
    }

    /// The older object that keeps this object's AWS name from it.
    pub(crate) fn rival(&self, object: &T) -> Option<&T> {
        let key = aws_key(object)?;
        let owner = self.owner_of_aws_name(&key)?;
        (owner != object.uid()).then(|| self.objects.get(&owner)).flatten()
    }

    /// Takes `object` in, in place of an earlier version of it or of another object of that name.
    pub(crate) fn put(&mut self, object: T) {
        let uid = object.uid();
        let before = self.names.get(&object.key()).copied();
        for stale in before.into_iter().chain([uid]) {
            self.remove(stale);
        }
        self.names.insert(object.key(), uid);
        if let Some(key) = aws_key(&object) {
            self.aws_names.entry(key).or_default().insert((object.created_at(), uid));
        }
        self.objects.insert(uid, object);
    }

    /// Takes the object of this identity out.
    pub(crate) fn remove(&mut self, uid: Uid) -> Option<T> {
        let object = self.objects.remove(&uid)?;
        self.names.remove(&object.key());
        if let Some(key) = aws_key(&object)
            && let Some(claimants) = self.aws_names.get_mut(&key)
        {
            claimants.remove(&(object.created_at(), uid));
            if claimants.is_empty() {
                self.aws_names.remove(&key);
            }
        }
        Some(object)
    }

    fn owner_of_aws_name(&self, key: &ObjectKey) -> Option<Uid> {
        self.aws_names.get(key)?.first().map(|(_, uid)| *uid)
    }
}

fn aws_key<T: Registered>(object: &T) -> Option<ObjectKey> {
    let name = object.aws_name()?.clone();
    Some(ObjectKey { namespace: object.key().namespace, name })
}
