//! `refit upgrade quarantine`: code that the node does not bring in again.

use crate::args::QuarantineArgs;
use crate::client::Client;
use crate::failure::{Failure, Reported};
use crate::show;
use crate::show::table::table;
use crate::units::shown_moment;
use refit_abi::codes;
use refit_abi::host::Explain;
use refit_admin::api::{QuarantineEntry, QuarantineState};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Digits of an artifact's hash that tell it from others at a glance.
const SHORT_DIGITS: usize = 12;

/// Why it is not clear which entry is meant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClearError {
    #[error("`{prefix}` is no beginning of an artifact's hash")]
    NoDigits { prefix: String },
    #[error("no entry names an artifact that begins with {prefix}")]
    Nothing { prefix: String },
    #[error("several artifacts begin with {prefix}: {}", artifacts.join(", "))]
    Several {
        prefix: String,
        artifacts: Vec<String>,
    },
}

pub(crate) async fn run(client: &Client, args: &QuarantineArgs) -> Result<(), Failure> {
    let mut entries: Vec<QuarantineEntry> = client.get("/v1/quarantine").await?;
    if let Some(prefix) = &args.clear {
        let artifact = meant(&entries, prefix)?;
        client.delete(&format!("/v1/quarantine/{artifact}")).await?;
        show::talk(format_args!("{artifact} may come in again"));
        entries = client.get("/v1/quarantine").await?;
    }
    if args.output.json {
        return show::json(&entries);
    }
    if entries.is_empty() {
        show::talk("nothing is in quarantine");
        return Ok(());
    }
    show::data(&text(&entries))
}

/// The one artifact in the list whose hash begins with `prefix`.
fn meant(entries: &[QuarantineEntry], prefix: &str) -> Result<String, ClearError> {
    let prefix = prefix.to_ascii_lowercase();
    let is_digit = |byte: u8| byte.is_ascii_hexdigit();
    if prefix.is_empty() || !prefix.bytes().all(is_digit) {
        return Err(ClearError::NoDigits { prefix });
    }
    let named = entries.iter().flat_map(|entry| &entry.artifacts);
    let begin = named.filter(|artifact| artifact.starts_with(&prefix));
    // The same code may have come in with several others.
    let found: BTreeSet<&String> = begin.collect();
    match found.len() {
        0 => Err(ClearError::Nothing { prefix }),
        1 => Ok(found.into_iter().cloned().collect()),
        _ => Err(ClearError::Several {
            artifacts: found.into_iter().cloned().collect(),
            prefix,
        }),
    }
}

impl Explain for ClearError {
    fn code(&self) -> &str {
        match self {
            Self::NoDigits { .. } => codes::INVALID_ARTIFACT,
            Self::Nothing { .. } => codes::NOT_QUARANTINED,
            Self::Several { .. } => codes::QUARANTINE_SEVERAL,
        }
    }

    fn next(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::NoDigits { .. } => "give the first of its hexadecimal digits",
            Self::Nothing { .. } => "see the list with: refit upgrade quarantine",
            Self::Several { .. } => {
                "give as many digits as tell the one that is meant from the others"
            }
        })
    }
}

impl Reported for ClearError {}

fn text(entries: &[QuarantineEntry]) -> String {
    let each = entries.iter().flat_map(|entry| {
        let artifacts = entry.artifacts.iter().enumerate();
        artifacts.map(move |(place, artifact)| (entry, place, artifact))
    });
    let row = |(entry, place, artifact): (&QuarantineEntry, usize, &String)| {
        [
            state(entry.state).to_owned(),
            shown_moment(entry.at_ms).unwrap_or_else(|| "-".to_owned()),
            entry.height.to_string(),
            entry.packages.get(place).cloned().unwrap_or_default(),
            artifact.chars().take(SHORT_DIGITS).collect(),
            format!("{}: {}", entry.code, entry.reason),
        ]
    };
    let rows: Vec<_> = each.map(row).collect();
    let head = ["STATE", "TIME", "HEIGHT", "CODE", "ARTIFACT", "REASON"];
    table(head, &rows)
}

fn state(state: QuarantineState) -> &'static str {
    match state {
        QuarantineState::Quarantined => "quarantined",
        QuarantineState::Failed => "failed",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(artifacts: &[&str]) -> QuarantineEntry {
        QuarantineEntry {
            artifacts: artifacts.iter().map(ToString::to_string).collect(),
            packages: Vec::new(),
            at_ms: 0,
            height: 7,
            state: QuarantineState::Quarantined,
            code: "pause-stuck".to_owned(),
            reason: "a transition did not return".to_owned(),
        }
    }

    #[test]
    fn a_prefix_names_one_artifact_or_says_which_there_are() {
        let entries = [entry(&["ab12", "cd34"]), entry(&["ab12", "ab99"])];
        let code = |prefix| meant(&entries, prefix).unwrap_err().code().to_owned();
        assert_eq!(meant(&entries, "ab1").unwrap(), "ab12", "of two entries");
        assert_eq!(meant(&entries, "CD34").unwrap(), "cd34");
        assert_eq!(code("ee"), "not-quarantined");
        assert_eq!(code("cd345"), "not-quarantined");
        assert_eq!([code(""), code("../kv")], ["invalid-artifact"; 2]);
        let several = meant(&entries, "ab").unwrap_err();
        assert_eq!(several.code(), "quarantine-several");
        assert!(several.to_string().ends_with("ab12, ab99"), "{several}");
    }

    #[test]
    fn what_an_older_node_does_not_say_is_left_out() {
        let text = text(&[entry(&["ab12"])]);
        let row = text.lines().nth(1).unwrap();
        assert!(row.starts_with("quarantined  -     7"), "{row}");
    }
}
