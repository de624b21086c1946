//! [`SwapOptions`]: what to measure, and which cells come of it.

use super::{BenchClass, SkippedCell};
use crate::BenchError;
use refit_kernel::limits::WORKERS_MAX;
use serde::Serialize;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Entries of all engines together above which a cell is measured only on request.
pub const CELL_ENTRIES_MAX: u64 = 10_000_000;

/// Engines of one cell.
pub const ENGINES_MAX: u64 = 1_000_000;

/// Entries of one engine.
const ENTRIES_MAX: u64 = 1_000_000_000;

/// Repetitions of one run.
pub const REPETITIONS_MAX: u32 = 1_000;

/// Messages a second of the load.
pub const RATE_HZ_MAX: u32 = 10_000;

/// Values on one axis.
const AXIS_VALUES_MAX: usize = 64;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct SwapOptions {
    /// Numbers of engines.
    pub engines: Vec<u64>,
    /// Numbers of entries in each engine.
    pub entries: Vec<u64>,
    /// How the states cross.
    pub classes: Vec<BenchClass>,
    /// How often each cell is measured.
    pub repetitions: u32,
    /// Worker threads of a crew.
    pub workers: usize,
    /// Messages a second that the load sends, on a schedule fixed beforehand.
    pub rate_hz: u32,
    /// Fixes the order of the cells.
    pub seed: u64,
    /// The folder of the files.
    pub out: PathBuf,
    /// Measures cells above [`CELL_ENTRIES_MAX`] too.
    pub large: bool,
}

/// One combination that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cell {
    /// Number of engines.
    pub engines: u64,
    /// Entries in each.
    pub entries: u64,
    /// How they cross.
    pub class: BenchClass,
}

/// The combinations of the options' lists.
pub(super) struct Cells {
    /// To measure.
    pub(super) cells: Vec<Cell>,
    pub(super) skipped: Vec<SkippedCell>,
}

impl SwapOptions {
    /// The smallest useful run, into `out`: 1, 1,000 and 100,000 engines of 10 entries, all classes.
    pub fn new(out: impl Into<PathBuf>) -> Self {
        Self {
            engines: vec![1, 1_000, 100_000],
            entries: vec![10],
            classes: BenchClass::ALL.to_vec(),
            repetitions: 11,
            workers: std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(WORKERS_MAX),
            rate_hz: 1_000,
            seed: 1,
            out: out.into(),
            large: false,
        }
    }

    pub(super) fn check(&self) -> Result<(), BenchError> {
        axis("engines", self.engines.iter().copied(), 1..=ENGINES_MAX)?;
        axis("entries", self.entries.iter().copied(), 0..=ENTRIES_MAX)?;
        axis(
            "class",
            self.classes.iter().map(|class| *class as u64),
            0..=3,
        )?;
        within(
            "repetitions",
            u64::from(self.repetitions),
            1..=u64::from(REPETITIONS_MAX),
        )?;
        within("workers", self.workers as u64, 1..=WORKERS_MAX as u64)?;
        within("rate", u64::from(self.rate_hz), 1..=u64::from(RATE_HZ_MAX))
    }

    /// The cells: each combination once, in order.
    pub(super) fn cells(&self) -> Cells {
        let (mut cells, mut skipped) = (Vec::new(), Vec::new());
        for (engines, entries) in pairs(&self.engines, &self.entries) {
            let total = engines.saturating_mul(entries);
            for class in once(&self.classes) {
                let cell = Cell {
                    engines,
                    entries,
                    class,
                };
                if self.large || total <= CELL_ENTRIES_MAX {
                    cells.push(cell);
                } else {
                    let reason = format!(
                        "{total} entries in all, more than {CELL_ENTRIES_MAX}; --large measures it"
                    );
                    skipped.push(SkippedCell { cell, reason });
                }
            }
        }
        Cells { cells, skipped }
    }
}

fn pairs(first: &[u64], second: &[u64]) -> impl Iterator<Item = (u64, u64)> {
    // Sorted and each once: a list with repeats would weigh its cell twice in the summary.
    let second = once(second);
    once(first)
        .into_iter()
        .flat_map(move |a| second.clone().into_iter().map(move |b| (a, b)))
}

fn once<T: Copy + Ord>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.dedup();
    values
}

fn axis(
    option: &'static str,
    values: impl ExactSizeIterator<Item = u64>,
    range: RangeInclusive<u64>,
) -> Result<(), BenchError> {
    if values.len() == 0 || values.len() > AXIS_VALUES_MAX {
        let range = format!("1 to {AXIS_VALUES_MAX} values");
        return Err(BenchError::Option {
            option,
            value: format!("{} values", values.len()),
            range,
        });
    }
    values
        .into_iter()
        .try_for_each(|value| within(option, value, range.clone()))
}

fn within(option: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<(), BenchError> {
    if range.contains(&value) {
        return Ok(());
    }
    let range = format!("{} to {}", range.start(), range.end());
    Err(BenchError::Option {
        option,
        value: value.to_string(),
        range,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_is_too_large_is_named_and_measured_only_on_request() {
        let mut options = SwapOptions::new("out");
        options.entries = vec![1_000, 10, 10];
        let Cells { cells, skipped } = options.cells();
        assert_eq!((cells.len(), skipped.len()), (20, 4));
        assert!(
            skipped
                .iter()
                .all(|s| (s.cell.engines, s.cell.entries) == (100_000, 1_000))
        );
        assert!(skipped[0].reason.contains("--large"));
        options.large = true;
        assert_eq!(options.cells().cells.len(), 24);
    }

    #[test]
    fn an_option_out_of_range_is_refused_with_its_range() {
        let fault = |change: fn(&mut SwapOptions)| {
            let mut options = SwapOptions::new("out");
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert_eq!(
            fault(|o| o.engines = vec![0]),
            "engines is 0; give 1 to 1000000"
        );
        assert_eq!(
            fault(|o| o.classes.clear()),
            "class is 0 values; give 1 to 64 values"
        );
        assert_eq!(
            fault(|o| o.repetitions = 0),
            "repetitions is 0; give 1 to 1000"
        );
    }
}
