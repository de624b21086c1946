//! Upgrade reports, for people.

use super::imported::named;
use super::status::short;
use super::table::{facts, table};
use crate::units::shown_moment;
use refit_admin::api::{Authorised, Offline, UpgradeReport, UpgradedKind, WithoutBlock};

/// One upgrade, whole.
pub(crate) fn text(report: &UpgradeReport) -> String {
    let mut rows = vec![
        ("upgrade", report.id.to_string()),
        ("state", report.state.to_string()),
        ("generation", format!("{} → {}", report.from, report.to)),
        ("class", report.class.to_string()),
    ];
    let moment = |name, ms| shown_moment(ms).map(|moment| (name, moment));
    rows.extend(moment("began", report.began_at_ms));
    rows.extend(report.ended_at_ms.and_then(|ms| moment("ended", ms)));
    if let Some(release) = &report.release {
        rows.push(("release", format!("{} {}", named(release), release.id)));
    }
    rows.extend(report.authorised.as_ref().and_then(authorised));
    if let Some(level) = &report.built {
        rows.push((
            "built",
            format!("here, of the release's source, at {level}"),
        ));
    }
    if let Some(height) = report.at_height {
        rows.push(("planned", format!("after block {height}")));
    }
    if let Some(height) = report.height {
        rows.push(("happened", format!("after block {height}")));
    }
    rows.extend(report.offline.map(offline));
    if let Some(reason) = &report.reason {
        rows.push((
            "reason",
            format!(
                "{} (in phase {}): {}",
                reason.code, reason.phase, reason.detail
            ),
        ));
    }
    // What has not been has no time.
    if report.stage_us > 0 {
        rows.push(("stage", microseconds(report.stage_us)));
    }
    // What was done on a snapshot paused nothing.
    let has_paused = report.height.is_some() && report.offline != Some(Offline::Snapshot);
    if has_paused {
        rows.push(("wait", microseconds(report.wait_us)));
    }
    if let Some(predicted) = report.predicted_us {
        rows.push(("predicted", microseconds(predicted)));
    }
    if let Some(digest) = &report.digest {
        rows.push(("rehearsed", format!("states {digest}")));
    }
    if has_paused {
        rows.push(("pause", microseconds(report.pause_us)));
    }
    if let Some(without) = &report.without_block {
        rows.push(("without a block", without_block(report, without)));
    }
    if report.timers_dropped > 0 {
        let count = report.timers_dropped;
        let timers = format!("{count} of engines that started afresh, dropped");
        rows.push(("timers", timers));
    }
    rows.push(("retired", retired(report)));
    rows.extend(report.rolled_back.iter().flat_map(super::roll_back::rows));
    format!("{}\n{}{}", facts(&rows), kinds(report), phases(report))
}

/// Whose word it went by.
fn authorised(by: &Authorised) -> Option<(&'static str, String)> {
    let said = match by {
        Authorised::Command => "by the operator's command".to_owned(),
        Authorised::Keyset { version } => {
            format!("by release keys of keyset {version}, and the operator's command")
        }
        _ => return None,
    };
    Some(("authorised", said))
}

/// All upgrades, one on a line. What has no room here is in each one's report, and in the JSON.
pub(crate) fn history(reports: &[UpgradeReport]) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let row = |report: &UpgradeReport| {
        let ms = report.ended_at_ms.unwrap_or(report.began_at_ms);
        let paused = report
            .height
            .filter(|_| report.offline != Some(Offline::Snapshot));
        let paused = paused.map(|_| microseconds(report.pause_us));
        let reason = report.reason.as_ref();
        [
            report.id.to_string(),
            or_dash(shown_moment(ms)),
            match report.offline {
                Some(_) => format!("{} (offline)", report.state),
                None => report.state.to_string(),
            },
            code(report),
            or_dash(report.predicted_us.map(microseconds)),
            or_dash(paused),
            reason.map_or_else(String::new, |reason| reason.code.clone()),
        ]
    };
    let rows: Vec<_> = reports.iter().map(row).collect();
    let head = [
        "ID",
        "TIME",
        "STATE",
        "CODE",
        "PREDICTED",
        "PAUSE",
        "REASON",
    ];
    table(head, &rows)
}

/// What it brings, in few words: `kv 3.0.0 → 3.0.1`.
pub(crate) fn code(report: &UpgradeReport) -> String {
    let Some(first) = report.engines.first() else {
        return "-".to_owned();
    };
    let versions = packages(
        first.from_package_version.as_deref(),
        &first.to_package_version,
    );
    // An older node says no versions.
    let name = format!("{} {versions}", first.kind);
    let name = name.trim();
    let code = match report.engines.len() - 1 {
        0 => name.to_owned(),
        more => format!("{name}, {more} more"),
    };
    match (&report.release, &report.built) {
        (Some(release), Some(level)) => {
            format!("{code}: {}, built here at {level}", named(release))
        }
        (Some(release), None) => format!("{code}: {}", named(release)),
        (None, _) => code,
    }
}

/// Its package, and the versions before and after.
fn package(kind: &UpgradedKind) -> String {
    let versions = packages(
        kind.from_package_version.as_deref(),
        &kind.to_package_version,
    );
    format!("{} {versions}", kind.package)
}

/// Versions of a package before and after; of one version once.
pub(crate) fn packages(from: Option<&str>, to: &str) -> String {
    match from.filter(|from| *from != to && !from.is_empty()) {
        Some(from) => format!("{from} → {to}"),
        None => to.to_owned(),
    }
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

/// How it was done while no node served.
fn offline(offline: Offline) -> (&'static str, String) {
    let how = match offline {
        Offline::Snapshot => "on a snapshot, from which this node's folder was restored".to_owned(),
        Offline::Node {
            downtime_us: Some(us),
        } => format!("the node did not serve for {}", microseconds(us)),
        // Of a newer node, or one that was killed on the way.
        _ => "the node did not serve, nobody knows for how long".to_owned(),
    };
    ("offline", how)
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
    if report.rolled_back.is_some() {
        return "no: the code of before is live again".to_owned();
    }
    match report.pinned.is_empty() {
        true => "not yet".to_owned(),
        false => format!("no, pinned: {}", report.pinned.join("; ")),
    }
}

/// How each kind crosses, and where its code is.
pub(super) fn kinds(report: &UpgradeReport) -> String {
    let row = |kind: &UpgradedKind| {
        [
            kind.kind.clone(),
            kind.class.to_string(),
            package(kind).trim().to_owned(),
            short(&kind.artifact),
            versions(kind.from_version, kind.to_version),
            kind.engines.to_string(),
        ]
    };
    let rows: Vec<_> = report.engines.iter().map(row).collect();
    let head = ["KIND", "CLASS", "PACKAGE", "ARTIFACT", "STATE", "ENGINES"];
    let from = report.engines.iter();
    let files = from.map(|kind| (kind.kind.as_str(), kind.file.as_str()));
    table(head, &rows) + &files_of(files)
}

/// Where the files of kinds are, a line each; nothing where an older node does not say.
pub(super) fn files_of<'a>(kinds: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let known = kinds.filter(|(_, file)| !file.is_empty());
    let rows: Vec<_> = known
        .map(|(kind, file)| [kind.to_owned(), file.to_owned()])
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n{}", table(["KIND", "FILE"], &rows)),
    }
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
