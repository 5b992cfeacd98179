//! Sets of child indexes as intervals: 10,000 children in a few words, written `0-3,7`.

use std::collections::BTreeMap;
use std::fmt;

/// A set of indexes. Work is by the number of runs of neighbours, not by the number of indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Intervals {
    /// First index of a run → its last index. Runs neither touch nor overlap.
    runs: BTreeMap<u32, u32>,
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
            all.runs.insert(0, last);
        }
        all
    }

    /// Reads `4,7-9`; blanks around commas are allowed, the empty text is the empty set.
    ///
    /// # Errors
    /// When a part is no number or a range runs backwards.
    pub fn parse(text: &str) -> Result<Intervals, ParseIntervalsError> {
        let mut set = Intervals::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (first.trim().parse(), last.trim().parse()) {
                (Ok(first), Ok(last)) if first <= last => set.insert_run(first, last),
                _ => return Err(ParseIntervalsError(part.to_owned())),
            }
        }
        Ok(set)
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
        self.runs.first_key_value().map(|(first, _)| *first)
    }

    /// The highest index.
    pub fn last(&self) -> Option<u32> {
        self.runs.last_key_value().map(|(_, last)| *last)
    }

    /// True when `index` is in the set.
    pub fn contains(&self, index: u32) -> bool {
        self.runs.range(..=index).next_back().is_some_and(|(_, last)| *last >= index)
    }

    /// Adds one index.
    pub fn insert(&mut self, index: u32) {
        self.insert_run(index, index);
    }

    /// Adds `first..=last`.
    pub fn insert_run(&mut self, first: u32, last: u32) {
        let mut first = first;
        let mut last = last;
        while let Some((run_first, run_last)) = self.run_touching(first, last) {
            self.runs.remove(&run_first);
            first = first.min(run_first);
            last = last.max(run_last);
        }
        self.runs.insert(first, last);
    }

    /// Takes one index out; true when it was in.
    pub fn remove(&mut self, index: u32) -> bool {
        let Some((&first, &last)) = self.runs.range(..=index).next_back() else { return false };
        if last < index {
            return false;
        }
        self.runs.remove(&first);
        if first < index {
            self.runs.insert(first, index - 1);
        }
        if index < last {
            self.runs.insert(index + 1, last);
        }
        true
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &Intervals) {
        for (first, last) in other.runs() {
            self.insert_run(first, last);
        }
    }

    /// Takes all of `other` out.
    pub fn subtract(&mut self, other: &Intervals) {
        for (first, last) in other.runs() {
            while let Some((run_first, run_last)) = self.run_overlapping(first, last) {
                self.runs.remove(&run_first);
                if run_first < first {
                    self.runs.insert(run_first, first - 1);
                }
                if run_last > last {
                    self.runs.insert(last + 1, run_last);
                }
            }
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
        self.runs.iter().map(|(first, last)| (*first, *last))
    }

    /// Every index, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// A run that overlaps `first..=last` or touches its ends.
    fn run_touching(&self, first: u32, last: u32) -> Option<(u32, u32)> {
        self.run_overlapping(first.saturating_sub(1), last.saturating_add(1))
    }

    fn run_overlapping(&self, first: u32, last: u32) -> Option<(u32, u32)> {
        let (&run_first, &run_last) = self.runs.range(..=last).next_back()?;
        (run_last >= first).then_some((run_first, run_last))
    }
}

impl FromIterator<u32> for Intervals {
    fn from_iter<I: IntoIterator<Item = u32>>(indexes: I) -> Intervals {
        let mut set = Intervals::default();
        for index in indexes {
            set.insert(index);
        }
        set
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
