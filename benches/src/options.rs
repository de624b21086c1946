//! Whether an option is within its range.

use crate::BenchError;
use std::ops::RangeInclusive;

/// Refuses a value that is not, and says the range.
pub(crate) fn within(
    option: &'static str,
    value: f64,
    range: RangeInclusive<f64>,
) -> Result<(), BenchError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(BenchError::Option {
        option,
        value: value.to_string(),
        range: format!("{} to {}", range.start(), range.end()),
    })
}
