//! Time as data: the core has no clock, every `now` is an argument.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::Add;
use std::time::Duration;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Kept as the number of milliseconds since a moment that never is, so that `Option<Time>` takes no more room: a job has ten.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(NonZeroU64);

/// The sign bit: without it the order of numbers with a sign is that of numbers without one.
const SIGN: u64 = 1 << 63;

impl Time {
    /// The earliest moment the core knows.
    pub const ZERO: Time = Time::from_millis(0);

    /// The latest moment the core knows.
    pub const MAX: Time = Time::from_millis(i64::MAX);

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Time {
        match NonZeroU64::new(millis.cast_unsigned() ^ SIGN) {
            Some(since) => Time(since),
            None => Time(NonZeroU64::MIN),
        }
    }

    /// From whole seconds since the epoch, the precision of Kubernetes' own timestamps.
    pub const fn from_seconds(seconds: i64) -> Time {
        Time::from_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        (self.0.get() ^ SIGN).cast_signed()
    }

    /// This moment cut to whole seconds, as the API stores it.
    pub const fn to_second(self) -> Time {
        Time::from_seconds(self.as_millis().div_euclid(1000))
    }

    /// The time of day in UTC, as `14:05:09 UTC`.
    pub fn as_clock(self) -> String {
        let seconds = self.as_millis().div_euclid(1000).rem_euclid(24 * 3600);
        format!("{:02}:{:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(
            u64::try_from(self.as_millis().saturating_sub(earlier.as_millis())).unwrap_or(0),
        )
    }

    /// The moment `duration` earlier.
    pub fn before(self, duration: Duration) -> Time {
        Time::from_millis(self.as_millis().saturating_sub(millis(duration)))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        Time::from_millis(self.as_millis().saturating_add(millis(duration)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.as_millis();
        write!(formatter, "{}.{:03}s", millis.div_euclid(1000), millis.rem_euclid(1000))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Default for Time {
    fn default() -> Time {
        Time::ZERO
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_the_milliseconds_and_an_option_takes_no_more_room() {
        let moments = [i64::MIN + 1, -1, 0, 1, i64::MAX].map(Time::from_millis);
        assert!(moments.is_sorted());
        assert_eq!(moments.map(Time::as_millis), [i64::MIN + 1, -1, 0, 1, i64::MAX]);
        assert_eq!(size_of::<Option<Time>>(), size_of::<Time>());
    }

    #[test]
    fn arithmetic_saturates_and_never_goes_negative() {
        let noon = Time::from_seconds(43_200);
        assert_eq!(noon + Duration::from_secs(60), Time::from_seconds(43_260));
        assert_eq!(noon.since(noon + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!(Time::from_millis(i64::MAX) + Duration::MAX, Time::from_millis(i64::MAX));
        assert_eq!(Time::from_millis(1_999).to_second(), Time::from_seconds(1));
    }
}
