//! A plan, for people: what happens to each engine kind.

use super::safe::line;
use super::status::short;
use super::table::table;
use super::upgrade::{files_of, long, packages, versions};
use crate::progress::progress;
use refit_abi::Height;
use refit_admin::api::{KindStatus, Status};
use refit_upgrade::{Finding, Plan, PlannedKind, PlannedModule, Strategy};
use std::fmt::Write;

/// The plan on one screen.
pub(crate) fn text(plan: &Plan, status: &Status) -> String {
    let mut text = format!("generation {} → {}", plan.base, plan.base.next());
    // Writing to a string cannot fail.
    let _ = match plan.at_height {
        Some(height) => {
            let expected = expected(height, status);
            writeln!(text, ", after block {height}{expected}\n")
        }
        None => writeln!(text, ", at the next block boundary\n"),
    };
    if let Some(release) = &plan.release {
        let (name, epoch, sequence) = (line(&release.name), release.epoch, release.sequence);
        text.pop();
        let _ = writeln!(
            text,
            "the release {name} ({epoch}.{sequence}) {}\n",
            release.id
        );
    }
    if plan.directives.strategy == Strategy::Offline {
        text.pop();
        text.push_str("the node stops for it, and restarts as the new generation\n\n");
    }
    let changed = plan
        .modules
        .iter()
        .flat_map(|module| module.kinds.iter().map(move |kind| (module, kind)));
    let mut rows: Vec<_> = changed
        .clone()
        .map(|(module, kind)| row(module, kind, status))
        .collect();
    rows.extend(plan.carried.iter().map(|kind| carried(kind, status)));
    let head = ["KIND", "CLASS", "PACKAGE", "ARTIFACT", "STATE", "ENGINES"];
    text.push_str(&table(head, &rows));
    text.push_str(&files_of(
        changed.map(|(module, kind)| (kind.kind.as_str(), module.path.as_str())),
    ));
    text.push_str(&details(plan));
    text
}

/// What changes in the states, the parameters that are set, and what the linter found.
pub(super) fn details(plan: &Plan) -> String {
    let mut text = String::new();
    let kinds = plan.modules.iter().flat_map(|module| &module.kinds);
    kinds.for_each(|kind| difference(&mut text, kind));
    parameters(&mut text, plan);
    plan.findings
        .iter()
        .for_each(|found| finding(&mut text, found));
    text
}

/// When a block is expected, in brackets.
pub(super) fn expected(height: Height, status: &Status) -> String {
    match height <= status.height {
        true => " (which is made)".to_owned(),
        false if status.halted.is_some() => " (no block comes: the node has halted)".to_owned(),
        false => format!(
            " (expected in {}, as blocks come now)",
            long(progress(status).us_until(height))
        ),
    }
}

/// What it sets in the same step.
fn parameters(text: &mut String, plan: &Plan) {
    let changes = &plan.directives.parameters;
    if changes.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nparameters from the update point on");
    for (name, value) in &changes.set {
        let _ = writeln!(text, "  {} = {value}", line(name));
    }
    for kind in changes.grants.keys() {
        let _ = writeln!(text, "  other grants for {}", line(kind));
    }
}

fn finding(text: &mut String, found: &Finding) {
    let said = format!("{}[{}]: {}", found.level, found.code, found.reason);
    let _ = writeln!(text, "\n{}", line(&said));
    let _ = writeln!(text, "  {}", line(&found.next));
}

fn row(module: &PlannedModule, kind: &PlannedKind, status: &Status) -> [String; 6] {
    let live = live(&kind.kind, status);
    let from = live.map(|live| live.package_version.as_str());
    let package = format!("{} {}", module.package, packages(from, &module.version));
    [
        kind.kind.clone(),
        kind.class.to_string(),
        package.trim().to_owned(),
        short(&module.artifact),
        versions(kind.from_version, kind.to_version),
        engines(live),
    ]
}

fn carried(kind: &str, status: &Status) -> [String; 6] {
    let live = live(kind, status);
    let of = |say: fn(&KindStatus) -> String| live.map(say).unwrap_or_default();
    [
        kind.to_owned(),
        "carry".to_owned(),
        of(super::status::package),
        of(|live| short(&live.artifact)),
        of(|live| live.descriptor.version.to_string()),
        engines(live),
    ]
}

fn live<'a>(kind: &str, status: &'a Status) -> Option<&'a KindStatus> {
    let mut kinds = status.kinds.iter();
    kinds.find(|live| live.descriptor.kind == kind)
}

fn engines(live: Option<&KindStatus>) -> String {
    // Not 0: what a kind will have that comes in, its upgrade decides.
    live.map_or_else(|| "none yet".to_owned(), |live| live.engines.to_string())
}

fn difference(text: &mut String, kind: &PlannedKind) {
    if kind.difference.is_empty() && kind.dropped.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nstate of {}", line(&kind.kind));
    for difference in &kind.difference {
        let _ = writeln!(text, "  {}", line(difference));
    }
    if !kind.dropped.is_empty() {
        let _ = writeln!(
            text,
            "  the data of these fields is dropped: {}",
            line(&kind.dropped.join(", "))
        );
    }
}
