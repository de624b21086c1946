//! [`CheckpointOptions`]: what to measure.

use crate::BenchError;
use crate::options::within;

/// Memory of one entry of `table`, in bytes: see `copy`.
const ENTRY_BYTES: u64 = 45;

/// The states for which something is promised, in bytes.
const PROMISED_BYTES: u64 = 100 << 20;

/// Engines of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointCell {
    /// How many.
    pub engines: u64,
    /// Entries of each.
    pub entries: u64,
}

/// The options of a run.
#[derive(Clone, Debug)]
pub struct CheckpointOptions {
    /// What the node holds, one after the other.
    pub cells: Vec<CheckpointCell>,
    /// How often each is copied for a checkpoint, and how often for a snapshot.
    pub repetitions: u32,
}

impl Default for CheckpointOptions {
    /// 100 MiB in 1 engine and in 1,000, five times.
    fn default() -> Self {
        let entries = PROMISED_BYTES / ENTRY_BYTES;
        let cell = |engines| CheckpointCell {
            engines,
            entries: entries / engines,
        };
        Self {
            cells: vec![cell(1), cell(1_000)],
            repetitions: 5,
        }
    }
}

impl CheckpointOptions {
    /// Ten million entries in one engine, and a hundred thousand engines, beside the rest.
    #[must_use]
    pub fn large(mut self) -> Self {
        self.cells.extend([
            CheckpointCell {
                engines: 1,
                entries: 10_000_000,
            },
            CheckpointCell {
                engines: 100_000,
                entries: 10,
            },
        ]);
        self
    }

    /// Checks the ranges; `run` calls it first.
    ///
    /// # Errors
    /// [`BenchError::Option`].
    pub fn check(&self) -> Result<(), BenchError> {
        for cell in &self.cells {
            within("engines", cell.engines as f64, 1.0..=1_000_000.0)?;
            within("entries", cell.entries as f64, 1.0..=1e9)?;
        }
        within("repetitions", self.repetitions.into(), 1.0..=1_000.0)
    }
}

impl CheckpointCell {
    /// Memory of the entries, in MiB.
    pub(super) fn mib(self) -> f64 {
        (self.engines * self.entries * ENTRY_BYTES) as f64 / f64::from(1 << 20)
    }

    /// Whether something is promised of it.
    pub(super) fn is_promised(self) -> bool {
        self.engines * self.entries * ENTRY_BYTES <= PROMISED_BYTES
    }
}
