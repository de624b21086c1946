//! The pause of a swap, over engines × entries × class.
//!
//! One *repetition* is one node's whole life: load version 1, start the engines, put an open-loop
//! load on them, swap once, let the old code go, measure a window without a swap, end. In it an
//! *empty handshake* is measured too: the same hand-over between two crews with nothing to do. So
//! each pause has its floor beside it, from the same node in the same second.
//!
//! Repetitions of all cells are interleaved: every cell once in an order drawn from the seed, then
//! every cell once more in another order. Engines are real libraries, built from source before
//! anything is measured, loaded and unmapped by the real loader.

mod class;
mod code;
mod load;
pub(crate) mod node;
mod options;
mod plot;
pub(crate) mod point;
mod repetition;
mod report;
mod row;
mod summary;
mod targets;

pub use class::{BenchClass, BenchClassError};
pub use code::SwapCode;
use options::Cells;
pub use options::{CELL_ENTRIES_MAX, Cell, ENGINES_MAX, RATE_HZ_MAX, REPETITIONS_MAX, SwapOptions};
pub use report::{CellReport, SkippedCell, SwapReport};
pub use row::{CSV_HEADER, Row};

use crate::figures::{self, JSON_MARK};
use crate::random::Random;
use crate::{BenchError, Machine};
use code::Libraries;
use repetition::Repetition;
use std::fs;
use std::io::Write;

/// Measures, and writes `swap.csv`, `swap.json` and `swap.svg` into the options' folder. Rows are
/// written as they are measured: a run that is broken off leaves what it has.
///
/// `progress` gets each step, a line at a time.
///
/// # Errors
/// [`BenchError`]: the first thing that failed.
pub fn run(
    options: &SwapOptions,
    code: &SwapCode<'_>,
    progress: &mut dyn FnMut(&str),
) -> Result<SwapReport, BenchError> {
    options.check()?;
    let Cells { cells, skipped } = options.cells();
    fs::create_dir_all(&options.out).map_err(BenchError::file("create", &options.out))?;
    let libraries = code.build(&options.classes, progress)?;
    let machine = Machine::look()?;
    progress(&format!(
        "measuring on {machine}; order from seed {}",
        options.seed
    ));
    let rows = measure(options, code, &libraries, &cells, progress)?;
    let report = SwapReport::new(options, machine, rows, skipped);
    let files = [
        ("swap.json", JSON_MARK, report.json()?),
        ("swap.svg", "<svg ", plot::svg(&report)),
    ];
    for (name, mark, text) in files {
        let path = options.out.join(name);
        figures::write(&path, mark, &text).map_err(BenchError::file("write", &path))?;
    }
    Ok(report)
}

/// How `swap.csv` starts.
const CSV_MARK: &str = "engines,entries,class,";

/// Every cell once for each repetition, in a new order each time.
fn measure(
    options: &SwapOptions,
    code: &SwapCode<'_>,
    libraries: &Libraries,
    cells: &[Cell],
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, BenchError> {
    let path = options.out.join("swap.csv");
    let mut csv = figures::begin(&path, CSV_MARK).map_err(BenchError::file("create", &path))?;
    let rest = &CSV_HEADER[CSV_MARK.len()..];
    writeln!(csv, "{rest}").map_err(BenchError::file("write to", &path))?;
    let mut random = Random::new(options.seed);
    let mut rows = Vec::new();
    for number in 1..=options.repetitions {
        let mut order = cells.to_vec();
        random.shuffle(&mut order);
        for cell in order {
            let handshake_first = random.next() & 1 == 0;
            let repetition = Repetition {
                cell,
                number,
                handshake_first,
                options,
            };
            let row = repetition.run(code.loader, libraries)?;
            writeln!(csv, "{}", row.csv()).map_err(BenchError::file("write to", &path))?;
            rows.push(row);
        }
        progress(&format!(
            "repetition {number} of {}: {} cells",
            options.repetitions,
            cells.len()
        ));
    }
    Ok(rows)
}
