//! What was found of a release in a file, for people and programs.

use crate::failure::Failure;
use crate::units::{counted, shown_bytes};
use refit_abi::host::Explain;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The stable shape of a release that is what it says.
#[derive(Debug, Serialize)]
pub(crate) struct Verified {
    pub(crate) file: PathBuf,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) network: String,
    pub(crate) position: refit_release::Position,
    pub(crate) checked: Checked,
    /// The keys whose signatures are right; with a keyset that was named those that count.
    pub(crate) signers: Vec<String>,
    /// Of these, release keys of the keyset that was named, or that lies beside.
    pub(crate) of_keyset: Option<usize>,
    /// How many it asks for.
    pub(crate) threshold: Option<u8>,
    pub(crate) items: u64,
    pub(crate) bytes: u64,
    pub(crate) has_source: bool,
    /// Files that the release names and that are not in it.
    pub(crate) missing: Vec<String>,
}

/// How much was checked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Checked {
    /// All bytes, and that enough of those have signed who may.
    Signers,
    /// All bytes. Who may sign is not known.
    Bytes {
        /// A keyset that lies beside the file, and that nobody said to trust.
        beside: Option<PathBuf>,
    },
}

/// The stable shape of a release that is not taken.
#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    file: PathBuf,
    /// The stable word for why.
    code: String,
    reason: String,
    next: String,
}

impl Refused {
    pub(crate) fn of(file: &Path, failure: &Failure) -> Self {
        Self {
            file: file.to_owned(),
            code: failure.code().to_owned(),
            reason: failure.to_string(),
            next: failure.next().into_owned(),
        }
    }

    pub(crate) fn text(&self) -> String {
        // The reason names the file.
        format!("refused[{}]: {}\n", self.code, self.reason)
    }
}

impl Verified {
    pub(crate) fn text(&self) -> String {
        let missing = match self.missing.len() {
            0 => "complete".to_owned(),
            missing => format!("{} missing", counted(missing, "file")),
        };
        format!(
            "{}: {} ({}), {}, {}, {missing}\n",
            self.file.display(),
            self.name,
            self.position,
            self.signed(),
            shown_bytes(self.bytes),
        )
    }

    fn signed(&self) -> String {
        let (all, by) = (self.signers.len(), self.of_keyset.unwrap_or_default());
        match (&self.checked, self.threshold) {
            (Checked::Signers, _) => format!("{all} of the keyset's keys"),
            (
                Checked::Bytes {
                    beside: Some(beside),
                },
                Some(threshold),
            ) => format!(
                "{}, {by} by keys of {}, which asks for {threshold}",
                counted(all, "signature"),
                beside.display()
            ),
            _ => counted(all, "signature"),
        }
    }
}
