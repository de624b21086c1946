//! [`Finding`]: one thing that was found, in a sentence, and the next command.

use refit_abi::host::Explained;
use serde::Serialize;

/// How much a finding matters, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is as it should be.
    Ok,
    /// It is worth knowing.
    Note,
    /// The node starts, and something is lost or soon will be.
    Warning,
    /// The node does not start so, or does not go on.
    Fault,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Its stable name.
    pub code: String,
    /// What was found.
    pub detail: String,
    /// What to do, if there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Finding {
    pub(super) fn new(severity: Severity, code: &str, detail: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            detail: detail.into(),
            next: None,
        }
    }

    pub(super) fn ok(code: &str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Ok, code, detail)
    }

    pub(super) fn note(code: &str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, detail)
    }

    pub(super) fn warning(code: &str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, detail)
    }

    pub(super) fn fault(code: &str, detail: impl Into<String>) -> Self {
        Self::new(Severity::Fault, code, detail)
    }

    /// The fault that an error is: a start would end with it.
    pub(super) fn explained(why: &Explained) -> Self {
        Self::fault(&why.code, why.detail.as_str()).next(why.next.as_str())
    }

    pub(super) fn next(self, next: impl Into<String>) -> Self {
        let next = Some(next.into());
        Self { next, ..self }
    }
}
