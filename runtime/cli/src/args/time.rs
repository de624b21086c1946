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
}
