//! "Not set", as AWS writes it.
//!
//! The skeletons that AWS's tools print are full of empty strings, zeros and lists with one empty element,
//! and people fill in what they need and leave the rest. So these decode as if the field were absent. A value
//! keeps its meaning where an empty one has any: an argument among others, a parameter, the value of a named
//! environment variable, and numbers such as a priority, which use no helper of this file.
//!
//! The same is said in CEL by `blank.rs`; a test holds the two against each other.

use std::collections::BTreeMap;

use serde::de::value::StringDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer};

/// Tells a value that was set from one that a skeleton printed.
pub(crate) trait Blank: Default + PartialEq {
    /// Whether the value says nothing. By default: it is what an empty object decodes to.
    fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

impl Blank for String {}
impl Blank for i32 {}
impl Blank for f64 {}

/// Decodes a field of which a blank value means that it is not set.
pub(crate) fn option<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Blank + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.filter(|value| !value.is_blank()))
}

/// Decodes a list without its blank elements.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Blank + Deserialize<'de>,
{
    let mut elements = Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default();
    elements.retain(|element| !element.is_blank());
    Ok(elements)
}

/// Decodes a command: not set when all its words are empty, otherwise every word counts, empty ones too.
pub(crate) fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let words = Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(if words.iter().all(String::is_empty) { Vec::new() } else { words })
}

/// The key that AWS's skeletons print into every map.
pub(crate) const SKELETON_KEY: &str = "KeyName";

/// Decodes tags without the pair that skeletons print, `KeyName` with an empty value.
pub(crate) fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut tags = Option::<BTreeMap<String, String>>::deserialize(deserializer)?.unwrap_or_default();
    tags.retain(|key, value| key != SKELETON_KEY || !value.is_empty());
    Ok(tags)
}

/// Decodes one of a set of words; the empty word means that none was chosen.
pub(crate) fn choice<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<String>::deserialize(deserializer)?.filter(|word| !word.is_empty()).map(decode).transpose()
}

/// Decodes one of a set of words; the empty word means the default.
pub(crate) fn choice_or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(choice(deserializer)?.unwrap_or_default())
}

/// Decodes a list of words of a set, without the empty ones.
pub(crate) fn choices<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let words = Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default();
    words.into_iter().filter(|word| !word.is_empty()).map(decode).collect()
}

fn decode<'de, T: Deserialize<'de>, E: Error>(word: String) -> Result<T, E> {
    let word: StringDeserializer<E> = word.into_deserializer();
    T::deserialize(word)
}
