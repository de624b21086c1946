//! A node's status, for people.

use super::plan::expected;
use super::table::{facts, several, table};
use super::upgrade::{code, files_of, microseconds};
use crate::units::{shown_moment, shown_time};
use refit_abi::Height;
use refit_abi::descriptor::CapabilityDescriptor;
use refit_admin::api::{
    DeadLetter, EngineState, ForgottenKeys, KindStatus, ParametersStatus, PoisonStatus, Status,
    UpgradeReport,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Digits that are shown of a hash or a build id.
const SHORT: usize = 12;

/// Characters that are shown of what a panic said; all of it is in the JSON.
const DETAIL_CHARS_MAX: usize = 100;

/// The status on one screen.
pub(crate) fn text(status: &Status) -> String {
    let mut rows = vec![
        ("node", node(status)),
        ("height", status.height.to_string()),
        ("generation", status.generation.to_string()),
        ("upgrade", upgrade(status)),
    ];
    rows.extend(several("libraries", libraries(status)));
    rows.push(("workers", status.workers.to_string()));
    let last = status.last_upgrade.as_ref().map(brief);
    rows.splice(4..4, last.map(|last| ("last", last)));
    rows.splice(1..1, place(status));
    if let Some(parameters) = &status.parameters {
        rows.push(("parameters", show_parameters(parameters)));
    }
    if let Some(halted) = &status.halted {
        rows.push(("halted", halted.detail.clone()));
        rows.push(("", halted.next.clone()));
    }
    if let Some(probation) = &status.probation {
        let (generation, until) = (probation.generation, probation.until);
        let detail = format!(
            "generation {generation} can be taken back until block {until}{}",
            expected(until, status)
        );
        rows.push(("probation", detail));
        if let Some(why) = &probation.unsound {
            rows.push(("", format!("not permanent by itself: {why}")));
        }
        if probation.holds_replies {
            rows.push(("", "replies are held back until then".to_owned()));
        }
        rows.push((
            "",
            "refit upgrade confirm, or refit upgrade rollback".to_owned(),
        ));
    }
    if status.branch > 0 {
        rows.push((
            "branch",
            format!("{}, by roll-backs and restores", status.branch),
        ));
    }
    if let Some(last) = status.starting {
        let detail = format!("takes no messages yet; executes its log again up to block {last}");
        rows.push(("starting", detail));
    }
    match (&status.stuck, status.engines_at) {
        (Some(stuck), _) => {
            rows.push(("stuck", stuck.detail.clone()));
            rows.push((
                "",
                "what is said of engines is what was last known".to_owned(),
            ));
        }
        (None, Some(height)) => {
            let detail = format!("what is said of engines is from after block {height}");
            rows.push(("busy", detail));
        }
        (None, None) => {}
    }
    if status.quarantined > 0 {
        let refused = format!("{} refused: refit upgrade quarantine", status.quarantined);
        rows.push(("quarantine", refused));
    }
    if let Some(why) = &status.quarantine_unwritten {
        rows.push(("unwritten", why.clone()));
        rows.push((
            "",
            "a restart goes by what the disk has; the next change, and the end of the node, write it again".to_owned(),
        ));
    }
    if let Some(why) = &status.upgrades_refused {
        rows.push((
            "refused",
            format!("upgrades: {} ({})", why.detail, why.code),
        ));
        rows.push(("", why.next.clone()));
    }
    rows.extend(forgotten(status).map(|forgotten| ("forgotten", forgotten)));
    rows.extend(several("grants", granted(&status.grants)));
    let mut text = facts(&rows);
    text.push('\n');
    text.push_str(&kinds(status));
    text.push('\n');
    text.push_str(&engines(status));
    text.push_str(&poisoned(status));
    text.push_str(&dead_letters(status));
    text
}

/// Which run of the node it is, since when, and where.
fn place(status: &Status) -> Vec<(&'static str, String)> {
    let node = &status.node;
    let life = node.life.map(|life| ("life", life.to_string()));
    let uptime = node.uptime_s.map(Duration::from_secs);
    let uptime = uptime.map(|time| ("uptime", shown_time(time)));
    let serves = (!node.addresses.is_empty()).then(|| ("serves", node.addresses.join(", ")));
    let kept = match node.outlives {
        true => "blocks and states are kept",
        false => "blocks and states are in memory",
    };
    let data = node.data_dir.clone();
    let data = data.map(|folder| ("data", format!("{folder}, {kept}")));
    [life, uptime, serves, data].into_iter().flatten().collect()
}

fn show_parameters(parameters: &ParametersStatus) -> String {
    let hash = short(&parameters.hash);
    match parameters.since {
        Height(0) => format!("{hash}, as at the start"),
        since => format!("{hash}, since block {since}"),
    }
}

fn node(status: &Status) -> String {
    let node = &status.node;
    let compiler = short(&node.compiler);
    format!(
        "{}, process {}, ABI epoch {}, compiler {compiler}",
        node.version, node.pid, node.abi_epoch
    )
}

fn upgrade(status: &Status) -> String {
    match status.upgrade {
        Some(id) => match status.upgrade_at {
            Some(height) => {
                let expected = expected(height, status);
                format!("{id} under way, after block {height}{expected}")
            }
            None => match status.last_upgrade.as_ref().filter(|last| last.id == id) {
                // It is the last one too, which the next line reports.
                Some(last) => format!("{id} {}, its old code is still being put away", last.state),
                None => format!("{id} under way"),
            },
        },
        None => "none under way".to_owned(),
    }
}

fn brief(report: &UpgradeReport) -> String {
    let paused = report.height.map(|_| microseconds(report.pause_us));
    let pause = paused.map_or_else(String::new, |us| format!(", pause {us}"));
    let moment = report.ended_at_ms.and_then(shown_moment);
    let at = moment.map_or_else(String::new, |moment| format!(" at {moment}"));
    let (id, state, class, code) = (report.id, report.state, report.class, code(report));
    format!("{id} {state}{at}, {code}, {class}{pause}")
}

fn libraries(status: &Status) -> Vec<String> {
    let libraries = &status.libraries;
    let counts = format!("{} mapped, {} pinned", libraries.mapped, libraries.pinned);
    let reasons = libraries.pinned_reasons.iter().cloned();
    std::iter::once(counts).chain(reasons).collect()
}

/// What is no longer kept of requests under keys.
fn forgotten(status: &Status) -> Option<String> {
    let ForgottenKeys { answers, clients } = status.forgotten;
    (answers > 0 || clients > 0).then(|| {
        format!("{answers} answers of requests under keys, a repeat is refused; {clients} clients that were silent")
    })
}

/// What the parameters grant, a line for each kind that they list.
pub(crate) fn granted(grants: &BTreeMap<String, Vec<CapabilityDescriptor>>) -> Vec<String> {
    let line = |(kind, granted): (&String, &Vec<CapabilityDescriptor>)| {
        let each = granted
            .iter()
            .map(|it| format!("{} {}", it.ability, it.kind));
        match each.collect::<Vec<_>>().join(", ").as_str() {
            "" => format!("{kind} may do nothing"),
            granted => format!("{kind} may {granted}"),
        }
    };
    grants.iter().map(line).collect()
}

fn kinds(status: &Status) -> String {
    let rows: Vec<_> = status
        .kinds
        .iter()
        .map(|kind| {
            [
                kind.descriptor.kind.clone(),
                package(kind),
                short(&kind.artifact),
                short(&kind.build_id),
                kind.descriptor.version.to_string(),
                kind.engines.to_string(),
                kind.generation_since.to_string(),
            ]
        })
        .collect();
    let head = [
        "KIND", "PACKAGE", "ARTIFACT", "BUILD", "STATE", "ENGINES", "SINCE",
    ];
    let kinds = status.kinds.iter();
    let files = kinds.map(|kind| (kind.descriptor.kind.as_str(), kind.file.as_str()));
    table(head, &rows) + &files_of(files)
}

/// The package of a kind's code and its version; empty from an older node.
pub(super) fn package(kind: &KindStatus) -> String {
    let text = format!("{} {}", kind.package, kind.package_version);
    text.trim().to_owned()
}

fn engines(status: &Status) -> String {
    let rows: Vec<_> = status
        .engines
        .iter()
        .map(|engine| {
            [
                engine.id.clone(),
                engine.kind.clone(),
                state(engine.state).to_owned(),
                engine.mailbox.to_string(),
                engine.messages.to_string(),
            ]
        })
        .collect();
    let mut text = table(["ENGINE", "KIND", "STATE", "MAILBOX", "MESSAGES"], &rows);
    let more = status.engines_total.saturating_sub(rows.len() as u64);
    if more > 0 {
        text.push_str(&format!("… and {more} more\n"));
    }
    text
}

/// Which message of which code poisoned the engines that are.
fn poisoned(status: &Status) -> String {
    let row = |poison: &PoisonStatus| {
        let message = match &poison.sender {
            Some(sender) => format!("{} of {sender}", poison.sequence),
            None => "none: its state did not settle".to_owned(),
        };
        [
            poison.engine.clone(),
            poison.kind.clone(),
            poison.version.to_string(),
            poison.height.to_string(),
            message,
            brief_text(&poison.detail),
        ]
    };
    let rows: Vec<_> = status.poisoned.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let head = ["POISONED", "KIND", "VERSION", "HEIGHT", "MESSAGE", "PANIC"];
    let mut text = format!("\n{}", table(head, &rows));
    let all: u64 = status.kinds.iter().map(|kind| kind.poisoned).sum();
    let more = all.saturating_sub(rows.len() as u64);
    if more > 0 {
        text.push_str(&format!("… and {more} more\n"));
    }
    text
}

/// The newest messages that no engine took.
fn dead_letters(status: &Status) -> String {
    let letters = &status.dead_letters;
    let row = |letter: &DeadLetter| {
        [
            letter.to.clone(),
            letter.sender.clone(),
            letter.reason.clone(),
            letter.bytes.to_string(),
        ]
    };
    let rows: Vec<_> = letters.newest.iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{}",
        table(["DEAD LETTER TO", "FROM", "BECAUSE", "BYTES"], &rows)
    );
    text.push_str(&format!(
        "{} kept, {} there ever were\n",
        letters.kept, letters.total
    ));
    text
}

fn brief_text(text: &str) -> String {
    let mut brief: String = text.chars().take(DETAIL_CHARS_MAX).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief
}

fn state(state: EngineState) -> &'static str {
    match state {
        EngineState::Live => "live",
        EngineState::Poisoned => "poisoned",
        _ => "other",
    }
}

/// As much of a hash as tells it from others at a glance; `--json` has all of it.
pub(super) fn short(text: &str) -> String {
    text.chars().take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use refit_admin::Node;
    use refit_test_support::Double;

    #[test]
    fn no_text_of_a_node_adds_a_line_to_its_status() {
        let plain = Double::default().status().unwrap();
        let forged = |text: &mut String| text.push_str("\nready  yes\u{1b}[8m\u{202e}");
        let mut status = plain.clone();
        forged(&mut status.node.version);
        for kind in &mut status.kinds {
            forged(&mut kind.descriptor.kind);
            forged(&mut kind.package);
            forged(&mut kind.package_version);
            forged(&mut kind.file);
        }
        let shown = text(&status);
        assert_eq!(shown.lines().count(), text(&plain).lines().count());
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
        assert!(!plain.kinds.is_empty());
    }
}
