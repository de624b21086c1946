//! The targets for a swap, judged on one run.

use super::{BenchClass, CellReport};
use crate::{Bound, Target};

/// Pause with the most engines over pause with the fewest.
const FLATNESS_MAX: f64 = 1.5;

/// Time without a block over that of an empty handshake of the same run.
const HANDSHAKES_MAX: f64 = 2.0;

/// The longest median pause, in microseconds.
const PAUSE_US_MAX: f64 = 15.0;

/// All targets that the cells say something of; `handshake_us` is the median of the run's.
pub(super) fn judge(cells: &[CellReport], handshake_us: f64) -> Vec<Target> {
    let mut targets = Vec::new();
    for class in BenchClass::ALL.into_iter().filter(|class| class.is_flat()) {
        let of: Vec<_> = cells
            .iter()
            .filter(|report| report.cell.class == class)
            .collect();
        targets.extend(flat_in_engines(class, &of));
        targets.extend(flat_in_entries(class, &of));
        targets.extend(short(class, &of));
        targets.extend(handshakes(class, &of, handshake_us));
    }
    let sum = |count: fn(&CellReport) -> u64| cells.iter().map(count).sum::<u64>() as f64;
    let faults = [
        ("messages lost", sum(|cell| cell.lost)),
        ("messages duplicated", sum(|cell| cell.duplicated)),
        ("messages reordered", sum(|cell| cell.reordered)),
        ("messages refused", sum(|cell| cell.refused)),
        ("batches of a mixed generation", sum(|cell| cell.mixed)),
        ("libraries still mapped", sum(|cell| cell.pinned)),
    ];
    targets.extend(faults.map(|(name, value)| Target::new(name, value, Bound::AtMost, 0.0)));
    targets
}

/// The largest ratio to the fewest engines, with as many entries.
fn flat_in_engines(class: BenchClass, cells: &[&CellReport]) -> Option<Target> {
    let most = cells.iter().map(|report| report.cell.engines).max()?;
    let fewest = cells.iter().map(|report| report.cell.engines).min()?;
    let at_most = cells.iter().filter(|report| report.cell.engines == most);
    let ratio = at_most
        .map(|report| report.pause_over_fewest)
        .max_by(f64::total_cmp)?;
    let name = format!("{class}: pause({most} engines) / pause({fewest})");
    (most > fewest).then(|| Target::new(name, ratio, Bound::AtMost, FLATNESS_MAX))
}

/// The largest ratio to the fewest entries, with as many engines.
fn flat_in_entries(class: BenchClass, cells: &[&CellReport]) -> Option<Target> {
    let fewest = cells.iter().map(|report| report.cell.entries).min()?;
    let ratios = cells
        .iter()
        .filter(|report| report.cell.entries > fewest)
        .filter_map(|report| {
            let alike = cells.iter().find(|other| {
                (other.cell.engines, other.cell.entries) == (report.cell.engines, fewest)
            })?;
            Some(report.pause_us.p50 / alike.pause_us.p50)
        });
    let ratio = ratios.max_by(f64::total_cmp)?;
    let name = format!("{class}: pause(more entries) / pause({fewest} entries)");
    Some(Target::new(name, ratio, Bound::AtMost, FLATNESS_MAX))
}

/// The largest median pause.
fn short(class: BenchClass, cells: &[&CellReport]) -> Option<Target> {
    let medians = cells.iter().map(|report| report.pause_us.p50);
    let pause = medians.max_by(f64::total_cmp)?;
    let name = format!("{class}: largest median pause, in µs");
    Some(Target::new(name, pause, Bound::AtMost, PAUSE_US_MAX))
}

/// The largest median time without a block over the run's median handshake.
fn handshakes(class: BenchClass, cells: &[&CellReport], handshake_us: f64) -> Option<Target> {
    let longest = cells
        .iter()
        .map(|report| report.without_block_us.p50)
        .max_by(f64::total_cmp)?;
    let name = format!("{class}: largest median time without a block / empty handshake of the run");
    Some(Target::new(
        name,
        longest / handshake_us,
        Bound::AtMost,
        HANDSHAKES_MAX,
    ))
}
