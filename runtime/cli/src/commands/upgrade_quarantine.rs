//! `refit upgrade quarantine`: code that the node does not bring in again.

use crate::args::QuarantineArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::show;
use crate::show::table::table;
use refit_admin::api::{QuarantineEntry, QuarantineState};

/// Digits of an artifact's hash that tell it from others at a glance.
const SHORT_DIGITS: usize = 12;

pub(super) async fn run(client: &Client, args: &QuarantineArgs) -> Result<(), Failure> {
    if let Some(artifact) = &args.clear {
        client.delete(&format!("/v1/quarantine/{artifact}")).await?;
        show::talk(format_args!("{artifact} may come in again"));
    }
    let entries: Vec<QuarantineEntry> = client.get("/v1/quarantine").await?;
    if args.output.json {
        return show::json(&entries);
    }
    if entries.is_empty() {
        show::talk("nothing is in quarantine");
        return Ok(());
    }
    show::data(&text(&entries))
}

fn text(entries: &[QuarantineEntry]) -> String {
    let rows: Vec<_> = entries
        .iter()
        .flat_map(|entry| {
            entry
                .artifacts
                .iter()
                .map(move |artifact| (entry, artifact))
        })
        .map(|(entry, artifact)| {
            [
                state(entry.state).to_owned(),
                entry.height.to_string(),
                shown(entry.state, artifact),
                format!("{}: {}", entry.code, entry.reason),
            ]
        })
        .collect();
    table(["STATE", "HEIGHT", "ARTIFACT", "REASON"], &rows)
}

/// Whole where it is needed to clear the entry.
fn shown(state: QuarantineState, artifact: &str) -> String {
    match state {
        QuarantineState::Quarantined => artifact.to_owned(),
        _ => artifact.chars().take(SHORT_DIGITS).collect(),
    }
}

fn state(state: QuarantineState) -> &'static str {
    match state {
        QuarantineState::Quarantined => "quarantined",
        QuarantineState::Failed => "failed",
        _ => "unknown",
    }
}
