//! Sets of child indexes as intervals: 10,000 children in a few words, written `0-3,7`.

use std::fmt;

/// A set of indexes. Work is by the number of runs of neighbours, not by the number of indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Intervals {
    /// First and last index of each run, in order. Runs neither touch nor overlap. A slice: most sets have one run or none, and a
    /// job has seven.
    runs: Box<[(u32, u32)]>,
}

/// A text that is no set of indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIntervalsError(String);

impl fmt::Display for ParseIntervalsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "'{}' is no list of indexes: write them as 4,7-9", self.0)
    }
}

impl std::error::Error for ParseIntervalsError {}

impl Intervals {
    /// All indexes below `size`.
    pub fn below(size: u32) -> Intervals {
        let mut all = Intervals::default();
        if let Some(last) = size.checked_sub(1) {
            all.insert_run(0, last);
        }
        all
    }

    /// Reads `4,7-9`; blanks around commas are allowed, the empty text is the empty set.
    ///
    /// # Errors
    /// When a part is no number or a range runs backwards.
    pub fn parse(text: &str) -> Result<Intervals, ParseIntervalsError> {
        let mut runs = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.trim().parse(), last.trim().parse()) {
                (Ok(first), Ok(last)) if first <= last => insert(&mut runs, first, last),
                _ => return Err(ParseIntervalsError(part.to_owned())),
            }
        }
        Ok(Intervals { runs: runs.into() })
    }

    /// True when the set has no index.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many indexes the set has.
    pub fn count(&self) -> u32 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The lowest index.
    pub fn first(&self) -> Option<u32> {
        self.runs.first().map(|(first, _)| *first)
    }

    /// The highest index.
    pub fn last(&self) -> Option<u32> {
        self.runs.last().map(|(_, last)| *last)
    }

    /// True when `index` is in the set.
    pub fn contains(&self, index: u32) -> bool {
        self.runs.get(ended_before(&self.runs, index)).is_some_and(|(first, _)| *first <= index)
    }

    /// Adds one index.
    pub fn insert(&mut self, index: u32) {
        self.insert_run(index, index);
    }

    /// Adds `first..=last`.
    pub fn insert_run(&mut self, first: u32, last: u32) {
        self.change(|runs| insert(runs, first, last));
    }

    /// Takes one index out; true when it was in.
    pub fn remove(&mut self, index: u32) -> bool {
        let was_in = self.contains(index);
        if was_in {
            self.change(|runs| remove(runs, index, index));
        }
        was_in
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &Intervals) {
        if !other.is_empty() {
            self.change(|runs| other.runs().for_each(|(first, last)| insert(runs, first, last)));
        }
    }

    /// Takes all of `other` out.
    pub fn subtract(&mut self, other: &Intervals) {
        if !self.is_empty() && !other.is_empty() {
            self.change(|runs| other.runs().for_each(|(first, last)| remove(runs, first, last)));
        }
    }

    /// The indexes that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Intervals) -> Intervals {
        let mut missing = self.clone();
        missing.subtract(other);
        let mut common = self.clone();
        common.subtract(&missing);
        common
    }

    /// The runs of neighbouring indexes, in order: first and last of each.
    pub fn runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.runs.iter().copied()
    }

    /// Every index, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|(first, last)| *first..=*last)
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<(u32, u32)>)) {
        let mut runs = std::mem::take(&mut self.runs).into_vec();
        change(&mut runs);
        self.runs = runs.into_boxed_slice();
    }
}

/// How many runs end before `index`.
fn ended_before(runs: &[(u32, u32)], index: u32) -> usize {
    runs.partition_point(|(_, last)| *last < index)
}

/// How many runs begin at `index` or before it.
fn begun_by(runs: &[(u32, u32)], index: u32) -> usize {
    runs.partition_point(|(first, _)| *first <= index)
}

fn insert(runs: &mut Vec<(u32, u32)>, first: u32, last: u32) {
    // Those that overlap it or touch its ends become one with it.
    let place = ended_before(runs, first.saturating_sub(1))..begun_by(runs, last.saturating_add(1));
    let joined = runs.get(place.clone()).unwrap_or_default();
    let low = joined.first().map_or(first, |run| run.0.min(first));
    let high = joined.last().map_or(last, |run| run.1.max(last));
    runs.splice(place, [(low, high)]);
}

fn remove(runs: &mut Vec<(u32, u32)>, first: u32, last: u32) {
    let place = ended_before(runs, first)..begun_by(runs, last);
    let cut = runs.get(place.clone()).unwrap_or_default();
    let left = cut.first().filter(|run| run.0 < first).map(|run| (run.0, first - 1));
    let right = cut.last().filter(|run| run.1 > last).map(|run| (last + 1, run.1));
    runs.splice(place, left.into_iter().chain(right));
}

impl FromIterator<u32> for Intervals {
    fn from_iter<I: IntoIterator<Item = u32>>(indexes: I) -> Intervals {
        let mut runs = Vec::new();
        indexes.into_iter().for_each(|index| insert(&mut runs, index, index));
        Intervals { runs: runs.into() }
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (first, last)) in self.runs().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            if first == last {
                write!(formatter, "{comma}{first}")?;
            } else {
                write!(formatter, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn set(text: &str) -> Intervals {
        Intervals::parse(text).unwrap()
    }

    #[test]
    fn text_is_read_and_written() {
        for text in ["", "0", "0-3,7", "1,3,5-9999"] {
            assert_eq!(set(text).to_string(), text);
        }
        assert_eq!(set(" 3 , 1-2").to_string(), "1-3");
        for wrong in ["a", "3-1", "1-", "-", "1--2", "4294967296"] {
            assert!(Intervals::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn neighbours_join_and_holes_split() {
        let mut indexes = set("0-2,4-6");
        indexes.insert(3);
        assert_eq!(indexes.to_string(), "0-6");
        assert!(indexes.remove(3));
        assert!(!indexes.remove(3));
        assert_eq!(indexes.to_string(), "0-2,4-6");
        indexes.insert_run(1, 9);
        assert_eq!(indexes.to_string(), "0-9");
        indexes.subtract(&set("0,4-5,9-12"));
        assert_eq!(indexes.to_string(), "1-3,6-8");
        assert_eq!(indexes.intersection(&set("3-6")).to_string(), "3,6");
    }

    /// Against the obvious set of numbers, over many small random operations.
    #[test]
    fn behaves_as_a_set() {
        let mut seed: u64 = 7;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(seed >> 59).unwrap()
        };
        let mut intervals = Intervals::default();
        let mut model = BTreeSet::new();
        for _ in 0..5_000 {
            let (index, width) = (next(), next() / 8);
            match next() % 3 {
                0 => {
                    intervals.insert_run(index, index + width);
                    model.extend(index..=index + width);
                }
                1 => assert_eq!(intervals.remove(index), model.remove(&index)),
                _ => {
                    let gone: Intervals = (index..=index + width).collect();
                    intervals.subtract(&gone);
                    model.retain(|candidate| !gone.contains(*candidate));
                }
            }
            assert_eq!(intervals.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            assert_eq!(intervals.count() as usize, model.len());
            assert_eq!(intervals.contains(index), model.contains(&index));
        }
    }
}
