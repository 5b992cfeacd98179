//! Fingerprints of what is written, so that a status is written only when its meaning changed and need not be kept.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A fingerprint, the same in every run: `DefaultHasher::new()` has fixed keys.
pub(crate) fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
