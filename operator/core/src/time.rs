//! Time as data: the core has no clock, every `now` is an argument.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The earliest moment the core knows.
    pub const ZERO: Time = Time(0);

    /// The latest moment the core knows.
    pub const MAX: Time = Time(i64::MAX);

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Time {
        Time(millis)
    }

    /// From whole seconds since the epoch, the precision of Kubernetes' own timestamps.
    pub const fn from_seconds(seconds: i64) -> Time {
        Time(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment cut to whole seconds, as the API stores it.
    pub const fn to_second(self) -> Time {
        Time(self.0.div_euclid(1000) * 1000)
    }

    /// The time of day in UTC, as `14:05:09 UTC`.
    pub fn as_clock(self) -> String {
        let seconds = self.0.div_euclid(1000).rem_euclid(24 * 3600);
        format!("{:02}:{:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment `duration` earlier.
    pub fn before(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(millis(duration)))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(millis(duration)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:03}s", self.0.div_euclid(1000), self.0.rem_euclid(1000))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_and_never_goes_negative() {
        let noon = Time::from_seconds(43_200);
        assert_eq!(noon + Duration::from_secs(60), Time::from_seconds(43_260));
        assert_eq!(noon.since(noon + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!(Time::from_millis(i64::MAX) + Duration::MAX, Time::from_millis(i64::MAX));
        assert_eq!(Time::from_millis(1_999).to_second(), Time::from_seconds(1));
    }
}
