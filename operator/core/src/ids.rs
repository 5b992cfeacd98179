//! Names and identities of API objects.

use std::fmt;
use std::sync::Arc;

/// A name or another short text that many objects share; cloning is cheap.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the empty name, which stands for "none" (the namespace of a cluster-scoped object).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name(Arc::from(text))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name(Arc::from(text))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

/// The identity of an object, never used twice: a UUID, as the API server gives it. A Job's is its job ID.
///
/// As bytes, not as one number: a number of 16 bytes would have every struct with one padded to a multiple of that.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid([u8; 16]);

impl Uid {
    /// Reads `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`; `None` when the text is not a UUID.
    pub fn parse(text: &str) -> Option<Uid> {
        let hyphens_right = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| (byte == b'-') == HYPHENS.contains(&at));
        if !hyphens_right {
            return None;
        }
        let mut value: u128 = 0;
        for digit in text.bytes().filter(|byte| *byte != b'-') {
            value = (value << 4) | u128::from(char::from(digit).to_digit(16)?);
        }
        Some(Uid::from_u128(value))
    }

    /// From a number: how the simulator makes identities.
    pub const fn from_u128(value: u128) -> Uid {
        Uid(value.to_be_bytes())
    }

    /// The first eight digits, as they appear in the names of a job's pods.
    pub fn prefix(self) -> String {
        format!("{:08x}", u128::from_be_bytes(self.0) >> 96)
    }
}

const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl fmt::Display for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = u128::from_be_bytes(self.0);
        write!(
            formatter,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            value >> 96,
            (value >> 80) & 0xffff,
            (value >> 64) & 0xffff,
            (value >> 48) & 0xffff,
            value & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Where an object is found: its namespace (empty for cluster-scoped kinds) and name. Names are used again, see [`Uid`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The namespace; empty for a cluster-scoped object.
    pub namespace: Name,
    /// `metadata.name`.
    pub name: Name,
}

impl ObjectKey {
    /// The key of a namespaced object.
    pub fn new(namespace: impl Into<Name>, name: impl Into<Name>) -> ObjectKey {
        ObjectKey { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(formatter, "{}", self.name)
        } else {
            write!(formatter, "{}/{}", self.namespace, self.name)
        }
    }
}

/// The version of an object. Versions of one kind can be compared (KEP-5504, stable in Kubernetes 1.35).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceVersion(pub u64);

/// Identifies an action until its outcome is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_reads_what_it_writes() {
        let text = "1a2b3c4d-0001-4fff-8aaa-00000000beef";
        let uid = Uid::parse(text).unwrap();
        assert_eq!(uid.to_string(), text);
        assert_eq!(uid.prefix(), "1a2b3c4d");
    }

    #[test]
    fn uid_refuses_what_is_no_uuid() {
        for text in
            ["", "1a2b3c4d", "1a2b3c4d00014fff8aaa00000000beef----", "1a2b3c4d-0001-4fff-8aaa-00000000beeg"]
        {
            assert_eq!(Uid::parse(text), None, "{text}");
        }
    }
}
