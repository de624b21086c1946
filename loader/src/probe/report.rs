//! The one line that a probe prints: the protocol between parent and child.

use super::{InterfaceId, ProbeError};
use refit_abi::descriptor::Descriptor;
use serde::{Deserialize, Serialize};

/// The report of a probe.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Report {
    /// The child's interface: a verdict by another program than this one's sibling is worth nothing.
    pub(super) interface: InterfaceId,
    /// The answer to the question that the child was asked, about the bytes that it read.
    pub(super) answer: String,
    /// The outcome of the probe.
    pub(super) outcome: Outcome,
}

/// The outcome of a probe.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// The module fits abi_stable's checks, and says this of itself.
    Described(Box<Descriptor>),
    /// The child could not bound itself or open the file.
    Unable(String),
    /// The dynamic linker refused the file.
    NotMappable(String),
    /// It asks for a symbol that neither it nor the process has.
    Missing(String),
    /// The types of the contract do not agree.
    Layout(String),
    /// It is of another epoch.
    Epoch(u32),
    /// It could not describe itself.
    Undescribed(String),
}

/// Reads a report.
pub(super) fn read(line: &[u8]) -> Result<Report, ProbeError> {
    serde_json::from_slice(line).map_err(|error| ProbeError::NotUnderstood {
        reason: error.to_string(),
    })
}

impl Report {
    /// The descriptor, or why there is none.
    pub(super) fn into_descriptor(self, answer: &str) -> Result<Descriptor, ProbeError> {
        let is_unable = matches!(self.outcome, Outcome::Unable(_));
        let answers = self.answer == answer || is_unable;
        if self.interface != InterfaceId::of_this_program() || !answers {
            return Err(ProbeError::WrongProbe);
        }
        match self.outcome {
            Outcome::Described(descriptor) => Ok(*descriptor),
            Outcome::Unable(reason) => Err(ProbeError::Unable { reason }),
            Outcome::NotMappable(reason) => Err(ProbeError::NotMappable { reason }),
            Outcome::Missing(symbol) => Err(ProbeError::MissingSymbol { symbol }),
            Outcome::Layout(reason) => Err(ProbeError::LayoutRefused { reason }),
            Outcome::Epoch(found) => Err(ProbeError::WrongEpoch { found }),
            Outcome::Undescribed(reason) => Err(ProbeError::Undescribed { reason }),
        }
    }
}
