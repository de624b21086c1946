//! The report as text for people.

use super::{CellReport, SwapReport};
use std::fmt::Write;

/// A table, the targets, what was skipped, how it was measured.
pub(super) fn text(report: &SwapReport) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_text(report, &mut text);
    text
}

fn write_text(report: &SwapReport, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "Pause of a swap in µs: median [middle half]; stalls: largest gap between answers"
    )?;
    writeln!(
        text,
        "{:>9} {:>9} {:<8} {:>28} {:>10} {:>24} {:>10} {:>6} {:>6} {:>9} {:>9} {:>7}",
        "engines",
        "entries",
        "class",
        "pause",
        "work",
        "no block",
        "handshake",
        "ratio",
        "flat",
        "stall",
        "control",
        "memory",
    )?;
    for cell in &report.cells {
        line(cell, text)?;
    }
    writeln!(
        text,
        "work: pause until the commit; no block: pause and hand-over; ratio: no block / handshake;"
    )?;
    writeln!(
        text,
        "flat: pause / pause of the fewest engines; memory: peak / rest"
    )?;
    let floor = report.handshake_us;
    let (p50, q1, q3) = (floor.p50, floor.q1, floor.q3);
    writeln!(
        text,
        "empty handshakes of the whole run: {p50:.1} [{q1:.1}-{q3:.1}]"
    )?;
    writeln!(text, "\nTargets")?;
    for target in &report.targets {
        writeln!(text, "  {target}")?;
    }
    if !report.skipped.is_empty() {
        writeln!(text, "\nNot measured")?;
    }
    for skipped in &report.skipped {
        let cell = skipped.cell;
        let (engines, entries, class) = (cell.engines, cell.entries, cell.class);
        writeln!(
            text,
            "  {engines} engines × {entries} entries, {class}: {}",
            skipped.reason
        )?;
    }
    writeln!(text, "\n{}", report.machine)?;
    let SwapReport {
        repetitions,
        workers,
        rate_hz,
        seed,
        ..
    } = report;
    writeln!(
        text,
        "{repetitions} repetitions, {workers} workers, load {rate_hz} messages a second, seed {seed}"
    )
}

fn line(report: &CellReport, text: &mut String) -> std::fmt::Result {
    let cell = report.cell;
    let spread = |of: &crate::Spread| format!("{:.1} [{:.1}-{:.1}]", of.p50, of.q1, of.q3);
    writeln!(
        text,
        "{:>9} {:>9} {:<8} {:>28} {:>10.1} {:>24} {:>10.1} {:>6.2} {:>6.2} {:>9.0} {:>9.0} {:>7.2}",
        cell.engines,
        cell.entries,
        cell.class,
        spread(&report.pause_us),
        report.work_us.p50,
        spread(&report.without_block_us),
        report.handshake_us.p50,
        report.without_block_over_handshake,
        report.pause_over_fewest,
        report.stall_us.p50,
        report.control_stall_us.p50,
        report.memory_ratio,
    )
}
