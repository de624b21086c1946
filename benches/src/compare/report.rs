//! [`CompareReport`]: what a comparison gave.

use super::{CompareOptions, Interval};
use crate::random::Random;
use crate::{BenchError, Machine};
use serde::Serialize;
use std::fmt::Write;

/// The results of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct CompareReport {
    /// The machine of the run.
    pub machine: Machine,
    /// Pairs of each cell.
    pub pairs: u32,
    /// The seed that fixed the order.
    pub seed: u64,
    /// The ratio that a cell's whole interval must lie above to be called slower.
    pub limit: f64,
    /// The cells, by name.
    pub cells: Vec<ComparedCell>,
}

/// One cell: head over base, so above 1 is slower.
#[derive(Clone, Debug, Serialize)]
pub struct ComparedCell {
    /// Its name and the figure.
    pub cell: String,
    /// The median ratio and its interval.
    pub ratio: Interval,
    /// Whether the whole interval lies above the limit.
    pub is_slower: bool,
    /// Every pair's ratio.
    pub ratios: Vec<f64>,
}

impl ComparedCell {
    pub(super) fn of(cell: String, ratios: Vec<f64>, limit: f64, random: &mut Random) -> Self {
        let ratio = Interval::of(&ratios, random);
        Self {
            cell,
            ratio,
            is_slower: ratio.low > limit,
            ratios,
        }
    }
}

impl CompareReport {
    pub(super) fn new(
        options: &CompareOptions,
        machine: Machine,
        cells: Vec<ComparedCell>,
    ) -> Self {
        Self {
            machine,
            pairs: options.pairs,
            seed: options.seed,
            limit: options.limit,
            cells,
        }
    }

    /// How many cells are slower.
    pub fn slower(&self) -> usize {
        self.cells.iter().filter(|cell| cell.is_slower).count()
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// [`BenchError::Json`].
    pub fn json(&self) -> Result<String, BenchError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let widest = self.cells.iter().map(|cell| cell.cell.len()).max();
        let width = widest.unwrap_or_default();
        let mut text = format!(
            "{}\nhead over base, {} pairs, seed {}; a cell is slower if its whole interval is above {}\n\n",
            self.machine, self.pairs, self.seed, self.limit
        );
        for cell in &self.cells {
            let Interval { median, low, high } = cell.ratio;
            let verdict = if cell.is_slower { "SLOWER" } else { "" };
            let _ = writeln!(
                text,
                "{:width$}  {median:.3}  [{low:.3}, {high:.3}]  {verdict}",
                cell.cell
            );
        }
        let _ = writeln!(
            text,
            "\n{} of {} cells are slower",
            self.slower(),
            self.cells.len()
        );
        text
    }
}
