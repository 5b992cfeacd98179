//! Waiting for a condition, with a bound and with what was seen last.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(50);

/// What one look at a condition found.
pub(crate) enum Seen<T> {
    /// The condition holds; the value it gave.
    Holds(T),
    /// It does not hold yet; what is seen instead, for the message should time run out.
    NotYet(String),
}

impl Seen<()> {
    /// Holds when `holds` is true; else what is seen is `otherwise`.
    pub(crate) fn when(holds: bool, otherwise: impl Into<String>) -> Self {
        if holds { Seen::Holds(()) } else { Seen::NotYet(otherwise.into()) }
    }
}

/// Looks until the condition holds, at most `bound` long. An error of `look` itself ends the waiting at once.
pub(crate) fn until<T>(what: &str, bound: Duration, mut look: impl FnMut() -> Result<Seen<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        match look()? {
            Seen::Holds(value) => return Ok(value),
            Seen::NotYet(seen) if start.elapsed() >= bound => {
                bail!("waited {} s until {what}; last seen: {seen}", bound.as_secs())
            }
            Seen::NotYet(_) => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_again_until_the_condition_holds() {
        let mut looks = 0;
        let value = until("three looks", Duration::from_secs(5), || {
            looks += 1;
            Ok(if looks == 3 { Seen::Holds(looks) } else { Seen::NotYet(String::new()) })
        });
        assert_eq!(value.unwrap(), 3);
    }

    #[test]
    fn says_what_was_seen_last_when_time_is_up() {
        let error = until("it rains", Duration::ZERO, || Ok(Seen::when(false, "sunshine"))).unwrap_err();
        assert_eq!(error.to_string(), "waited 0 s until it rains; last seen: sunshine");
    }

    #[test]
    fn an_error_ends_the_waiting() {
        let error = until::<()>("x", Duration::from_secs(60), || bail!("broken")).unwrap_err();
        assert_eq!(error.to_string(), "broken");
    }
}
