//! Times as they are typed: a number and its unit.

use std::time::Duration;

/// The units, the longer names first where one ends with another.
const UNITS: [(&str, u64); 5] = [
    ("us", 1),
    ("µs", 1),
    ("ms", 1_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
];

/// The time that `text` says, such as `500us`, `5ms`, `2s`, `1min`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: give a number and a unit, such as 500us, 5ms, 2s");
    let split = UNITS
        .iter()
        .find_map(|(unit, micros)| Some((text.strip_suffix(unit)?, *micros)));
    let (number, micros) = split.ok_or_else(wrong)?;
    let number: u64 = number.trim_end().parse().map_err(|_| wrong())?;
    let micros = number.checked_mul(micros).ok_or_else(wrong)?;
    Ok(Duration::from_micros(micros))
}

/// A time from `least` on, and not above `most` if there is one.
pub(crate) fn bounded(
    time: Duration,
    least: Duration,
    most: Option<Duration>,
) -> Result<Duration, String> {
    let wrong = match most {
        _ if time < least => format!("below the least, {} ms", least.as_millis()),
        Some(most) if time > most => format!("above the most, {} ms", most.as_millis()),
        _ => return Ok(time),
    };
    Err(format!("{} ms is {wrong}", time.as_millis()))
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
        for wrong in ["5", "ms", "-1s", "1h", "18446744073709551615min"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_outside_its_bounds_is_refused_with_the_bound() {
        let ms = Duration::from_millis;
        assert_eq!(bounded(ms(5), ms(5), Some(ms(5))), Ok(ms(5)));
        assert_eq!(bounded(ms(7), ms(5), None), Ok(ms(7)));
        let low = bounded(ms(4), ms(5), None).unwrap_err();
        assert_eq!(low, "4 ms is below the least, 5 ms");
        let high = bounded(ms(6), ms(5), Some(ms(5))).unwrap_err();
        assert_eq!(high, "6 ms is above the most, 5 ms");
    }
}
