//! `refit upgrade bundle ID`: all that is known of an upgrade in one file, for a report of a mistake.
//!
//! What goes in is named here, field by field: a field that a node will say one day is left out until somebody has
//! looked whether it may leave the machine.

use crate::args::BundleArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::files::{FileError, PRIVATE, replace_as};
use crate::show;
use refit_admin::api::{KeptRelease, QuarantineEntry, UpgradeRecord};
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// The form of the document.
const BUNDLE_FORMAT: u32 = 1;

/// The parts of a node's status that go in: no engine, no message, nobody's name.
const STATUS: [&str; 16] = [
    "node",
    "height",
    "generation",
    "block_time_ms",
    "block_us",
    "engines_total",
    "kinds",
    "parameters",
    "upgrade",
    "upgrade_at",
    "probation",
    "quarantined",
    "libraries",
    "workers",
    "starting",
    "halted",
];

/// What is left out, for whoever reads it.
const LEFT_OUT: [&str; 4] = [
    "states, messages and replies",
    "configurations of engines",
    "tokens",
    "engines by name, poisoned ones and dead letters: `refit status --json` has them",
];

/// Why there are no lines of the log.
const NO_LOG: &str = "a node writes its log to stderr and keeps none of it: add the lines of this upgrade, which have its `id`, from where your supervisor keeps them";

/// The document. Its stable shape is described in the command's help.
#[derive(Debug, Serialize)]
struct Bundle {
    format: u32,
    made_by: &'static str,
    #[serde(flatten)]
    upgrade: Upgrade,
    /// The code that is kept by now, with its digests.
    releases: Vec<KeptRelease>,
    /// What is known of the code of this upgrade.
    quarantine: Vec<QuarantineEntry>,
    /// The node as it is now.
    after: Map<String, Value>,
    /// All parameters as they are now.
    parameters: Value,
    log: Log,
    left_out: [&'static str; 4],
}

/// The upgrade itself.
#[derive(Debug, Serialize)]
struct Upgrade {
    report: Value,
    /// The plan as it was taken on.
    plan: Option<Value>,
    /// The code before it.
    before: Value,
    /// The program that carried it out.
    carried_out_by: Value,
}

#[derive(Debug, Serialize)]
struct Log {
    lines: Option<Vec<String>>,
    why: &'static str,
}

/// Where it was written. The stable shape of `--json`.
#[derive(Debug, Serialize)]
struct Written<'a> {
    file: &'a Path,
    bytes: usize,
}

pub(crate) async fn run(client: &Client, args: &BundleArgs) -> Result<(), Failure> {
    let id = args.id;
    let record: UpgradeRecord = client.get(&format!("/v1/upgrades/{id}/record")).await?;
    let bundle = Bundle {
        format: BUNDLE_FORMAT,
        made_by: concat!("refit ", env!("CARGO_PKG_VERSION")),
        releases: client.get("/v1/releases").await?,
        quarantine: of_upgrade(&record, client.get("/v1/quarantine").await?),
        after: allowed(client.get("/v1/status").await?),
        parameters: client.get("/v1/parameters").await?,
        upgrade: upgrade(record),
        log: Log {
            lines: None,
            why: NO_LOG,
        },
        left_out: LEFT_OUT,
    };
    if args.out.as_deref() == Some(Path::new("-")) {
        return show::json(&bundle);
    }
    let default = || PathBuf::from(format!("upgrade-{id}.bundle.json"));
    let path = args.out.clone().unwrap_or_else(default);
    let text = serde_json::to_vec_pretty(&bundle)
        .map_err(|error| Failure::output(std::io::Error::other(error)))?;
    write(&path, &text)?;
    match args.output.json {
        true => show::json(&Written {
            file: &path,
            bytes: text.len(),
        })?,
        false => show::data(&format!("{}\n", path.display()))?,
    }
    if bundle.upgrade.plan.is_none() {
        show::talk("nothing is kept of its plan: add the file that you applied");
    }
    show::talk("the node keeps no log: add its lines of this upgrade");
    show::next("read the file before you send it: it names paths, packages and versions");
    Ok(())
}

fn write(path: &Path, text: &[u8]) -> Result<(), FileError> {
    replace_as(PRIVATE, path, |partial| std::fs::write(partial, text))
}

/// Entries about the code of the upgrade.
fn of_upgrade(record: &UpgradeRecord, entries: Vec<QuarantineEntry>) -> Vec<QuarantineEntry> {
    let brings = |artifact: &String| {
        let mut kinds = record.report.engines.iter();
        kinds.any(|kind| kind.artifact == *artifact)
    };
    let mut entries = entries;
    entries.retain(|entry| entry.artifacts.iter().any(brings));
    entries
}

/// What may leave the machine of a status.
fn allowed(status: Map<String, Value>) -> Map<String, Value> {
    let is_allowed = |(name, _): &(String, Value)| STATUS.contains(&name.as_str());
    status.into_iter().filter(is_allowed).collect()
}

fn upgrade(record: UpgradeRecord) -> Upgrade {
    // What is plain data is written without fail.
    let value = |value: serde_json::Result<Value>| value.unwrap_or_default();
    Upgrade {
        report: value(serde_json::to_value(&record.report)),
        plan: record.plan,
        before: value(serde_json::to_value(&record.before)),
        carried_out_by: value(serde_json::to_value(&record.made_by)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_status_nothing_leaves_that_was_not_allowed_by_name() {
        let status = serde_json::json!({
            "height": 7, "engines": [{"id": "kv"}], "poisoned": [{"detail": "secret"}],
            "dead_letters": {"newest": []}, "stuck": {"detail": "client x"}, "one_day": "a token",
        });
        let Value::Object(status) = status else {
            panic!("an object");
        };
        let left = allowed(status);
        assert_eq!(left.keys().collect::<Vec<_>>(), ["height"]);
    }
}
