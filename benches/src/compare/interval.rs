//! [`Interval`]: the bootstrap interval of a median.

use crate::Spread;
use crate::random::Random;
use serde::Serialize;

/// Samples that are drawn anew.
const RESAMPLES: usize = 10_000;

/// A median and the interval in which 95 % of the medians of samples drawn anew lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The median.
    pub median: f64,
    /// 2.5 % are below.
    pub low: f64,
    /// 2.5 % are above.
    pub high: f64,
}

impl Interval {
    /// Of the median of `values`; all zero if there are none.
    pub(super) fn of(values: &[f64], random: &mut Random) -> Self {
        if values.is_empty() {
            return Self {
                median: 0.0,
                low: 0.0,
                high: 0.0,
            };
        }
        let mut medians: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let drawn = values.iter().map(|_| values[random.below(values.len())]);
                Spread::of(drawn).p50
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        Self {
            median: Spread::of(values.iter().copied()).p50,
            low: medians[RESAMPLES * 25 / 1_000],
            high: medians[RESAMPLES * 975 / 1_000],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_median_and_gets_narrower_with_more_values() {
        let mut random = Random::new(1);
        let mut sample = |count| -> Vec<f64> {
            let mut noise = || (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
            (0..count).map(|_| 0.9 + 0.2 * noise()).collect()
        };
        let (few, many) = (sample(9), sample(90));
        let mut random = Random::new(2);
        let few = Interval::of(&few, &mut random);
        let many = Interval::of(&many, &mut random);
        for interval in [few, many] {
            assert!(interval.low <= interval.median && interval.median <= interval.high);
        }
        assert!(many.high - many.low < few.high - few.low);
        assert!((many.median - 1.0).abs() < 0.05, "{many:?}");
        let same = Interval::of(&[2.0; 5], &mut random);
        assert_eq!((same.low, same.median, same.high), (2.0, 2.0, 2.0));
    }
}
