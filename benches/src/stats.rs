//! [`Spread`]: a median with what lies around it.

use serde::Serialize;

/// Five numbers of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// A quarter is below.
    pub q1: f64,
    /// The median.
    pub p50: f64,
    /// A quarter is above.
    pub q3: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of these values; all zero if there are none. Between two values it interpolates.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |part: f64| quantile(&values, part);
        Self {
            min: at(0.0),
            q1: at(0.25),
            p50: at(0.5),
            q3: at(0.75),
            max: at(1.0),
        }
    }

    /// The middle half's width.
    pub fn iqr(&self) -> f64 {
        self.q3 - self.q1
    }
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = part * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let weight = place - below as f64;
    sorted[below] * (1.0 - weight) + sorted[above] * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_quartiles_are_those_of_the_textbook() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0, 5.0]);
        assert_eq!(
            spread,
            Spread {
                min: 1.0,
                q1: 2.0,
                p50: 3.0,
                q3: 4.0,
                max: 5.0
            }
        );
        assert!((spread.iqr() - 2.0).abs() < 1e-9);
        assert!((Spread::of([1.0, 2.0]).p50 - 1.5).abs() < 1e-9);
        assert_eq!(Spread::of([]), Spread::default());
    }
}
