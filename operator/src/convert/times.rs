//! Times: RFC 3339 in the API, milliseconds in the core.

use jiff::Timestamp;
use windlass_core::time::Time;

/// Reads RFC 3339; `None` when the text is none.
pub fn time(text: &str) -> Option<Time> {
    text.parse::<Timestamp>().ok().map(|timestamp| Time::from_millis(timestamp.as_millisecond()))
}

/// Writes RFC 3339 in UTC, whole seconds, as Kubernetes does.
pub fn timestamp(time: Time) -> String {
    let seconds = time.as_millis().div_euclid(1000);
    Timestamp::from_second(seconds)
        .map_or_else(|_| Timestamp::UNIX_EPOCH.to_string(), |timestamp| timestamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let noon = Time::from_seconds(1_795_435_620);
        assert_eq!(timestamp(noon), "2026-11-23T12:07:00Z");
        assert_eq!(time(&timestamp(noon)), Some(noon));
        assert_eq!(time("2026-11-23T12:07:00.250000Z"), Some(Time::from_millis(1_795_435_620_250)));
        assert_eq!(time("yesterday"), None);
    }
}
