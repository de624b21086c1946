//! What was found in a data folder, for people.

use super::safe::line;
use super::table::table;
use refit_node::doctor::{Finding, Severity};
use std::fmt::Write;
use std::path::Path;

/// Each finding on a line, and below the table what to do about those that ask for something.
pub(crate) fn text(data_dir: &Path, findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        [
            word(finding.severity).to_owned(),
            finding.code.clone(),
            finding.detail.clone(),
        ]
    };
    let rows: Vec<_> = findings.iter().map(row).collect();
    let mut text = format!("data folder {}\n\n", line(&data_dir.display().to_string()));
    text.push_str(&table(["", "CODE", "FOUND"], &rows));
    for finding in findings.iter().filter(|it| it.severity > Severity::Ok) {
        if let Some(next) = &finding.next {
            // A string takes all that is written to it.
            let _ = write!(text, "\n{}: {}\n", finding.code, line(next));
        }
    }
    text
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Note => "note",
        Severity::Warning => "WARNING",
        Severity::Fault => "FAULT",
    }
}
