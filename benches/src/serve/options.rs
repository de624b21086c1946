//! [`ServeOptions`]: what to measure.

use crate::BenchError;
use crate::options::within;
use serde::Serialize;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// Connections of one load: the node keeps places for others beside them.
const CONNECTIONS: RangeInclusive<f64> = 1.0..=960.0;

/// Counts of connections in one run.
const COUNTS_MAX: usize = 16;

/// Seconds of one window.
const SECONDS: RangeInclusive<f64> = 0.05..=600.0;

/// Requests a second.
const RATE_HZ: RangeInclusive<f64> = 1.0..=1_000_000.0;

/// Pairs of windows.
const PAIRS: RangeInclusive<f64> = 1.0..=1_000.0;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Counts of connections for single puts. All else is measured with the middle one.
    pub connections: Vec<u32>,
    /// Length of each window, in seconds.
    pub seconds: f64,
    /// Requests a second of all open loops; found by a ramp if absent.
    pub rate_hz: Option<u32>,
    /// Pairs of windows: with a swap and without; with keys and without.
    pub pairs: u32,
    /// Fixes which of a pair comes first.
    pub seed: u64,
    /// Where the node keeps its blocks in all windows but those that compare.
    pub store: ServeStore,
}

/// Where a node keeps its blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServeStore {
    /// In memory.
    #[default]
    Memory,
    /// In its data folder: an answer waits for the disk.
    Redb,
}

/// A word that names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no store; give memory or redb")]
pub struct ServeStoreError {
    /// The name as given.
    pub name: String,
}

impl FromStr for ServeStore {
    type Err = ServeStoreError;

    fn from_str(name: &str) -> Result<Self, ServeStoreError> {
        let mut all = [Self::Memory, Self::Redb].into_iter();
        all.find(|store| store.to_string() == name)
            .ok_or_else(|| ServeStoreError {
                name: name.to_owned(),
            })
    }
}

impl fmt::Display for ServeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Memory => "memory",
            Self::Redb => "redb",
        })
    }
}

impl Default for ServeOptions {
    /// 64, 256 and 900 connections, windows of 2 s, rates from the ramp, 5 pairs.
    fn default() -> Self {
        Self {
            connections: vec![64, 256, 900],
            seconds: 2.0,
            rate_hz: None,
            pairs: 5,
            seed: 1,
            store: ServeStore::Memory,
        }
    }
}

impl ServeOptions {
    /// Checks the ranges; `run` calls it first.
    ///
    /// # Errors
    /// [`BenchError::Option`].
    pub fn check(&self) -> Result<(), BenchError> {
        if self.connections.is_empty() || self.connections.len() > COUNTS_MAX {
            return Err(BenchError::Option {
                option: "connections",
                value: format!("{} values", self.connections.len()),
                range: format!("1 to {COUNTS_MAX} values"),
            });
        }
        for count in &self.connections {
            within("connections", f64::from(*count), CONNECTIONS)?;
        }
        within("seconds", self.seconds, SECONDS)?;
        if let Some(rate_hz) = self.rate_hz {
            within("rate", f64::from(rate_hz), RATE_HZ)?;
        }
        within("pairs", f64::from(self.pairs), PAIRS)
    }

    pub(super) fn window(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// The count that all but the ramp is measured with.
    pub(super) fn middle(&self) -> usize {
        let mut counts = self.connections.clone();
        counts.sort_unstable();
        counts
            .get(counts.len() / 2)
            .map_or(1, |count| *count as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_out_of_range_is_refused_with_its_range() {
        let fault = |change: fn(&mut ServeOptions)| {
            let mut options = ServeOptions::default();
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert_eq!(
            fault(|o| o.connections = vec![64, 961]),
            "connections is 961; give 1 to 960"
        );
        assert_eq!(
            fault(|o| o.connections.clear()),
            "connections is 0 values; give 1 to 16 values"
        );
        assert_eq!(
            fault(|o| o.seconds = f64::NAN),
            "seconds is NaN; give 0.05 to 600"
        );
        assert_eq!(fault(|o| o.pairs = 0), "pairs is 0; give 1 to 1000");
        assert_eq!(
            fault(|o| o.rate_hz = Some(0)),
            "rate is 0; give 1 to 1000000"
        );
        ServeOptions::default().check().unwrap();
    }

    #[test]
    fn the_middle_count_does_not_depend_on_the_order() {
        let options = ServeOptions {
            connections: vec![900, 64, 256],
            ..ServeOptions::default()
        };
        assert_eq!(options.middle(), 256);
    }
}
