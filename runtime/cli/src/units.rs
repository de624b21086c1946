//! Times and sizes as people write them, in flags, in the configuration and in what is shown: `1h`,
//! `1min 30s`, `5ms`; `64 MiB`. One reader and one writer of each.

use bytesize::ByteSize;
use humantime::DurationError;
use std::num::ParseIntError;
use std::time::{Duration, UNIX_EPOCH};

/// Longest time that is taken, 100 years: one that is longer does not fit on the clocks to which it is added.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(100 * 31_557_600);

/// The time that `text` says, such as `500us`, `5ms`, `2s`, `1min 30s`; at most [`TIME_MAX`].
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(time) => not_too_long(time).ok_or_else(|| too_long(text)),
        Err(DurationError::NumberOverflow) => Err(too_long(text)),
        Err(_) => Err(format!(
            "`{text}` is no time: give a number and a unit, such as 500us, 5ms, 2s, 1min 30s, 1h"
        )),
    }
}

/// The time that `text` says as a whole number of seconds; at most [`TIME_MAX`].
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    number_of(text, Duration::from_secs)
}

/// The time that `text` says as a whole number of milliseconds; at most [`TIME_MAX`].
pub(crate) fn milliseconds(text: &str) -> Result<Duration, String> {
    number_of(text, Duration::from_millis)
}

fn number_of(text: &str, unit: fn(u64) -> Duration) -> Result<Duration, String> {
    let number = text
        .parse()
        .map_err(|error: ParseIntError| error.to_string());
    not_too_long(unit(number?)).ok_or_else(|| too_long(text))
}

fn not_too_long(time: Duration) -> Option<Duration> {
    Some(time).filter(|time| *time <= TIME_MAX)
}

fn too_long(text: &str) -> String {
    let most = shown_time(TIME_MAX);
    format!("`{text}` is longer than the longest time that is taken, {most}")
}

/// The number of bytes that `text` says, such as `64 MiB`, `10GiB`, `1000000`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let size = text.trim().parse().ok().map(|size: ByteSize| size.as_u64());
    // A number too large for the type arrives as the largest one.
    size.filter(|bytes| *bytes < u64::MAX).ok_or_else(|| {
        format!("`{text}` is no number of bytes: write such as 64MiB, 10GiB or 1000000")
    })
}

/// A time to the last unit, as [`time`] reads it.
pub(crate) fn shown_time(time: Duration) -> String {
    let text = humantime::format_duration(time).to_string();
    let words = text.split(' ').map(|word| match word.strip_suffix('m') {
        // A minute that nobody takes for a metre or a month.
        Some(number) => format!("{number}min"),
        None => word.replace("us", "µs"),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The latest moment that can be written with a year of four digits, in milliseconds since the Unix epoch.
const MOMENT_MS_MAX: u64 = 253_402_300_799_999;

/// A moment in milliseconds since the Unix epoch, as RFC 3339 writes it, to the second and in UTC; `None` if it is not
/// known, which is 0.
pub(crate) fn shown_moment(ms: u64) -> Option<String> {
    let is_known = (1..=MOMENT_MS_MAX).contains(&ms);
    let moment = UNIX_EPOCH.checked_add(Duration::from_millis(ms));
    let moment = moment.filter(|_| is_known)?;
    Some(humantime::format_rfc3339_seconds(moment).to_string())
}

/// A number of bytes in the unit that suits it, with one digit behind the point.
pub(crate) fn shown_bytes(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// So many things, of which one is called `one`.
pub(crate) fn counted(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    }
}

/// A time from `least` on, and not above `most` if there is one.
pub(crate) fn bounded(
    time: Duration,
    least: Duration,
    most: Option<Duration>,
) -> Result<Duration, String> {
    let wrong = match most {
        _ if time < least => format!("below the least, {}", shown_time(least)),
        Some(most) if time > most => format!("above the most, {}", shown_time(most)),
        _ => return Ok(time),
    };
    Err(format!("{} is {wrong}", shown_time(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        assert_eq!(time("500us"), Ok(Duration::from_micros(500)));
        assert_eq!(time("5 ms"), Ok(Duration::from_millis(5)));
        assert_eq!(time("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(time("1min"), Ok(Duration::from_secs(60)));
        assert_eq!(time("1min 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("1h"), Ok(Duration::from_secs(3600)));
        for wrong in ["", "5", "ms", "-1s", "18446744073709551615min"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_that_no_clock_can_count_to_is_refused_with_the_longest() {
        assert_eq!(time("100years"), Ok(TIME_MAX));
        assert_eq!(seconds("3155760000"), Ok(TIME_MAX));
        assert_eq!(milliseconds("7"), Ok(Duration::from_millis(7)));
        let most = u64::MAX;
        for told in [
            time("101years"),
            time(&format!("{most}s")),
            time(&format!("{most}min")),
            time("99999999999999999999s"),
            seconds(&most.to_string()),
            milliseconds(&most.to_string()),
        ] {
            let error = told.unwrap_err();
            assert!(
                error.ends_with("the longest time that is taken, 100years"),
                "{error}"
            );
        }
        assert!(seconds("5s").is_err() && seconds("-1").is_err());
    }

    #[test]
    fn one_thing_is_one() {
        let shown = [0, 1, 2].map(|count| counted(count, "file"));
        assert_eq!(shown, ["0 files", "1 file", "2 files"]);
    }

    #[test]
    fn bytes_are_written_with_a_unit_or_plain() {
        assert_eq!(bytes("12"), Ok(12));
        assert_eq!(bytes("2KiB"), Ok(2048));
        assert_eq!(bytes("3 GiB"), Ok(3 << 30));
        for wrong in ["", "GiB", "-1", "99999999999TiB", "5 apples"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for (shown, seconds) in [("1h 1min 30s", 3690), ("30s", 30), ("5min", 300)] {
            let lasts = Duration::from_secs(seconds);
            assert_eq!(shown_time(lasts), shown);
            assert_eq!(time(shown), Ok(lasts));
        }
        let short = Duration::from_micros(1_500);
        assert_eq!(shown_time(short), "1ms 500µs");
        assert_eq!(time(&shown_time(short)), Ok(short));
        for (shown, size) in [("1.5 MiB", 3 << 19), ("4.0 GiB", 4 << 30), ("12 B", 12)] {
            assert_eq!(shown_bytes(size), shown);
            assert_eq!(bytes(shown), Ok(size));
        }
    }

    #[test]
    fn a_moment_is_shown_in_utc_and_one_that_is_not_known_is_not() {
        let shown = |ms| shown_moment(ms).unwrap_or_default();
        assert_eq!(shown(1_790_000_000_999), "2026-09-21T14:13:20Z");
        assert_eq!(shown(MOMENT_MS_MAX), "9999-12-31T23:59:59Z");
        assert_eq!([0, MOMENT_MS_MAX + 1, u64::MAX].map(shown), ["", "", ""]);
    }

    #[test]
    fn a_time_outside_its_bounds_is_refused_with_the_bound() {
        let ms = Duration::from_millis;
        assert_eq!(bounded(ms(5), ms(5), Some(ms(5))), Ok(ms(5)));
        assert_eq!(bounded(ms(7), ms(5), None), Ok(ms(7)));
        let low = bounded(ms(4), ms(5), None).unwrap_err();
        assert_eq!(low, "4ms is below the least, 5ms");
        let high = bounded(
            Duration::from_secs(600),
            ms(5),
            Some(Duration::from_secs(300)),
        );
        assert_eq!(high.unwrap_err(), "10min is above the most, 5min");
    }
}
