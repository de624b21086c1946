//! Two programs measured against each other: does a revision cost speed?
//!
//! Both are run in turn, A B, B A, A B…, each time as a process of its own that measures once and prints its report
//! as JSON. What one pair gives for a cell is a ratio; a machine that gets slower for a minute slows both sides of
//! it. The result is the median ratio over the pairs with its bootstrap interval (Efron 1979, percentile method, 95
//! %). A cell is *slower* only if its whole interval lies above the limit.

mod interval;
mod report;
mod subject;

pub use interval::Interval;
pub use report::{CompareReport, ComparedCell};
pub use subject::{Subject, SubjectError};

use crate::random::Random;
use crate::{BenchError, Machine};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Pairs of one comparison.
pub const PAIRS_MAX: u32 = 1_000;

/// The options of a comparison.
#[derive(Clone, Debug)]
pub struct CompareOptions {
    /// The program to compare with: `refit` of the revision before.
    pub base: PathBuf,
    /// The program that is judged.
    pub head: PathBuf,
    /// How often each is measured.
    pub pairs: u32,
    /// The benches to compare.
    pub subjects: Vec<Subject>,
    /// Fixes which of a pair runs first, and the bootstrap.
    pub seed: u64,
    /// The ratio that a cell's whole interval must lie above to be called slower.
    pub limit: f64,
}

/// The figures of one cell, pair by pair: head over base.
type Ratios = BTreeMap<String, Vec<f64>>;

/// Runs the bench and returns its report.
///
/// `progress` gets each step, a line at a time.
///
/// # Errors
/// [`BenchError`]: an option out of its range, a program that does not run or whose report is another.
pub fn run(
    options: &CompareOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<CompareReport, BenchError> {
    options.check()?;
    let machine = Machine::look()?;
    let mut random = Random::new(options.seed);
    let mut ratios = Ratios::new();
    for pair in 1..=options.pairs {
        for subject in &options.subjects {
            let base_first = random.next() & 1 == 0;
            measure_pair(options, *subject, base_first, &mut ratios)?;
        }
        progress(&format!("pair {pair} of {}", options.pairs));
    }
    let cells = ratios
        .into_iter()
        .map(|(cell, ratios)| ComparedCell::of(cell, ratios, options.limit, &mut random))
        .collect();
    Ok(CompareReport::new(options, machine, cells))
}

fn measure_pair(
    options: &CompareOptions,
    subject: Subject,
    base_first: bool,
    ratios: &mut Ratios,
) -> Result<(), BenchError> {
    let measure = |program: &Path| subject.measure(program);
    let (base, head) = if base_first {
        let base = measure(&options.base)?;
        (base, measure(&options.head)?)
    } else {
        let head = measure(&options.head)?;
        (measure(&options.base)?, head)
    };
    // A cell that one of them does not have has no ratio.
    for (cell, base) in base {
        if let Some(head) = head.get(&cell).filter(|_| base > 0.0) {
            ratios.entry(cell).or_default().push(head / base);
        }
    }
    Ok(())
}

impl CompareOptions {
    fn check(&self) -> Result<(), BenchError> {
        if (1..=PAIRS_MAX).contains(&self.pairs) {
            return Ok(());
        }
        Err(BenchError::Option {
            option: "pairs",
            value: self.pairs.to_string(),
            range: format!("1 to {PAIRS_MAX}"),
        })
    }
}
