//! Upgrade reports, for people.

use super::table::{facts, table};
use refit_admin::api::{UpgradeReport, WithoutBlock};

/// One upgrade, whole.
pub(crate) fn text(report: &UpgradeReport) -> String {
    let mut rows = vec![
        ("upgrade", report.id.to_string()),
        ("state", report.state.to_string()),
        ("generation", format!("{} → {}", report.from, report.to)),
        ("class", report.class.to_string()),
    ];
    if let Some(height) = report.at_height {
        rows.push(("planned", format!("after block {height}")));
    }
    if let Some(height) = report.height {
        rows.push(("happened", format!("after block {height}")));
    }
    if let Some(reason) = &report.reason {
        rows.push((
            "reason",
            format!(
                "{} (in phase {}): {}",
                reason.code, reason.phase, reason.detail
            ),
        ));
    }
    rows.push(("stage", microseconds(report.stage_us)));
    rows.push(("wait", microseconds(report.wait_us)));
    if let Some(predicted) = report.predicted_us {
        rows.push(("predicted", microseconds(predicted)));
    }
    if let Some(digest) = &report.digest {
        rows.push(("rehearsed", format!("states {digest}")));
    }
    rows.push(("pause", microseconds(report.pause_us)));
    if let Some(without) = &report.without_block {
        rows.push(("without a block", without_block(report, without)));
    }
    if report.timers_dropped > 0 {
        let count = report.timers_dropped;
        let timers = format!("{count} of engines that started afresh, dropped");
        rows.push(("timers", timers));
    }
    rows.push(("retired", retired(report)));
    format!("{}\n{}{}", facts(&rows), kinds(report), phases(report))
}

/// All upgrades, one on a line.
pub(crate) fn history(reports: &[UpgradeReport]) -> String {
    let rows: Vec<_> = reports
        .iter()
        .map(|report| {
            [
                report.id.to_string(),
                report.state.to_string(),
                format!("{} → {}", report.from, report.to),
                report.class.to_string(),
                report
                    .height
                    .map_or_else(|| "-".to_owned(), |height| height.to_string()),
                report
                    .predicted_us
                    .map_or_else(|| "-".to_owned(), microseconds),
                microseconds(report.pause_us),
                report
                    .without_block
                    .map_or_else(|| "-".to_owned(), |it| microseconds(it.total_us)),
                report
                    .reason
                    .as_ref()
                    .map_or_else(String::new, |reason| reason.code.clone()),
            ]
        })
        .collect();
    table(
        [
            "ID",
            "STATE",
            "GENERATION",
            "CLASS",
            "HEIGHT",
            "PREDICTED",
            "PAUSE",
            "NO BLOCK",
            "REASON",
        ],
        &rows,
    )
}

/// A time, in the unit that suits it.
pub(crate) fn microseconds(us: u64) -> String {
    match us {
        0..=9_999 => format!("{us} µs"),
        10_000..=9_999_999 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

/// A time that people wait, roughly.
pub(crate) fn long(us: u64) -> String {
    const MIN: u64 = 60;
    const HOUR: u64 = 60 * MIN;
    const DAY: u64 = 24 * HOUR;
    match us.div_ceil(1_000_000) {
        s if s < 2 * MIN => format!("{s} s"),
        s if s < 2 * HOUR => format!("{} min", s / MIN),
        s if s < 2 * DAY => format!("{} h", s / HOUR),
        s => format!("{} days", s / DAY),
    }
}

/// Versions of a state before and after; a new kind has none before.
pub(crate) fn versions(from: Option<u32>, to: u32) -> String {
    match from {
        Some(from) => format!("{from} → {to}"),
        None => to.to_string(),
    }
}

/// The time without a block, and what it is made of.
fn without_block(report: &UpgradeReport, without: &WithoutBlock) -> String {
    let copy = report.copy_us.map(|us| ("copy for the rehearsal", us));
    let parts = [
        ("sweep before", without.sweep_us),
        ("pause", report.pause_us),
        ("until the next block", without.next_us),
        ("hand-over", without.handover_us),
    ];
    let parts: Vec<_> = copy
        .into_iter()
        .chain(parts)
        .filter(|(_, us)| *us > 0)
        .map(|(name, us)| format!("{name} {}", microseconds(us)))
        .collect();
    format!("{}: {}", microseconds(without.total_us), parts.join(", "))
}

fn retired(report: &UpgradeReport) -> String {
    if report.retired {
        return "yes".to_owned();
    }
    match report.pinned.is_empty() {
        true => "not yet".to_owned(),
        false => format!("no, pinned: {}", report.pinned.join("; ")),
    }
}

fn kinds(report: &UpgradeReport) -> String {
    let rows: Vec<_> = report
        .engines
        .iter()
        .map(|kind| {
            [
                kind.kind.clone(),
                kind.class.to_string(),
                versions(kind.from_version, kind.to_version),
                kind.engines.to_string(),
            ]
        })
        .collect();
    table(["KIND", "CLASS", "VERSION", "ENGINES"], &rows)
}

fn phases(report: &UpgradeReport) -> String {
    if report.phases.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = report
        .phases
        .iter()
        .map(|time| [time.phase.to_string(), microseconds(time.us)])
        .collect();
    format!("\n{}", table(["PHASE", "TIME"], &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_in_the_unit_that_suits_it() {
        assert_eq!(microseconds(87), "87 µs");
        assert_eq!(microseconds(9_999), "9999 µs");
        assert_eq!(microseconds(41_250), "41.2 ms");
        assert_eq!(microseconds(12_345_678), "12.3 s");
        assert_eq!(long(12_345_678), "13 s");
        assert_eq!(long(600_000_000), "10 min");
        assert_eq!(long(7_200_000_000), "2 h");
        assert_eq!(long(604_800_000_000), "7 days");
    }
}
